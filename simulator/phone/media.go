package phone

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"causeway/simulator/account"
	"causeway/simulator/attachment"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// MediaKind is how a file is shown.
type MediaKind string

// Kinds of media. A GIF is a video that plays like one, a video note a round video.
const (
	MediaImage     MediaKind = "image"
	MediaVideo     MediaKind = "video"
	MediaGIF       MediaKind = "gif"
	MediaVideoNote MediaKind = "video_note"
	MediaAudio     MediaKind = "audio"
	MediaVoice     MediaKind = "voice"
	MediaDocument  MediaKind = "document"
	MediaSticker   MediaKind = "sticker"
)

// lottieArchive is the type of stickers that are animations in Lottie's format.
const lottieArchive = "application/was"

// maxMedia bounds the files that phones send and make up, in bytes.
const maxMedia = 1 << 30

// Media is a file to send, with what its message says about it. Zero values are left out.
type Media struct {
	Kind MediaKind
	MIME string
	Data []byte
	// Random, if Data is empty, is how many random bytes the file shall have: for sizes that nobody wants to carry about.
	Random            int64
	Caption, FileName string
	// Seconds is how long audio and video are; Waveform has 64 values up to 100.
	Seconds       uint32
	Waveform      []byte
	Width, Height uint32
	// Thumbnail is a small JPEG, of a sticker a PNG. The Caption of a sticker are its emojis.
	Thumbnail []byte
	// ViewOnce lets an image, a video or a voice message be seen only once.
	ViewOnce bool
}

func (m Media) class() attachment.Kind {
	switch m.Kind {
	case MediaImage, MediaSticker:
		return attachment.Image
	case MediaVideo, MediaGIF, MediaVideoNote:
		return attachment.Video
	case MediaAudio, MediaVoice:
		return attachment.Audio
	case MediaDocument:
		return attachment.Document
	}
	return ""
}

func (m Media) content() ([]byte, error) {
	if m.Random < 0 || m.Random > maxMedia || m.Random > 0 && len(m.Data) > 0 {
		return nil, fmt.Errorf("%w media: data, or a size of at most %d", account.ErrInvalid, maxMedia)
	}
	if m.MIME == "" {
		return nil, fmt.Errorf("%w media: it needs a MIME type", account.ErrInvalid)
	}
	if m.Random == 0 {
		return m.Data, nil
	}
	out := make([]byte, m.Random)
	_, _ = rand.NewChaCha8([32]byte{byte(m.Random)}).Read(out) // never fails
	return out, nil
}

// composeMedia stores a file on the network and makes the message that shows it.
func (p *Phone) composeMedia(m Media) (*waE2E.Message, error) {
	plain, err := m.content()
	if err != nil {
		return nil, err
	}
	f, sealed, err := attachment.Seal(m.class(), plain)
	if err != nil {
		return nil, err
	}
	f.Path = p.network.PutFile(sealed)
	p.keep(f)
	body := m.message(f)
	if !m.ViewOnce {
		return body, nil
	}
	switch {
	case body.ImageMessage != nil:
		body.ImageMessage.ViewOnce = &m.ViewOnce
	case body.VideoMessage != nil:
		body.VideoMessage.ViewOnce = &m.ViewOnce
	case body.AudioMessage != nil:
		body.AudioMessage.ViewOnce = &m.ViewOnce
	}
	return &waE2E.Message{ViewOnceMessageV2: &waE2E.FutureProofMessage{Message: body}}, nil
}

func (p *Phone) keep(f attachment.File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.files[hex.EncodeToString(f.SHA256)] = f
}

