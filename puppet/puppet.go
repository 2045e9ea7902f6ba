// Package puppet decides about ghosts, the Matrix users that stand for people on WhatsApp: who they are, and what they
// are called.
package puppet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
)

// Names renders the display name of a person from the name they chose and their number ("+15550100"); either may be
// empty. The configuration has the template.
type Names func(pushName, phone string) string

// Puppets decides about ghosts. It keeps no state of its own.
type Puppets struct {
	db     *database.DB
	out    *outbox.Outbox
	names  Names
	prefix string
	domain string
}

// New returns the decider. prefix and domain make the user IDs of ghosts.
func New(db *database.DB, out *outbox.Outbox, names Names, prefix, domain string) *Puppets {
	return &Puppets{db: db, out: out, names: names, prefix: prefix, domain: domain}
}

// IsGhost reports whether a Matrix user is in the namespace of the ghosts.
func (p *Puppets) IsGhost(user id.UserID) bool {
	local, domain, err := user.Parse()
	return err == nil && domain == p.domain && strings.HasPrefix(local, p.prefix)
}

// userID makes the ghost's user ID: from the number when it is known, else from the LID. It never changes afterwards.
func (p *Puppets) userID(lid, pn types.JID) id.UserID {
	if !pn.IsEmpty() {
		return id.NewUserID(p.prefix+pn.User, p.domain)
	}
	return id.NewUserID(p.prefix+"lid-"+lid.User, p.domain)
}

// Ensure finds the person who goes by a LID, by a phone number's JID, or by both (either may be empty), or adds them.
// pushName is the name that they chose, if it was told.
func (p *Puppets) Ensure(ctx context.Context, lid, pn types.JID, pushName string) (database.Puppet, error) {
	lid, pn = sort(lid, pn)
	if lid.IsEmpty() && pn.IsEmpty() {
		return database.Puppet{}, errors.New("find person: neither a LID nor a phone number")
	}
	row, err := p.find(ctx, lid, pn)
	if errors.Is(err, database.ErrNotFound) {
		row, err = p.add(ctx, lid, pn, pushName)
	}
	if err != nil {
		return row, err
	}
	if row, err = p.learn(ctx, row, lid, pn); err != nil {
		return row, err
	}
	return p.rename(ctx, row, pushName)
}

// find looks for the person by LID first: the LID is the identity, a number may change hands.
func (p *Puppets) find(ctx context.Context, lid, pn types.JID) (database.Puppet, error) {
	for _, jid := range []types.JID{lid, pn} {
		if jid.IsEmpty() {
			continue
		}
		row, err := p.db.PuppetByJID(ctx, jid)
		if !errors.Is(err, database.ErrNotFound) {
			return row, err
		}
	}
	return database.Puppet{}, database.ErrNotFound
}

func (p *Puppets) add(ctx context.Context, lid, pn types.JID, pushName string) (database.Puppet, error) {
	row := database.Puppet{UserID: p.userID(lid, pn), LID: lid, PN: pn}
	added, err := p.db.AddPuppet(ctx, row)
	if errors.Is(err, database.ErrNotFound) { // another transaction was quicker
		return p.find(ctx, lid, pn)
	} else if err != nil {
		return row, err
	}
	if pushName == "" { // no rename will follow, but a ghost needs a name
		return p.setName(ctx, added)
	}
	return added, nil
}

// learn completes a row with a LID or a number that was not known yet. When the two belong to two rows, they are one
// person whom the bridge had met by each name alone: the row of the LID keeps going, and takes the number over.
func (p *Puppets) learn(ctx context.Context, row database.Puppet, lid, pn types.JID) (database.Puppet, error) {
	known := row
	if row.LID.IsEmpty() {
		row.LID = lid
	}
	if row.PN.IsEmpty() {
		row.PN = pn
	}
	if row == known {
		return row, nil
	}
	if other, err := p.db.PuppetByJID(ctx, row.PN); !row.PN.IsEmpty() && err == nil && other.ID != row.ID {
		other.PN = types.EmptyJID
		if err := p.db.SetPuppetJIDs(ctx, other); err != nil {
			return row, err
		}
	} else if err != nil && !errors.Is(err, database.ErrNotFound) {
		return row, err
	}
	if err := p.db.SetPuppetJIDs(ctx, row); err != nil {
		return row, err
	}
	if row.PushName == "" { // the display name may be made of the number
		return p.setName(ctx, row)
	}
	return row, nil
}

func (p *Puppets) rename(ctx context.Context, row database.Puppet, pushName string) (database.Puppet, error) {
	if pushName == "" || pushName == row.PushName {
		return row, nil
	}
	row.PushName = pushName
	return p.setName(ctx, row)
}

// setName decides the display name, and what follows where it shows: the ghost's profile and the names of its rooms.
func (p *Puppets) setName(ctx context.Context, row database.Puppet) (database.Puppet, error) {
	before := row.Name
	row.Name = p.names(row.PushName, Phone(row))
	if row.PushName == "" && row.PN.IsEmpty() {
		row.Name = p.names("WhatsApp user", "")
	}
	if err := p.db.SetPuppetNames(ctx, row); err != nil || row.Name == before {
		return row, err
	}
	if err := p.out.SetProfile(ctx, outbox.SetProfile{User: row.UserID, Name: row.Name}); err != nil {
		return row, err
	}
	if before == "" {
		return row, nil
	}
	portals, err := p.db.DirectPortals(ctx, row.ID)
	if err != nil {
		return row, err
	}
	content, err := json.Marshal(event.RoomNameEventContent{Name: row.Name})
	if err != nil {
		return row, fmt.Errorf("encode room name: %w", err)
	}
	for _, portal := range portals {
		state := outbox.SetState{Portal: portal.ID, Type: event.StateRoomName.Type, Content: content}
		if err := p.out.SetState(ctx, state); err != nil {
			return row, err
		}
	}
	return row, nil
}

// ContactChanged decides about a person who chose another name.
func (p *Puppets) ContactChanged(ctx context.Context, in inbox.ContactChanged) error {
	_, err := p.find(ctx, in.LID, in.PN)
	if errors.Is(err, database.ErrNotFound) {
		return nil // nobody of whom a chat knows
	} else if err != nil {
		return err
	}
	_, err = p.Ensure(ctx, in.LID, in.PN, in.PushName)
	return err
}

// Phone returns a person's number as "+15550100", or "" when it is not known.
func Phone(row database.Puppet) string {
	if row.PN.IsEmpty() {
		return ""
	}
	return "+" + row.PN.User
}

// sort puts two names of a person in order, whichever way round they came, and drops what is neither.
func sort(a, b types.JID) (lid, pn types.JID) {
	for _, jid := range []types.JID{a, b} {
		switch jid.Server {
		case types.HiddenUserServer:
			lid = jid.ToNonAD()
		case types.DefaultUserServer:
			pn = jid.ToNonAD()
		}
	}
	return lid, pn
}
