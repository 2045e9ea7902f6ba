package convert

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"mime"
	"strings"
	"unicode"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// FileOnWhatsApp is what a WhatsApp message says about its file.
type FileOnWhatsApp struct {
	// Class decides what its keys are derived for: image, video, audio or document.
	Class string
	// Path is where it is, Key how it is encrypted.
	Path                   string
	Key, SHA256, EncSHA256 []byte
	// Size in bytes, MIME and Thumbnail (a small JPEG, of stickers PNG) are what its sender says of it.
	Size      uint64
	MIME      string
	Thumbnail []byte
	Name      string // as which it is shown
	Kind      string // for people: "image", "voice message"
	// Data is the file itself, where it came with the message.
	Data    []byte
	Sticker bool
}

// FileOnMatrix is what a Matrix event says about its file.
type FileOnMatrix struct {
	URL       id.ContentURIString
	MIME      string
	Thumbnail id.ContentURIString
	Name      string
}

// maxThumbnail is the size in bytes above which what came as a thumbnail is none.
const maxThumbnail = 64 << 10

// fields are what all messages with files say about them.
type fields interface {
	GetDirectPath() string
	GetMediaKey() []byte
	GetFileSHA256() []byte
	GetFileEncSHA256() []byte
	GetFileLength() uint64
	GetMimetype() string
}

// FileFromWhatsApp reads what a message says about its file. It reports false when there is none, or not enough is said to
// get it.
func FileFromWhatsApp(msg *waE2E.Message) (FileOnWhatsApp, bool) {
	msg = unwrap(msg)
	if len(cardsOf(msg)) > 0 {
		return cardFile(msg)
	}
	if place, ok := PlaceFromWhatsApp(msg); ok {
		return thumbnailOfPlace(place)
	}
	if o, ok := offerOf(msg); ok && o.head != nil {
		return mediaFile(o.head)
	}
	return mediaFile(msg)
}

// mediaFile reads what a message says about a picture, a video and the like.
func mediaFile(msg *waE2E.Message) (FileOnWhatsApp, bool) {
	msg = unwrap(msg)
	f := FileOnWhatsApp{}
	var said fields
	switch {
	case msg.ImageMessage != nil:
		said, f.Class, f.Kind, f.Thumbnail = msg.ImageMessage, "image", "image", msg.ImageMessage.GetJPEGThumbnail()
	case msg.VideoMessage != nil:
		said, f.Class, f.Kind, f.Thumbnail = msg.VideoMessage, "video", "video", msg.VideoMessage.GetJPEGThumbnail()
	case msg.PtvMessage != nil:
		said, f.Class, f.Kind, f.Thumbnail = msg.PtvMessage, "video", "video message", msg.PtvMessage.GetJPEGThumbnail()
	case msg.AudioMessage != nil:
		said, f.Class, f.Kind = msg.AudioMessage, "audio", "audio"
		if msg.AudioMessage.GetPTT() {
			f.Kind = "voice message"
		}
	case msg.DocumentMessage != nil:
		said, f.Class, f.Kind, f.Thumbnail = msg.DocumentMessage, "document", "document", msg.DocumentMessage.GetJPEGThumbnail()
		f.Name = fileName(cmp.Or(msg.DocumentMessage.GetFileName(), msg.DocumentMessage.GetTitle()))
	case msg.StickerMessage != nil:
		said, f.Class, f.Kind, f.Sticker, f.Thumbnail = msg.StickerMessage, "image", "sticker", true, msg.StickerMessage.GetPngThumbnail()
	default:
		return f, false
	}
	f.Path, f.Key, f.SHA256, f.EncSHA256 = said.GetDirectPath(), said.GetMediaKey(), said.GetFileSHA256(), said.GetFileEncSHA256()
	f.Size, f.MIME = said.GetFileLength(), clean(said.GetMimetype())
	if msg.StickerMessage != nil && isLottie(msg.StickerMessage) {
		f.MIME, f.Name = LottieArchive, "sticker.json"
	}
	if len(f.Thumbnail) > maxThumbnail {
		f.Thumbnail = nil
	}
	if f.Name == "" {
		f.Name = f.Kind + extension(f.MIME)
	}
	const keySize = 32
	return f, strings.HasPrefix(f.Path, "/") && len(f.Key) == keySize && len(f.SHA256) == sha256.Size && len(f.EncSHA256) == sha256.Size
}

