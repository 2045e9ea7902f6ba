package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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
