package portal

import (
	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/outbox"
)

// file is what must be brought to the room before what was said can be shown; nil when that has no file.
func (s said) file() *outbox.FileOnWhatsApp {
	f, ok := convert.FileFromWhatsApp(s.msg)
	if !ok || s.hidden {
		return nil
	}
	return &outbox.FileOnWhatsApp{
		Login: s.login.ID, Class: f.Class, Path: f.Path, Key: f.Key, SHA256: f.SHA256, EncSHA256: f.EncSHA256,
		Size: f.Size, MIME: f.MIME, Thumbnail: f.Thumbnail, Name: f.Name, Kind: f.Kind, Data: f.Data,
	}
}

// fileFromMatrix is the file that must be brought to WhatsApp before a message can be sent; nil when it has none.
func fileFromMatrix(content *event.MessageEventContent) *outbox.FileOnMatrix {
	f, ok := convert.FileFromMatrix(content)
	if !ok {
		return nil
	}
	return &outbox.FileOnMatrix{URL: f.URL, MIME: f.MIME, Thumbnail: f.Thumbnail, Name: f.Name}
}

// typeOf is the type of the event that shows a content: stickers have one of their own.
func typeOf(content *event.MessageEventContent) event.Type {
	if content.MsgType == "" {
		return event.EventSticker
	}
	return event.EventMessage
}