// LottieArchive is the MIME type of stickers that are animations in Lottie's format, packed.
const LottieArchive = "application/was"

// isLottie reports whether a sticker is an animation that few Matrix clients draw.
func isLottie(sticker *waE2E.StickerMessage) bool {
	return sticker.GetIsLottie() || plainMIME(sticker.GetMimetype()) == LottieArchive
}

// mediaToMatrix shows a message with a file, whose address is still to be filled in. A caption makes the name of the file a
// field of its own (MSC2530).
func mediaToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	f, ok := mediaFile(msg)
	if !ok {
		return nil
	}
	msg = unwrap(msg)
	content := &event.MessageEventContent{
		Body: cmp.Or(captionOf(msg), f.Name), FileName: f.Name, Mentions: &event.Mentions{},
		Info: &event.FileInfo{MimeType: plainMIME(f.MIME), Size: int(min(f.Size, 1<<40))},
	}
	switch {
	case msg.ImageMessage != nil:
		content.MsgType = event.MsgImage
		content.Info.Width, content.Info.Height = int(msg.ImageMessage.GetWidth()), int(msg.ImageMessage.GetHeight())
	case msg.VideoMessage != nil, msg.PtvMessage != nil:
		videoToMatrix(cmp.Or(msg.VideoMessage, msg.PtvMessage), content)
		if msg.VideoMessage == nil {
			content.Info.Extra = map[string]any{VideoNoteField: true}
		}
	case msg.AudioMessage != nil:
		audioToMatrix(msg.AudioMessage, content)
	case msg.DocumentMessage != nil:
		content.MsgType = event.MsgFile
	case msg.StickerMessage != nil:
		stickerToMatrix(msg.StickerMessage, content)
	}
	return content
}

func videoToMatrix(video *waE2E.VideoMessage, content *event.MessageEventContent) {
	content.MsgType = event.MsgVideo
	content.Info.Width, content.Info.Height = int(video.GetWidth()), int(video.GetHeight())
	content.Info.Duration = int(video.GetSeconds()) * 1000
	if video.GetGifPlayback() {
		// How clients that know it play a video like a GIF.
		content.Info.MauGIF = true
		content.Info.Extra = map[string]any{"fi.mau.loop": true, "fi.mau.autoplay": true, "fi.mau.hide_controls": true, "fi.mau.no_audio": true}
	}
}

// VideoNoteField in the info of a video says that it is one to be shown round. Clients that do not know it show a video.
const VideoNoteField = "chat.causeway.video_note"

// StickerField in the info of a sticker holds what WhatsApp says of it: the emojis that it stands for, and its pack.
const StickerField = "chat.causeway.sticker"

// maxStickerWords bounds what a sticker says of itself, in bytes.
const maxStickerWords = 200

func stickerToMatrix(sticker *waE2E.StickerMessage, content *event.MessageEventContent) {
	emojis := short(clean(sticker.GetEmojis()))
	content.FileName = ""
	content.Body = cmp.Or(short(clean(sticker.GetAccessibilityLabel())), emojis, "Sticker")
	content.Info.Width, content.Info.Height = int(sticker.GetWidth()), int(sticker.GetHeight())
	content.Info.IsAnimated = sticker.GetIsAnimated() || isLottie(sticker)
	if emojis != "" {
		content.Info.Extra = map[string]any{StickerField: map[string]any{"emojis": emojis}}
	}
}

func short(words string) string {
	if len(words) <= maxStickerWords {
		return words
	}
	return strings.ToValidUTF8(words[:maxStickerWords], "")
}

func audioToMatrix(audio *waE2E.AudioMessage, content *event.MessageEventContent) {
	content.MsgType = event.MsgAudio
	content.Info.Duration = int(audio.GetSeconds()) * 1000
	if !audio.GetPTT() {
		return
	}
	content.MSC3245Voice = &event.MSC3245Voice{}
	content.MSC1767Audio = &event.MSC1767Audio{Duration: content.Info.Duration}
	for _, loudness := range audio.GetWaveform()[:min(len(audio.GetWaveform()), maxWaveform)] {
		content.MSC1767Audio.Waveform = append(content.MSC1767Audio.Waveform, scale(int(loudness), loudest, loudestMatrix))
	}
}

