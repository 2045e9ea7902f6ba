package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/id"
)

// Setting reads a small fact that the bridge remembers about itself, or "" when there is none.
func (db *DB) Setting(ctx context.Context, name string) (string, error) {
	var value string
	err := db.QueryRow(ctx, `SELECT value FROM setting WHERE name=$1`, name).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read setting %s: %w", name, err)
	}
	return value, nil
}

// PutSetting remembers a small fact.
func (db *DB) PutSetting(ctx context.Context, name, value string) error {
	_, err := db.Exec(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value=excluded.value`, name, value)
	if err != nil {
		return fmt.Errorf("put setting %s: %w", name, err)
	}
	return nil
}

// BotEvent is an event of the bot that it may have to change or remove later.
type BotEvent struct {
	Name  string
	Room  id.RoomID
	Event id.EventID
}

// PutBotEvent remembers an event by a name, unless that name is taken.
func (db *DB) PutBotEvent(ctx context.Context, e BotEvent) error {
	_, err := db.Exec(ctx, `INSERT INTO bot_event (name, room_id, event_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, e.Name, e.Room, e.Event)
	if err != nil {
		return fmt.Errorf("put bot event %s: %w", e.Name, err)
	}
	return nil
}

// BotEventByName finds a remembered event.
func (db *DB) BotEventByName(ctx context.Context, name string) (BotEvent, error) {
	e := BotEvent{Name: name}
	err := db.QueryRow(ctx, `SELECT room_id, event_id FROM bot_event WHERE name=$1`, name).Scan(&e.Room, &e.Event)
	if errors.Is(err, sql.ErrNoRows) {
		return e, ErrNotFound
	} else if err != nil {
		return e, fmt.Errorf("read bot event %s: %w", name, err)
	}
	return e, nil
}

// RemoveBotEvent forgets a remembered event.
func (db *DB) RemoveBotEvent(ctx context.Context, name string) error {
	if _, err := db.Exec(ctx, `DELETE FROM bot_event WHERE name=$1`, name); err != nil {
		return fmt.Errorf("remove bot event %s: %w", name, err)
	}
	return nil
}
