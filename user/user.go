// Package user decides about the people who use the bridge: their management room, their logins, and how logging in
// goes.
package user

import (
	"context"
	"errors"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
)

// Permissions says who may do what. The configuration has it.
type Permissions interface {
	// MayTalk reports whether the bot listens to a user at all.
	MayTalk(user id.UserID) bool
	// MayLogIn reports whether a user may link WhatsApp accounts.
	MayLogIn(user id.UserID) bool
}

// People knows who is who on WhatsApp. The puppet package has it.
type People interface {
	Ensure(ctx context.Context, lid, pn types.JID, pushName string) (database.Puppet, error)
}

// Users decides about users. It keeps no state of its own.
type Users struct {
	db     *database.DB
	in     *inbox.Inbox
	out    *outbox.Outbox
	permit Permissions
	people People
}

// New returns the decider.
func New(db *database.DB, in *inbox.Inbox, out *outbox.Outbox, permit Permissions, people People) *Users {
	return &Users{db: db, in: in, out: out, permit: permit, people: people}
}

// tell writes to a user in their management room, or in another room when they have none.
func (u *Users) tell(ctx context.Context, user id.UserID, other id.RoomID, txn, text string) error {
	row, err := u.db.UserByID(ctx, user)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	room := row.ManagementRoom
	if room == "" {
		room = other
	}
	if room == "" {
		return nil // somebody who never wrote to the bot, or left: the state is kept for when they ask
	}
	return u.out.SendNotice(ctx, outbox.SendNotice{Room: room, Txn: txn, Text: text})
}