// message is what is said about a stored file.
func (m Media) message(f attachment.File) *waE2E.Message {
	url, mime := proto.String("https://mmg.whatsapp.net"+f.Path), proto.String(m.MIME)
	switch m.Kind {
	case MediaImage:
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{URL: url, DirectPath: &f.Path, MediaKey: f.Key, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256,
			FileLength: &f.Size, Mimetype: mime, Caption: optional(m.Caption), Width: optional(m.Width), Height: optional(m.Height), JPEGThumbnail: m.Thumbnail}}
	case MediaSticker:
		sticker := &waE2E.Message{StickerMessage: &waE2E.StickerMessage{URL: url, DirectPath: &f.Path, MediaKey: f.Key, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256,
			FileLength: &f.Size, Mimetype: mime, Width: optional(m.Width), Height: optional(m.Height), Emojis: optional(m.Caption), PngThumbnail: m.Thumbnail}}
		if m.MIME == lottieArchive {
			sticker.StickerMessage.IsLottie = proto.Bool(true)
			return &waE2E.Message{LottieStickerMessage: &waE2E.FutureProofMessage{Message: sticker}}
		}
		return sticker
	case MediaAudio, MediaVoice:
		return &waE2E.Message{AudioMessage: &waE2E.AudioMessage{URL: url, DirectPath: &f.Path, MediaKey: f.Key, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256,
			FileLength: &f.Size, Mimetype: mime, Seconds: optional(m.Seconds), Waveform: m.Waveform, PTT: proto.Bool(m.Kind == MediaVoice)}}
	case MediaDocument:
		document := &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{URL: url, DirectPath: &f.Path, MediaKey: f.Key, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256,
			FileLength: &f.Size, Mimetype: mime, Caption: optional(m.Caption), FileName: optional(m.FileName), Title: optional(m.FileName), JPEGThumbnail: m.Thumbnail}}
		if m.Caption == "" {
			return document
		}
		return &waE2E.Message{DocumentWithCaptionMessage: &waE2E.FutureProofMessage{Message: document}}
	}
	video := &waE2E.VideoMessage{URL: url, DirectPath: &f.Path, MediaKey: f.Key, FileSHA256: f.SHA256, FileEncSHA256: f.EncSHA256,
		FileLength: &f.Size, Mimetype: mime, Caption: optional(m.Caption), Width: optional(m.Width), Height: optional(m.Height), Seconds: optional(m.Seconds),
		JPEGThumbnail: m.Thumbnail, GifPlayback: proto.Bool(m.Kind == MediaGIF)}
	if m.Kind == MediaVideoNote {
		return &waE2E.Message{PtvMessage: video}
	}
	return &waE2E.Message{VideoMessage: video}
}

func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// described are the messages with files.
type described interface {
	GetDirectPath() string
	GetMediaKey() []byte
	GetFileSHA256() []byte
	GetFileEncSHA256() []byte
	GetFileLength() uint64
	GetMimetype() string
}

// fileOf finds what a message says about its file.
func fileOf(m *waE2E.Message) (described, attachment.Kind) {
	m = unwrap(m)
	switch {
	case m.ImageMessage != nil:
		return m.ImageMessage, attachment.Image
	case m.StickerMessage != nil:
		return m.StickerMessage, attachment.Image
	case m.VideoMessage != nil:
		return m.VideoMessage, attachment.Video
	case m.PtvMessage != nil:
		return m.PtvMessage, attachment.Video
	case m.AudioMessage != nil:
		return m.AudioMessage, attachment.Audio
	case m.DocumentMessage != nil:
		return m.DocumentMessage, attachment.Document
	}
	return nil, ""
}

// FileOf finds the MIME type, the hash and the size of a message's file; false if it has none.
func FileOf(m *waE2E.Message) (mime string, sum []byte, size uint64, ok bool) {
	said, _ := fileOf(m)
	if said == nil {
		return "", nil, 0, false
	}
	return said.GetMimetype(), said.GetFileSHA256(), said.GetFileLength(), true
}

// fetch downloads and opens the file of a message that the phone received, and objects if that cannot be done.
func (p *Phone) fetch(e envelope, body *waE2E.Message) {
	said, kind := fileOf(body)
	if said == nil {
		return
	}
	f := attachment.File{Kind: kind, Path: said.GetDirectPath(), Key: said.GetMediaKey(), SHA256: said.GetFileSHA256(),
		EncSHA256: said.GetFileEncSHA256(), Size: said.GetFileLength()}
	sealed, err := p.network.GetFile(f.Path)
	if err == nil {
		_, err = f.Open(sealed)
	}
	if err == nil && said.GetMimetype() == "" {
		err = fmt.Errorf("%w: it has no MIME type", attachment.ErrBroken)
	}
	if err != nil {
		p.network.Violate(e.sender, "message", e.id+": its file: "+err.Error())
		return
	}
	p.keep(f)
}

// File is the content of a file that the phone has sent or received, by the SHA-256 of the content in hexadecimal digits.
func (p *Phone) File(sum string) ([]byte, error) {
	p.mu.Lock()
	f, ok := p.state.files[sum]
	p.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%w file %s", account.ErrUnknown, sum)
	}
	sealed, err := p.network.GetFile(f.Path)
	if err != nil {
		return nil, err
	}
	return f.Open(sealed)
}

// SendMedia sends a file to a chat.
func (p *Phone) SendMedia(ctx context.Context, chat string, m Media) (Sent, error) {
	return p.Send(ctx, Outgoing{Chat: chat, Media: &m})
}

// Sum is the SHA-256 of a file as File takes it.
func Sum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
