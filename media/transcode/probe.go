package transcode

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Facts are what ffprobe tells of a file.
type Facts struct {
	// Duration is that of the longest stream; 0 if not known.
	Duration time.Duration
	// Width and Height are those of the first moving or still picture as it is shown, in pixels.
	Width, Height int
	// Video and Audio are the names of the codecs of the first streams of their kinds; "" without one. A cover is no video.
	Video, Audio string
	PixelFormat  string
	Channels     int
	// Frames is how many pictures there are, if the file says so.
	Frames int
}

// answer is the form in which ffprobe tells it.
type answer struct {
	Streams []struct {
		Type        string `json:"codec_type"`
		Codec       string `json:"codec_name"`
		Width       int    `json:"width"`
		Height      int    `json:"height"`
		PixelFormat string `json:"pix_fmt"`
		Channels    int    `json:"channels"`
		Duration    string `json:"duration"`
		Frames      string `json:"nb_frames"`
		Disposition struct {
			Cover int `json:"attached_pic"`
		} `json:"disposition"`
		SideData []struct {
			Rotation float64 `json:"rotation"`
		} `json:"side_data_list"`
	} `json:"streams"`
	Format struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

// Probe asks ffprobe what a file is. The error is ErrUnreadable when it is nothing that ffprobe knows.
func (t *Tool) Probe(ctx context.Context, source Source) (Facts, error) {
	args, err := read(source)
	if err != nil {
		return Facts{}, err
	}
	args = append(quiet(), append(args, "-show_entries",
		"format=duration:stream=codec_type,codec_name,width,height,pix_fmt,channels,duration,nb_frames:stream_disposition=attached_pic:stream_side_data=rotation",
		"-of", "json")...)
	var out bounded
	if err := t.run(ctx, child{program: t.ffprobe, args: args, files: []*os.File{source.File}, stdout: &out}); err != nil {
		return Facts{}, fmt.Errorf("probe a file of type %s: %w", source.MIME, err)
	}
	var said answer
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		return Facts{}, fmt.Errorf("%w: read the answer of ffprobe: %w", ErrUnreadable, err)
	}
	facts := said.facts()
	if facts.Video == "" && facts.Audio == "" {
		return facts, fmt.Errorf("%w: there are neither pictures nor sound in it", ErrUnreadable)
	}
	return facts, nil
}

func (a answer) facts() (f Facts) {
	f.Duration = seconds(a.Format.Duration)
	for _, s := range a.Streams {
		switch {
		case s.Type == "video" && f.Video == "" && s.Disposition.Cover == 0:
			f.Video, f.PixelFormat, f.Width, f.Height = s.Codec, s.PixelFormat, max(s.Width, 0), max(s.Height, 0)
			f.Frames, _ = strconv.Atoi(s.Frames)
			for _, side := range s.SideData {
				if quarter := int(side.Rotation/90) % 2; quarter != 0 {
					f.Width, f.Height = f.Height, f.Width
				}
			}
		case s.Type == "audio" && f.Audio == "":
			f.Audio, f.Channels = s.Codec, s.Channels
		default:
			continue
		}
		if f.Duration == 0 {
			f.Duration = max(f.Duration, seconds(s.Duration))
		}
	}
	return f
}

// seconds reads a number of seconds; 0 when it is none that makes sense.
func seconds(text string) time.Duration {
	const longest = 30 * 24 * 3600
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0 && n < longest) {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}
