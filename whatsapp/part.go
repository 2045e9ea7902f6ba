package whatsapp

import (
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

// classOf says what the keys of a message's file are derived for.
func classOf(part *waE2E.Message) whatsmeow.MediaType {
	switch {
	case part.ImageMessage != nil, part.StickerMessage != nil:
		return whatsmeow.MediaImage
	case part.VideoMessage != nil:
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
	case part.VideoMessage != nil:
		document.Caption, document.ContextInfo = part.VideoMessage.Caption, part.VideoMessage.ContextInfo
	case part.AudioMessage != nil:
		document.ContextInfo = part.AudioMessage.ContextInfo
	}
	part.ImageMessage, part.VideoMessage, part.AudioMessage = nil, nil, nil
	if document.GetCaption() == "" {
		part.DocumentMessage = document
		return
	}
	part.DocumentWithCaptionMessage = &waE2E.FutureProofMessage{Message: &waE2E.Message{DocumentMessage: document}}
}

// fill writes into a message what WhatsApp must know of its file.
func fill(part *waE2E.Message, up whatsmeow.UploadResponse, look media.Look, thumbnail []byte) {
	mime := proto.String(look.MIME)
	var width, height *uint32
	if look.Width > 0 {
		width, height = proto.Uint32(uint32(look.Width)), proto.Uint32(uint32(look.Height))
	}
	switch {
	case part.ImageMessage != nil:
		m := part.ImageMessage
		m.URL, m.DirectPath, m.MediaKey, m.Mimetype = &up.URL, &up.DirectPath, up.MediaKey, mime
		m.FileSHA256, m.FileEncSHA256, m.FileLength = up.FileSHA256, up.FileEncSHA256, &up.FileLength
		m.Width, m.Height, m.JPEGThumbnail = width, height, thumbnail
	case part.StickerMessage != nil:
		m := part.StickerMessage
		m.URL, m.DirectPath, m.MediaKey, m.Mimetype = &up.URL, &up.DirectPath, up.MediaKey, mime
		m.FileSHA256, m.FileEncSHA256, m.FileLength = up.FileSHA256, up.FileEncSHA256, &up.FileLength
		m.Width, m.Height = width, height
	case part.VideoMessage != nil:
		m := part.VideoMessage
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
