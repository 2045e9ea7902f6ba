package portal

import (
	"context"
	"errors"
	"time"

	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
	"causeway/inbox"
	"causeway/queue"
)

// reactionFromWhatsApp decides about a reaction. It is written down whether or not the message that it is about has come,
// and is shown with the message: that may be soon, or never if the message is older than the bridge, so nothing waits.
func (p *Portals) reactionFromWhatsApp(ctx context.Context, s said, reaction convert.Reaction) error {
	isNew, err := p.db.AddMessage(ctx, s.row(database.KindReaction))
	if err != nil || !isNew {
		return err
	}
	target, err := p.target(ctx, s, reaction.Target)
	if err != nil {
		return err
	}
	row, err := p.find(ctx, target)
	missing := errors.Is(err, database.ErrNotFound)
	if err != nil && !missing {
		return err
	}
	if !missing {
		target = row.MessageKey
	}
	if target.Sender == 0 {
		return nil // it says not whose message it means, and none has the ID
	}
	old, err := p.reactionOf(ctx, target, s.sender.ID)
	same := reaction.Emoji == old.Emoji && old.Emoji != ""
	if err != nil || same || s.at().Unix() < old.Sent.Unix() { // WhatsApp's times are in seconds
		return err
	}
	now := database.Reaction{Target: target, Sender: s.sender.ID, Message: s.in.Info.ID, Emoji: reaction.Emoji, Sent: s.at()}
	if err := p.db.PutReaction(ctx, now); err != nil || missing || row.Removed {
		return err
	}
	var by *database.MessageKey
	if now.Emoji == "" {
		key := now.Key()
		by = &key
	}
	if err := p.unreact(ctx, old, by); err != nil || by != nil {
		return err
	}
	return p.react(ctx, now, s.sender)
}

// reactionOf returns a person's last reaction to a message; one without emoji when there is none.
func (p *Portals) reactionOf(ctx context.Context, target database.MessageKey, sender database.PuppetID) (database.Reaction, error) {
	r, err := p.db.ReactionOf(ctx, target, sender)
	if errors.Is(err, database.ErrNotFound) {
		return database.Reaction{Sent: time.UnixMilli(0)}, nil
	}
	return r, err
}

// react adds the event that shows a reaction.
func (p *Portals) react(ctx context.Context, r database.Reaction, sender database.Puppet) error {
	row := database.Message{MessageKey: r.Key(), Sent: r.Sent}
	return p.post(ctx, showing{row: row, as: sender.UserID, about: &r.Target}, event.EventReaction, convert.ReactionToMatrix(r.Emoji))
}

// unreact removes the event that shows a reaction, if there is one: WhatsApp has one of each person.
func (p *Portals) unreact(ctx context.Context, r database.Reaction, by *database.MessageKey) error {
	if r.Emoji == "" {
		return nil
	}
	row, err := p.db.MessageByKey(ctx, r.Key())
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	as, err := p.remover(ctx, row)
	if err != nil {
		return err
	}
	return p.remove(ctx, removal{row: row, as: as, by: by})
}

// showReactions shows what people thought of a message before it came.
func (p *Portals) showReactions(ctx context.Context, target database.MessageKey) error {
	list, err := p.db.ReactionsTo(ctx, target)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Emoji == "" {
			continue
		}
		sender, err := p.db.PuppetByID(ctx, r.Sender)
		if err != nil {
			return err
		}
		if err := p.react(ctx, r, sender); err != nil {
			return err
		}
	}
	return nil
}

// reactionFromMatrix decides about a Matrix user's reaction. It takes the place of an earlier one, whose event the bot
// removes, because WhatsApp would show only the later one.
func (p *Portals) reactionFromMatrix(ctx context.Context, portal database.Portal, evt *event.Event) error {
	content := evt.Content.AsReaction()
	emoji := convert.EmojiFromMatrix(content, evt.Content.Raw)
	if emoji == "" || content.RelatesTo.GetAnnotationID() == "" {
		return nil // no client shows it either
	}
	row, login, err := p.changeable(ctx, portal, evt, content.RelatesTo.EventID)
	if errors.Is(err, errSilent) {
		return nil
	} else if err != nil {
		return err
	}
	if wants, err := p.wantsFile(ctx, row.MessageKey, emoji); err != nil {
		return err
	} else if wants {
		return p.FileWanted(ctx, inbox.FileWanted{Portal: portal.ID, User: evt.Sender, Event: content.RelatesTo.EventID, By: evt.ID})
	}
	if row.Kind != database.KindMessage || row.Removed {
		return &queue.Reject{Code: "unknown_message", Text: "This was not sent to WhatsApp: the message that it is about is not there."}
	}
	if isAnswer, err := p.reactedToEvent(ctx, portal, login, evt, row); err != nil || isAnswer {
		return err
	}
	old, err := p.reactionOf(ctx, row.MessageKey, login.Puppet)
	if err != nil {
		return err
	}
	if err := p.unreact(ctx, old, nil); err != nil {
		return err
	}
	err = p.db.PutReaction(ctx, database.Reaction{
		Target: row.MessageKey, Sender: login.Puppet, Message: messageID(login.ID, evt.ID), Emoji: emoji, Sent: timestamp(evt),
	})
	if err != nil {
		return err
	}
	return p.sendReaction(ctx, portal, login, evt, row, emoji)
}

func (p *Portals) sendReaction(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, row database.Message, emoji string) error {
	target, err := p.keyFor(ctx, portal, login, row)
	if err != nil {
		return err
	}
	after, err := p.sentBefore(ctx, login, row)
	if err != nil {
		return err
	}
	return p.send(ctx, portal, login, evt, sending{
		kind: database.KindReaction, after: after,
		msg: convert.ReactionToWhatsApp(portal.Chat, convert.Reaction{Target: target, Emoji: emoji}, timestamp(evt)),
	})
}
