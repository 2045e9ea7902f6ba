package portal

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// Refused tells a Matrix user, in the room and as a reply, why their event had no effect on WhatsApp.
func (p *Portals) Refused(ctx context.Context, evt *event.Event, r *queue.Reject) error {
	return p.notice(ctx, evt.RoomID, evt.ID, r.Code, r.Text)
}

// SendFailed decides about a message that WhatsApp has refused for good.
func (p *Portals) SendFailed(ctx context.Context, in inbox.SendFailed) error {
	portal, err := p.db.PortalByID(ctx, in.Message.Portal)
	if errors.Is(err, database.ErrNotFound) {
		return queue.Dead(fmt.Errorf("tell about message %s: %w", in.Message.ID, err))
	} else if err != nil {
		return err
	}
	msg, err := p.db.MessageByKey(ctx, in.Message)
	if errors.Is(err, database.ErrNotFound) || err == nil && msg.Event == "" {
		return queue.Dead(fmt.Errorf("tell about message %s: no event shows it: %s", in.Message.ID, in.Code))
	} else if err != nil {
		return err
	}
	return p.notice(ctx, portal.RoomID, msg.Event, in.Code, in.Text)
}

func (p *Portals) notice(ctx context.Context, room id.RoomID, about id.EventID, code, text string) error {
	return p.out.SendNotice(ctx, outbox.SendNotice{
		Room: room, Txn: "status-" + code + "-" + about.String(), Text: text, ReplyTo: about,
	})
}
