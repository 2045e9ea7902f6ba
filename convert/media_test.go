package convert

import (
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func TestFileFromWhatsApp(t *testing.T) {
	t.Parallel()
	key, path := make([]byte, 32), proto.String("/v/x?y")
	image := &waE2E.ImageMessage{DirectPath: path, MediaKey: key, FileSHA256: key, FileEncSHA256: key, FileLength: proto.Uint64(7), Mimetype: proto.String("image/jpeg"), JPEGThumbnail: []byte("small")}
	f, ok := FileFromWhatsApp(&waE2E.Message{EphemeralMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{ImageMessage: image}}})
	if !ok || f.Class != "image" || f.Kind != "image" || f.Path != "/v/x?y" || f.Size != 7 || f.Name != "image.jpg" || string(f.Thumbnail) != "small" {
		t.Errorf("got %+v", f)
	}
	for name, spoil := range map[string]func(m *waE2E.ImageMessage){
		"path":      func(m *waE2E.ImageMessage) { m.DirectPath = proto.String("https://evil.example") },
		"key":       func(m *waE2E.ImageMessage) { m.MediaKey = nil },
		"hash":      func(m *waE2E.ImageMessage) { m.FileSHA256 = key[:31] },
		"enc. hash": func(m *waE2E.ImageMessage) { m.FileEncSHA256 = nil },
	} {
		bad, _ := proto.Clone(image).(*waE2E.ImageMessage)
		spoil(bad)
		if _, ok := FileFromWhatsApp(&waE2E.Message{ImageMessage: bad}); ok {
			t.Errorf("without its %s a file cannot be had", name)
		}
	}
	image.JPEGThumbnail = make([]byte, maxThumbnail+1)
	if f, _ = FileFromWhatsApp(&waE2E.Message{ImageMessage: image}); f.Thumbnail != nil {
		t.Error("a thumbnail of any size is taken")
	}
	if _, ok := FileFromWhatsApp(&waE2E.Message{Conversation: proto.String("x")}); ok {
		t.Error("a text has a file")
	}
}

func TestFileFromMatrix(t *testing.T) {
	t.Parallel()
	content := &event.MessageEventContent{MsgType: event.MsgImage, Body: "see", FileName: "/tmp/a.jpg", URL: "mxc://x/y",
		Info: &event.FileInfo{MimeType: "image/jpeg", ThumbnailURL: "mxc://x/z"}}
	want := FileOnMatrix{URL: "mxc://x/y", MIME: "image/jpeg", Thumbnail: id.ContentURIString("mxc://x/z"), Name: "a.jpg"}
	if f, ok := FileFromMatrix(content); !ok || f != want {
		t.Errorf("got %+v", f)
	}
	content.MsgType = event.MsgText
	if _, ok := FileFromMatrix(content); ok {
		t.Error("a text has a file")
	}
}

func TestStickerToWhatsApp(t *testing.T) {
	t.Parallel()
	msg, err := StickerToWhatsApp(&event.MessageEventContent{Body: "cat", URL: "mxc://x/y", Info: &event.FileInfo{Width: 5}})
	if err != nil || msg.GetStickerMessage().GetWidth() != 5 {
		t.Errorf("got %v, %v", msg, err)
	}
	if _, err := StickerToWhatsApp(&event.MessageEventContent{Body: "cat"}); err == nil {
		t.Error("a sticker without a picture")
	}
}

func TestReplyWithFile(t *testing.T) {
	t.Parallel()
	for name, msg := range map[string]*waE2E.Message{
		"image":    {ImageMessage: &waE2E.ImageMessage{}},
		"video":    {VideoMessage: &waE2E.VideoMessage{}},
		"audio":    {AudioMessage: &waE2E.AudioMessage{}},
		"sticker":  {StickerMessage: &waE2E.StickerMessage{}},
		"document": {DocumentWithCaptionMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{Caption: proto.String("x")}}}},
	} {
		reply := ReplyToWhatsApp(msg, Reply{ID: "1", Participant: types.NewJID("49", types.DefaultUserServer), Quote: "q"})
		if about, ok := ReplyFromWhatsApp(reply); !ok || about.ID != "1" || about.Quote != "q" {
			t.Errorf("%s: got %+v", name, about)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for want, msg := range map[string]*waE2E.Message{
		"text":          {Conversation: proto.String("text")},
		"caption":       {ImageMessage: &waE2E.ImageMessage{Caption: proto.String("caption")}},
		"a.pdf":         {DocumentMessage: &waE2E.DocumentMessage{FileName: proto.String("a.pdf")}},
		"Voice message": {AudioMessage: &waE2E.AudioMessage{PTT: proto.Bool(true)}},
		"Sticker":       {StickerMessage: &waE2E.StickerMessage{}},
		"":              {},
	} {
		if got := Words(msg); got != want {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 200)
	for name, want := range map[string]string{
		"a.pdf": "a.pdf", `C:\x\a.pdf`: "a.pdf", "../../etc/passwd": "passwd", "..": "", "x/": "", "a\x00\u202eb": "ab", " ": "",
	} {
		if got := fileName(name); got != want {
			t.Errorf("%q: got %q", name, got)
		}
	}
	if got := fileName(long + ".pdf"); len(got) > maxName || !strings.HasSuffix(got, "é.pdf") {
		t.Errorf("got %q", got)
	}
}

// A sticker that comes late takes the place of a notice, which is no sticker.
func TestStickerInPlaceOfANotice(t *testing.T) {
	t.Parallel()
	edit := EditToMatrix(&event.MessageEventContent{Body: "Sticker", Info: &event.FileInfo{}})
	if edit.MsgType != event.MsgImage || edit.NewContent.MsgType != event.MsgImage {
		t.Errorf("got %+v", edit)
	}
}

// A long caption does not fit into the event of its file.
func TestSplitCaption(t *testing.T) {
	t.Parallel()
	content := &event.MessageEventContent{MsgType: event.MsgImage, Body: strings.Repeat("a", maxBody+1), FileName: "x", Info: &event.FileInfo{Size: 1}}
	parts := Split(content)
	if len(parts) != 2 || parts[0].MsgType != event.MsgImage || parts[1].MsgType != event.MsgText || parts[1].Info != nil || parts[1].FileName != "" {
		t.Errorf("got %+v", parts)
	}
}

func FuzzMediaToMatrix(f *testing.F) {
	f.Add("image/jpeg", "a.jpg", []byte{1, 2, 3}, uint32(5))
	f.Add("\xff", "\x00../\u202e", []byte{}, uint32(1<<31))
	f.Fuzz(func(t *testing.T, mime, name string, waveform []byte, number uint32) {
		key, path := make([]byte, 32), proto.String("/")
		for _, msg := range []*waE2E.Message{
			{DocumentMessage: &waE2E.DocumentMessage{DirectPath: path, MediaKey: key, FileSHA256: key, FileEncSHA256: key, Mimetype: &mime, FileName: &name, Caption: &name}},
			{AudioMessage: &waE2E.AudioMessage{DirectPath: path, MediaKey: key, FileSHA256: key, FileEncSHA256: key, Mimetype: &mime, PTT: proto.Bool(true), Waveform: waveform, Seconds: &number}},
		} {
			content := ToMatrix(msg)
			if content == nil || content.Body == "" || content.FileName == "" || strings.ContainsAny(content.FileName, "/\\\x00") {
				t.Fatalf("got %+v", content)
			}
			content.URL = "mxc://x/y"
			if _, err := ToWhatsApp(content); err != nil {
				t.Fatal(err)
			}
		}
	})
}