// How loud a waveform can be on either side (MSC3246; WhatsApp's programs send 64 values up to 100).
const (
	loudest, loudestMatrix = 100, 1024
	waveformSize           = 64
	maxWaveform            = 256
)

func scale(v, from, to int) int { return (min(max(v, 0), from)*to + from/2) / from }

// mediaToWhatsApp makes the message that shows a file. What must be known of the file is still to be filled in.
func mediaToWhatsApp(content *event.MessageEventContent, accounts Accounts) (*waE2E.Message, error) {
	said, err := captionFromMatrix(content, accounts)
	if err != nil {
		return nil, err
	}
	var caption *string
	if said.text != "" {
		caption = proto.String(said.text)
	}
	msg, err := fileToWhatsApp(content, caption)
	if err == nil && said.about != nil {
		setMediaContext(unwrap(msg), said.about)
	}
	return msg, err
}

func fileToWhatsApp(content *event.MessageEventContent, caption *string) (*waE2E.Message, error) {
	if content.File != nil {
		return nil, Unsupported{"an encrypted file"}
	}
	if content.URL == "" {
		return nil, Unsupported{"a message without its file"}
	}
	info := content.GetInfo()
	width, height, seconds := positive(info.Width), positive(info.Height), positive((info.Duration+500)/1000)
	switch content.MsgType {
	case event.MsgImage:
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{Caption: caption, Width: width, Height: height}}, nil
	case event.MsgVideo:
		video := &waE2E.VideoMessage{Caption: caption, Width: width, Height: height, Seconds: seconds}
		if info.MauGIF {
			video.GifPlayback = proto.Bool(true)
		}
		if note, _ := info.Extra[VideoNoteField].(bool); note && caption == nil {
			return &waE2E.Message{PtvMessage: video}, nil // which have no captions
		}
		return &waE2E.Message{VideoMessage: video}, nil
	case event.MsgAudio:
		if caption != nil {
			break // the sound and what is said of it stay one message: a document
		}
		return &waE2E.Message{AudioMessage: audioToWhatsApp(content, seconds)}, nil
	case "":
		return &waE2E.Message{StickerMessage: &waE2E.StickerMessage{Width: width, Height: height}}, nil
	}
	name := nameFromMatrix(content)
	document := &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{FileName: proto.String(name), Title: proto.String(name), Caption: caption}}
	if caption == nil {
		return document, nil
	}
	return &waE2E.Message{DocumentWithCaptionMessage: &waE2E.FutureProofMessage{Message: document}}, nil
}

func audioToWhatsApp(content *event.MessageEventContent, seconds *uint32) *waE2E.AudioMessage {
	audio := &waE2E.AudioMessage{Seconds: seconds}
	if content.MSC3245Voice == nil {
		return audio
	}
	audio.PTT = proto.Bool(true)
	if content.MSC1767Audio == nil {
		return audio
	}
	if seconds == nil {
		audio.Seconds = positive((content.MSC1767Audio.Duration + 500) / 1000)
	}
	if wave := content.MSC1767Audio.Waveform; len(wave) > 0 {
		count := min(len(wave), waveformSize)
		for i := range count {
			audio.Waveform = append(audio.Waveform, byte(scale(wave[i*len(wave)/count], loudestMatrix, loudest)))
		}
	}
	return audio
}

func positive(n int) *uint32 {
	const most = 1 << 30
	if n <= 0 || n > most {
		return nil
	}
	return proto.Uint32(uint32(n))
}

// FileFromMatrix reads what an event says about its file, if it has one that can be sent.
func FileFromMatrix(content *event.MessageEventContent) (FileOnMatrix, bool) {
	switch content.MsgType {
	case event.MsgImage, event.MsgVideo, event.MsgAudio, event.MsgFile, "":
		info := content.GetInfo()
		f := FileOnMatrix{URL: content.URL, MIME: info.MimeType, Thumbnail: info.ThumbnailURL, Name: nameFromMatrix(content)}
		return f, content.URL != ""
	}
	return FileOnMatrix{}, false
}

