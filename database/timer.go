package database

import (
	"context"
	"fmt"
	"time"
)

// TimerKind says what is to happen to a message at a time.
type TimerKind string

// The kinds of timers.
const (
	TimerVanish TimerKind = "vanish" // it disappears
	TimerUnpin  TimerKind = "unpin"  // it is not pinned any more
)

// Timer is something that is to happen to a message.
type Timer struct {
	Kind    TimerKind  `json:"kind"`
	Message MessageKey `json:"message"`
	Due     time.Time  `json:"due"`
}

// PutTimer notes what is to happen, in place of what was noted of the same kind before.
func (db *DB) PutTimer(ctx context.Context, t Timer) error {
	_, err := db.Exec(ctx, `INSERT INTO timer (kind, portal_id, wa_id, sender_id, due_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (kind, portal_id, wa_id, sender_id) DO UPDATE SET due_at=excluded.due_at`,
		t.Kind, t.Message.Portal, t.Message.ID, t.Message.Sender, t.Due.UnixMilli())
	if err != nil {
		return fmt.Errorf("set a timer for message %s: %w", t.Message.ID, err)
	}
	return nil
}

// RemoveTimer forgets what was to happen to a message.
func (db *DB) RemoveTimer(ctx context.Context, kind TimerKind, key MessageKey) error {
	_, err := db.Exec(ctx, `DELETE FROM timer WHERE kind=$1 AND portal_id=$2 AND wa_id=$3 AND sender_id=$4`, kind, key.Portal, key.ID, key.Sender)
	if err != nil {
		return fmt.Errorf("remove a timer of message %s: %w", key.ID, err)
	}
	return nil
}

// DueTimers lists the timers that are due at a time, the oldest first, up to a number of them.
func (db *DB) DueTimers(ctx context.Context, now time.Time, limit int) ([]Timer, error) {
	rows, err := db.Query(ctx, `SELECT kind, portal_id, wa_id, sender_id, due_at FROM timer WHERE due_at<=$1 ORDER BY due_at LIMIT $2`, now.UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("list timers: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Timer
	for rows.Next() {
		var t Timer
		var due int64
		if err := rows.Scan(&t.Kind, &t.Message.Portal, &t.Message.ID, &t.Message.Sender, &due); err != nil {
			return nil, fmt.Errorf("list timers: %w", err)
		}
		t.Due = time.UnixMilli(due)
		list = append(list, t)
	}
	return list, rows.Err()
}
