package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
	"causeway/queue"
)

// redactionFromWhatsApp decides about a message that was deleted for everyone, by its sender or by an admin of the group.
// One that has not come yet is written down as removed, so that it is not shown when it comes.
func (p *Portals) redactionFromWhatsApp(ctx context.Context, s said, meant convert.Target) error {
	isNew, err := p.db.AddMessage(ctx, s.row(database.KindRedaction))
	if err != nil || !isNew {
		return err
	}
	target, err := p.target(ctx, s, meant)
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
	own := target.Sender == s.sender.ID
	if !own {
		if admin, err := p.isAdmin(ctx, s.portal, s.sender.ID); err != nil {
			return err
		} else if !admin {
			return queue.Dead(fmt.Errorf("remove message %s: its sender is another, and who says so is no admin", target.ID))
		}
	}
	if missing {
		if target.Sender == 0 {
			return nil // it says not whose message it means, and none has the ID
		}
		_, err := p.db.AddMessage(ctx, database.Message{MessageKey: target, Removed: true, Sent: s.at()})
		return err
	}
	d := deletion{said: s, row: row, who: s.sender, own: own}
	if !own {
		d.reason = "Deleted on WhatsApp by " + s.sender.Name + ", who is an admin of the group"
	}
	if row.ID == meant.ID {
		return p.deleted(ctx, d)
	}
	return p.deletedAlbum(ctx, d, meant)
}

// removeAll removes all parts of a message.
func (p *Portals) removeAll(ctx context.Context, s said, row database.Message, how removal) error {
	live, _, err := p.parts(ctx, row)
	if err != nil {
		return err
	}
	by := s.key()
	for n, part := range live {
		if err := p.db.RemoveMessage(ctx, part.MessageKey); err != nil {
			return err
		}
		how.row, how.by = part, nil
		if n == 0 {
			how.by = &by
		}
		if err := p.remove(ctx, how); err != nil {
			return err
		}
	}
	return nil
}

// isAdmin reports whether a person may delete what others said.
func (p *Portals) isAdmin(ctx context.Context, portal database.Portal, who database.PuppetID) (bool, error) {
	if portal.IsDirect() {
		return false, nil
	}
	role, err := p.db.RoleOf(ctx, portal.ID, who)
	return role != "", err
}

// redactionFromMatrix decides about an event that somebody on Matrix has removed. What is not on WhatsApp needs no
// removal there.
func (p *Portals) redactionFromMatrix(ctx context.Context, portal database.Portal, evt *event.Event) error {
	row, err := p.shownBy(ctx, portal, redacted(evt))
	if errors.Is(err, database.ErrNotFound) || err == nil && row.Removed {
		return nil
	} else if err != nil {
		return err
	}
	login, err := p.speaker(ctx, portal, evt, row.Sender)
	if errors.Is(err, errSilent) {
		return nil
	} else if err != nil {
		return err
	}
	switch row.Kind {
	case database.KindReaction:
		return p.takeBack(ctx, portal, login, evt, row)
	case database.KindAnswer:
		return p.takeVoteBack(ctx, portal, login, evt, row)
	case database.KindMessage:
		return p.redact(ctx, portal, login, evt, row)
	}
	return &queue.Reject{Code: "cannot_undo", Text: "This had no effect on WhatsApp, where an edit or a deletion cannot be undone. Edit the message again instead."}
}

// redacted is the event that an event removes. Its field moved in room version 11.
func redacted(evt *event.Event) id.EventID {
	return cmp.Or(evt.Redacts, evt.Content.AsRedaction().Redacts)
}

// takeBack takes a reaction back, unless another has taken its place.
func (p *Portals) takeBack(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, row database.Message) error {
	if row.Sender != login.Puppet {
		return &queue.Reject{Code: "reaction_of_other", Text: "This reaction was removed here only: on WhatsApp only its sender can take it back."}
	}
	r, err := p.db.ReactionByKey(ctx, row.MessageKey)
	if errors.Is(err, database.ErrNotFound) || err == nil && r.Emoji == "" {
		return nil
	} else if err != nil {
		return err
	}
	target, err := p.db.MessageByKey(ctx, r.Target)
	if err != nil {
		return err
	}
	r.Message, r.Emoji, r.Sent = messageID(login.ID, evt.ID), "", timestamp(evt)
	if err := p.db.PutReaction(ctx, r); err != nil {
		return err
	}
	return p.sendReaction(ctx, portal, login, evt, target, "")
}

// redact deletes a message for everyone on WhatsApp.
func (p *Portals) redact(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, row database.Message) error {
	if row.Sender != login.Puppet {
		if admin, err := p.isAdmin(ctx, portal, login.Puppet); err != nil {
			return err
		} else if !admin {
			return &queue.Reject{Code: "message_of_other", Text: "This message was removed here only: on WhatsApp only its sender and admins of the group can delete it for everyone."}
		}
	}
	if timestamp(evt).Sub(row.Sent) > convert.RevokeWindow {
		return &queue.Reject{Code: "removed_too_late", Text: fmt.Sprintf(
			"This message was removed here only: WhatsApp lets messages be deleted for everyone within %d hours.", int(convert.RevokeWindow/time.Hour))}
	}
	parts, _, err := p.parts(ctx, row)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := p.db.RemoveMessage(ctx, part.MessageKey); err != nil {
			return err
		}
		if part.Event == redacted(evt) {
			continue
		}
		as, err := p.remover(ctx, part)
		if err != nil {
			return err
		}
		if err := p.remove(ctx, removal{row: part, as: as}); err != nil {
			return err
		}
	}
	if err := p.revoke(ctx, portal, login, evt, row, ""); err != nil {
		return err
	}
	return p.revokeRest(ctx, portal, login, evt, row)
}

// revoke takes one message back on WhatsApp.
func (p *Portals) revoke(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, row database.Message, name string) error {
	target, err := p.keyFor(ctx, portal, login, row)
	if err != nil {
		return err
	}
	after, err := p.sentBefore(ctx, login, row)
	if err != nil {
		return err
	}
	return p.send(ctx, portal, login, evt, sending{
		kind: database.KindRedaction, msg: convert.RedactionToWhatsApp(portal.Chat, target), after: after, name: name,
	})
}

// revokeRest takes back the other messages of an event that is several on WhatsApp.
func (p *Portals) revokeRest(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, first database.Message) error {
	if !first.FromMatrix {
		return nil
	}
	rows, err := p.db.MessagesByEvent(ctx, first.Event)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.ID == first.ID || row.Removed || row.Kind != database.KindMessage && row.Kind != database.KindAlbum {
			continue
		}
		if err := p.db.RemoveMessage(ctx, row.MessageKey); err != nil {
			return err
		}
		if err := p.revoke(ctx, portal, login, evt, row, "#"+row.ID); err != nil {
			return err
		}
	}
	return nil
}
