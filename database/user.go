package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/id"
)

// User is a person on Matrix who has talked to the bot.
type User struct {
	ID             id.UserID
	ManagementRoom id.RoomID // where the bot writes to the user; empty until there is one
}

// PutManagementRoom records the room in which a user and the bot talk.
func (db *DB) PutManagementRoom(ctx context.Context, u User) error {
	_, err := db.Exec(ctx, `INSERT INTO matrix_user (mxid, management_room) VALUES ($1, $2)
		ON CONFLICT (mxid) DO UPDATE SET management_room=excluded.management_room`, u.ID, u.ManagementRoom)
	if err != nil {
		return fmt.Errorf("set management room of %s: %w", u.ID, err)
	}
	return nil
}

// UserByID finds a user.
func (db *DB) UserByID(ctx context.Context, user id.UserID) (User, error) {
	return scanUser(db.QueryRow(ctx, `SELECT mxid, management_room FROM matrix_user WHERE mxid=$1`, user))
}

// UserByManagementRoom finds the user who talks to the bot in a room.
func (db *DB) UserByManagementRoom(ctx context.Context, room id.RoomID) (User, error) {
	return scanUser(db.QueryRow(ctx, `SELECT mxid, management_room FROM matrix_user WHERE management_room=$1`, room))
}

func scanUser(row *sql.Row) (User, error) {
	var u User
	err := row.Scan(&u.ID, &u.ManagementRoom)
	if errors.Is(err, sql.ErrNoRows) {
		return u, ErrNotFound
	} else if err != nil {
		return u, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}

// LoginFlow is the login that a user is going through right now.
type LoginFlow struct {
	User    id.UserID
	ID      string // names this attempt; what belongs to an older one is ignored
	Method  string // "qr" or "phone"
	Room    id.RoomID
	Started time.Time
}

const flowColumns = `mxid, id, method, room_id, started_at`

func scanFlow(row interface{ Scan(...any) error }) (LoginFlow, error) {
	var f LoginFlow
	var started int64
	err := row.Scan(&f.User, &f.ID, &f.Method, &f.Room, &started)
	if errors.Is(err, sql.ErrNoRows) {
		return f, ErrNotFound
	} else if err != nil {
		return f, fmt.Errorf("read login flow: %w", err)
	}
	f.Started = time.UnixMilli(started)
	return f, nil
}

// PutLoginFlow records that a user has started to log in, in place of an earlier attempt.
func (db *DB) PutLoginFlow(ctx context.Context, f LoginFlow) error {
	_, err := db.Exec(ctx, `INSERT INTO login_flow (mxid, id, method, room_id, started_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (mxid) DO UPDATE SET id=excluded.id, method=excluded.method, room_id=excluded.room_id, started_at=excluded.started_at`,
		f.User, f.ID, f.Method, f.Room, f.Started.UnixMilli())
	if err != nil {
		return fmt.Errorf("put login flow of %s: %w", f.User, err)
	}
	return nil
}

// LoginFlowOf finds the login that a user is going through.
func (db *DB) LoginFlowOf(ctx context.Context, user id.UserID) (LoginFlow, error) {
	return scanFlow(db.QueryRow(ctx, `SELECT `+flowColumns+` FROM login_flow WHERE mxid=$1`, user))
}

// LoginFlows lists all logins under way.
func (db *DB) LoginFlows(ctx context.Context) ([]LoginFlow, error) {
	rows, err := db.Query(ctx, `SELECT `+flowColumns+` FROM login_flow ORDER BY mxid`)
	if err != nil {
		return nil, fmt.Errorf("list login flows: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []LoginFlow
	for rows.Next() {
		f, err := scanFlow(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, rows.Err()
}

// RemoveLoginFlow forgets an attempt to log in.
func (db *DB) RemoveLoginFlow(ctx context.Context, user id.UserID) error {
	if _, err := db.Exec(ctx, `DELETE FROM login_flow WHERE mxid=$1`, user); err != nil {
		return fmt.Errorf("remove login flow of %s: %w", user, err)
	}
	return nil
}
