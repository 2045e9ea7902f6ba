package portal

import (
	"context"
	"errors"
	"slices"

	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
	"causeway/inbox"
)

// deletion is a message that was deleted on WhatsApp.
type deletion struct {
	said   said
	row    database.Message
	reason string          // for people, where it was not its author
	who    database.Puppet // who deleted it
	own    bool            // it was its author
}

// deleted does with a message that was deleted on WhatsApp what the configuration says: it is removed, or answered by a
// notice, or left alone.
func (p *Portals) deleted(ctx context.Context, d deletion) error {
	if rest, err := p.isPartly(ctx, d.row); err != nil {
		return err
	} else if rest {
		return p.db.RemoveMessage(ctx, d.row.MessageKey)
	}
	if !p.cfg.Life.MarkDeleted && !p.cfg.Life.KeepDeleted {
		as, err := p.remover(ctx, d.row)
		if err != nil {
			return err
		}
		if !d.own {
			as = p.cfg.Bot
		}
		return p.removeAll(ctx, d.said, d.row, removal{as: as, reason: d.reason})
	}
	live, _, err := p.parts(ctx, d.row)
	if err != nil {
		return err
	}
	for _, part := range live { // so that nothing that comes later changes it
		if err := p.db.RemoveMessage(ctx, part.MessageKey); err != nil {
			return err
		}
	}
	if !p.cfg.Life.MarkDeleted || len(live) == 0 {
		return nil
	}
	text := "🗑 Deleted on WhatsApp."
	if !d.own {
		text = "🗑 " + d.reason + "."
	}
	content := convert.ReplyToMatrix(&event.MessageEventContent{MsgType: event.MsgNotice, Body: text, Mentions: &event.Mentions{}})
	row := d.said.row(database.KindRedaction)
	return p.post(ctx, showing{row: row, as: d.who.UserID, about: &live[0].MessageKey}, event.EventMessage, content)
}

// isPartly reports whether the event that shows a message shows others too, which are still there.
func (p *Portals) isPartly(ctx context.Context, row database.Message) (bool, error) {
	if !row.FromMatrix {
		return false, nil
	}
	rows, err := p.db.MessagesByEvent(ctx, row.Event)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(rows, func(other database.Message) bool {
		return other.ID != row.ID && other.Kind == database.KindMessage && !other.Removed
	}), nil
}

// deletedAlbum deletes all files of an album.
func (p *Portals) deletedAlbum(ctx context.Context, d deletion, meant convert.Target) error {
	rows, err := p.db.MessagesByID(ctx, d.row.Portal, meant.ID)
	if err != nil {
		return err
	}
	items, err := p.items(ctx, rows, d.row.Sender)
	if err != nil {
		return err
	}
	for n, item := range items {
		one := d
		if one.row = item; n > 0 {
			one.said = d.said.ending(partID("", n+1))
		}
		if err := p.deleted(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// DeletedForMe decides about a message that the owner of a login has deleted only for themselves. It goes from the room
// when nobody else sees the chat there.
func (p *Portals) DeletedForMe(ctx context.Context, in inbox.DeletedForMe) error {
	login, ok, err := p.login(ctx, in.Login)
	if err != nil || !ok || !isPlain(in.Message) || p.cfg.Life.MarkDeleted || p.cfg.Life.KeepDeleted {
		return err
	}
	portal, err := p.db.PortalByChat(ctx, inbox.Receiver(in.Login, in.Chat), in.Chat)
	if err != nil {
		return unlessGone(err)
	}
	logins, err := p.db.PortalLogins(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, other := range logins {
		if other.ID != login.ID {
			return nil
		}
	}
	own, err := p.db.PuppetByID(ctx, login.Puppet)
	if err != nil {
		return err
	}
	s := said{login: login, portal: portal, sender: own}
	row, err := p.deletedRow(ctx, s, in)
	if errors.Is(err, database.ErrNotFound) || err == nil && row.Removed {
		return nil
	} else if err != nil {
		return err
	}
	all, err := p.allOf(ctx, row)
	if err != nil {
		return err
	}
	for _, part := range all {
		if err := p.db.RemoveMessage(ctx, part.MessageKey); err != nil {
			return err
		}
		if err := p.remove(ctx, removal{row: part, as: p.cfg.Bot, reason: "Deleted on your phone"}); err != nil {
			return err
		}
	}
	return nil
}

// deletedRow finds the message that somebody has deleted for themselves.
func (p *Portals) deletedRow(ctx context.Context, s said, in inbox.DeletedForMe) (database.Message, error) {
	target, err := p.target(ctx, s, convert.Target{ID: in.Message, FromMe: in.FromMe, Participant: in.Sender.ToNonAD()})
	if err != nil {
		return database.Message{}, err
	}
	return p.find(ctx, target)
}
