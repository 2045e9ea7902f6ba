package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
)

// ErrNoPicture says that a file cannot be drawn: it is none of the formats that Go can read, it is broken, or drawing it
// would take too much memory.
var ErrNoPicture = errors.New("not a picture that can be drawn")

const (
	// maxDrawing is how much memory a picture may take while it is drawn, in bytes: a screen of 3840 by 2160 pixels, or a
	// photo of 20 million. Pictures are drawn one at a time.
	maxDrawing = 32 << 20
	// thumbnailSide and thumbnailQuality are those of the previews that WhatsApp's programs send.
	thumbnailSide, thumbnailQuality = 100, 70
	// pictureQuality is for what is turned into JPEG.
	pictureQuality = 90
)

// Look is what can be told of a file without understanding all of it.
type Look struct {
	MIME          string
	Width, Height int // of pictures, in pixels; 0 if not known
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
	case "image/jpeg", "image/png", "image/gif":
		if config, err := decodeConfig(f.section(), look.MIME); err == nil {
			look.Width, look.Height = config.Width, config.Height
		}
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
	}
	return image.Config{}, ErrNoPicture
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

// cost is how much memory a pixel takes while it is drawn, at most, in hundredths of a byte.
func cost(r io.Reader, mime string) int64 {
	switch mime {
	case "image/jpeg":
		return jpegCost(r)
	case "image/gif":
		return 100
	}
	return pngCost(r)
}

// pngCost reads the bit depth of a PNG (ISO/IEC 15948, 11.2.2). It has up to four channels.
func pngCost(r io.Reader) int64 {
	const depth = 24
	var head [depth + 1]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || head[depth] > 8 {
		return 800
	}
	return 400
}

// dear is the cost of a picture of which too little is known.
const dear = 2000

// jpegCost reads from the frame header of a JPEG how it is sampled (ITU-T T.81, B.2.2).
func jpegCost(r io.Reader) int64 {
	const longest, segment, header = 1 << 20, 4, 10
	head, err := io.ReadAll(io.LimitReader(r, longest))
	for i := 2; err == nil && i+header <= len(head) && head[i] == 0xff; {
		if marker := head[i+1]; marker >= 0xc0 && marker <= 0xc2 {
			return frameCost(head[i+segment:], marker == 0xc2)
		}
		i += 2 + int(binary.BigEndian.Uint16(head[i+2:]))
	}
	return dear
}

// frameCost is the cost by a frame: how much of each component there is for a pixel. All coefficients of a progressive one
// are kept while it is read.
func frameCost(frame []byte, progressive bool) int64 {
	const first, size, inkColours = 6, 3, 4
	count := int(frame[first-1])
	if count == 0 || len(frame) < first+count*size {
		return dear
	}
	var samples, across, down int64
	for n := range count {
		factors := frame[first+n*size+1]
		h, v := int64(factors>>4), int64(factors&15)
		samples, across, down = samples+h*v, max(across, h), max(down, v)
	}
	if across*down == 0 {
		return dear
	}
	bytes := 100 * samples / (across * down)
	if progressive {
		bytes *= 5
	}
	if count == inkColours {
		bytes += 400 // it is drawn a second time
	}
	return bytes
}

// draw decodes a picture that does not take too much memory.
func (f *File) draw(look Look) (image.Image, error) {
	pixels := int64(look.Width) * int64(look.Height)
	if pixels <= 0 || pixels > maxDrawing || pixels*cost(f.section(), look.MIME)/100 > maxDrawing {
		return nil, fmt.Errorf("%w: %d x %d pixels of %s", ErrNoPicture, look.Width, look.Height, look.MIME)
	}
	var picture image.Image
	var err error
	switch look.MIME {
	case "image/jpeg":
		picture, err = jpeg.Decode(f.section())
	case "image/png":
		picture, err = png.Decode(f.section())
	case "image/gif":
		picture, err = gif.Decode(f.section()) // its first frame
	default:
		return nil, fmt.Errorf("%w: %s", ErrNoPicture, look.MIME)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	return picture, nil
}

// Thumbnail draws the small JPEG that WhatsApp shows before a picture is loaded. The error is ErrNoPicture when there
// cannot be one.
func (f *File) Thumbnail(look Look) ([]byte, error) {
	f.transfer.depot.drawing.Lock()
	defer f.transfer.depot.drawing.Unlock()
	picture, err := f.draw(look)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, shrink(picture, thumbnailSide), &jpeg.Options{Quality: thumbnailQuality}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	return out.Bytes(), nil
}

// JPEG turns a picture into a JPEG, which goes into another file. What was transparent becomes white. The error is
// ErrNoPicture when that cannot be.
func (f *File) JPEG(look Look, into *File) error {
	f.transfer.depot.drawing.Lock()
	defer f.transfer.depot.drawing.Unlock()
	picture, err := f.draw(look)
	if err != nil {
		return err
	}
	if err := into.Rewind(); err != nil {
		return err
	}
	if err := jpeg.Encode(into, onWhite(picture), &jpeg.Options{Quality: pictureQuality}); err != nil {
		return fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	return nil
}

// onWhite puts a picture before a white ground, in its own memory where that is possible.
func onWhite(picture image.Image) image.Image {
	if n, ok := picture.(*image.NRGBA); ok {
		for i := 0; i+3 < len(n.Pix); i += 4 {
			alpha := uint32(n.Pix[i+3])
			for c := range 3 {
				n.Pix[i+c] = uint8((uint32(n.Pix[i+c])*alpha + 255*(255-alpha)) / 255)
			}
			n.Pix[i+3] = 255
		}
		return &image.RGBA{Pix: n.Pix, Stride: n.Stride, Rect: n.Rect}
	}
	if o, ok := picture.(interface{ Opaque() bool }); ok && o.Opaque() {
		return picture
	}
	return white{picture}
}

// white is a picture before a white ground.
type white struct{ image.Image }

// At implements image.Image.
func (w white) At(x, y int) color.Color {
	r, g, b, a := w.Image.At(x, y).RGBA()
	rest := 0xffff - a
	return color.RGBA64{R: uint16(r + rest), G: uint16(g + rest), B: uint16(b + rest), A: 0xffff}
}

// ColorModel implements image.Image.
func (w white) ColorModel() color.Model { return color.RGBA64Model }

// shrink makes a picture fit into a square, before white ground. Each pixel is the mean of up to 16 of those that it
// stands for.
func shrink(picture image.Image, side int) image.Image {
	bounds := picture.Bounds()
	width, height := bounds.Dx(), bounds.Dy()
	if longest := max(width, height); longest > side {
		width, height = max(1, width*side/longest), max(1, height*side/longest)
	}
	const samples = 4
	source, out := white{picture}, image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			var r, g, b uint32
			for n := range samples * samples {
				sx := bounds.Min.X + (x*samples+n%samples)*bounds.Dx()/(width*samples)
				sy := bounds.Min.Y + (y*samples+n/samples)*bounds.Dy()/(height*samples)
				sr, sg, sb, _ := source.At(sx, sy).RGBA()
				r, g, b = r+sr>>8, g+sg>>8, b+sb>>8
			}
			const total = samples * samples
			out.SetRGBA(x, y, color.RGBA{R: uint8(r / total), G: uint8(g / total), B: uint8(b / total), A: 255})
		}
	}
	return out
}
