package person

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// StartDirect makes a direct chat with somebody and waits until they have joined.
func (p *Person) StartDirect(ctx context.Context, with id.UserID) (id.RoomID, error) {
	created, err := p.Client.CreateRoom(ctx, &mautrix.ReqCreateRoom{Preset: "trusted_private_chat", Invite: []id.UserID{with}, IsDirect: true})
	if err != nil {
		return "", fmt.Errorf("start a chat with %s: %w", with, err)
	}
	_, err = p.WaitEvent(ctx, fmt.Sprintf("%s to join", with), func(s Seen) bool {
		return s.RoomID == created.RoomID && s.Type.Type == "m.room.member" && s.StateKey != nil && *s.StateKey == with.String() &&
			s.Content.Raw["membership"] == "join"
	})
	return created.RoomID, err
}

// Invitation is what somebody who was invited can see of a room.
type Invitation struct {
	Room   id.RoomID
	From   id.UserID
	Name   string
	Direct bool
}

// AcceptInvite waits for an invitation that fits and joins.
func (p *Person) AcceptInvite(ctx context.Context, what string, fits func(Invitation) bool) (Invitation, error) {
	var found Invitation
	err := p.wait(ctx, "an invitation to "+what, func() bool {
		for room, state := range p.invites {
			if found = readInvitation(p.ID, room, state); fits(found) {
				return true
			}
		}
		return false
	})
	if err != nil {
		return Invitation{}, err
	}
	if _, err := p.Client.JoinRoomByID(ctx, found.Room); err != nil {
		return Invitation{}, fmt.Errorf("accept the invitation to %s: %w", what, err)
	}
	return found, p.wait(ctx, "being in "+what, func() bool { return p.joined[found.Room] })
}

func readInvitation(who id.UserID, room id.RoomID, state []*event.Event) Invitation {
	found := Invitation{Room: room}
	for _, evt := range state {
		raw := evt.Content.Raw
		if raw == nil {
			_ = evt.Content.ParseRaw(evt.Type)
			raw = evt.Content.Raw
		}
		switch {
		case evt.Type.Type == "m.room.name":
			found.Name, _ = raw["name"].(string)
		case evt.Type.Type == "m.room.member" && evt.StateKey != nil && *evt.StateKey == who.String():
			found.From = evt.Sender
			found.Direct, _ = raw["is_direct"].(bool)
		}
	}
	return found
}

// Send writes a text message.
func (p *Person) Send(ctx context.Context, room id.RoomID, text string) (id.EventID, error) {
	sent, err := p.Client.SendText(ctx, room, text)
	if err != nil {
		return "", fmt.Errorf("%s sends %q: %w", p.ID, text, err)
	}
	return sent.EventID, nil
}

// Text is the text of a message event; "" for anything else.
func (s Seen) Text() string {
	content, ok := s.Content.Parsed.(*event.MessageEventContent)
	if !ok || s.Type.Type != "m.room.message" {
		return ""
	}
	return content.Body
}

// Message is the content of a message event; nil for anything else.
func (s Seen) Message() *event.MessageEventContent {
	content, _ := s.Content.Parsed.(*event.MessageEventContent)
	return content
}

// Texts lists what somebody has written in a room, oldest first: text messages, without notices and edits.
func (p *Person) Texts(room id.RoomID, from id.UserID) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.texts(room, from)
}

func (p *Person) texts(room id.RoomID, from id.UserID) []string {
	var texts []string
	for _, s := range p.seen {
		if m := s.Message(); s.RoomID == room && s.Sender == from && m != nil && m.MsgType == event.MsgText && m.NewContent == nil {
			texts = append(texts, m.Body)
		}
	}
	return texts
}

// WaitTexts waits until somebody has written these texts in a room and nothing else, in this order, each once.
func (p *Person) WaitTexts(ctx context.Context, room id.RoomID, from id.UserID, want ...string) error {
	var got []string
	err := p.wait(ctx, fmt.Sprintf("%d texts of %s", len(want), from), func() bool {
		got = p.texts(room, from)
		return len(got) >= len(want) || !slices.Equal(got, want[:len(got)])
	})
	if !slices.Equal(got, want) {
		return errors.Join(fmt.Errorf("%s in %s wrote %q, expected %q", from, room, got, want), err)
	}
	return err
}
