package portal

import (
	"context"
	"errors"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
)

// Delivered decides about a message that has reached a device of the other person in a direct chat. It is shown for
// messages from Matrix only: those from the phone are shown by a ghost, which needs no mark.
func (p *Portals) Delivered(ctx context.Context, in inbox.Delivered) error {
	if !p.cfg.Feedback.Statuses {
		return nil
	}
	login, err := p.db.LoginByID(ctx, in.Login)
	if err != nil {
		return unlessGone(err)
	}
	portal, msg, err := p.sentFrom(ctx, database.MessageKey{Portal: in.Portal, ID: in.Message, Sender: login.Puppet})
	if err != nil {
		return unlessGone(err)
	}
	if !portal.IsDirect() || portal.Other == 0 || msg.ID != messageID(login.ID, msg.Event) {
		return nil
	}
	other, err := p.db.PuppetByID(ctx, portal.Other)
	if err != nil {
		return err
	}
	return p.status(ctx, portal.RoomID, msg.Event, verdict{
		occasion: occasionDelivered, status: event.MessageStatusSuccess, delivered: &[]id.UserID{other.UserID},
	})
}

// unlessGone passes an error on, unless it says that what it is about is not there any more.
func unlessGone(err error) error {
	if errors.Is(err, database.ErrNotFound) {
		return nil
	}
	return err
}
