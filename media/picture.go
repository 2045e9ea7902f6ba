package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"

	"github.com/buckket/go-blurhash"
	"golang.org/x/image/draw"
)

const (
	// maxDrawing is how much memory a picture may take while it is drawn, in bytes: a screen of 3840 by 2160 pixels, or a
	// photo of 20 million. Pictures are drawn one at a time.
	maxDrawing = 32 << 20
	// thumbnailSide and thumbnailQuality are those of the previews that go inside of messages, which stay below
	// thumbnailSize bytes: larger than WhatsApp's programs draw them, so that what they show is not blurred.
	thumbnailSide, thumbnailQuality, thumbnailSize = 200, 75, 12 << 10
	// pictureQuality is for what is turned into JPEG.
	pictureQuality = 90
)

// cost is how much memory a pixel takes while it is drawn, at most, in hundredths of a byte.
func cost(r io.Reader, mime string) int64 {
	switch mime {
	case "image/jpeg":
		return jpegCost(r)
	case "image/gif":
		return 100
	case "image/png":
		return pngCost(r)
	case "image/bmp":
		return 400
	}
	return 800
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

// draw decodes a picture that does not take too much memory. The error is ErrNoPicture, and ErrBroken too when a part of it
// is missing.
func (f *File) draw(look Look) (image.Image, error) {
	pixels := int64(look.Width) * int64(look.Height)
	if pixels <= 0 || pixels > maxDrawing || pixels*cost(f.section(), look.MIME)/100 > maxDrawing {
		return nil, fmt.Errorf("%w: %d x %d pixels of %s", ErrNoPicture, look.Width, look.Height, look.MIME)
	}
	picture, err := decodePicture(f.section(), look.MIME)
	switch {
	case isCutOff(err):
		return nil, fmt.Errorf("%w: %w: it is cut off: %w", ErrNoPicture, ErrBroken, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrNoPicture, look.MIME, err)
	}
	return turn(picture, f.orientation(look.MIME)), nil
}

// isCutOff reports whether the error of a decoder says that there is too little to decode.
func isCutOff(err error) bool {
	format, isFormat := errors.AsType[jpeg.FormatError](err)
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || isFormat && format == "short Huffman data"
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
	return smallJPEG(picture)
}

// smallJPEG draws a thumbnail of a picture. It gets worse until it is small enough.
func smallJPEG(picture image.Image) ([]byte, error) {
	var out bytes.Buffer
	small := shrink(white{picture}, thumbnailSide)
	for quality := thumbnailQuality; ; quality -= 15 {
		out.Reset()
		if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
		}
		if out.Len() <= thumbnailSize || quality < 20 {
			return out.Bytes(), nil
		}
	}
}

// drawJPEG turns a picture into a JPEG, which goes into another file. What was transparent becomes white. The error is
// ErrNoPicture when that cannot be.
func (f *File) drawJPEG(look Look, into *File) error {
	f.transfer.depot.drawing.Lock()
	defer f.transfer.depot.drawing.Unlock()
	picture, err := f.draw(look)
	if err != nil {
		return err
	}
	if err := into.clear(); err != nil {
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

// shrink makes a picture fit into a square. It is made twice as large as wanted first, each pixel the mean of up to 16 of
// those that it stands for, since a good scaler takes memory by the size of its source.
func shrink(picture image.Image, side int) *image.NRGBA {
	bounds := picture.Bounds()
	width, height := fit(bounds.Dx(), bounds.Dy(), side)
	if width*2 < bounds.Dx() && height*2 < bounds.Dy() {
		picture = halve(picture, width*2, height*2)
	}
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(out, out.Bounds(), picture, picture.Bounds(), draw.Src, nil)
	return out
}

// fit is the size of a picture that is made to fit into a square. Nothing is made larger.
func fit(width, height, side int) (int, int) {
	if longest := max(width, height); longest > side {
		return max(1, width*side/longest), max(1, height*side/longest)
	}
	return width, height
}

// halve makes a picture smaller, each pixel the mean of 16 of those that it stands for.
func halve(picture image.Image, width, height int) *image.RGBA64 {
	const samples = 4
	bounds, out := picture.Bounds(), image.NewRGBA64(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			var r, g, b, a uint32
			for n := range samples * samples {
				sx := bounds.Min.X + (x*samples+n%samples)*bounds.Dx()/(width*samples)
				sy := bounds.Min.Y + (y*samples+n/samples)*bounds.Dy()/(height*samples)
				sr, sg, sb, sa := picture.At(sx, sy).RGBA()
				r, g, b, a = r+sr, g+sg, b+sb, a+sa
			}
			const total = samples * samples
			out.SetRGBA64(x, y, color.RGBA64{R: uint16(r / total), G: uint16(g / total), B: uint16(b / total), A: uint16(a / total)})
		}
	}
	return out
}

// Blurhash is the short text from which clients draw a blurred picture until the file is there (MSC2448); "" when there
// cannot be one.
func (f *File) Blurhash(look Look) string {
	const side, across, down = 32, 4, 3
	f.transfer.depot.drawing.Lock()
	defer f.transfer.depot.drawing.Unlock()
	picture, err := f.draw(look)
	if err != nil {
		return ""
	}
	hash, err := blurhash.Encode(across, down, shrink(white{picture}, side))
	if err != nil {
		return ""
	}
	return hash
}
