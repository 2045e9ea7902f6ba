package media

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/HugoSmits86/nativewebp"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"causeway/media/transcode"
)

// withTool is a file in a depot with the ffmpeg of this machine; see the tests of transcode for its absence.
func withTool(t *testing.T, content []byte) *File {
	t.Helper()
	tool, err := transcode.Find(t.Context(), "", 0)
	if errors.Is(err, transcode.ErrAbsent) && os.Getenv("CAUSEWAY_TEST_FFMPEG") != "required" {
		t.Skip("not run: ", err)
	}
	require.NoError(t, err)
	_, transfer := begin(t, Options{Tool: tool, Limit: 40 << 20, Patience: time.Minute})
	f, err := transfer.File(0)
	require.NoError(t, err)
	require.NoError(t, f.Fill(bytes.NewReader(content)))
	return f
}

func (f *File) sibling(t *testing.T) *File {
	t.Helper()
	into, err := f.transfer.Spare(0)
	require.NoError(t, err)
	return into
}

func look(t *testing.T, f *File) Look {
	t.Helper()
	look, err := f.Look("")
	require.NoError(t, err)
	return look
}

func TestMorePicturesAreDrawn(t *testing.T) {
	t.Parallel()
	for name, encode := range map[string]func(*bytes.Buffer) error{
		"image/bmp":  func(out *bytes.Buffer) error { return bmp.Encode(out, drawn(300, 150)) },
		"image/tiff": func(out *bytes.Buffer) error { return tiff.Encode(out, drawn(300, 150), nil) },
		"image/webp": func(out *bytes.Buffer) error { return nativewebp.Encode(out, drawn(300, 150), nil) },
	} {
		var raw bytes.Buffer
		require.NoError(t, encode(&raw), name)
		f := newFile(t, raw.Bytes())
		require.Equal(t, Look{MIME: name, Width: 300, Height: 150}, look(t, f))
		into := f.sibling(t)
		require.NoError(t, f.JPEG(t.Context(), look(t, f), into), name)
		picture, err := jpeg.Decode(into.section())
		require.NoError(t, err, name)
		isNear(t, color.RGBA{R: 255}, picture.At(250, 100))
		if name != "image/bmp" { // which has no transparency here
			isNear(t, color.RGBA{R: 255, G: 255, B: 255}, picture.At(50, 100))
		}
		require.NotEmpty(t, f.Blurhash(look(t, f)))
	}
}

// oriented is a JPEG whose left half is red, with an orientation in its Exif part.
func oriented(t *testing.T, width, height int, how byte) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{B: 255, A: 255}
			if x < width/2 {
				c = color.RGBA{R: 255, A: 255}
			}
			picture.SetRGBA(x, y, c)
		}
	}
	raw := encoded(t, "jpeg", picture)
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(how) + "\x00\x00\x00\x00\x00\x00")
	return append(append(append([]byte{}, raw[:2]...), exif...), raw[2:]...)
}

// A picture that is drawn anew is the right way up, whoever draws it.
func TestPicturesAreTurned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		how         byte
		size        image.Point
		red, notRed image.Point
	}{
		{1, image.Pt(200, 100), image.Pt(20, 50), image.Pt(180, 50)},
		{2, image.Pt(200, 100), image.Pt(180, 50), image.Pt(20, 50)},
		{3, image.Pt(200, 100), image.Pt(180, 50), image.Pt(20, 50)},
		{4, image.Pt(200, 100), image.Pt(20, 50), image.Pt(180, 50)},
		{5, image.Pt(100, 200), image.Pt(50, 20), image.Pt(50, 180)},
		{6, image.Pt(100, 200), image.Pt(50, 20), image.Pt(50, 180)},
		{7, image.Pt(100, 200), image.Pt(50, 180), image.Pt(50, 20)},
		{8, image.Pt(100, 200), image.Pt(50, 180), image.Pt(50, 20)},
	} {
		check := func(f *File, draw func(Look, *File) error) {
			l := look(t, f)
			require.Equal(t, c.size, image.Pt(l.Width, l.Height), c.how)
			into := f.sibling(t)
			require.NoError(t, draw(l, into))
			picture, err := jpeg.Decode(into.section())
			require.NoError(t, err)
			require.Equal(t, c.size, picture.Bounds().Size(), c.how)
			isNear(t, color.RGBA{R: 255}, picture.At(c.red.X, c.red.Y))
			isNear(t, color.RGBA{B: 255}, picture.At(c.notRed.X, c.notRed.Y))
		}
		raw := oriented(t, 200, 100, c.how)
		f := newFile(t, raw)
		check(f, func(l Look, into *File) error { return f.JPEG(t.Context(), l, into) })
		if _, err := transcode.Find(t.Context(), "", 0); err == nil {
			f := withTool(t, raw)
			check(f, func(l Look, into *File) error { return f.picture(t.Context(), l, MaxEdge, into) })
		}
	}
}

