package whatsapp

import (
	"cmp"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"causeway/media"
)

// partOf finds the message that shows a file within its envelopes.
func partOf(message *waE2E.Message) *waE2E.Message {
	for range 5 {
		var inner *waE2E.Message
		for _, envelope := range []*waE2E.FutureProofMessage{message.GetDocumentWithCaptionMessage(), message.GetEphemeralMessage(), message.GetEditedMessage()} {
			if envelope.GetMessage() != nil {
				inner = envelope.GetMessage()
			}
		}
		if edited := message.GetProtocolMessage().GetEditedMessage(); edited != nil {
			inner = edited
		}
		if inner == nil {
			break
		}
		message = inner
	}
	return message
}

// filmOf is the film that a message shows, be it round or not; nil without one.
func filmOf(part *waE2E.Message) *waE2E.VideoMessage {
	return cmp.Or(part.VideoMessage, part.PtvMessage)
}

// classOf says what the keys of a message's file are derived for.
func classOf(part *waE2E.Message) whatsmeow.MediaType {
	switch {
	case part.ImageMessage != nil, part.StickerMessage != nil:
		return whatsmeow.MediaImage
	case filmOf(part) != nil:
		return whatsmeow.MediaVideo
	case part.AudioMessage != nil:
		return whatsmeow.MediaAudio
	}
	return whatsmeow.MediaDocument
}

// asDocument makes a message show its file as a document.
func asDocument(part *waE2E.Message, name string) {
	document := &waE2E.DocumentMessage{FileName: proto.String(name), Title: proto.String(name)}
	switch {
	case part.ImageMessage != nil:
		document.Caption, document.ContextInfo = part.ImageMessage.Caption, part.ImageMessage.ContextInfo
	case filmOf(part) != nil:
		document.Caption, document.ContextInfo = filmOf(part).Caption, filmOf(part).ContextInfo
	case part.StickerMessage != nil:
		document.ContextInfo = part.StickerMessage.ContextInfo
	case part.AudioMessage != nil:
		document.ContextInfo = part.AudioMessage.ContextInfo
	}
	part.ImageMessage, part.VideoMessage, part.PtvMessage, part.AudioMessage, part.StickerMessage = nil, nil, nil, nil, nil
	if document.GetCaption() == "" {
		part.DocumentMessage = document
		return
	}
	part.DocumentWithCaptionMessage = &waE2E.FutureProofMessage{Message: &waE2E.Message{DocumentMessage: document}}
}

// fill writes into a message what WhatsApp must know of its file.
func fill(part *waE2E.Message, up whatsmeow.UploadResponse, look media.Look, thumbnail []byte) {
	mime := proto.String(look.MIME)
	switch {
	case part.ImageMessage != nil:
		m := part.ImageMessage
		m.URL, m.DirectPath, m.MediaKey, m.Mimetype = &up.URL, &up.DirectPath, up.MediaKey, mime
		m.FileSHA256, m.FileEncSHA256, m.FileLength = up.FileSHA256, up.FileEncSHA256, &up.FileLength
		m.JPEGThumbnail = thumbnail
	case part.StickerMessage != nil:
		m := part.StickerMessage
		m.URL, m.DirectPath, m.MediaKey, m.Mimetype = &up.URL, &up.DirectPath, up.MediaKey, mime
		m.FileSHA256, m.FileEncSHA256, m.FileLength = up.FileSHA256, up.FileEncSHA256, &up.FileLength
	case filmOf(part) != nil:
		m := filmOf(part)
		m.URL, m.DirectPath, m.MediaKey, m.Mimetype = &up.URL, &up.DirectPath, up.MediaKey, mime
		m.FileSHA256, m.FileEncSHA256, m.FileLength = up.FileSHA256, up.FileEncSHA256, &up.FileLength
		m.JPEGThumbnail = thumbnail
	case part.AudioMessage != nil:
		m := part.AudioMessage
		m.URL, m.DirectPath, m.MediaKey, m.Mimetype = &up.URL, &up.DirectPath, up.MediaKey, mime
		m.FileSHA256, m.FileEncSHA256, m.FileLength = up.FileSHA256, up.FileEncSHA256, &up.FileLength
	case part.DocumentMessage != nil:
		m := part.DocumentMessage
		m.URL, m.DirectPath, m.MediaKey, m.Mimetype = &up.URL, &up.DirectPath, up.MediaKey, mime
		m.FileSHA256, m.FileEncSHA256, m.FileLength = up.FileSHA256, up.FileEncSHA256, &up.FileLength
		m.JPEGThumbnail = thumbnail
	}
}
