package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"
)

// PuppetID names a person for life, whatever becomes known of their phone number or LID.
type PuppetID int64

// Puppet is one person on WhatsApp and the ghost that stands for them on Matrix.
type Puppet struct {
	ID       PuppetID
	UserID   id.UserID // the ghost; fixed when the row is made
	LID      types.JID // empty until known
	PN       types.JID // the phone number's JID, empty until known
	PushName string    // the name that the person chose
	Name     string    // the display name that was last decided for the ghost
}

const puppetColumns = `puppet.id, puppet.user_id, puppet.lid, puppet.pn, puppet.push_name, puppet.name`

func scanPuppet(row interface{ Scan(...any) error }) (Puppet, error) {
	var p Puppet
	var lid, pn sql.NullString
	err := row.Scan(&p.ID, &p.UserID, &lid, &pn, &p.PushName, &p.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNotFound
	} else if err != nil {
		return p, fmt.Errorf("read puppet: %w", err)
	}
	if p.LID, err = parseJID(lid.String); err != nil {
		return p, fmt.Errorf("read puppet %d: %w", p.ID, err)
	}
	if p.PN, err = parseJID(pn.String); err != nil {
		return p, fmt.Errorf("read puppet %d: %w", p.ID, err)
	}
	return p, nil
}

// PuppetByID finds a person by the row's ID.
func (db *DB) PuppetByID(ctx context.Context, puppet PuppetID) (Puppet, error) {
	return scanPuppet(db.QueryRow(ctx, `SELECT `+puppetColumns+` FROM puppet WHERE id=$1`, puppet))
}

// PuppetByJID finds a person by LID or by phone number. The device part of jid does not matter.
func (db *DB) PuppetByJID(ctx context.Context, jid types.JID) (Puppet, error) {
	column := "pn"
	if jid.Server == types.HiddenUserServer {
		column = "lid"
	}
	return scanPuppet(db.QueryRow(ctx, `SELECT `+puppetColumns+` FROM puppet WHERE `+column+`=$1`, jid.ToNonAD().String()))
}

// PuppetByUserID finds a person by the ghost.
func (db *DB) PuppetByUserID(ctx context.Context, user id.UserID) (Puppet, error) {
	return scanPuppet(db.QueryRow(ctx, `SELECT `+puppetColumns+` FROM puppet WHERE user_id=$1`, user))
}

// atOnce is how many people are looked for by one statement.
const atOnce = 50

// PuppetsByJID finds people by their LIDs and phone numbers, each of those that are known under the name that was asked for.
func (db *DB) PuppetsByJID(ctx context.Context, jids []types.JID) (map[types.JID]Puppet, error) {
	var lids, pns []any
	for _, jid := range jids {
		if jid.Server == types.HiddenUserServer {
			lids = append(lids, jid.ToNonAD().String())
		} else {
			pns = append(pns, jid.ToNonAD().String())
		}
	}
	found := map[types.JID]Puppet{}
	if err := db.puppets(ctx, "lid", lids, func(p Puppet) { found[p.LID] = p }); err != nil {
		return nil, err
	}
	return found, db.puppets(ctx, "pn", pns, func(p Puppet) { found[p.PN] = p })
}

// PuppetsByUserID finds people by their ghosts.
func (db *DB) PuppetsByUserID(ctx context.Context, users []id.UserID) (map[id.UserID]Puppet, error) {
	names := make([]any, len(users))
	for n, user := range users {
		names[n] = user
	}
	found := map[id.UserID]Puppet{}
	return found, db.puppets(ctx, "user_id", names, func(p Puppet) { found[p.UserID] = p })
}

// puppets finds those whose column has one of the values. All statements are alike, so that they are prepared once.
func (db *DB) puppets(ctx context.Context, column string, values []any, found func(Puppet)) error {
	places := make([]string, atOnce)
	for n := range places {
		places[n] = fmt.Sprintf("$%d", n+1)
	}
	query := `SELECT ` + puppetColumns + ` FROM puppet WHERE ` + column + ` IN (` + strings.Join(places, ",") + `)`
	for chunk := range slices.Chunk(values, atOnce) {
		args := slices.Clone(chunk)
		for len(args) < atOnce {
			args = append(args, args[0])
		}
		if err := db.eachPuppet(ctx, query, args, found); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) eachPuppet(ctx context.Context, query string, args []any, found func(Puppet)) error {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("list people: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		p, err := scanPuppet(rows)
		if err != nil {
			return err
		}
		found(p)
	}
	return rows.Err()
}

// AddPuppet adds a person and returns the row with its ID. When another transaction has just added the same person,
// nothing is added and the error is ErrNotFound: look again.
func (db *DB) AddPuppet(ctx context.Context, p Puppet) (Puppet, error) {
	err := db.QueryRow(ctx, `INSERT INTO puppet (user_id, lid, pn, push_name, name) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT DO NOTHING RETURNING id`, p.UserID, nullJID(p.LID), nullJID(p.PN), p.PushName, p.Name).Scan(&p.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNotFound
	} else if err != nil {
		return p, fmt.Errorf("add puppet %s: %w", p.UserID, err)
	}
	return p, nil
}

// SetPuppetJIDs records the names that a person goes by on WhatsApp.
func (db *DB) SetPuppetJIDs(ctx context.Context, p Puppet) error {
	_, err := db.Exec(ctx, `UPDATE puppet SET lid=$2, pn=$3 WHERE id=$1`, p.ID, nullJID(p.LID), nullJID(p.PN))
	if err != nil {
		return fmt.Errorf("set identity of puppet %d: %w", p.ID, err)
	}
	return nil
}

// SetPuppetNames records the name that a person chose and the display name decided from it.
func (db *DB) SetPuppetNames(ctx context.Context, p Puppet) error {
	_, err := db.Exec(ctx, `UPDATE puppet SET push_name=$2, name=$3 WHERE id=$1`, p.ID, p.PushName, p.Name)
	if err != nil {
		return fmt.Errorf("set names of puppet %d: %w", p.ID, err)
	}
	return nil
}

// DirectPortals lists the direct chats with a person.
func (db *DB) DirectPortals(ctx context.Context, puppet PuppetID) ([]Portal, error) {
	return db.portals(ctx, `SELECT `+portalColumns+` FROM portal WHERE other=$1 ORDER BY id`, puppet)
}

func parseJID(s string) (types.JID, error) {
	if s == "" {
		return types.EmptyJID, nil
	}
	return types.ParseJID(s)
}

func nullJID(jid types.JID) any {
	if jid.IsEmpty() {
		return nil
	}
	return jid.ToNonAD().String()
}
