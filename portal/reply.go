package portal

import (
	"context"
	"errors"

	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
)

// replyFromWhatsApp makes a message the answer to another, if it is one. What is not known is quoted.
func (p *Portals) replyFromWhatsApp(ctx context.Context, s said, content *event.MessageEventContent) (*event.MessageEventContent, *database.MessageKey, error) {
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
// has no threads: a message in one answers the one before it, as clients without threads show it.
func (p *Portals) replyFromMatrix(ctx context.Context, portal database.Portal, evt *event.Event) (*convert.Reply, error) {
	to := relation(evt).GetReplyTo()
	if to == "" {
		return nil, nil
	}
	row, err := p.shownBy(ctx, portal, to)
	if errors.Is(err, database.ErrNotFound) || err == nil && row.Kind != database.KindMessage {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	author, err := p.db.PuppetByID(ctx, row.Sender)
	if err != nil {
		return nil, err
	}
	return &convert.Reply{ID: row.ID, Participant: nameIn(portal, author), Quote: row.Quote}, nil
}
