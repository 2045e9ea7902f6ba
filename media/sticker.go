package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"

	"github.com/HugoSmits86/nativewebp"
	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"causeway/media/transcode"
)

const (
	// StickerSide is the width and height of WhatsApp's stickers in pixels.
	StickerSide = 512
	// maxStill and maxMoving are how large its stickers may be, in bytes: those that stand still, and those that move.
	maxStill, maxMoving = 100 << 10, 500 << 10
	// stickerThumbnail is the side of their previews.
	stickerThumbnail = 96
)

// Sticker makes a WebP of StickerSide by StickerSide pixels, padded with transparency and within WhatsApp's limits, in
// another file. It reports false when the file is one already: what moves is never drawn anew if it is WebP, for ffmpeg does
// not read that. The error is ErrNoForm when it cannot be made; ErrNoTool if ffmpeg could.
func (f *File) Sticker(ctx context.Context, look Look, into *File) (made bool, err error) {
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	square := look.Width == StickerSide && look.Height == StickerSide
	switch isWebP := look.MIME == "image/webp"; {
	case isWebP && (look.Moves || square && size <= maxStill):
		return false, nil
	case look.Moves, strings.HasPrefix(look.MIME, "video/"):
		return true, f.stickerByTool(ctx, look, true, into)
	}
	if f.transfer.depot.Transcodes() {
		return true, f.stickerByTool(ctx, look, false, into)
	}
	err = f.drawSticker(look, into)
	if errors.Is(err, ErrNoPicture) {
		return true, fmt.Errorf("%w: %w", ErrNoForm, err)
	}
	return true, err
}

func (f *File) stickerByTool(ctx context.Context, look Look, moves bool, into *File) error {
	limit := int64(maxStill)
	if moves {
		limit = maxMoving
	}
	if err := into.clear(); err != nil {
		return err
	}
	err := f.work(ctx, func(ctx context.Context, tool *transcode.Tool) error {
		return tool.Sticker(ctx, f.source(look), transcode.Target{File: into.file, Limit: min(limit, into.limit)}, StickerSide, moves)
	})
	if err != nil {
		return err
	}
	return into.Rewind()
}

// drawSticker draws a sticker without ffmpeg: without loss if that is small enough, else with fewer colours, then with
// coarser pixels.
func (f *File) drawSticker(look Look, into *File) error {
	f.transfer.depot.drawing.Lock()
	defer f.transfer.depot.drawing.Unlock()
	picture, err := f.draw(look)
	if err != nil {
		return err
	}
	for _, try := range []struct{ side, bits int }{{512, 8}, {512, 5}, {256, 5}, {256, 4}, {128, 5}, {128, 4}, {64, 4}} {
		small := padded(picture, try.side, try.side)
		for i, v := range small.Pix {
			small.Pix[i] = v >> (8 - try.bits) * 255 / (1<<try.bits - 1)
		}
		whole := image.NewNRGBA(image.Rect(0, 0, StickerSide, StickerSide))
		draw.NearestNeighbor.Scale(whole, whole.Bounds(), small, small.Bounds(), draw.Src, nil)
		if err = putWebP(whole, into); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrNoForm, err)
}

// padded draws a picture into the middle of a transparent square. A small one is made larger.
func padded(picture image.Image, side, canvas int) *image.NRGBA {
	bounds := picture.Bounds()
	longest := max(bounds.Dx(), bounds.Dy())
	if longest > side {
		picture = shrink(picture, side)
	}
	width, height := max(1, bounds.Dx()*side/longest), max(1, bounds.Dy()*side/longest)
	at := image.Pt((canvas-width)/2, (canvas-height)/2)
	out := image.NewNRGBA(image.Rect(0, 0, canvas, canvas))
	draw.CatmullRom.Scale(out, image.Rectangle{Min: at, Max: at.Add(image.Pt(width, height))}, picture, picture.Bounds(), draw.Src, nil)
	return out
}

// putWebP writes a picture without loss. What was written is read again, since the encoder is young.
func putWebP(picture *image.NRGBA, into *File) error {
	var out bytes.Buffer
	if err := encodeWebP(&out, picture); err != nil {
		return fmt.Errorf("%w: write WebP: %w", ErrNoForm, err)
	}
	if out.Len() > maxStill {
		return fmt.Errorf("%w: %d bytes of WebP", ErrTooLarge, out.Len())
	}
	back, err := webp.Decode(bytes.NewReader(out.Bytes()))
	if err != nil {
		return fmt.Errorf("%w: read the WebP that was written: %w", ErrNoForm, err)
	} else if back.Bounds() != picture.Bounds() || !isSame(back, picture) {
		return fmt.Errorf("%w: the WebP that was written is another picture", ErrNoForm)
	}
	return into.Fill(&out)
}

// encodeWebP keeps the encoder's panics to itself: it has them for pictures in which some colours are very rare.
func encodeWebP(w io.Writer, picture image.Image) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the encoder gives up: %v", p)
		}
	}()
	return nativewebp.Encode(w, picture, nil)
}

// isSame compares some pixels of two pictures.
func isSame(a, b image.Image) bool {
	const step = 7
	bounds := a.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y += step {
		for x := bounds.Min.X; x < bounds.Max.X; x += step {
			p, _ := color.NRGBAModel.Convert(a.At(x, y)).(color.NRGBA)
			q, _ := color.NRGBAModel.Convert(b.At(x, y)).(color.NRGBA)
			if p != q && (p.A != 0 || q.A != 0) {
				return false
			}
		}
	}
	return true
}

// StickerThumbnail draws the small PNG that goes inside of a sticker's message. The error is ErrNoPicture when there cannot
// be one.
func (f *File) StickerThumbnail(look Look) ([]byte, error) {
	f.transfer.depot.drawing.Lock()
	defer f.transfer.depot.drawing.Unlock()
	picture, err := f.draw(look)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, shrink(picture, stickerThumbnail)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	return out.Bytes(), nil
}

// Pack is what a WhatsApp sticker says of the pack that it is from.
type Pack struct {
	ID        string   `json:"sticker-pack-id"`
	Name      string   `json:"sticker-pack-name"`
	Publisher string   `json:"sticker-pack-publisher"`
	Emojis    []string `json:"emojis"`
}

// Pack reads what a WebP file says about its pack: WhatsApp's programs put JSON into its Exif part. It reports false when
// there is nothing.
func (f *File) Pack() (p Pack, ok bool) {
	const header, maxPart, maxText, maxEmojis = 8, 64 << 10, 200, 20
	r := f.section()
	if _, err := r.Seek(12, io.SeekStart); err != nil {
		return p, false
	}
	var chunk [header]byte
	for range maxChunks {
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return p, false
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		if string(chunk[:4]) != "EXIF" {
			if _, err := r.Seek(size+size%2, io.SeekCurrent); err != nil {
				return p, false
			}
			continue
		}
		raw, err := io.ReadAll(io.LimitReader(r, min(size, maxPart)))
		from, to := bytes.IndexByte(raw, '{'), bytes.LastIndexByte(raw, '}')
		if err != nil || from < 0 || to < from || json.Unmarshal(raw[from:to+1], &p) != nil {
			return Pack{}, false
		}
		for _, text := range []*string{&p.ID, &p.Name, &p.Publisher} {
			*text = string([]rune(*text)[:min(len([]rune(*text)), maxText)])
		}
		p.Emojis = p.Emojis[:min(len(p.Emojis), maxEmojis)]
		return p, p.ID != "" || p.Name != "" || len(p.Emojis) > 0
	}
	return p, false
}
