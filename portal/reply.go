package portal

import (
	"context"
	"errors"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
)

// replyFromWhatsApp makes a message the answer to another, if it is one, or a part of its thread if it is a comment in a
// community. What is not known is quoted.
func (p *Portals) replyFromWhatsApp(ctx context.Context, s said, content *event.MessageEventContent) (*event.MessageEventContent, *database.MessageKey, error) {
	if s.isComment && isPlain(s.on.ID) {
		target, err := p.target(ctx, s, s.on)
		if err != nil {
			return nil, nil, err
		}
		row, err := p.find(ctx, target)
		if errors.Is(err, database.ErrNotFound) {
			return content, nil, nil
		}
		return convert.ThreadToMatrix(content), &row.MessageKey, err
	}
	reply, ok := convert.ReplyFromWhatsApp(s.msg)
	if !ok {
		return content, nil, nil
	}
	author := ""
	if !reply.Participant.IsEmpty() {
		person, err := p.people.Ensure(ctx, reply.Participant, reply.Participant, "")
		if err != nil {
			return nil, nil, err
		}
		author = person.Name
	}
	if isPlain(reply.ID) {
		target, err := p.target(ctx, s, convert.Target{ID: reply.ID, Participant: reply.Participant})
		if err != nil {
			return nil, nil, err
		}
		row, err := p.find(ctx, target)
		if err == nil {
			return convert.ReplyToMatrix(content), &row.MessageKey, nil
		} else if !errors.Is(err, database.ErrNotFound) {
			return nil, nil, err
		}
	}
	return convert.QuoteToMatrix(content, reply.Quote, author), nil, nil
}

// replyFromMatrix finds what a Matrix user's message answers; nil when it answers nothing that is on WhatsApp. WhatsApp
// has no threads: a message in one answers the one before it, as clients without threads show it, or else the one that
// the thread began with.
func (p *Portals) replyFromMatrix(ctx context.Context, portal database.Portal, evt *event.Event) (*convert.Reply, error) {
	about := evt.Content.AsMessage().RelatesTo
	for _, to := range []id.EventID{about.GetReplyTo(), about.GetThreadParent()} {
		if to == "" {
			continue
		}
		row, err := p.shownBy(ctx, portal, to)
		if errors.Is(err, database.ErrNotFound) || err == nil && row.Kind != database.KindMessage {
			continue
		} else if err != nil {
			return nil, err
		}
		author, err := p.db.PuppetByID(ctx, row.Sender)
		if err != nil {
			return nil, err
		}
		return &convert.Reply{ID: row.ID, Participant: nameIn(portal, author), Quote: row.Quote}, nil
	}
	return nil, nil
}

// answering makes a message to WhatsApp an answer. Where what it answers is not there, the words of that are put before
// it, if the client has sent them along.
func answering(msg *waE2E.Message, reply *convert.Reply, content *event.MessageEventContent) *waE2E.Message {
	if reply != nil {
		return convert.ReplyToWhatsApp(msg, *reply)
	}
	return convert.QuoteToWhatsApp(msg, convert.FallbackQuote(content))
}
