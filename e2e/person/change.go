package person

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Edit replaces the text of an own message, as clients do: with the new text, and a fallback for clients that know no edits.
func (p *Person) Edit(ctx context.Context, room id.RoomID, target id.EventID, text string) (id.EventID, error) {
	content := &event.MessageEventContent{
		MsgType: event.MsgText, Body: "* " + text, RelatesTo: &event.RelatesTo{Type: event.RelReplace, EventID: target},
		NewContent: &event.MessageEventContent{MsgType: event.MsgText, Body: text},
	}
	return p.post(ctx, room, event.EventMessage, content, "edits "+target.String())
}

// React reacts to a message.
func (p *Person) React(ctx context.Context, room id.RoomID, target id.EventID, emoji string) (id.EventID, error) {
	content := &event.ReactionEventContent{RelatesTo: event.RelatesTo{Type: event.RelAnnotation, EventID: target, Key: emoji}}
	return p.post(ctx, room, event.EventReaction, content, "reacts to "+target.String())
}

// Reply answers a message.
func (p *Person) Reply(ctx context.Context, room id.RoomID, target id.EventID, text string) (id.EventID, error) {
	content := &event.MessageEventContent{
		MsgType: event.MsgText, Body: text, RelatesTo: &event.RelatesTo{InReplyTo: &event.InReplyTo{EventID: target}},
	}
	return p.post(ctx, room, event.EventMessage, content, "answers "+target.String())
}

// Redact removes an event: a message, or a reaction.
func (p *Person) Redact(ctx context.Context, room id.RoomID, target id.EventID) (id.EventID, error) {
	sent, err := p.Client.RedactEvent(ctx, room, target)
	if err != nil {
		return "", fmt.Errorf("%s removes %s: %w", p.ID, target, err)
	}
	return sent.EventID, nil
}

func (p *Person) post(ctx context.Context, room id.RoomID, kind event.Type, content any, what string) (id.EventID, error) {
	sent, err := p.Client.SendMessageEvent(ctx, room, kind, content)
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", p.ID, what, err)
	}
	return sent.EventID, nil
}

// Reaction is which event a reaction is about, and with what; "" for anything else.
func (s Seen) Reaction() (id.EventID, string) {
	content, ok := s.Content.Parsed.(*event.ReactionEventContent)
	if !ok || s.Type.Type != event.EventReaction.Type {
		return "", ""
	}
	return content.RelatesTo.EventID, content.RelatesTo.Key
}

// Removed is which event a redaction is about, wherever the room's version puts it; "" for anything else.
func (s Seen) Removed() id.EventID {
	content, ok := s.Content.Parsed.(*event.RedactionEventContent)
	switch {
	case !ok || s.Type.Type != event.EventRedaction.Type:
		return ""
	case s.Redacts != "":
		return s.Redacts
	}
	return content.Redacts
}
