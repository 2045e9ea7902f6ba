package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// Reaction is what a person last thought of a message: WhatsApp has one reaction of each person to each message.
type Reaction struct {
	Target  MessageKey // possibly of a message that has not come yet
	Sender  PuppetID
	Message types.MessageID // the reaction's own
	Emoji   string          // empty when it was taken back
	Sent    time.Time
}

// Key names the reaction's own message.
func (r Reaction) Key() MessageKey {
	return MessageKey{Portal: r.Target.Portal, ID: r.Message, Sender: r.Sender}
}

const reactionColumns = `portal_id, target_id, target_sender, sender_id, wa_id, emoji, sent_at`

// PutReaction records a person's reaction to a message in the place of an earlier one.
func (db *DB) PutReaction(ctx context.Context, r Reaction) error {
	_, err := db.Exec(ctx, `INSERT INTO reaction (`+reactionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (portal_id, target_id, target_sender, sender_id)
		DO UPDATE SET wa_id=excluded.wa_id, emoji=excluded.emoji, sent_at=excluded.sent_at`,
		r.Target.Portal, r.Target.ID, r.Target.Sender, r.Sender, r.Message, r.Emoji, r.Sent.UnixMilli())
	if err != nil {
		return fmt.Errorf("put reaction %s: %w", r.Message, err)
	}
	return nil
}

// ReactionOf finds a person's reaction to a message.
func (db *DB) ReactionOf(ctx context.Context, target MessageKey, sender PuppetID) (Reaction, error) {
	return scanReaction(db.QueryRow(ctx, `SELECT `+reactionColumns+` FROM reaction
		WHERE portal_id=$1 AND target_id=$2 AND target_sender=$3 AND sender_id=$4`, target.Portal, target.ID, target.Sender, sender))
}

// ReactionByKey finds a reaction by its own message, unless another has taken its place.
func (db *DB) ReactionByKey(ctx context.Context, key MessageKey) (Reaction, error) {
	return scanReaction(db.QueryRow(ctx, `SELECT `+reactionColumns+` FROM reaction
		WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`, key.Portal, key.ID, key.Sender))
}

// ReactionsTo lists everybody's reaction to a message.
func (db *DB) ReactionsTo(ctx context.Context, target MessageKey) ([]Reaction, error) {
	rows, err := db.Query(ctx, `SELECT `+reactionColumns+` FROM reaction
		WHERE portal_id=$1 AND target_id=$2 AND target_sender=$3 ORDER BY sent_at, sender_id`, target.Portal, target.ID, target.Sender)
	if err != nil {
		return nil, fmt.Errorf("list reactions to %s: %w", target.ID, err)
	}
	defer func() { _ = rows.Close() }()
	var list []Reaction
	for rows.Next() {
		r, err := scanReaction(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

func scanReaction(row interface{ Scan(...any) error }) (Reaction, error) {
	var r Reaction
	var sent int64
	err := row.Scan(&r.Target.Portal, &r.Target.ID, &r.Target.Sender, &r.Sender, &r.Message, &r.Emoji, &sent)
	if errors.Is(err, sql.ErrNoRows) {
		return r, ErrNotFound
	} else if err != nil {
		return r, fmt.Errorf("read reaction: %w", err)
	}
	r.Sent = time.UnixMilli(sent)
	return r, nil
}
