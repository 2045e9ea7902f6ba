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

// isRouted reports whether events of a type have a meaning for the bridge. What has none is not even read: anybody may
// send it, with whatever they like in it.
func isRouted(in inbox.MatrixEvent) bool {
	var head struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(in.Event, &head) != nil {
		return true // it is read to find out what is wrong with it
	}
	switch head.Type {
	case event.StateMember.Type, event.EventMessage.Type, event.EventSticker.Type, event.EventEncrypted.Type,
		event.EventReaction.Type, event.EventRedaction.Type, event.StatePinnedEvents.Type,
		"m.poll.start", "m.poll.response", "m.poll.end",
		"m.beacon_info", "m.beacon", "org.matrix.msc3672.beacon_info", "org.matrix.msc3672.beacon",
		event.EventUnstablePollStart.Type, event.EventUnstablePollResponse.Type, event.EventUnstablePollEnd.Type:
		return true
	}
	return false
}

// parse reads an event. One that cannot be read never will be, so it becomes a dead letter.
func parse(in inbox.MatrixEvent) (*event.Event, error) {
	evt := &event.Event{}
	if err := json.Unmarshal(in.Event, evt); err != nil {
		return nil, queue.Dead(fmt.Errorf("read event: %w", err))
	}
	if evt.Content.Raw == nil {
		return nil, queue.Dead(fmt.Errorf("read content of %s: there is none", evt.ID))
	}
	evt.Type.Class = event.MessageEventType
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	switch evt.Type {
	case event.StateMember, event.StatePinnedEvents, event.EventMessage, event.EventSticker, event.EventReaction, event.EventRedaction:
		if err := evt.Content.ParseRaw(evt.Type); err != nil {
			return nil, queue.Dead(fmt.Errorf("read content of %s: %w", evt.ID, err))
		}
	}
	return evt, nil
}

// matrixEvent routes an event of a room.
func (d *Dispatcher) matrixEvent(ctx context.Context, in inbox.MatrixEvent) error {
	if !isRouted(in) {
		return nil
	}
	evt, err := parse(in)
	if err != nil {
		return err
	}
	isState := evt.StateKey != nil
	switch {
	case isState && evt.Type.Type == event.StateMember.Type:
		return d.member(ctx, evt)
	case isState && isBeaconInfo(evt):
	case isState && evt.Type.Type == event.StatePinnedEvents.Type:
		return d.pins(ctx, evt)
	case isState || evt.Type.Type == event.StateMember.Type || evt.Type.Type == event.StatePinnedEvents.Type:
		return nil // what is neither as the specification has it is nobody's message
	}
	return d.message(ctx, evt)
}

// isBeaconInfo reports whether a state event begins or ends the live location of its sender.
func isBeaconInfo(evt *event.Event) bool {
	return (evt.Type.Type == "m.beacon_info" || evt.Type.Type == "org.matrix.msc3672.beacon_info") && evt.GetStateKey() == evt.Sender.String()
}

// ours reports whether an event is the bridge's own doing.
func (d *Dispatcher) ours(user id.UserID) bool { return user == d.bot || d.deci.People.IsGhost(user) }

// pins routes that other events of a room are pinned. What the bridge has pinned itself it knows.
func (d *Dispatcher) pins(ctx context.Context, evt *event.Event) error {
	if d.ours(evt.Sender) || evt.GetStateKey() != "" {
		return nil
	}
	return d.deci.Rooms.PinsChanged(ctx, evt)
}

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
		return d.left(ctx, evt, who)
	}
	return nil
}

// left routes that somebody is no longer in a room. When it is the bot, its room with the user who talked to it there is
// no more.
func (d *Dispatcher) left(ctx context.Context, evt *event.Event, who id.UserID) error {
	if who == d.bot {
		user, err := d.db.UserByManagementRoom(ctx, evt.RoomID)
		if errors.Is(err, database.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		who = user.ID
	}
	if err := d.deci.Users.Left(ctx, who, evt.RoomID); err != nil {
		return err
	}
	return d.deci.Rooms.Left(ctx, evt)
}

// message routes a message: a command, or something said in a chat. What cannot be read may be either.
func (d *Dispatcher) message(ctx context.Context, evt *event.Event) error {
	portal, err := d.isPortal(ctx, evt.RoomID)
	if err != nil {
		return err
	}
	ours := d.ours(evt.Sender)
	if !ours && evt.Type == event.EventMessage {
		management, err := d.isManagement(ctx, evt)
		if err != nil {
			return err
		}
		if text, ok := d.deci.Commands.Text(evt.Content.AsMessage(), management && !portal); ok {
			return d.deci.Commands.Run(ctx, evt, text)
		}
	}
	switch {
	case portal:
		return d.deci.Rooms.MessageFromMatrix(ctx, evt)
	case !ours && evt.Type == event.EventEncrypted:
		return d.deci.Users.Sealed(ctx, evt)
	}
	return nil
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
