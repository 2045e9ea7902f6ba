package media

import (
	"context"
	"math"
	"time"

	"causeway/media/transcode"
)

const (
	// sampleRate is how finely a voice is listened to, in values a second.
	sampleRate = 8000
	// windows is how many loudnesses are kept of a sound; when there are more, pairs of them become one.
	windows = 2048
	// window is how many samples the first ones have.
	window = 160
)

// loudness hears signed 16 bit samples, lower byte first, and keeps how loud they are, in the same memory however many there
// are.
type loudness struct {
	energy  []float64 // of each window: the sum of squares
	size    int       // of a window, in samples
	current float64
	heard   int // of the current window
	samples int64
	odd     []byte // the first half of a sample
}

// Write implements io.Writer.
func (l *loudness) Write(p []byte) (int, error) {
	n := len(p)
	if len(l.odd) == 1 && n > 0 {
		l.hear(l.odd[0], p[0])
		l.odd, p = nil, p[1:]
	}
	for ; len(p) >= 2; p = p[2:] {
		l.hear(p[0], p[1])
	}
	if len(p) == 1 {
		l.odd = []byte{p[0]}
	}
	return n, nil
}

func (l *loudness) hear(low, high byte) {
	v := float64(int16(uint16(low) | uint16(high)<<8))
	l.samples++
	l.current += v * v
	if l.heard++; l.heard < l.size {
		return
	}
	l.energy = append(l.energy, l.current)
	l.current, l.heard = 0, 0
	if len(l.energy) < windows {
		return
	}
	for i := range windows / 2 {
		l.energy[i] = l.energy[2*i] + l.energy[2*i+1]
	}
	l.energy, l.size = l.energy[:windows/2], l.size*2
}

// values are count loudnesses up to most; the loudest has that.
func (l *loudness) values(count, most int) []int {
	if len(l.energy) == 0 {
		return nil
	}
	out := make([]int, count)
	loud, peak := make([]float64, count), 0.0
	for i := range loud {
		from, to := i*len(l.energy)/count, (i+1)*len(l.energy)/count
		for _, e := range l.energy[from:max(to, from+1)] {
			loud[i] = max(loud[i], math.Sqrt(e/float64(l.size)))
		}
		peak = max(peak, loud[i])
	}
	for i := range out {
		if peak > 0 {
			out[i] = int(math.Round(loud[i] / peak * float64(most)))
		}
	}
	return out
}

// Waveform listens to a voice message and returns count values up to most that show how loud it is, and how long it is. The
// error is ErrNoForm when that cannot be.
func (f *File) Waveform(ctx context.Context, look Look, count, most int) ([]int, time.Duration, error) {
	heard := loudness{size: window}
	err := f.work(ctx, func(ctx context.Context, tool *transcode.Tool) error {
		return tool.Samples(ctx, f.source(look), sampleRate, &heard)
	})
	if err != nil {
		return nil, 0, err
	}
	return heard.values(count, most), time.Duration(heard.samples) * time.Second / sampleRate, nil
}
