package media

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSniff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ head, declared, want string }{
		"jpeg":                      {"\xff\xd8\xff\xe0", "image/png", "image/jpeg"},
		"png":                       {"\x89PNG\r\n\x1a\n", "", "image/png"},
		"webp":                      {"RIFF\x00\x00\x00\x00WEBPVP8X", "application/x", "image/webp"},
		"voice":                     {"OggS\x00\x02 OpusHead", "audio/ogg", Opus},
		"vorbis":                    {"OggS\x00\x02 vorbis", "audio/ogg; codecs=opus", "audio/ogg"},
		"theora":                    {"OggS\x00\x02 theora", "video/ogg", "video/ogg"},
		"film":                      {"\x00\x00\x00\x18ftypmp42", "video/mp4", "video/mp4"},
		"sound of a film":           {"\x00\x00\x00\x18ftypmp42", "audio/mp4", "audio/mp4"},
		"m4a":                       {"\x00\x00\x00\x18ftypM4A ", "video/mp4", "audio/mp4"},
		"quicktime":                 {"\x00\x00\x00\x18ftypqt  ", "video/mp4", "video/quicktime"},
		"heic":                      {"\x00\x00\x00\x18ftypheic", "image/jpeg", "image/heic"},
		"webm":                      {"\x1aE\xdf\xa3....B\x82\x84webm", "audio/webm; codecs=opus", "audio/webm"},
		"matroska":                  {"\x1aE\xdf\xa3....B\x82\x84matroska", "x", "video/x-matroska"},
		"office":                    {"PK\x03\x04", "application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"},
		"an archive, not a picture": {"PK\x03\x04", "image/jpeg", "application/zip"},
		"a text, not a picture":     {"hello", "image/jpeg", Unknown},
		"a program, not a voice":    {"MZ", "audio/ogg", Unknown},
		"text":                      {"hello", "text/plain; charset=utf-8", "text/plain"},
		"nonsense":                  {"", "no type\x00", Unknown},
		"empty":                     {"", "", Unknown},
		"mp3":                       {"\xff\xfb\x90", "", "audio/mpeg"},
	} {
		require.Equal(t, c.want, Sniff([]byte(c.head), c.declared), name)
	}
	require.Equal(t, ".ogg", Extension(Opus))
	require.Empty(t, Extension("x/y"))
}

// drawn is a red picture whose left half is transparent.
func drawn(width, height int) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.NRGBA{R: 255, A: 255}
			if x < width/2 {
				c = color.NRGBA{B: 255}
			}
			out.Set(x, y, c)
		}
	}
	return out
}

func encoded(t *testing.T, format string, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	switch format {
	case "png":
		require.NoError(t, png.Encode(&out, picture))
	case "jpeg":
		require.NoError(t, jpeg.Encode(&out, picture, nil))
	case "gif":
		require.NoError(t, gif.Encode(&out, picture, nil))
	}
	return out.Bytes()
}

func isNear(t *testing.T, want color.RGBA, got color.Color) {
	t.Helper()
	r, g, b, _ := got.RGBA()
	for i, pair := range [][2]uint32{{uint32(want.R), r >> 8}, {uint32(want.G), g >> 8}, {uint32(want.B), b >> 8}} {
		require.InDelta(t, pair[0], pair[1], 30, i)
	}
}

func TestThumbnailAndJPEG(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"png", "jpeg", "gif"} {
		f := newFile(t, encoded(t, format, drawn(300, 150)))
		look, err := f.Look("")
		require.NoError(t, err)
		require.Equal(t, Look{MIME: "image/" + format, Width: 300, Height: 150}, look)
		small, err := f.Thumbnail(look)
		require.NoError(t, err)
		picture, err := jpeg.Decode(bytes.NewReader(small))
		require.NoError(t, err)
		require.Equal(t, image.Pt(200, 100), picture.Bounds().Size())
		isNear(t, color.RGBA{R: 255}, picture.At(180, 50))
		if format == "png" {
			isNear(t, color.RGBA{R: 255, G: 255, B: 255}, picture.At(20, 50))
		}
		into, err := f.transfer.File(0)
		require.NoError(t, err)
		require.NoError(t, f.JPEG(t.Context(), look, into))
		look, err = into.Look("")
		require.NoError(t, err)
		require.Equal(t, Look{MIME: "image/jpeg", Width: 300, Height: 150}, look)
		picture, err = jpeg.Decode(into.section())
		require.NoError(t, err)
		isNear(t, color.RGBA{R: 255}, picture.At(250, 100))
		if format == "png" {
			isNear(t, color.RGBA{R: 255, G: 255, B: 255}, picture.At(50, 100))
		}
	}
}

