// Package puppet decides about ghosts, the Matrix users that stand for people on WhatsApp: who they are, and what they
// are called.
package puppet

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
	"causeway/queue"
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

// Ensure finds the person who goes by a LID, by a phone number's JID, or by both (either may be empty), or adds them.
// pushName is the name that they chose, if it was told. A name that is neither a LID nor a number can be no person's:
// such an arrival is a dead letter.
func (p *Puppets) Ensure(ctx context.Context, lid, pn types.JID, pushName string) (database.Puppet, error) {
	names := [2]types.JID{lid, pn}
	lid, pn = sort(lid, pn)
	if lid.IsEmpty() && pn.IsEmpty() {
		return database.Puppet{}, queue.Dead(fmt.Errorf("find person: neither %q nor %q is a LID or a phone number", names[0], names[1]))
	}
	row, err := p.find(ctx, lid, pn)
	if errors.Is(err, database.ErrNotFound) {
		row, err = p.add(ctx, lid, pn)
	}
	if err != nil {
		return row, err
	}
	known := row
	if row, err = p.learn(ctx, row, lid, pn); err != nil {
		return row, err
	}
	if name := tidy(pushName); name != "" {
		row.PushName = name
	}
	if row.Name != "" && row.PushName == known.PushName && (row.PN == known.PN || row.PushName != "") {
		return row, nil
	}
	return p.setName(ctx, row)
}

// find looks for the person by LID first: the LID is the identity, and a number may change hands. Whoever has the
// number but another LID is somebody else.
func (p *Puppets) find(ctx context.Context, lid, pn types.JID) (database.Puppet, error) {
	if !lid.IsEmpty() {
		row, err := p.db.PuppetByJID(ctx, lid)
		if !errors.Is(err, database.ErrNotFound) {
			return row, err
		}
	}
	if pn.IsEmpty() {
		return database.Puppet{}, database.ErrNotFound
	}
	row, err := p.db.PuppetByJID(ctx, pn)
	if err == nil && !lid.IsEmpty() && !row.LID.IsEmpty() {
		return database.Puppet{}, database.ErrNotFound
	}
	return row, err
}

// add adds a person, by the LID alone when it is known: the number may still be somebody else's, and learn takes it.
func (p *Puppets) add(ctx context.Context, lid, pn types.JID) (database.Puppet, error) {
	user, err := p.freeID(ctx, lid, pn)
	if err != nil {
		return database.Puppet{}, err
	}
	row := database.Puppet{UserID: user, LID: lid}
	if lid.IsEmpty() {
		row.PN = pn
	}
	added, err := p.db.AddPuppet(ctx, row)
	if errors.Is(err, database.ErrNotFound) { // another transaction was quicker
		return p.find(ctx, lid, pn)
	}
	return added, err
}

// maxSameNumber is how many people may have had a number, one after the other, each with a ghost named after it.
const maxSameNumber = 20