func TestLargePicturesAreMadeSmaller(t *testing.T) {
	t.Parallel()
	f := withTool(t, encoded(t, "jpeg", image.NewGray(image.Rect(0, 0, 7000, 6000))))
	l := look(t, f)
	_, err := f.Thumbnail(l)
	require.ErrorIs(t, err, ErrNoPicture, "too large to be drawn here")
	into := f.sibling(t)
	require.NoError(t, f.JPEG(t.Context(), l, into))
	require.Equal(t, Look{MIME: "image/jpeg", Width: MaxEdge, Height: 3511}, look(t, into))
}

func TestWhatMoves(t *testing.T) {
	t.Parallel()
	frame := image.NewPaletted(image.Rect(0, 0, 4, 2), color.Palette{color.Black, color.White})
	frames := func(n int) []byte {
		g := &gif.GIF{}
		for range n {
			g.Image, g.Delay = append(g.Image, frame), append(g.Delay, 10)
		}
		var out bytes.Buffer
		require.NoError(t, gif.EncodeAll(&out, g))
		return out.Bytes()
	}
	still := encoded(t, "png", drawn(4, 2))
	control := append([]byte("\x00\x00\x00\x08acTL"), make([]byte, 8)...)
	control = binary.BigEndian.AppendUint32(control, crc32.ChecksumIEEE(control[4:]))
	moving := append(append(append([]byte{}, still[:33]...), control...), still[33:]...)
	for name, c := range map[string]struct {
		content []byte
		moves   bool
	}{
		"gif, one frame": {frames(1), false}, "gif, two frames": {frames(2), true}, "gif, cut off": {frames(2)[:30], false},
		"png": {still, false}, "apng": {moving, true}, "png, cut off": {moving[:36], false},
		"webp":           {[]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\x01\x00\xff\x01\x00"), false},
		"webp that does": {[]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x12\x00\x00\x00\xff\x01\x00\xff\x01\x00"), true},
	} {
		require.Equal(t, c.moves, look(t, newFile(t, c.content)).Moves, name)
	}
}

// photo is a picture that does not compress well.
func photo(side int) image.Image {
	out, state := image.NewNRGBA(image.Rect(0, 0, side, side/2)), uint32(1)
	for i := range out.Pix {
		state = state*1664525 + 1013904223
		out.Pix[i] = uint8(state >> 24)
		if i%4 == 3 {
			out.Pix[i] = 255
		}
	}
	return out
}

func TestStickersFitWithoutTool(t *testing.T) {
	t.Parallel()
	for name, picture := range map[string]image.Image{"drawing": drawn(300, 150), "photo": photo(600), "small": drawn(3, 9), "long": drawn(2000, 2)} {
		f := newFile(t, encoded(t, "png", picture))
		into := f.sibling(t)
		made, err := f.Sticker(t.Context(), look(t, f), into)
		require.NoError(t, err, name)
		require.True(t, made)
		require.Equal(t, Look{MIME: "image/webp", Width: StickerSide, Height: StickerSide}, look(t, into), name)
		size, err := into.Size()
		require.NoError(t, err)
		require.LessOrEqual(t, size, int64(maxStill), name)
		sticker, err := webp.Decode(into.section())
		require.NoError(t, err, name)
		_, _, _, alpha := sticker.At(0, 0).RGBA()
		require.Zero(t, alpha, "%s is padded", name)
		small, err := into.StickerThumbnail(look(t, into))
		require.NoError(t, err)
		config, err := png.DecodeConfig(bytes.NewReader(small))
		require.NoError(t, err)
		require.Equal(t, stickerThumbnail, config.Width)
		// What is a sticker stays as it is.
		made, err = into.Sticker(t.Context(), look(t, into), f.sibling(t))
		require.NoError(t, err)
		require.False(t, made)
	}
	cut := newFile(t, encoded(t, "png", drawn(300, 150))[:80])
	_, err := cut.Sticker(t.Context(), look(t, cut), cut.sibling(t))
	require.ErrorIs(t, err, ErrNoForm)
	film := newFile(t, []byte("\x1aE\xdf\xa3....B\x82\x84webm"))
	_, err = film.Sticker(t.Context(), look(t, film), film.sibling(t))
	require.ErrorIs(t, err, ErrNoTool)
}

func TestArchivesThatLie(t *testing.T) {
	t.Parallel()
	pack := func(name, text string) []byte {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return out.Bytes()
	}
	large := pack("a.json", strings.Repeat(" ", maxLottie*8)+"{}")
	lying := bytes.Clone(large)
	// The size in the list of files is changed, so that only what comes out tells.
	list := bytes.LastIndex(lying, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lying[list+24:], 10)
	for name, content := range map[string][]byte{
		"large": large, "lying": lying, "no json": pack("a.txt", "{}"), "broken json": pack("a.json", "{"), "no archive": []byte("PK\x03\x04"), "empty": nil,
	} {
		f := newFile(t, content)
		into := f.sibling(t)
		require.ErrorIs(t, f.Unpack(into), ErrBroken, name)
		size, err := into.Size()
		require.NoError(t, err)
		require.Zero(t, size, name)
	}
	good := newFile(t, pack("animation/animation.json", `{"v":1}`))
	require.NoError(t, good.Unpack(good.sibling(t)))
}

func TestLoudness(t *testing.T) {
	t.Parallel()
	const rate = sampleRate
	heard := loudness{size: window}
	var samples []byte
	for n := range 60 * rate { // a minute that gets louder
		v := int16(float64(n) / (60 * rate) * 20000 * math.Sin(float64(n)))
		samples = binary.LittleEndian.AppendUint16(samples, uint16(v))
	}
	for len(samples) > 0 { // in pieces that do not end between samples
		n := min(len(samples), 333)
		_, _ = heard.Write(samples[:n])
		samples = samples[n:]
	}
	require.EqualValues(t, 60*rate, heard.samples)
	require.Less(t, len(heard.energy), windows)
	values := heard.values(64, 100)
	require.Len(t, values, 64)
	require.Equal(t, 100, values[63])
	require.Less(t, values[0], 5)
	require.InDelta(t, 50, values[32], 5)
	require.Nil(t, (&loudness{size: window}).values(64, 100))
	short := loudness{size: window, energy: []float64{1, 4}}
	require.Equal(t, []int{50, 50, 100, 100}, short.values(4, 100))
}

func TestVoiceSaysHowLongItIs(t *testing.T) {
	t.Parallel()
	page := func(samples uint64) []byte {
		return append(binary.LittleEndian.AppendUint64([]byte("OggS\x00\x04"), samples), make([]byte, 20)...)
	}
	voice := append([]byte("OggS\x00\x02 OpusHead"), page(48_000*7/2)...)
	require.Equal(t, 3500*time.Millisecond, look(t, newFile(t, voice)).Duration)
	voice = append([]byte("OggS\x00\x02 OpusHead"), page(math.MaxUint64)...)
	require.Zero(t, look(t, newFile(t, voice)).Duration, "that makes no sense")
}

func TestPackOfASticker(t *testing.T) {
	t.Parallel()
	chunk := func(name, content string) string {
		if len(content)%2 == 1 {
			content += " "
		}
		return name + string(binary.LittleEndian.AppendUint32(nil, uint32(len(content)))) + content
	}
	const start = "RIFF\x00\x00\x00\x00WEBP"
	p, ok := newFile(t, []byte(start+chunk("VP8L", "abc")+chunk("EXIF", `II*{"sticker-pack-id":"p","sticker-pack-name":"`+strings.Repeat("é", 300)+`","emojis":["x"]}`))).Pack()
	require.True(t, ok)
	require.Equal(t, Pack{ID: "p", Name: strings.Repeat("é", 200), Emojis: []string{"x"}}, p)
	for _, content := range []string{"", start, start + "EXIF\xff\xff\xff\xff{", start + chunk("EXIF", "{}"), start + chunk("EXIF", "}{"), start + "VP8L\xff\xff\xff\x7f", start + chunk("EXIF", `{"emojis":7}`)} {
		_, ok := newFile(t, []byte(content)).Pack()
		require.False(t, ok, "%q", content)
	}
}

func TestConversionKeepsTheTransferAlive(t *testing.T) {
	t.Parallel()
	f := withTool(t, []byte("x"))
	f.transfer.depot.opts.Patience = 200 * time.Millisecond
	f.transfer.moved()
	err := f.work(t.Context(), func(ctx context.Context, _ *transcode.Tool) error {
		wait, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		<-wait.Done()
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, f.transfer.ctx.Err())
	err = f.work(t.Context(), func(context.Context, *transcode.Tool) error { return transcode.ErrTooLarge })
	require.ErrorIs(t, err, ErrNoForm)
	require.ErrorIs(t, err, ErrTooLarge)
}