// captionFromMatrix is the caption of a file: the body, where the name of the file is another field (MSC2530). Audio has
// none on WhatsApp: see mediaToWhatsApp.
func captionFromMatrix(content *event.MessageEventContent, accounts Accounts) (speech, error) {
	if content.FileName == "" || content.FileName == content.Body || content.MsgType == "" {
		return speech{}, nil
	}
	said, err := speechOf(content, accounts)
	if errors.Is(err, ErrEmpty) {
		return speech{}, nil
	}
	return said, err
}

func nameFromMatrix(content *event.MessageEventContent) string {
	return cmp.Or(fileName(cmp.Or(content.FileName, content.Body)), "file"+extension(content.GetInfo().MimeType))
}

// wordsOf is the text of a message that is nothing but text.
func wordsOf(msg *waE2E.Message) string {
	return cmp.Or(msg.GetConversation(), msg.GetExtendedTextMessage().GetText())
}

// Words is what a message to WhatsApp says, as it is quoted: its text, its caption, or the name of its file.
func Words(msg *waE2E.Message) string {
	msg = unwrap(msg)
	return cmp.Or(wordsOf(msg), captionOf(msg), msg.GetDocumentMessage().GetFileName(), mediaWord(msg))
}

// mediaWord says what a file is, where there are no words.
func mediaWord(msg *waE2E.Message) string {
	switch {
	case msg.ImageMessage != nil:
		return "Image"
	case msg.VideoMessage != nil, msg.PtvMessage != nil:
		return "Video"
	case msg.AudioMessage.GetPTT():
		return "Voice message"
	case msg.AudioMessage != nil:
		return "Audio"
	case msg.DocumentMessage != nil:
		return "Document"
	case msg.StickerMessage != nil:
		return "Sticker"
	case msg.LocationMessage != nil:
		return cmp.Or(msg.LocationMessage.GetName(), "Location")
	}
	return ""
}

// setMediaContext says in a message with a file what it is about; it reports false when the message has none.
func setMediaContext(msg *waE2E.Message, about *waE2E.ContextInfo) bool {
	switch {
	case msg.ImageMessage != nil:
		msg.ImageMessage.ContextInfo = about
	case msg.VideoMessage != nil, msg.PtvMessage != nil:
		cmp.Or(msg.VideoMessage, msg.PtvMessage).ContextInfo = about
	case msg.AudioMessage != nil:
		msg.AudioMessage.ContextInfo = about
	case msg.DocumentMessage != nil:
		msg.DocumentMessage.ContextInfo = about
	case msg.StickerMessage != nil:
		msg.StickerMessage.ContextInfo = about
	default:
		return false
	}
	return true
}

// maxName is how long the name of a file may be, in bytes.
const maxName = 200

// fileName makes a name safe to be shown and to be saved under: without directories, without what cannot be seen.
func fileName(name string) string {
	name = clean(name)
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name)
	if len(name) > maxName {
		dot := strings.LastIndexByte(name, '.')
		ending := ""
		if dot > 0 && len(name)-dot <= 10 {
			ending = name[dot:]
		}
		name = strings.ToValidUTF8(name[:maxName-len(ending)], "") + ending
	}
	if name == "." || name == ".." {
		return ""
	}
	return strings.TrimSpace(name)
}

func plainMIME(declared string) string {
	parsed, _, err := mime.ParseMediaType(declared)
	if err != nil {
		return ""
	}
	return parsed
}

// extension is what the name of a file of some type ends with.
func extension(declared string) string {
	switch plainMIME(declared) {
	case "image/jpeg":
		return ".jpg"
	case "audio/mpeg":
		return ".mp3"
	case "audio/mp4":
		return ".m4a"
	case "image/png", "image/webp", "image/gif", "video/mp4", "video/webm", "audio/ogg", "audio/aac", "audio/amr", "application/pdf":
		_, kind, _ := strings.Cut(plainMIME(declared), "/")
		return "." + kind
	case "video/3gpp":
		return ".3gp"
	}
	return ""
}
