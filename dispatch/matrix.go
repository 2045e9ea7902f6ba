package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/queue"
)

// parse reads an event. One that cannot be read never will be, so it becomes a dead letter.
func parse(in inbox.MatrixEvent) (*event.Event, error) {
	evt := &event.Event{}
	if err := json.Unmarshal(in.Event, evt); err != nil {
		return nil, queue.Dead(fmt.Errorf("read event: %w", err))
	}
	evt.Type.Class = event.MessageEventType
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	err := evt.Content.ParseRaw(evt.Type)
	if err != nil && !errors.Is(err, event.ErrUnsupportedContentType) {
		return nil, queue.Dead(fmt.Errorf("read content of %s: %w", evt.ID, err))
	}
	return evt, nil
}

// matrixEvent routes an event of a room.
func (d *Dispatcher) matrixEvent(ctx context.Context, in inbox.MatrixEvent) error {
	evt, err := parse(in)
	if err != nil {
		return err
	}
	switch evt.Type {
	case event.StateMember:
		return d.member(ctx, evt)
	case event.EventMessage, event.EventSticker:
		return d.message(ctx, evt)
	case event.EventEncrypted:
		return d.encrypted(ctx, evt)
	case event.EventReaction, event.EventRedaction:
		return nil // not bridged yet; a notice about each would be worse than silence
	}
	return nil // state and types that have no meaning on WhatsApp
}

// ours reports whether an event is the bridge's own doing.
func (d *Dispatcher) ours(user id.UserID) bool { return user == d.bot || d.deci.People.IsGhost(user) }

func (d *Dispatcher) member(ctx context.Context, evt *event.Event) error {
	if d.ours(evt.Sender) {
		return nil
	}
	who := id.UserID(evt.GetStateKey())
	switch member := evt.Content.AsMember(); member.Membership {
	case event.MembershipInvite:
		if who == d.bot {
			return d.deci.Users.BotInvited(ctx, evt)
		}
		if d.deci.People.IsGhost(who) {
			return d.deci.Rooms.GhostInvited(ctx, evt)
		}
	case event.MembershipLeave, event.MembershipBan:
		return d.deci.Users.Left(ctx, evt)
	}
	return nil
}

// message routes a message: a command, or something said in a chat.
func (d *Dispatcher) message(ctx context.Context, evt *event.Event) error {
	portal, err := d.isPortal(ctx, evt.RoomID)
	if err != nil {
		return err
	}
	if !d.ours(evt.Sender) && evt.Type == event.EventMessage {
		management, err := d.isManagement(ctx, evt)
		if err != nil {
			return err
		}
		if text, ok := d.deci.Commands.Text(evt.Content.AsMessage(), management && !portal); ok {
			return d.deci.Commands.Run(ctx, evt, text)
		}
	}
	if !portal {
		return nil
	}
	return d.deci.Rooms.MessageFromMatrix(ctx, evt)
}

func (d *Dispatcher) encrypted(ctx context.Context, evt *event.Event) error {
	if d.ours(evt.Sender) {
		return nil
	}
	portal, err := d.isPortal(ctx, evt.RoomID)
	if err != nil {
		return err
	}
	if portal {
		return &queue.Reject{Code: "encrypted", Text: "This was not sent to WhatsApp: the bridge cannot read encrypted messages yet."}
	}
	return d.deci.Users.Sealed(ctx, evt)
}

func (d *Dispatcher) isPortal(ctx context.Context, room id.RoomID) (bool, error) {
	_, err := d.db.PortalByRoom(ctx, room)
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// isManagement reports whether a message was said in the room where its sender talks to the bot.
func (d *Dispatcher) isManagement(ctx context.Context, evt *event.Event) (bool, error) {
	user, err := d.db.UserByManagementRoom(ctx, evt.RoomID)
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return err == nil && user.ID == evt.Sender, err
}
