package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"

	"causeway/media"
	"causeway/outbox"
)

const (
	// frameEdge is the longest side of the picture of a film, and frameSize how large it may be, in bytes.
	frameEdge, frameSize = 640, 2 << 20
	// stickerEdge is the longest side in which a sticker is shown, in pixels: WhatsApp's are drawn for phones' finer screens.
	stickerEdge = 256
	// waveformCount and waveformMost are how many loudnesses of a voice message are shown, and the loudest (MSC3246).
	waveformCount, waveformMost = 64, 1024
)

// Fields of ours in the info of a file; those of stickers begin in convert.
const (
	// lottieField says where the animation of a sticker is, of which the event shows a picture.
	lottieField = "chat.causeway.lottie"
	// stickerField is convert.StickerField: what WhatsApp says of a sticker.
	stickerField = "chat.causeway.sticker"
)

// want is what an event does not say of its file yet.
type want struct{ size, duration, waveform bool }

func wantOf(content []byte) want {
	var said struct {
		Info struct {
			Width    float64 `json:"w"`
			Duration float64 `json:"duration"`
		} `json:"info"`
		Voice *struct{} `json:"org.matrix.msc3245.voice"`
		Audio struct {
			Waveform []int `json:"waveform"`
		} `json:"org.matrix.msc1767.audio"`
	}
	_ = json.Unmarshal(content, &said) // what is of another type is not said
	return want{size: said.Info.Width <= 0, duration: said.Info.Duration <= 0, waveform: said.Voice != nil && len(said.Audio.Waveform) == 0}
}

// shown is a file that is on the homeserver.
type shown struct {
	url, thumbnail string

	size      int64
	look      media.Look
	small     media.Look // of the thumbnail
	smallSize int64
	blurhash  string
	name      string
	waveform  []int
	pack      *media.Pack
}

// move brings a file, and the small picture of it if there is one, to the homeserver.
func (m Media) move(ctx context.Context, f outbox.FileOnWhatsApp, w want) (shown, error) {
	limit, err := m.Files.Limit(ctx)
	if err != nil {
		return shown{}, err
	}
	if size := int64(min(f.Size, 1<<62)); size > m.Depot.Limit() || limit > 0 && size > limit {
		return shown{}, fmt.Errorf("%w: it is said to have %d bytes", media.ErrTooLarge, f.Size)
	}
	ctx, transfer, err := m.Depot.Begin(ctx)
	if err != nil {
		return shown{}, err
	}
	defer transfer.End()
	out := shown{name: f.Name}
	file, err := transfer.File(limit)
	if err == nil && !f.OnlyThumbnail() {
		err = m.carry(ctx, transfer, f, file, &out)
	}
	if err == nil && f.MIME != media.WAS {
		err = out.study(ctx, file, w)
	}
	if err == nil {
		err = m.carryThumbnail(ctx, transfer, f, file, &out)
	}
	return out, transfer.Explain(err)
}

// carry moves the file itself.
func (m Media) carry(ctx context.Context, transfer *media.Transfer, f outbox.FileOnWhatsApp, file *media.File, out *shown) error {
	var err error
	if len(f.Data) > 0 {
		err = file.Fill(strings.NewReader(string(f.Data)))
	} else {
		err = m.From.Download(ctx, f, file)
	}
	if err != nil {
		return err
	}
	if f.MIME == media.WAS {
		packed := file
		if file, err = transfer.File(0); err != nil {
			return err
		}
		if err := packed.Unpack(file); err != nil {
			return err
		}
	}
	if out.size, err = file.Size(); err != nil {
		return err
	} else if out.size == 0 {
		return fmt.Errorf("%w: it is empty", media.ErrBroken)
	}
	if out.look, err = file.Look(f.MIME); err != nil {
		return err
	}
	if f.MIME == media.WAS {
		out.look = media.Look{MIME: media.Lottie}
	}
	address, err := m.Files.Upload(ctx, file, out.look.MIME, f.Name)
	out.url = string(address)
	return err
}

// study finds out what can be known of a file and is not said. What cannot be known is not said.
func (out *shown) study(ctx context.Context, file *media.File, w want) error {
	class, _, _ := strings.Cut(out.look.MIME, "/")
	if class == "video" && (w.size || w.duration) || class == "audio" && w.duration && out.look.Duration == 0 {
		facts, err := file.Facts(ctx, out.look)
		if err == nil {
			out.look.Width, out.look.Height, out.look.Duration = facts.Width, facts.Height, facts.Duration
		}
	}
	if class == "audio" && w.waveform {
		values, duration, err := file.Waveform(ctx, out.look, waveformCount, waveformMost)
		if err == nil {
			out.waveform = values
			out.look.Duration = max(out.look.Duration, duration)
		}
	}
	if out.look.MIME == "image/webp" {
		if pack, ok := file.Pack(); ok {
			out.pack = &pack
		}
	}
	return context.Cause(ctx)
}

