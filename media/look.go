package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"time"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"causeway/media/transcode"
)

// ErrNoPicture says that a file cannot be drawn: it is none of the formats that Go can read, or drawing it would take too
// much memory.
var ErrNoPicture = errors.New("not a picture that can be drawn")

// Look is what can be told of a file without understanding all of it.
type Look struct {
	MIME string
	// Width and Height are those of a picture as it is shown, in pixels; 0 if not known.
	Width, Height int
	// Moves says that a picture has several frames.
	Moves bool
	// Duration is that of a voice message; 0 if not known.
	Duration time.Duration
}

// Look says what the file is. declared is the type that its sender gave.
func (f *File) Look(declared string) (Look, error) {
	head, err := f.head()
	if err != nil {
		return Look{}, err
	}
	look := Look{MIME: Sniff(head, declared)}
	switch look.MIME {
	case "image/webp":
		look.Width, look.Height = webpSize(head)
		look.Moves = webpMoves(head)
	case "image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff":
		if config, err := decodeConfig(f.section(), look.MIME); err == nil {
			look.Width, look.Height = config.Width, config.Height
		}
		look.Moves = look.MIME == "image/gif" && gifMoves(f.section()) || look.MIME == "image/png" && pngMoves(f.section())
		if f.orientation(look.MIME).isTurned() {
			look.Width, look.Height = look.Height, look.Width
		}
	case Opus:
		look.Duration = f.opusDuration()
	}
	return look, nil
}

func decodeConfig(r io.Reader, mime string) (image.Config, error) {
	switch mime {
	case "image/jpeg":
		return jpeg.DecodeConfig(r)
	case "image/png":
		return png.DecodeConfig(r)
	case "image/gif":
		return gif.DecodeConfig(r)
	case "image/webp":
		return webp.DecodeConfig(r)
	case "image/bmp":
		return bmp.DecodeConfig(r)
	case "image/tiff":
		return tiff.DecodeConfig(r)
	}
	return image.Config{}, ErrNoPicture
}

func decodePicture(r io.Reader, mime string) (image.Image, error) {
	switch mime {
	case "image/jpeg":
		return jpeg.Decode(r)
	case "image/png":
		return png.Decode(r)
	case "image/gif":
		return gif.Decode(r) // its first frame
	case "image/webp":
		return webp.Decode(r)
	case "image/bmp":
		return bmp.Decode(r)
	case "image/tiff":
		return tiff.Decode(r)
	}
	return nil, ErrNoPicture
}

// webpSize reads the size of a WebP picture from its header (RFC 9649, section 2).
func webpSize(head []byte) (width, height int) {
	const simple, lossless, extended = "VP8 ", "VP8L", "VP8X"
	if len(head) < 30 {
		return 0, 0
	}
	switch string(head[12:16]) {
	case simple:
		return int(binary.LittleEndian.Uint16(head[26:])) & 0x3fff, int(binary.LittleEndian.Uint16(head[28:])) & 0x3fff
	case lossless:
		bits := binary.LittleEndian.Uint32(head[21:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1
	case extended:
		three := func(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
		return three(head[24:]) + 1, three(head[27:]) + 1
	}
	return 0, 0
}

// webpMoves reads the flag of an animation (RFC 9649, section 2.7).
func webpMoves(head []byte) bool {
	const at, animation = 20, 2
	return len(head) > at && string(head[12:16]) == "VP8X" && head[at]&animation != 0
}

// maxChunks is how many parts of a picture are passed over in search of one.
const maxChunks = 10_000

// pngMoves looks for the chunk of an animation, which comes before the picture (PNG, third edition, 11.3.6.1).
func pngMoves(r io.ReadSeeker) bool {
	const signature, header, sum = 8, 8, 4
	if _, err := r.Seek(signature, io.SeekStart); err != nil {
		return false
	}
	var chunk [header]byte
	for range maxChunks {
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return false
		}
		switch string(chunk[4:]) {
		case "acTL":
			return true
		case "IDAT":
			return false
		}
		if _, err := r.Seek(int64(binary.BigEndian.Uint32(chunk[:]))+sum, io.SeekCurrent); err != nil {
			return false
		}
	}
	return false
}

// gifMoves reports whether there is a second frame (GIF89a, sections 18 to 26).
func gifMoves(source io.Reader) bool {
	r := bufio.NewReader(source)
	var screen [13]byte
	if _, err := io.ReadFull(r, screen[:]); err != nil || !skipPalette(r, screen[10]) {
		return false
	}
	frames := 0
	for range maxChunks {
		kind, err := r.ReadByte()
		if err != nil {
			return false
		}
		switch kind {
		case '!':
			if _, err := r.Discard(1); err != nil || !skipBlocks(r) {
				return false
			}
		case ',':
			if frames++; frames > 1 {
				return true
			}
			var frame [9]byte
			if _, err := io.ReadFull(r, frame[:]); err != nil || !skipPalette(r, frame[8]) {
				return false
			}
			if _, err := r.Discard(1); err != nil || !skipBlocks(r) {
				return false
			}
		default:
			return false
		}
	}
	return false
}

// skipPalette passes over a table of colours, if the flags say that there is one.
func skipPalette(r *bufio.Reader, flags byte) bool {
	const present, size = 0x80, 7
	if flags&present == 0 {
		return true
	}
	_, err := r.Discard(3 << (flags&size + 1))
	return err == nil
}

func skipBlocks(r *bufio.Reader) bool {
	for {
		size, err := r.ReadByte()
		if err != nil || size == 0 {
			return err == nil
		}
		if _, err := r.Discard(int(size)); err != nil {
			return false
		}
	}
}

// opusDuration reads from the last page of an Ogg file how many samples came before (RFC 3533, section 6; RFC 7845,
// section 4). 0 if that makes no sense.
func (f *File) opusDuration() time.Duration {
	const rate, tail, granule, longest = 48_000, 65_307, 6, 30 * 24 * 3600
	size, err := f.Size()
	if err != nil {
		return 0
	}
	end := make([]byte, min(size, tail))
	if _, err := f.file.ReadAt(end, size-int64(len(end))); err != nil {
		return 0
	}
	page := bytes.LastIndex(end, []byte("OggS"))
	if page < 0 || len(end) < page+granule+8 {
		return 0
	}
	samples := binary.LittleEndian.Uint64(end[page+granule:])
	if samples/rate > longest {
		return 0
	}
	return time.Duration(samples) * time.Second / rate
}

// source is the file as the transcoder takes it.
func (f *File) source(look Look) transcode.Source {
	mime := look.MIME
	if mime == "image/png" && look.Moves {
		mime = transcode.MovingPNG
	}
	return transcode.Source{File: f.file, MIME: mime}
}
