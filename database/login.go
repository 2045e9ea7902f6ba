package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"
)

// LoginID names a linked WhatsApp account: its phone number in digits.
type LoginID string

// LoginState is what the bridge last knew of a login's connection.
type LoginState string

// The states of a login. StateLoggedOut and StateReplaced need the user to act; from the others the bridge comes back
// by itself.
const (
	StateConnecting   LoginState = "connecting"
	StateConnected    LoginState = "connected"
	StateDisconnected LoginState = "disconnected" // the bridge tries again by itself
	StateLoggedOut    LoginState = "logged_out"   // the phone or WhatsApp has unlinked the bridge
	StateReplaced     LoginState = "replaced"     // another program uses the same session
	StateBanned       LoginState = "banned"       // WhatsApp has banned the account for a while
	StateOutdated     LoginState = "outdated"     // WhatsApp no longer accepts this version of the client
)

// Login is a WhatsApp account that a Matrix user has linked.
type Login struct {
	ID          LoginID
	User        id.UserID
	Puppet      PuppetID  // the person whose account it is
	Device      types.JID // the companion device, with its number
	State       LoginState
	StateDetail string // what WhatsApp said, for the log and for ping
	StateSince  time.Time
	RetryAt     time.Time // for StateBanned: when the bridge connects again
	PhoneSeen   time.Time // the last sign of life of the phone; zero when there was none
}

const loginColumns = `login.id, login.mxid, login.puppet_id, login.device, login.state, login.state_detail, login.state_since, login.retry_at, login.phone_seen`

func scanLogin(row interface{ Scan(...any) error }) (Login, error) {
	var l Login
	var device string
	var since, retry, seen int64
	err := row.Scan(&l.ID, &l.User, &l.Puppet, &device, &l.State, &l.StateDetail, &since, &retry, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return l, ErrNotFound
	} else if err != nil {
		return l, fmt.Errorf("read login: %w", err)
	}
	l.StateSince = time.UnixMilli(since)
	if retry > 0 {
		l.RetryAt = time.UnixMilli(retry)
	}
	if seen > 0 {
		l.PhoneSeen = time.UnixMilli(seen)
	}
	if l.Device, err = types.ParseJID(device); err != nil {
		return l, fmt.Errorf("read login %s: %w", l.ID, err)
	}
	return l, nil
}

func (db *DB) logins(ctx context.Context, query string, args ...any) ([]Login, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list logins: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Login
	for rows.Next() {
		l, err := scanLogin(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

// PutLogin adds a login, or replaces one of the same account, whoever had linked it.
func (db *DB) PutLogin(ctx context.Context, l Login) error {
	_, err := db.Exec(ctx, `INSERT INTO login (id, mxid, puppet_id, device, state, state_detail, state_since) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET mxid=excluded.mxid, puppet_id=excluded.puppet_id, device=excluded.device,
			state=excluded.state, state_detail=excluded.state_detail, state_since=excluded.state_since, retry_at=0`,
		l.ID, l.User, l.Puppet, l.Device.String(), l.State, l.StateDetail, l.StateSince.UnixMilli())
	if err != nil {
		return fmt.Errorf("put login %s: %w", l.ID, err)
	}
	return nil
}

// LoginByID finds a login by its account's number.
func (db *DB) LoginByID(ctx context.Context, login LoginID) (Login, error) {
	return scanLogin(db.QueryRow(ctx, `SELECT `+loginColumns+` FROM login WHERE id=$1`, login))
}

// LoginByPuppet finds the login of a person's account.
func (db *DB) LoginByPuppet(ctx context.Context, puppet PuppetID) (Login, error) {
	return scanLogin(db.QueryRow(ctx, `SELECT `+loginColumns+` FROM login WHERE puppet_id=$1`, puppet))
}

// LoginsOf lists the accounts that a user has linked.
func (db *DB) LoginsOf(ctx context.Context, user id.UserID) ([]Login, error) {
	return db.logins(ctx, `SELECT `+loginColumns+` FROM login WHERE mxid=$1 ORDER BY id`, user)
}

// Logins lists all linked accounts.
func (db *DB) Logins(ctx context.Context) ([]Login, error) {
	return db.logins(ctx, `SELECT `+loginColumns+` FROM login ORDER BY id`)
}

// SetLoginState records what became of a login's connection.
func (db *DB) SetLoginState(ctx context.Context, l Login) error {
	retry := int64(0)
	if !l.RetryAt.IsZero() {
		retry = l.RetryAt.UnixMilli()
	}
	_, err := db.Exec(ctx, `UPDATE login SET state=$2, state_detail=$3, state_since=$4, retry_at=$5 WHERE id=$1`,
		l.ID, l.State, l.StateDetail, l.StateSince.UnixMilli(), retry)
	if err != nil {
		return fmt.Errorf("set state of login %s: %w", l.ID, err)
	}
	return nil
}

// SetPhoneSeen records a sign of life of a login's phone.
func (db *DB) SetPhoneSeen(ctx context.Context, login LoginID, at time.Time) error {
	_, err := db.Exec(ctx, `UPDATE login SET phone_seen=$2 WHERE id=$1 AND phone_seen<$2`, login, at.UnixMilli())
	if err != nil {
		return fmt.Errorf("set phone seen of login %s: %w", login, err)
	}
	return nil
}

// RemoveLogin forgets a login, and that it was in any chat. The chats themselves stay, so that a later login of the
// same account finds its rooms again.
func (db *DB) RemoveLogin(ctx context.Context, login LoginID) error {
	if _, err := db.Exec(ctx, `DELETE FROM login WHERE id=$1`, login); err != nil {
		return fmt.Errorf("remove login %s: %w", login, err)
	}
	return nil
}

// UnlinkedBy names the setting that holds the Matrix user who last unlinked an account with the logout command: what still
// arrives by the account is of no use then, and its next user is known to be another.
func UnlinkedBy(account LoginID) string { return "unlinked/" + string(account) }