// carryThumbnail uploads a small picture: of a film its first, where that can be drawn; else the one that came with the
// message; else one that is drawn. What is none is left out.
func (m Media) carryThumbnail(ctx context.Context, transfer *media.Transfer, f outbox.FileOnWhatsApp, file *media.File, out *shown) error {
	small, err := transfer.Spare(frameSize)
	if err != nil {
		return err
	}
	class, _, _ := strings.Cut(out.look.MIME, "/")
	drawn := class == "video" && file.Preview(ctx, out.look, frameEdge, small) == nil
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if !drawn {
		thumbnail := f.Thumbnail
		if len(thumbnail) == 0 && class == "image" {
			thumbnail, _ = file.Thumbnail(out.look) // there need not be one
		}
		if len(thumbnail) == 0 {
			return nil
		}
		if err := small.Fill(strings.NewReader(string(thumbnail))); errors.Is(err, media.ErrTooLarge) {
			return nil
		} else if err != nil {
			return err
		}
	}
	if out.small, err = small.Look(""); err != nil || out.small.Width == 0 {
		return err
	}
	if out.smallSize, err = small.Size(); err != nil {
		return err
	}
	out.blurhash = small.Blurhash(out.small)
	address, err := m.Files.Upload(ctx, small, out.small.MIME, "thumbnail"+media.Extension(out.small.MIME))
	out.thumbnail = string(address)
	return err
}

// put writes into a content where its file is and what it has been found to be, and returns the event's type. What is
// not what its sender called it is shown as a plain file.
func (out *shown) put(kind string, content map[string]any) string {
	info, _ := content["info"].(map[string]any)
	if info == nil {
		info = map[string]any{}
	}
	content["info"] = info
	isSticker := kind == event.EventSticker.Type
	f := *out
	if isSticker && f.look.MIME == media.Lottie && f.thumbnail != "" {
		// Clients that know the field can play the animation, the others show its picture.
		info[lottieField] = map[string]any{"url": f.url, "mimetype": f.look.MIME, "size": f.size}
		f.url, f.look, f.size = f.thumbnail, f.small, f.smallSize
	}
	f.putThumbnail(info)
	if f.url == "" {
		return kind // there is only the thumbnail
	}
	content["url"], info["mimetype"], info["size"] = f.url, f.look.MIME, f.size
	if f.look.Width > 0 {
		info["w"], info["h"] = f.look.Width, f.look.Height
	}
	if isSticker {
		f.putSticker(info)
	}
	f.putSound(content, info)
	class, _, _ := strings.Cut(f.look.MIME, "/")
	msgtype, _ := content["msgtype"].(string)
	if msgtype == string(event.MsgFile) || isSticker && class == "image" || !isSticker && msgtype == "m."+class {
		return kind
	}
	content["msgtype"], content["filename"] = event.MsgFile, f.name
	delete(content, "org.matrix.msc3245.voice")
	return event.EventMessage.Type
}

func (out *shown) putThumbnail(info map[string]any) {
	if out.thumbnail != "" {
		info["thumbnail_url"] = out.thumbnail
		info["thumbnail_info"] = map[string]any{"mimetype": out.small.MIME, "size": out.smallSize, "w": out.small.Width, "h": out.small.Height}
	}
	if out.blurhash != "" {
		info["xyz.amorgan.blurhash"] = out.blurhash
	}
}

// putSticker says how large a sticker is to be shown, and what pack it is from.
func (out *shown) putSticker(info map[string]any) {
	width, height := out.look.Width, out.look.Height
	if longest := max(width, height); longest > stickerEdge {
		info["w"], info["h"] = max(1, width*stickerEdge/longest), max(1, height*stickerEdge/longest)
	}
	if out.look.Moves {
		info["is_animated"] = true
	}
	if out.pack == nil {
		return
	}
	said, _ := info[stickerField].(map[string]any)
	if said == nil {
		said = map[string]any{}
	}
	said["pack"] = map[string]any{"id": out.pack.ID, "name": out.pack.Name, "publisher": out.pack.Publisher}
	if _, ok := said["emojis"]; !ok && len(out.pack.Emojis) > 0 {
		said["emojis"] = strings.Join(out.pack.Emojis, "")
	}
	info[stickerField] = said
}

// putSound says how long a film or sound is, if that is not said, and how loud a voice message is.
func (out *shown) putSound(content, info map[string]any) {
	duration := out.look.Duration.Round(time.Millisecond).Milliseconds()
	if _, said := info["duration"]; !said && duration > 0 {
		info["duration"] = duration
	}
	audio, _ := content["org.matrix.msc1767.audio"].(map[string]any)
	if audio == nil {
		return
	}
	if said, _ := audio["duration"].(float64); said <= 0 && duration > 0 {
		audio["duration"] = duration
	}
	if said, _ := audio["waveform"].([]any); len(said) == 0 && len(out.waveform) > 0 {
		audio["waveform"] = out.waveform
	}
}
