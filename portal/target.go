package portal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
	"causeway/outbox"
)

// target names the message that somebody on WhatsApp means.
func (p *Portals) target(ctx context.Context, s said, t convert.Target) (database.MessageKey, error) {
	key := database.MessageKey{Portal: s.portal.ID, ID: t.ID}
	switch {
	case t.FromMe:
		key.Sender = s.sender.ID
	case !t.Participant.IsEmpty():
		author, err := p.people.Ensure(ctx, t.Participant, types.EmptyJID, "")
		if err != nil {
			return key, err
		}
		key.Sender = author.ID
	case s.portal.IsDirect() && s.sender.ID == s.portal.Other:
		key.Sender = s.login.Puppet
	case s.portal.IsDirect():
		key.Sender = s.portal.Other
	}
	return key, nil
}

// find returns what is known of a message that somebody means; ErrNotFound when it has not come. Its author is known by
// more than one name, so the only message of an ID is meant by any.
func (p *Portals) find(ctx context.Context, key database.MessageKey) (database.Message, error) {
	rows, err := p.db.MessagesByID(ctx, key.Portal, key.ID)
	if err != nil {
		return database.Message{}, err
	}
	for _, row := range rows {
		if row.Kind == database.KindMessage && (row.Sender == key.Sender || len(rows) == 1) {
			return row, nil
		}
	}
	items, err := p.items(ctx, rows, key.Sender)
	if err == nil && len(items) > 0 {
		return items[0], nil // what is said about an album is shown at its first file
	}
	return database.Message{}, cmp.Or(err, database.ErrNotFound)
}

// shownBy finds the message that an event of a portal's room shows, the whole of it; ErrNotFound when it shows none.
func (p *Portals) shownBy(ctx context.Context, portal database.Portal, evt id.EventID) (database.Message, error) {
	row, err := p.db.MessageByEvent(ctx, evt)
	if err == nil && row.Portal != portal.ID {
		err = database.ErrNotFound
	}
	whole, _, isPart := strings.Cut(row.ID, "#")
	if err != nil || !isPart {
		return row, err
	}
	row.ID = whole
	return p.db.MessageByKey(ctx, row.MessageKey)
}

// partID names the further parts of a message that is too long for one event, from 2.
func partID(whole types.MessageID, n int) types.MessageID { return fmt.Sprintf("%s#%d", whole, n) }

// parts lists the parts of a message that are shown, and says how many there ever were.
func (p *Portals) parts(ctx context.Context, row database.Message) (live []database.Message, all int, err error) {
	whole := row.ID
	for all = 1; ; all++ {
		if !row.Removed {
			live = append(live, row)
		}
		row.ID = partID(whole, all+1)
		row, err = p.db.MessageByKey(ctx, row.MessageKey)
		if errors.Is(err, database.ErrNotFound) {
			return live, all, nil
		} else if err != nil {
			return nil, 0, err
		}
	}
}

// keyFor names a message to WhatsApp as a login sees it.
func (p *Portals) keyFor(ctx context.Context, portal database.Portal, login database.Login, row database.Message) (convert.Target, error) {
	target := convert.Target{ID: row.ID, FromMe: row.Sender == login.Puppet}
	author, err := p.db.PuppetByID(ctx, row.Sender)
	if err != nil {
		return target, fmt.Errorf("read the author of message %s: %w", row.ID, err)
	}
	target.Participant = nameIn(portal, author)
	return target, nil
}

// sentBefore names the action that sends a message of another login's user, or is "".
func (p *Portals) sentBefore(ctx context.Context, login database.Login, row database.Message) (string, error) {
	if !row.FromMatrix || row.Sender == login.Puppet {
		return "", nil // it is sent already, or is before this on the same lane
	}
	author, err := p.db.LoginByPuppet(ctx, row.Sender)
	if errors.Is(err, database.ErrNotFound) {
		return "", nil
	}
	return outbox.SendWhatsApp{Login: author.ID, Message: row.MessageKey}.Key(), err
}

// nameIn is the name by which a person goes in a chat.
func nameIn(portal database.Portal, person database.Puppet) types.JID {
	if person.LID.IsEmpty() || portal.Chat.Server == types.DefaultUserServer && !person.PN.IsEmpty() {
		return person.PN
	}
	return person.LID
}

// removal is what an event that removes another one needs.
type removal struct {
	row    database.Message // what is removed
	as     id.UserID
	reason string
	by     *database.MessageKey // the message that says so, if it is one
}

// remove adds the event that removes the one which shows a message, if there is one.
func (p *Portals) remove(ctx context.Context, r removal) error {
	raw, err := json.Marshal(event.RedactionEventContent{Reason: r.reason})
	if err != nil {
		return fmt.Errorf("encode the removal of message %s: %w", r.row.ID, err)
	}
	txn := "remove-" + transactionID(r.row.MessageKey)
	if r.by != nil {
		txn = transactionID(*r.by)
	}
	return p.out.SendEvent(ctx, outbox.SendEvent{
		Portal: r.row.Portal, As: r.as, Type: event.EventRedaction.Type, Content: raw,
		Txn: txn, Message: r.by, About: &r.row.MessageKey,
	})
}

// remover is who can remove what a person said: who has shown it, or the bot if that was a Matrix user.
func (p *Portals) remover(ctx context.Context, row database.Message) (id.UserID, error) {
	if row.FromMatrix {
		return p.cfg.Bot, nil
	}
	author, err := p.db.PuppetByID(ctx, row.Sender)
	if err != nil {
		return "", fmt.Errorf("read the author of message %s: %w", row.ID, err)
	}
	return author.UserID, nil
}
