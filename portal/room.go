package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
)

// details records a group's name and description, shows them in its room, and lets a room be made that waited for
// them.
func (p *Portals) details(ctx context.Context, portal database.Portal, name, topic string) error {
	name, topic = plainText(name, maxGroupName), plainText(topic, maxTopic)
	if portal.HasDetails && portal.Name == name && portal.Topic == topic {
		return nil
	}
	if err := p.db.SetPortalDetails(ctx, portal.ID, name, topic); err != nil {
		return err
	}
	if !portal.HasDetails {
		return p.out.Provide(ctx, outbox.DetailsOf(portal.ID))
	}
	if portal.Name != name {
		if err := p.setState(ctx, portal.ID, event.StateRoomName, event.RoomNameEventContent{Name: name}); err != nil {
			return err
		}
	}
	if portal.Topic != topic {
		return p.setState(ctx, portal.ID, event.StateTopic, event.TopicEventContent{Topic: topic})
	}
	return nil
}

// What is kept of a group's name and description, in characters: several times what WhatsApp allows, and less than an
// event can hold.
const (
	maxGroupName = 500
	maxTopic     = 8000
)

// plainText makes a text that somebody wrote fit for every database and homeserver.
func plainText(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

func (p *Portals) setState(ctx context.Context, portal database.PortalID, kind event.Type, content any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind.Type, err)
	}
	return p.out.SetState(ctx, outbox.SetState{Portal: portal, Type: kind.Type, Content: raw})
}

// EnsureDirect finds or adds the portal of a login's direct chat with a person.
func (p *Portals) EnsureDirect(ctx context.Context, login database.Login, other database.Puppet) (database.Portal, error) {
	var names []types.JID
	for _, jid := range []types.JID{other.LID, other.PN} {
		if !jid.IsEmpty() {
			names = append(names, jid)
		}
	}
	portal, err := p.db.EnsurePortal(ctx, login.ID, names...)
	if err != nil {
		return portal, err
	}
	if portal, err = p.direct(ctx, portal, other.ID); err != nil {
		return portal, err
	}
	return portal, p.enter(ctx, portal, login, "start")
}

// NumberLookedUp decides about the answer to start-chat: the chat gets its room, or the user is told why not.
func (p *Portals) NumberLookedUp(ctx context.Context, in inbox.NumberLookedUp) error {
	say := func(text string) error {
		return p.out.SendNotice(ctx, outbox.SendNotice{Room: in.Room, Txn: "number-" + in.Key, Text: text})
	}
	if in.Problem != "" {
		return say(in.Problem)
	}
	if !in.Found || in.LID.IsEmpty() && in.PN.IsEmpty() {
		return say("+" + in.Number + " is not on WhatsApp. Check the number, with its country code.")
	}
	login, err := p.db.LoginByID(ctx, in.Login)
	if errors.Is(err, database.ErrNotFound) || err == nil && login.User != in.User {
		return say("You have logged out of +" + string(in.Login) + ". Log in again to start a chat.")
	} else if err != nil {
		return err
	}
	other, err := p.people.Ensure(ctx, in.LID, in.PN, "")
	if err != nil {
		return err
	}
	portal, err := p.EnsureDirect(ctx, login, other)
	if err != nil {
		return err
	}
	if portal.RoomID != "" {
		if err := p.out.Invite(ctx, in.Key, outbox.Invite{Portal: portal.ID, User: in.User}); err != nil {
			return err
		}
		return say("Your chat with " + other.Name + " is here: " + link(portal.RoomID))
	}
	if err := p.ensureRoom(ctx, portal); err != nil {
		return err
	}
	return say("A room for your chat with " + other.Name + " is being made. You will be invited to it.")
}

// adopt makes a room that a user has made for a ghost the room of that chat. What was said there already follows on
// the chat's own lane, in order.
func (p *Portals) adopt(ctx context.Context, evt *event.Event, portal database.Portal, ghost database.Puppet) error {
	if err := p.in.Move(ctx, inbox.RoomLane(evt.RoomID), inbox.ChatLane(portal.ID)); err != nil {
		return err
	}
	if err := p.out.JoinRoom(ctx, evt.ID.String(), outbox.JoinRoom{Room: evt.RoomID, As: ghost.UserID}); err != nil {
		return err
	}
	// The bot has to be there to speak about what goes wrong. The ghost asks it in.
	bot := outbox.JoinRoom{Room: evt.RoomID, As: p.cfg.Bot, By: ghost.UserID}
	if err := p.out.JoinRoom(ctx, evt.ID.String(), bot); err != nil {
		return err
	}
	return p.out.Provide(ctx, outbox.RoomOf(portal.ID))
}

func (p *Portals) declineUnknown(ctx context.Context, evt *event.Event) error {
	return p.tell(ctx, evt, "unknown", guest(evt).String()+" is nobody that the bridge knows. Write \"start-chat\" and the number here to start a chat.")
}

// tell writes to the sender of an event in their management room, if they have one.
func (p *Portals) tell(ctx context.Context, evt *event.Event, code, text string) error {
	user, err := p.db.UserByID(ctx, evt.Sender)
	if errors.Is(err, database.ErrNotFound) || err == nil && user.ManagementRoom == "" {
		return nil
	} else if err != nil {
		return err
	}
	return p.out.SendNotice(ctx, outbox.SendNotice{Room: user.ManagementRoom, Txn: "told-" + code + "-" + evt.ID.String(), Text: text})
}

// guest is who a membership event is about.
func guest(evt *event.Event) id.UserID { return id.UserID(evt.GetStateKey()) }

func link(room id.RoomID) string { return "https://matrix.to/#/" + room.String() }
