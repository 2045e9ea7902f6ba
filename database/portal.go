package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/util/dbutil"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"
)

// PortalID names a portal for life, whatever happens to its chat's JID or its room's ID.
type PortalID int64

// Portal is one chat and the room that shows it.
type Portal struct {
	ID         PortalID
	Receiver   LoginID   // the login whose direct chat it is; empty for chats that logins share
	Chat       types.JID // the name the chat is sent to: a LID, a phone number or a group
	Other      PuppetID  // the other person of a direct chat, else 0
	RoomID     id.RoomID // empty until the room is there
	Name       string    // a group's subject; empty for direct chats
	Topic      string
	HasDetails bool // whether name, topic and members are known, always true for direct chats
	// Timer is after how long messages disappear, 0 when they do not, and TimerSet when that was said; zero when it never was.
	Timer    time.Duration
	TimerSet time.Time
}

// IsDirect reports whether the portal is a chat with one person.
func (p Portal) IsDirect() bool { return p.Receiver != "" }

const portalColumns = `portal.id, portal.receiver, portal.chat, portal.other, portal.room_id, portal.name, portal.topic, portal.has_details, portal.timer, portal.timer_set_at`

func scanPortal(row interface{ Scan(...any) error }) (Portal, error) {
	var p Portal
	var chat string
	var room sql.NullString
	var other sql.NullInt64
	var timer, set int64
	err := row.Scan(&p.ID, &p.Receiver, &chat, &other, &room, &p.Name, &p.Topic, &p.HasDetails, &timer, &set)
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNotFound
	} else if err != nil {
		return p, fmt.Errorf("read portal: %w", err)
	}
	p.Other, p.RoomID, p.Timer = PuppetID(other.Int64), id.RoomID(room.String), time.Duration(timer)*time.Second
	if set != 0 {
		p.TimerSet = time.UnixMilli(set)
	}
	if p.Chat, err = types.ParseJID(chat); err != nil {
		return p, fmt.Errorf("read portal %d: %w", p.ID, err)
	}
	return p, nil
}

func (db *DB) portals(ctx context.Context, query string, args ...any) ([]Portal, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list portals: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Portal
	for rows.Next() {
		p, err := scanPortal(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// PortalByID finds a portal by its ID.
func (db *DB) PortalByID(ctx context.Context, portal PortalID) (Portal, error) {
	return scanPortal(db.QueryRow(ctx, `SELECT `+portalColumns+` FROM portal WHERE id=$1`, portal))
}

// PortalByRoom finds the portal that a room shows.
func (db *DB) PortalByRoom(ctx context.Context, room id.RoomID) (Portal, error) {
	return scanPortal(db.QueryRow(ctx, `SELECT `+portalColumns+` FROM portal WHERE room_id=$1`, room))
}

// PortalByChat finds the portal of a chat by any of its names. receiver is empty for chats that logins share.
func (db *DB) PortalByChat(ctx context.Context, receiver LoginID, chat types.JID) (Portal, error) {
	return scanPortal(db.QueryRow(ctx, `SELECT `+portalColumns+` FROM portal JOIN portal_alias a ON a.portal_id=portal.id
		WHERE a.receiver=$1 AND a.jid=$2`, receiver, chat.ToNonAD().String()))
}

// EnsurePortal finds the portal of a chat, or adds a bare one. The chat may go by several names, the preferred one
// first; all of them lead to the portal afterwards, except a name that leads to another portal already.
func (db *DB) EnsurePortal(ctx context.Context, receiver LoginID, names ...types.JID) (portal Portal, err error) {
	if len(names) == 0 {
		return portal, errors.New("add portal: the chat has no name")
	}
	err = db.Tx(ctx, func(ctx context.Context) error {
		portal, err = db.portalByNames(ctx, receiver, names)
		if errors.Is(err, ErrNotFound) {
			portal, err = db.addPortal(ctx, receiver, names)
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			_, err := db.Exec(ctx, `INSERT INTO portal_alias (receiver, jid, portal_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
				receiver, name.ToNonAD().String(), portal.ID)
			if err != nil {
				return fmt.Errorf("name portal %d: %w", portal.ID, err)
			}
		}
		return nil
	})
	return portal, err
}

func (db *DB) portalByNames(ctx context.Context, receiver LoginID, names []types.JID) (Portal, error) {
	for _, name := range names {
		if portal, err := db.PortalByChat(ctx, receiver, name); !errors.Is(err, ErrNotFound) {
			return portal, err
		}
	}
	return Portal{}, ErrNotFound
}

// portalLock is the advisory lock of Postgres under which portals are added.
const portalLock = 0x63617573_02

// addPortal adds a portal, one transaction at a time: two that know one chat by different names would not meet in any
// unique index, and the chat would have two portals.
func (db *DB) addPortal(ctx context.Context, receiver LoginID, names []types.JID) (Portal, error) {
	if db.Dialect == dbutil.Postgres {
		if _, err := db.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(portalLock)); err != nil {
			return Portal{}, fmt.Errorf("add portal %s: %w", names[0], err)
		}
		if portal, err := db.portalByNames(ctx, receiver, names); !errors.Is(err, ErrNotFound) {
			return portal, err
		}
	}
	p := Portal{Receiver: receiver, Chat: names[0].ToNonAD()}
	p.HasDetails = p.IsDirect()
	err := db.QueryRow(ctx, `INSERT INTO portal (receiver, chat, has_details) VALUES ($1, $2, $3)
		ON CONFLICT (receiver, chat) DO UPDATE SET chat=excluded.chat RETURNING id`, p.Receiver, p.Chat.String(), p.HasDetails).Scan(&p.ID)
	if err != nil {
		return p, fmt.Errorf("add portal %s: %w", p.Chat, err)
	}
	return p, nil
}

// SetPortalRoom records which room shows the portal, unless one does already or the room shows another portal. It
// reports whether it did.
func (db *DB) SetPortalRoom(ctx context.Context, portal PortalID, room id.RoomID) (bool, error) {
	ok, err := changed(db.Exec(ctx, `UPDATE portal SET room_id=$2 WHERE id=$1 AND room_id IS NULL
		AND NOT EXISTS (SELECT 1 FROM portal other WHERE other.room_id=$2)`, portal, room))
	if err != nil {
		return false, fmt.Errorf("set room of portal %d: %w", portal, err)
	}
	return ok, nil
}

// SetPortalOther records the other person of a direct chat.
func (db *DB) SetPortalOther(ctx context.Context, portal PortalID, other PuppetID) error {
	if _, err := db.Exec(ctx, `UPDATE portal SET other=$2 WHERE id=$1`, portal, other); err != nil {
		return fmt.Errorf("set contact of portal %d: %w", portal, err)
	}
	return nil
}

// SetPortalDetails records a group's subject and description, and that they are known.
func (db *DB) SetPortalDetails(ctx context.Context, portal PortalID, name, topic string) error {
	_, err := db.Exec(ctx, `UPDATE portal SET name=$2, topic=$3, has_details=true WHERE id=$1`, portal, name, topic)
	if err != nil {
		return fmt.Errorf("set details of portal %d: %w", portal, err)
	}
	return nil
}

// SetPortalTimer records after how long messages disappear, and when that was said.
func (db *DB) SetPortalTimer(ctx context.Context, portal PortalID, timer time.Duration, set time.Time) error {
	_, err := db.Exec(ctx, `UPDATE portal SET timer=$2, timer_set_at=$3 WHERE id=$1`, portal, int64(timer/time.Second), milliseconds(set))
	if err != nil {
		return fmt.Errorf("set timer of portal %d: %w", portal, err)
	}
	return nil
}
