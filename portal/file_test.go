package portal

import (
	"encoding/json"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"

	"causeway/dispatch/dispatchtest"
	"causeway/outbox"
)

func picture(caption string) *waE2E.Message {
	key := make([]byte, 32)
	return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{DirectPath: proto.String("/v/x?y"), MediaKey: key, FileSHA256: key, FileEncSHA256: key,
		FileLength: proto.Uint64(7), Mimetype: proto.String("image/jpeg"), Caption: proto.String(caption), JPEGThumbnail: []byte("small")}}
}

// contentOfEvent decodes what an action shows.
func contentOfEvent(t *testing.T, a outbox.SendEvent) (content event.MessageEventContent) {
	t.Helper()
	if err := json.Unmarshal(a.Content, &content); err != nil {
		t.Fatal(err)
	}
	return content
}

func TestPictureFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	a := shown(t, b.arrive(arrival(aliceLogin, "PIC", fromAnn(), picture("see"))))
	if a.File == nil || a.File.Login != aliceLogin || a.File.Class != "image" || a.File.Path != "/v/x?y" || a.File.Size != 7 ||
		a.File.Name != "image.jpg" || string(a.File.Thumbnail) != "small" || len(a.File.Key) != 32 {
		t.Errorf("the plan is %+v", a.File)
	}
	if content := contentOfEvent(t, a); a.Type != event.EventMessage.Type || content.MsgType != event.MsgImage || content.Body != "see" || content.URL != "" {
		t.Errorf("got %s %+v", a.Type, content)
	}
	b.arrive(arrival(aliceLogin, "PIC", fromAnn(), picture("see"))).Expect(t, "") // by another connection

	// A new caption comes with the picture.
	edit := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(),
		Key: &waCommon.MessageKey{ID: proto.String("PIC"), FromMe: proto.Bool(true)}, EditedMessage: picture("look")}}
	a = shown(t, b.arrive(arrival(aliceLogin, "EDIT", fromAnn(), edit)))
	if content := contentOfEvent(t, a); a.File == nil || content.NewContent == nil || content.NewContent.Body != "look" || content.NewContent.MsgType != event.MsgImage {
		t.Errorf("got %+v with %+v", content, a.File)
	}
	// One without the picture has only words.
	edit.ProtocolMessage.EditedMessage = &waE2E.Message{ImageMessage: &waE2E.ImageMessage{Caption: proto.String("again")}}
	in := arrival(aliceLogin, "EDIT2", fromAnn(), edit)
	in.Info.Timestamp = at().Add(time.Second)
	if a = shown(t, b.arrive(in)); a.File != nil || contentOfEvent(t, a).NewContent.MsgType == event.MsgImage {
		t.Errorf("an image without a file: %s", a.Content)
	}
}

func TestStickerFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	key := make([]byte, 32)
	a := shown(t, b.arrive(arrival(aliceLogin, "S", fromAnn(), &waE2E.Message{StickerMessage: &waE2E.StickerMessage{
		DirectPath: proto.String("/v/x?y"), MediaKey: key, FileSHA256: key, FileEncSHA256: key, Mimetype: proto.String("image/webp")}})))
	if a.Type != event.EventSticker.Type || a.File == nil || a.File.Kind != "sticker" {
		t.Errorf("got %s %+v", a.Type, a.File)
	}
}

func TestFilesFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	content := &event.MessageEventContent{MsgType: event.MsgImage, Body: "see", FileName: "a.jpg", URL: "mxc://x/y", Info: &event.FileInfo{MimeType: "image/jpeg", ThumbnailURL: "mxc://x/z"}}
	a := sent(t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, "$1", event.EventMessage, content)))
	want := outbox.FileOnMatrix{URL: "mxc://x/y", MIME: "image/jpeg", Thumbnail: "mxc://x/z", Name: "a.jpg"}
	if msg := decoded(t, a); a.File == nil || *a.File != want || msg.GetImageMessage().GetCaption() != "see" {
		t.Errorf("got %+v with %+v", msg, a.File)
	}
	if row, err := b.DB.MessageByEvent(t.Context(), "$1"); err != nil || row.Quote != "see" {
		t.Errorf("it is quoted as %q, %v", row.Quote, err)
	}
	a = sent(t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, "$2", event.EventSticker, &event.MessageEventContent{Body: "cat", URL: "mxc://x/y"})))
	if msg := decoded(t, a); a.File == nil || msg.StickerMessage == nil {
		t.Errorf("got %+v with %+v", msg, a.File)
	}
	if row, err := b.DB.MessageByEvent(t.Context(), "$2"); err != nil || row.Quote != "Sticker" {
		t.Errorf("it is quoted as %q, %v", row.Quote, err)
	}
	edit := &event.MessageEventContent{MsgType: event.MsgImage, Body: "* look", FileName: "a.jpg", URL: "mxc://x/y",
		RelatesTo:  &event.RelatesTo{Type: event.RelReplace, EventID: "$1"},
		NewContent: &event.MessageEventContent{MsgType: event.MsgImage, Body: "look", FileName: "a.jpg", URL: "mxc://x/y"}}
	a = sent(t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, "$3", event.EventMessage, edit)))
	if msg := decoded(t, a); a.File == nil || msg.GetEditedMessage().GetMessage().GetProtocolMessage().GetEditedMessage().GetImageMessage().GetCaption() != "look" {
		t.Errorf("got %+v with %+v", msg, a.File)
	}
}

func decoded(t *testing.T, a outbox.SendWhatsApp) *waE2E.Message {
	t.Helper()
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(a.Content, msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

// What could not be decrypted turns out to be a picture.
func TestPlaceholderBecomesAPicture(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	held := shown(t, b.unreadable(unread(aliceLogin, "LOST", fromAnn())))
	a := shown(t, b.arrive(arrival(aliceLogin, "LOST", fromAnn(), picture("see"))))
	if content := contentOfEvent(t, a); !replaces(t, a, held) || a.File == nil || content.NewContent.MsgType != event.MsgImage {
		t.Errorf("got %+v with %+v", content, a.File)
	}
}
