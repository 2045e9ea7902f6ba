package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"io"
)

// orientation is how a picture must be turned to be shown (Exif 2.32, tag 0x0112): 1 is not at all, 0 not known.
type orientation int

// isTurned reports whether width and height change places.
func (o orientation) isTurned() bool { return o >= 5 && o <= 8 }

// maxExif is how much of a file is searched for its orientation, in bytes.
const maxExif = 128 << 10

// orientation reads how a JPEG or TIFF picture is to be turned.
func (f *File) orientation(mime string) orientation {
	if mime != "image/jpeg" && mime != "image/tiff" {
		return 0
	}
	head, err := io.ReadAll(io.LimitReader(f.section(), maxExif))
	if err != nil {
		return 0
	}
	if mime == "image/tiff" {
		return tiffOrientation(head)
	}
	const length = 2
	for i := 2; i+4 <= len(head) && head[i] == 0xff; {
		size := int(binary.BigEndian.Uint16(head[i+length:]))
		body := head[min(len(head), i+4):min(len(head), i+2+max(size, 2))]
		if rest, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok && head[i+1] == 0xe1 {
			return tiffOrientation(rest)
		}
		if head[i+1] == 0xda { // the picture begins
			return 0
		}
		i += 2 + max(size, 2)
	}
	return 0
}

// tiffOrientation reads the tag from the first directory of a TIFF file (TIFF 6.0, section 2).
func tiffOrientation(b []byte) orientation {
	const tag, entrySize, maxEntries = 0x0112, 12, 1000
	var order binary.ByteOrder = binary.LittleEndian
	if len(b) < 8 {
		return 0
	} else if b[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 0
	}
	for n := range min(int64(order.Uint16(b[at:])), maxEntries) {
		entry := at + 2 + n*entrySize
		if entry+entrySize > int64(len(b)) {
			return 0
		}
		if order.Uint16(b[entry:]) == tag {
			if o := orientation(order.Uint16(b[entry+8:])); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
	}
	return 0
}

// turned shows a picture the right way up without a copy of it.
type turned struct {
	image.Image

	how orientation
}

// turn returns the picture as it is to be shown.
func turn(picture image.Image, how orientation) image.Image {
	if how <= 1 {
		return picture
	}
	return turned{picture, how}
}

// Bounds implements image.Image.
func (t turned) Bounds() image.Rectangle {
	size := t.Image.Bounds().Size()
	if t.how.isTurned() {
		size.X, size.Y = size.Y, size.X
	}
	return image.Rectangle{Max: size}
}

// At implements image.Image.
func (t turned) At(x, y int) color.Color {
	bounds := t.Image.Bounds()
	right, bottom := bounds.Dx()-1, bounds.Dy()-1
	switch t.how {
	case 2:
		x = right - x
	case 3:
		x, y = right-x, bottom-y
	case 4:
		y = bottom - y
	case 5:
		x, y = y, x
	case 6:
		x, y = y, bottom-x
	case 7:
		x, y = right-y, bottom-x
	case 8:
		x, y = right-y, x
	}
	return t.Image.At(bounds.Min.X+x, bounds.Min.Y+y)
}
