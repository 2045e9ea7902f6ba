package portal

import (
	"context"
	"errors"
	"slices"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
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

// ReadOnWhatsApp decides about messages that somebody has read: their ghost shows it, on the last of them that a room has.
func (p *Portals) ReadOnWhatsApp(ctx context.Context, in inbox.ReadOnWhatsApp) error {
	if !p.cfg.ReadReceipts {
		return nil
	}
	portal, err := p.db.PortalByID(ctx, in.Portal)
	if err != nil || portal.RoomID == "" {
		return unlessGone(err)
	}
	last, err := p.lastOf(ctx, portal, in.Messages)
	if err != nil {
		return unlessGone(err)
	}
	reader, err := p.people.Ensure(ctx, in.Reader, in.Reader, "")
	if err != nil {
		return err
	}
	read := outbox.MarkRead{Room: portal.RoomID, Event: last.Event, As: reader.UserID}
	if last.Event == "" {
		read.Message = &last.MessageKey
	}
	return p.out.MarkRead(ctx, read)
}

// lastOf finds the newest of some messages, the end of it if it has parts; ErrNotFound when none of them is in the room.
func (p *Portals) lastOf(ctx context.Context, portal database.Portal, messages []types.MessageID) (database.Message, error) {
	var last database.Message
	for _, message := range messages {
		if !isPlain(message) {
			continue
		}
		rows, err := p.db.MessagesByID(ctx, portal.ID, message)
		if err != nil {
			return last, err
		}
		for _, row := range rows {
			if row.Kind == database.KindMessage && !row.Removed && !row.Sent.Before(last.Sent) {
				last = row
			}
		}
	}
	if last.ID == "" {
		return last, database.ErrNotFound
	}
	live, _, err := p.parts(ctx, last)
	if err != nil {
		return last, err
	}
	return live[len(live)-1], nil
}

// ReadOnMatrix decides about what a user has read in a room: WhatsApp is told of each message before that one, once, sorted
// by who wrote it (whatsmeow, MarkRead). A private receipt tells the user's own devices only.
func (p *Portals) ReadOnMatrix(ctx context.Context, in inbox.ReadOnMatrix) error {
	if !p.cfg.ReadReceipts || !p.permit.MayLogIn(in.User) {
		return nil
	}
	portal, err := p.db.PortalByID(ctx, in.Portal)
	if err != nil {
		return unlessGone(err)
	}
	logins, err := p.accounts(ctx, portal, in.User)
	if err != nil {
		return err
	}
	var upTo *database.MessageKey
	row, err := p.db.MessageByEvent(ctx, in.Event)
	switch {
	case err == nil && row.Portal == portal.ID:
		upTo = &row.MessageKey
	case err != nil && !errors.Is(err, database.ErrNotFound):
		return err
	}
	for _, login := range logins {
		reading := database.Reading{Portal: portal.ID, Login: login.ID, Reader: login.Puppet, UpTo: upTo, At: in.At}
		if err := p.sendReceipts(ctx, portal, reading, in); err != nil {
			return err
		}
	}
	return nil
}

// receiptSize is how many messages one receipt names.
const receiptSize = 100

func (p *Portals) sendReceipts(ctx context.Context, portal database.Portal, reading database.Reading, in inbox.ReadOnMatrix) error {
	unread, err := p.db.ReadUpTo(ctx, reading)
	if err != nil {
		return err
	}
	messages := make(map[database.PuppetID][]types.MessageID)
	var senders []database.PuppetID // in the order in which they spoke first
	for _, m := range unread {
		if messages[m.Sender] == nil {
			senders = append(senders, m.Sender)
		}
		messages[m.Sender] = append(messages[m.Sender], m.ID)
	}
	for _, sender := range senders {
		author, err := p.db.PuppetByID(ctx, sender)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(messages[sender], receiptSize) {
			err := p.out.SendReceipt(ctx, some[len(some)-1], outbox.SendReceipt{
				Login: reading.Login, Portal: portal.ID, Chat: portal.Chat, Sender: nameIn(portal, author),
				Messages: some, At: in.At, Private: in.Private,
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// unlessGone passes an error on, unless it says that what it is about is not there any more.
func unlessGone(err error) error {
	if errors.Is(err, database.ErrNotFound) {
		return nil
	}
	return err
}
