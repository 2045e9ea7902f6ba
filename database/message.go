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

// MessageKey names a WhatsApp message, whichever login saw it and by whichever name its sender goes.
type MessageKey struct {
	Portal PortalID        `json:"portal"`
	ID     types.MessageID `json:"id"`
	Sender PuppetID        `json:"sender"`
}

// Message ties a WhatsApp message to the Matrix event that shows it.
type Message struct {
	MessageKey
	Event id.EventID // empty until the homeserver has given one
	Sent  time.Time
}

// AddMessage reserves the pair. It reports false, and changes nothing, when the message is known already.
func (db *DB) AddMessage(ctx context.Context, m Message) (bool, error) {
	isNew, err := changed(db.Exec(ctx, `INSERT INTO message (portal_id, wa_id, sender_id, event_id, sent_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (portal_id, wa_id, sender_id) DO NOTHING`, m.Portal, m.ID, m.Sender, m.Event, m.Sent.UnixMilli()))
	if err != nil {
		return false, fmt.Errorf("add message %s: %w", m.ID, err)
	}
	return isNew, nil
}

// SettleMessage records the event that shows a reserved message, unless one is known.
func (db *DB) SettleMessage(ctx context.Context, key MessageKey, event id.EventID) error {
	_, err := db.Exec(ctx, `UPDATE message SET event_id=$4 WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3 AND event_id=''`,
		key.Portal, key.ID, key.Sender, event)
	if err != nil {
		return fmt.Errorf("settle message %s: %w", key.ID, err)
	}
	return nil
}

// MessageByKey finds a message by its WhatsApp side.
func (db *DB) MessageByKey(ctx context.Context, key MessageKey) (Message, error) {
	return scanMessage(db.QueryRow(ctx, `SELECT portal_id, wa_id, sender_id, event_id, sent_at FROM message
		WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`, key.Portal, key.ID, key.Sender))
}

// MessageByEvent finds a message by its Matrix side.
func (db *DB) MessageByEvent(ctx context.Context, event id.EventID) (Message, error) {
	return scanMessage(db.QueryRow(ctx, `SELECT portal_id, wa_id, sender_id, event_id, sent_at FROM message
		WHERE event_id=$1 AND event_id<>''`, event))
}

// CountMessagesOfEvent counts the messages that an event is: several when WhatsApp needs parts of it.
func (db *DB) CountMessagesOfEvent(ctx context.Context, event id.EventID) (n int, err error) {
	if err := db.QueryRow(ctx, `SELECT COUNT(*) FROM message WHERE event_id=$1 AND event_id<>''`, event).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the messages of %s: %w", event, err)
	}
	return n, nil
}

func scanMessage(row *sql.Row) (Message, error) {
	var m Message
	var sent int64
	err := row.Scan(&m.Portal, &m.ID, &m.Sender, &m.Event, &sent)
	if errors.Is(err, sql.ErrNoRows) {
		return m, ErrNotFound
	} else if err != nil {
		return m, fmt.Errorf("read message: %w", err)
	}
	m.Sent = time.UnixMilli(sent)
	return m, nil
}
