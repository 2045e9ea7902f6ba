package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Awaited is a message that has come but cannot be decrypted, until it comes again.
type Awaited struct {
	MessageKey
	Placeholder bool // an event in the room stands for it
	Since       time.Time
}

// AddAwaited notes that a message is awaited. It reports false, and changes nothing, when it is already.
func (db *DB) AddAwaited(ctx context.Context, a Awaited) (bool, error) {
	isNew, err := changed(db.Exec(ctx, `INSERT INTO awaited_message (portal_id, wa_id, sender_id, placeholder, since) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (portal_id, wa_id, sender_id) DO NOTHING`, a.Portal, a.ID, a.Sender, a.Placeholder, a.Since.UnixMilli()))
	if err != nil {
		return false, fmt.Errorf("await message %s: %w", a.ID, err)
	}
	return isNew, nil
}

// AwaitedByKey finds an awaited message.
func (db *DB) AwaitedByKey(ctx context.Context, key MessageKey) (Awaited, error) {
	return scanAwaited(db.QueryRow(ctx, `SELECT portal_id, wa_id, sender_id, placeholder, since FROM awaited_message
		WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`, key.Portal, key.ID, key.Sender))
}

// TakeAwaited notes that a message has come at last, and returns what was noted of it.
func (db *DB) TakeAwaited(ctx context.Context, key MessageKey) (Awaited, error) {
	return scanAwaited(db.QueryRow(ctx, `DELETE FROM awaited_message WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3
		RETURNING portal_id, wa_id, sender_id, placeholder, since`, key.Portal, key.ID, key.Sender))
}

func scanAwaited(row *sql.Row) (Awaited, error) {
	var a Awaited
	var since int64
	err := row.Scan(&a.Portal, &a.ID, &a.Sender, &a.Placeholder, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return a, ErrNotFound
	} else if err != nil {
		return a, fmt.Errorf("read an awaited message: %w", err)
	}
	a.Since = time.UnixMilli(since)
	return a, nil
}
