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

// MessageKind says what a WhatsApp message is.
type MessageKind string

// The kinds of messages. All but the first change another message.
const (
	KindMessage   MessageKind = ""
	KindEdit      MessageKind = "edit"
	KindReaction  MessageKind = "reaction"
	KindRedaction MessageKind = "redaction"
	KindAlbum     MessageKind = "album" // says that several files belong together; no event shows it
	KindPin       MessageKind = "pin"
	KindAnswer    MessageKind = "answer" // a vote in a poll, an answer to an event
)

// Message ties a WhatsApp message to the Matrix event that shows it.
type Message struct {
	MessageKey
	Kind       MessageKind
	Event      id.EventID // empty until the homeserver has given one
	FromMatrix bool       // the event is a Matrix user's own
	Removed    bool       // it was taken back, possibly before it came
	Sent       time.Time
	Edited     time.Time // when the last edit was made; zero when there was none
	Quote      string    // the beginning of its text, for replies to it; erased by ForgetQuotes
	// About is what it belongs to: the album of which it is a part, or the message that an edit changes.
	About types.MessageID
	Kept  bool // somebody keeps it although its time is up
}

const messageColumns = `portal_id, wa_id, sender_id, kind, event_id, from_matrix, removed, sent_at, edited_at, quote, about_id, kept`

// AddMessage reserves the pair. It reports false, and changes nothing, when the message is known already.
func (db *DB) AddMessage(ctx context.Context, m Message) (bool, error) {
	// Each message of a chat comes after the one before it, whatever the clock says.
	isNew, err := changed(db.Exec(ctx, `INSERT INTO message (`+messageColumns+`, added_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, (
			SELECT MAX(at) FROM (SELECT CAST($13 AS BIGINT) AS at
				UNION ALL SELECT MAX(added_at)+1 FROM message WHERE portal_id=$1 AND kind='') AS times))
		ON CONFLICT (portal_id, wa_id, sender_id) DO NOTHING`,
		m.Portal, m.ID, m.Sender, m.Kind, m.Event, m.FromMatrix, m.Removed, m.Sent.UnixMilli(), milliseconds(m.Edited), m.Quote, m.About, m.Kept,
		time.Now().UnixMilli()))
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

// EditMessage records that a message was edited at a time, and the beginning of its new text.
func (db *DB) EditMessage(ctx context.Context, key MessageKey, at time.Time, quote string) error {
	_, err := db.Exec(ctx, `UPDATE message SET edited_at=$4, quote=$5 WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`,
		key.Portal, key.ID, key.Sender, milliseconds(at), quote)
	if err != nil {
		return fmt.Errorf("edit message %s: %w", key.ID, err)
	}
	return nil
}

// RemoveMessage records that a message was taken back.
func (db *DB) RemoveMessage(ctx context.Context, key MessageKey) error {
	_, err := db.Exec(ctx, `UPDATE message SET removed=true, quote='' WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`,
		key.Portal, key.ID, key.Sender)
	if err != nil {
		return fmt.Errorf("remove message %s: %w", key.ID, err)
	}
	return nil
}

// ForgetQuotes erases the texts of messages that were sent before a time.
func (db *DB) ForgetQuotes(ctx context.Context, before time.Time) error {
	if _, err := db.Exec(ctx, `UPDATE message SET quote='' WHERE quote<>'' AND sent_at<$1`, before.UnixMilli()); err != nil {
		return fmt.Errorf("forget quotes: %w", err)
	}
	return nil
}

// MessageByKey finds a message by its WhatsApp side.
func (db *DB) MessageByKey(ctx context.Context, key MessageKey) (Message, error) {
	return scanMessage(db.QueryRow(ctx, `SELECT `+messageColumns+` FROM message
		WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`, key.Portal, key.ID, key.Sender))
}

// MessagesAbout lists the messages that belong to another: the parts of an album, the edits of a message. The oldest is first.
func (db *DB) MessagesAbout(ctx context.Context, portal PortalID, message types.MessageID) ([]Message, error) {
	return db.messages(ctx, `SELECT `+messageColumns+` FROM message WHERE portal_id=$1 AND about_id=$2 AND about_id<>'' ORDER BY sent_at, wa_id`, portal, message)
}

// MessagesByEvent lists the messages that an event is: several when WhatsApp needs parts of it.
func (db *DB) MessagesByEvent(ctx context.Context, event id.EventID) ([]Message, error) {
	return db.messages(ctx, `SELECT `+messageColumns+` FROM message WHERE event_id=$1 AND event_id<>'' ORDER BY sent_at, wa_id`, event)
}

// KeepMessage records whether somebody keeps a message although its time is up.
func (db *DB) KeepMessage(ctx context.Context, key MessageKey, kept bool) error {
	_, err := db.Exec(ctx, `UPDATE message SET kept=$4 WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`, key.Portal, key.ID, key.Sender, kept)
	if err != nil {
		return fmt.Errorf("keep message %s: %w", key.ID, err)
	}
	return nil
}

// MessagesByID lists the messages of an ID, which their senders choose: there is more than one only if somebody used the
// ID of another.
func (db *DB) MessagesByID(ctx context.Context, portal PortalID, message types.MessageID) ([]Message, error) {
	return db.messages(ctx, `SELECT `+messageColumns+` FROM message WHERE portal_id=$1 AND wa_id=$2 ORDER BY sender_id`, portal, message)
}

func (db *DB) messages(ctx context.Context, query string, args ...any) ([]Message, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Message
	for rows.Next() {
		m, err := scanMessage(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, rows.Err()
}

// MessageByEvent finds a message by its Matrix side: the first, where an event is several messages.
func (db *DB) MessageByEvent(ctx context.Context, event id.EventID) (Message, error) {
	return scanMessage(db.QueryRow(ctx, `SELECT `+messageColumns+` FROM message WHERE event_id=$1 AND event_id<>''
		ORDER BY kind='album', sent_at, wa_id LIMIT 1`, event))
}

// CountMessagesOfEvent counts the messages that an event is: several when WhatsApp needs parts of it.
func (db *DB) CountMessagesOfEvent(ctx context.Context, event id.EventID) (n int, err error) {
	if err := db.QueryRow(ctx, `SELECT COUNT(*) FROM message WHERE event_id=$1 AND event_id<>''`, event).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the messages of %s: %w", event, err)
	}
	return n, nil
}

func scanMessage(row interface{ Scan(...any) error }) (Message, error) {
	var m Message
	var sent, edited int64
	err := row.Scan(&m.Portal, &m.ID, &m.Sender, &m.Kind, &m.Event, &m.FromMatrix, &m.Removed, &sent, &edited, &m.Quote, &m.About, &m.Kept)
	if errors.Is(err, sql.ErrNoRows) {
		return m, ErrNotFound
	} else if err != nil {
		return m, fmt.Errorf("read message: %w", err)
	}
	m.Sent = time.UnixMilli(sent)
	if edited != 0 {
		m.Edited = time.UnixMilli(edited)
	}
	return m, nil
}

// milliseconds writes a time; the zero time is 0.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
