package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Pin is whether a message is pinned on WhatsApp, as was said last.
type Pin struct {
	Message MessageKey
	Pinned  bool
	Set     time.Time
}

// PutPin notes that a message was pinned or not any more.
func (db *DB) PutPin(ctx context.Context, p Pin) error {
	_, err := db.Exec(ctx, `INSERT INTO pin (portal_id, wa_id, sender_id, pinned, set_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (portal_id, wa_id, sender_id) DO UPDATE SET pinned=excluded.pinned, set_at=excluded.set_at`,
		p.Message.Portal, p.Message.ID, p.Message.Sender, p.Pinned, p.Set.UnixMilli())
	if err != nil {
		return fmt.Errorf("pin message %s: %w", p.Message.ID, err)
	}
	return nil
}

// PinOf finds what is known of a message.
func (db *DB) PinOf(ctx context.Context, key MessageKey) (Pin, error) {
	p := Pin{Message: key}
	var set int64
	err := db.QueryRow(ctx, `SELECT pinned, set_at FROM pin WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`, key.Portal, key.ID, key.Sender).Scan(&p.Pinned, &set)
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNotFound
	} else if err != nil {
		return p, fmt.Errorf("read the pin of message %s: %w", key.ID, err)
	}
	p.Set = time.UnixMilli(set)
	return p, nil
}

// Pinned lists the messages of a portal that are pinned, the oldest pin first.
func (db *DB) Pinned(ctx context.Context, portal PortalID) ([]MessageKey, error) {
	rows, err := db.Query(ctx, `SELECT wa_id, sender_id FROM pin WHERE portal_id=$1 AND pinned=$2 ORDER BY set_at, wa_id`, portal, true)
	if err != nil {
		return nil, fmt.Errorf("list the pins of portal %d: %w", portal, err)
	}
	defer func() { _ = rows.Close() }()
	var list []MessageKey
	for rows.Next() {
		key := MessageKey{Portal: portal}
		if err := rows.Scan(&key.ID, &key.Sender); err != nil {
			return nil, fmt.Errorf("list the pins of portal %d: %w", portal, err)
		}
		list = append(list, key)
	}
	return list, rows.Err()
}
