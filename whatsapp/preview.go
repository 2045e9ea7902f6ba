package whatsapp

import (
	"context"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/id"

	"causeway/outbox"
	"causeway/queue"
)

// previewTime is how long the preview of a page may take: the message waits for it.
const previewTime = 10 * time.Second

// illustrate fills in what a text shows of a page. That is written down at once: a repeat of the action is the same
// message. What cannot be had in time is left out.
func (s *Sender) illustrate(ctx context.Context, e queue.Entry, a outbox.SendWhatsApp, message *waE2E.Message) error {
	if a.Preview == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, previewTime)
	err := s.media.preview(limited, *a.Preview, message)
	cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		s.sessions.log.Debug().Err(err).Str("message", a.Message.ID).Msg("A message goes without its preview")
	}
	if a.Content, err = proto.Marshal(message); err != nil {
		return queue.Dead(fmt.Errorf("encode message %s: %w", a.Message.ID, err))
	}
	a.Preview, a.File = nil, nil
	return s.sessions.edge.out.Progress(ctx, e, a)
}

// preview asks for what is not known of a page, and draws its picture.
func (m Media) preview(ctx context.Context, p outbox.PreviewOnMatrix, message *waE2E.Message) error {
	if p.Address != "" {
		page, err := m.From.Page(ctx, p.Address)
		if err != nil {
			return err
		}
		if page.Title == "" && page.Description == "" {
			return nil
		}
		describe(message, p.Address, page.Title, page.Description)
		p.Picture = page.Picture
	}
	if p.Picture == "" || message.ExtendedTextMessage == nil {
		return nil
	}
	picture, err := m.small(ctx, p.Picture)
	message.ExtendedTextMessage.JPEGThumbnail = picture
	return err
}

// describe puts what is known of a page into a text.
func describe(message *waE2E.Message, address, title, description string) {
	text := message.ExtendedTextMessage
	if text == nil {
		text = &waE2E.ExtendedTextMessage{Text: message.Conversation}
		message.Conversation, message.ExtendedTextMessage = nil, text
	}
	text.MatchedText, text.Title, text.Description = proto.String(address), proto.String(title), proto.String(description)
	text.PreviewType = waE2E.ExtendedTextMessage_NONE.Enum()
}

// small draws a small picture of one on Matrix.
func (m Media) small(ctx context.Context, address id.ContentURIString) ([]byte, error) {
	ctx, transfer, err := m.Depot.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer transfer.End()
	file, err := transfer.Spare(maxSource)
	if err != nil {
		return nil, err
	}
	if err := m.From.Download(ctx, address, file); err != nil {
		return nil, err
	}
	look, err := file.Look("")
	if err != nil {
		return nil, err
	}
	return file.Thumbnail(look)
}