// bomb is a small PNG that says it is huge.
func bomb(t *testing.T, width, height uint32) []byte {
	t.Helper()
	raw := encoded(t, "png", drawn(1, 1))
	binary.BigEndian.PutUint32(raw[16:], width)
	binary.BigEndian.PutUint32(raw[20:], height)
	binary.BigEndian.PutUint32(raw[29:], crc32.ChecksumIEEE(raw[12:29]))
	return raw
}

func TestWhatCannotBeDrawn(t *testing.T) {
	t.Parallel()
	whole := encoded(t, "png", drawn(300, 150))
	for name, content := range map[string][]byte{
		"bomb":      bomb(t, 60_000, 60_000),
		"too large": encoded(t, "png", image.NewGray(image.Rect(0, 0, 3000, 3000))),
		"flat":      bomb(t, 5, 0),
		"cut off":   whole[:100],
		"text":      []byte("no picture"),
		"empty":     nil,
	} {
		f := newFile(t, content)
		look, err := f.Look("image/png")
		require.NoError(t, err, name)
		_, err = f.Thumbnail(look)
		require.ErrorIs(t, err, ErrNoPicture, name)
		into, err := f.transfer.File(0)
		require.NoError(t, err)
		require.ErrorIs(t, f.JPEG(t.Context(), look, into), ErrNoForm, name)
	}
}

func TestWhatAPictureCosts(t *testing.T) {
	t.Parallel()
	plain := encoded(t, "jpeg", drawn(10, 10))
	require.EqualValues(t, 150, cost(bytes.NewReader(plain), "image/jpeg"), "4:2:0")
	full := bytes.Replace(plain, []byte{1, 0x22, 0, 2, 0x11}, []byte{1, 0x11, 0, 2, 0x11}, 1)
	require.EqualValues(t, 300, cost(bytes.NewReader(full), "image/jpeg"), "4:4:4")
	progressive := bytes.Replace(plain, []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	require.EqualValues(t, 750, cost(bytes.NewReader(progressive), "image/jpeg"))
	require.EqualValues(t, 100, cost(bytes.NewReader(encoded(t, "jpeg", image.NewGray(image.Rect(0, 0, 9, 9)))), "image/jpeg"))
	require.EqualValues(t, 400, cost(bytes.NewReader(encoded(t, "png", drawn(9, 9))), "image/png"))
	require.EqualValues(t, 800, cost(bytes.NewReader(encoded(t, "png", image.NewNRGBA64(image.Rect(0, 0, 9, 9)))), "image/png"))
	for _, broken := range [][]byte{{0xff, 0xd8, 0xff}, plain[:20], bytes.Replace(plain, []byte{1, 0x22}, []byte{1, 0}, 1)[:200]} {
		require.GreaterOrEqual(t, cost(bytes.NewReader(broken), "image/jpeg"), int64(150))
	}
}

func TestWebPSize(t *testing.T) {
	t.Parallel()
	header := func(kind string, body ...byte) []byte {
		head := append([]byte("RIFF\x00\x00\x00\x00WEBP"+kind+"\x00\x00\x00\x00"), body...)
		return append(head, make([]byte, 20)...)
	}
	for name, head := range map[string][]byte{
		"simple":   header("VP8 ", 0, 0, 0, 0x9d, 1, 0x2a, 44, 1, 150, 0),
		"lossless": header("VP8L", 0x2f, 0x2b, 0x41, 0x25, 0),
		"extended": header("VP8X", 0, 0, 0, 0, 43, 1, 0, 149, 0, 0),
	} {
		look, err := newFile(t, head).Look("")
		require.NoError(t, err)
		require.Equal(t, Look{MIME: "image/webp", Width: 300, Height: 150}, look, name)
	}
}

func FuzzLook(f *testing.F) {
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8X"), "image/webp")
	f.Add([]byte("\xff\xd8\xff\xe0\x00\x00\x00"), "image/jpeg")
	f.Add([]byte("\x00\x00\x00\x18ftyp"), "audio/mp4")
	f.Fuzz(func(t *testing.T, content []byte, declared string) {
		file := newFile(t, content[:min(len(content), 10_000)])
		look, err := file.Look(declared)
		if err != nil || look.MIME == "" || look.Width < 0 || look.Height < 0 {
			t.Fatalf("%+v: %v", look, err)
		}
		_, _ = file.Thumbnail(look)
	})
}