// freeID chooses the ghost's user ID: from the number when it is known, else from the LID. It never changes afterwards,
// so the ID that a number suggests may belong to whoever had the number before.
func (p *Puppets) freeID(ctx context.Context, lid, pn types.JID) (id.UserID, error) {
	var names []string
	if !pn.IsEmpty() {
		names = append(names, pn.User)
	}
	if !lid.IsEmpty() {
		names = append(names, "lid-"+lid.User)
	}
	for n := 2; n <= maxSameNumber; n++ {
		names = append(names, fmt.Sprintf("%s-%d", names[0], n))
	}
	for _, name := range names {
		user := id.NewUserID(p.prefix+name, p.domain)
		_, err := p.db.PuppetByUserID(ctx, user)
		if errors.Is(err, database.ErrNotFound) {
			return user, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", queue.Dead(fmt.Errorf("name a ghost: all names for %s are taken", names[0]))
}

// learn records a LID or a number that was not known yet, or a new number.
func (p *Puppets) learn(ctx context.Context, row database.Puppet, lid, pn types.JID) (database.Puppet, error) {
	known := row
	if row.LID.IsEmpty() {
		row.LID = lid
	}
	if !pn.IsEmpty() {
		row.PN = pn
	}
	if row == known {
		return row, nil
	}
	if row.PN != known.PN {
		if err := p.takeNumber(ctx, row); err != nil {
			return row, err
		}
	}
	return row, p.db.SetPuppetJIDs(ctx, row)
}

// takeNumber takes a number from the row that has it, for the person that it belongs to now. A row without a LID is the
// same person, whom the bridge had met by the number alone; one with another LID is somebody who had the number before.
func (p *Puppets) takeNumber(ctx context.Context, row database.Puppet) error {
	other, err := p.db.PuppetByJID(ctx, row.PN)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	other.PN = types.EmptyJID
	if err := p.db.SetPuppetJIDs(ctx, other); err != nil {
		return err
	}
	if other.LID.IsEmpty() {
		return p.replace(ctx, other, row)
	}
	if other.PushName == "" { // their name was made of the number
		_, err = p.setName(ctx, other)
	}
	return err
}

// replace puts a person's lasting row in the place of the one that they had by their number alone: as the account of a
// login, and in direct chats. In groups the old ghost goes when all of the group is learned.
func (p *Puppets) replace(ctx context.Context, old, row database.Puppet) error {
	login, err := p.db.LoginByPuppet(ctx, old.ID)
	if err == nil {
		login.Puppet = row.ID
		err = p.db.PutLogin(ctx, login)
	}
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	portals, err := p.db.DirectPortals(ctx, old.ID)
	if err != nil {
		return err
	}
	for _, portal := range portals {
		if err := p.db.SetPortalOther(ctx, portal.ID, row.ID); err != nil {
			return err
		}
		if portal.RoomID == "" {
			continue
		}
		occasion := fmt.Sprintf("replaces/%d", old.ID)
		if err := p.out.JoinRoom(ctx, occasion, outbox.JoinRoom{Portal: portal.ID, As: row.UserID}); err != nil {
			return err
		}
		if err := p.out.LeaveRoom(ctx, occasion, outbox.LeaveRoom{Portal: portal.ID, User: old.UserID}); err != nil {
			return err
		}
		if row.Name == "" {
			continue
		}
		if err := p.nameRoom(ctx, portal.ID, row.Name); err != nil {
			return err
		}
	}
	return nil
}

// setName decides the display name, and what follows where it shows: the ghost's profile and the names of its rooms.
func (p *Puppets) setName(ctx context.Context, row database.Puppet) (database.Puppet, error) {
	before := row.Name
	row.Name = tidy(p.names(row.PushName, Phone(row)))
	if row.PushName == "" && row.PN.IsEmpty() {
		row.Name = tidy(p.names("WhatsApp user", ""))
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
	for _, portal := range portals {
		if err := p.nameRoom(ctx, portal.ID, row.Name); err != nil {
			return row, err
		}
	}
	return row, nil
}

func (p *Puppets) nameRoom(ctx context.Context, portal database.PortalID, name string) error {
	content, err := json.Marshal(event.RoomNameEventContent{Name: name})
	if err != nil {
		return fmt.Errorf("encode room name: %w", err)
	}
	return p.out.SetState(ctx, outbox.SetState{Portal: portal, Type: event.StateRoomName.Type, Content: content})
}

// maxName bounds a name, in characters. WhatsApp's own programs allow 25; homeservers refuse more than 256 bytes or
// characters, and a ghost whose name is refused could not speak.
const maxName = 100

// tidy makes one plain line of a name that a stranger chose: no control characters, which databases and homeservers
// refuse, and none that turn the direction of the text around it.
func tidy(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = strings.Join(strings.Fields(name), " ")
	if runes := []rune(name); len(runes) > maxName {
		name = strings.TrimSpace(string(runes[:maxName])) + "…"
	}
	return name
}

// ContactChanged decides about a person who chose another name.
func (p *Puppets) ContactChanged(ctx context.Context, in inbox.ContactChanged) error {
	lid, pn := sort(in.LID, in.PN)
	_, err := p.find(ctx, lid, pn)
	if errors.Is(err, database.ErrNotFound) {
		return nil // nobody of whom a chat knows
	} else if err != nil {
		return err
	}
	_, err = p.Ensure(ctx, lid, pn, in.PushName)
	return err
}

// Phone returns a person's number as "+15550100", or "" when it is not known.
func Phone(row database.Puppet) string {
	if row.PN.IsEmpty() {
		return ""
	}
	return "+" + row.PN.User
}

// sort puts two names of a person in order, whichever way round they came, and drops what is neither. A company whose
// account WhatsApp hosts goes by the same names on other servers.
func sort(a, b types.JID) (lid, pn types.JID) {
	for _, jid := range []types.JID{a, b} {
		switch {
		case jid.User == "":
		case jid.Server == types.HiddenUserServer, jid.Server == types.HostedLIDServer:
			lid = types.NewJID(jid.User, types.HiddenUserServer)
		case jid.Server == types.DefaultUserServer, jid.Server == types.HostedServer:
			pn = types.NewJID(jid.User, types.DefaultUserServer)
		}
	}
	return lid, pn
}
