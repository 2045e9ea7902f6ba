package matrix

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/skip2/go-qrcode"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
)

// qrSize is the width and height of a QR code in pixels, with its quiet zone.
const qrSize = 768

// sendNotice posts a message of the bot, or changes the one that was posted under the same name. What the homeserver
// refuses, because the bot is not in the room any more, becomes a dead letter; the lane goes on.
func (s *Sender) sendNotice(ctx context.Context, a outbox.SendNotice) (queue.Settle, error) {
	if !a.Expires.IsZero() && time.Now().After(a.Expires) {
		return nil, nil
	}
	if useless, err := s.isUseless(ctx, a.While, ""); err != nil || useless {
		return nil, err
	}
	first, err := s.namedEvent(ctx, a)
	if err != nil {
		return nil, err
	}
	content, err := s.noticeContent(ctx, a)
	if err != nil {
		return nil, err
	}
	switch {
	case first != "":
		content = edit(first, content)
	case a.ReplyTo != "":
		content["m.relates_to"] = map[string]any{"m.in_reply_to": map[string]any{"event_id": a.ReplyTo}}
	}
	sent, err := s.bot().SendMessageEvent(ctx, a.Room, event.EventMessage, content, mautrix.ReqSendEvent{TransactionID: txnID("notice/" + a.Txn)})
	if err != nil {
		return nil, fmt.Errorf("send a notice to %s: %w", a.Room, err)
	}
	if a.Name == "" {
		return nil, nil
	}
	return func(ctx context.Context) error {
		return s.db.PutBotEvent(ctx, database.BotEvent{Name: a.Name, Room: a.Room, Event: sent.EventID})
	}, nil
}

// namedEvent finds the event that a notice changes, if there is one in its room.
func (s *Sender) namedEvent(ctx context.Context, a outbox.SendNotice) (id.EventID, error) {
	if a.Name == "" {
		return "", nil
	}
	named, err := s.db.BotEventByName(ctx, a.Name)
	if errors.Is(err, database.ErrNotFound) || (err == nil && named.Room != a.Room) {
		return "", nil
	}
	return named.Event, err
}

func (s *Sender) noticeContent(ctx context.Context, a outbox.SendNotice) (map[string]any, error) {
	content := map[string]any{"msgtype": event.MsgNotice, "body": a.Text, "m.mentions": map[string]any{}}
	if a.HTML != "" {
		content["format"], content["formatted_body"] = event.FormatHTML, a.HTML
	}
	if a.QR == "" {
		return content, nil
	}
	picture, err := qrcode.Encode(a.QR, qrcode.Low, qrSize) // low correction: a screen has no scratches
	if err != nil {
		return nil, queue.Dead(fmt.Errorf("draw a QR code: %w", err))
	}
	uploaded, err := s.bot().UploadBytesWithName(ctx, picture, "image/png", "qr.png")
	if err != nil {
		return nil, fmt.Errorf("upload a QR code: %w", err)
	}
	// A caption is a body that differs from the file name (MSC2530).
	content["msgtype"], content["filename"], content["url"] = event.MsgImage, "qr.png", uploaded.ContentURI.CUString()
	content["info"] = map[string]any{"mimetype": "image/png", "size": len(picture), "w": qrSize, "h": qrSize}
	if a.Text == "" {
		content["body"] = "qr.png"
	}
	return content, nil
}

// edit makes content take the place of an event's (Client-Server API, "Event replacements").
func edit(original id.EventID, content map[string]any) map[string]any {
	changed := maps.Clone(content)
	changed["body"] = fmt.Sprintf("* %s", content["body"])
	if html, ok := content["formatted_body"]; ok {
		changed["formatted_body"] = fmt.Sprintf("* %s", html)
	}
	changed["m.new_content"] = content
	changed["m.relates_to"] = map[string]any{"rel_type": event.RelReplace, "event_id": original}
	return changed
}

// removeNotice redacts a notice that was sent with a name. One that is gone, or in a room that the bot has left, is
// forgotten.
func (s *Sender) removeNotice(ctx context.Context, a outbox.RemoveNotice) (queue.Settle, error) {
	named, err := s.db.BotEventByName(ctx, a.Name)
	if errors.Is(err, database.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	_, err = s.bot().RedactEvent(ctx, named.Room, named.Event, mautrix.ReqRedact{TxnID: txnID("redact/" + named.Event.String())})
	if err != nil && !refused(err) && !hasStatus(err, http.StatusBadRequest) {
		return nil, fmt.Errorf("remove a notice from %s: %w", named.Room, err)
	}
	return func(ctx context.Context) error { return s.db.RemoveBotEvent(ctx, a.Name) }, nil
}
