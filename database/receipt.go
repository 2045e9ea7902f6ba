package database

import (
	"context"
	"fmt"
	"time"
)

// Reading says how far a login's user has read a chat: up to a message or, where the event that was read shows none, up
// to a time.
type Reading struct {
	Portal PortalID
	Login  LoginID
	Reader PuppetID    // whose account it is: what they wrote themselves they need not read
	UpTo   *MessageKey // nil: the time counts
	At     time.Time
}

// maxRead is how many messages one reading may cover. Of a chat that was not read for longer only the newest count.
const maxRead = 1000

// ReadUpTo records a reading and lists the messages of others that were shown before it and were not read yet, oldest
// first. A reading of what was read before lists nothing.
func (db *DB) ReadUpTo(ctx context.Context, r Reading) ([]Message, error) {
	upTo := r.At.UnixMilli()
	if r.UpTo != nil {
		err := db.QueryRow(ctx, `SELECT added_at FROM message WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`,
			r.UpTo.Portal, r.UpTo.ID, r.UpTo.Sender).Scan(&upTo)
		if err != nil {
			return nil, fmt.Errorf("look when message %s came: %w", r.UpTo.ID, err)
		}
	}
	var before int64
	err := db.QueryRow(ctx, `SELECT COALESCE(MAX(read_at), 0) FROM portal_login WHERE portal_id=$1 AND login_id=$2`, r.Portal, r.Login).Scan(&before)
	if err != nil {
		return nil, fmt.Errorf("look how far %s has read portal %d: %w", r.Login, r.Portal, err)
	}
	if before >= upTo {
		return nil, nil
	}
	_, err = db.Exec(ctx, `UPDATE portal_login SET read_at=$3 WHERE portal_id=$1 AND login_id=$2`, r.Portal, r.Login, upTo)
	if err != nil {
		return nil, fmt.Errorf("record how far %s has read portal %d: %w", r.Login, r.Portal, err)
	}
	return db.messages(ctx, `SELECT `+messageColumns+` FROM (
			SELECT * FROM message WHERE portal_id=$1 AND kind='' AND added_at>$2 AND added_at<=$3
				AND sender_id<>$4 AND event_id<>'' AND removed=false AND wa_id NOT LIKE '%#%' ORDER BY added_at DESC LIMIT $5
		) AS newest ORDER BY added_at`, r.Portal, before, upTo, r.Reader, maxRead)
}
