package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// LostFileState says what becomes of a file that WhatsApp has no more.
type LostFileState string

// The states of lost files.
const (
	LostOffered LostFileState = "offered" // the phone may be asked
	LostAsked   LostFileState = "asked"   // the phone was asked and has not answered
	LostRefused LostFileState = "refused" // the phone has said that it does not have it
	LostFound   LostFileState = "found"   // it is there again; so that it is known how often it was lost
)

// LostFile is a file that WhatsApp has no more, until the phone has sent it again.
type LostFile struct {
	MessageKey
	Login LoginID // whose phone is asked
	State LostFileState
	Tries int    // how often it was asked
	Plan  []byte // what is to be shown, as the portal package writes it
	Lost  time.Time
}

const lostFileColumns = `portal_id, wa_id, sender_id, login_id, state, tries, plan, lost_at`

// PutLostFile writes down a lost file, in place of what was known of it.
func (db *DB) PutLostFile(ctx context.Context, f LostFile) error {
	_, err := db.Exec(ctx, `INSERT INTO lost_file (`+lostFileColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (portal_id, wa_id, sender_id) DO UPDATE SET login_id=excluded.login_id, state=excluded.state, tries=excluded.tries, plan=excluded.plan`,
		f.Portal, f.ID, f.Sender, f.Login, f.State, f.Tries, f.Plan, f.Lost.UnixMilli())
	if err != nil {
		return fmt.Errorf("note the lost file of message %s: %w", f.ID, err)
	}
	return nil
}

// LostFileByKey finds the lost file of a message.
func (db *DB) LostFileByKey(ctx context.Context, key MessageKey) (LostFile, error) {
	return scanLostFile(db.QueryRow(ctx, `SELECT `+lostFileColumns+` FROM lost_file WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`, key.Portal, key.ID, key.Sender))
}

// LostFilesByID lists the lost files of messages with an ID: more than one only if somebody used the ID of another.
func (db *DB) LostFilesByID(ctx context.Context, portal PortalID, message types.MessageID) ([]LostFile, error) {
	rows, err := db.Query(ctx, `SELECT `+lostFileColumns+` FROM lost_file WHERE portal_id=$1 AND wa_id=$2 ORDER BY sender_id`, portal, message)
	if err != nil {
		return nil, fmt.Errorf("list the lost files of message %s: %w", message, err)
	}
	defer func() { _ = rows.Close() }()
	var list []LostFile
	for rows.Next() {
		f, err := scanLostFile(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, rows.Err()
}

// RemoveLostFile forgets a lost file: it was found, or is of no use any more.
func (db *DB) RemoveLostFile(ctx context.Context, key MessageKey) error {
	_, err := db.Exec(ctx, `DELETE FROM lost_file WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`, key.Portal, key.ID, key.Sender)
	if err != nil {
		return fmt.Errorf("forget the lost file of message %s: %w", key.ID, err)
	}
	return nil
}

// ForgetLostFiles removes the lost files that nobody has found since a time.
func (db *DB) ForgetLostFiles(ctx context.Context, before time.Time) error {
	if _, err := db.Exec(ctx, `DELETE FROM lost_file WHERE lost_at<$1`, before.UnixMilli()); err != nil {
		return fmt.Errorf("forget lost files: %w", err)
	}
	return nil
}

func scanLostFile(row interface{ Scan(...any) error }) (LostFile, error) {
	var f LostFile
	var lost int64
	err := row.Scan(&f.Portal, &f.ID, &f.Sender, &f.Login, &f.State, &f.Tries, &f.Plan, &lost)
	if errors.Is(err, sql.ErrNoRows) {
		return f, ErrNotFound
	} else if err != nil {
		return f, fmt.Errorf("read a lost file: %w", err)
	}
	f.Lost = time.UnixMilli(lost)
	return f, nil
}
