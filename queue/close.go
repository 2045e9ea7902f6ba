package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// KeyLifetime is how long the key of a finished entry is kept to recognise a repeat.
const KeyLifetime = 30 * 24 * time.Hour

// maxErrorText bounds what is kept of an error, in bytes.
const maxErrorText = 1000

// errClosed says that somebody else has closed an entry meanwhile: it was moved to another lane while in hand, or two
// processes share the database. Whatever was decided about it here is rolled back.
var errClosed = errors.New("the entry is closed already")

// done closes an entry and erases its payload: what people wrote stays in the database no longer than it must.
func (q *Queue) done(ctx context.Context, e Entry, remark string) error {
	res, err := q.db.Exec(ctx, `UPDATE queue_entry SET state=1, payload=NULL, parked_for='', last_error=$2, closed_at=$3 WHERE id=$1 AND state=0`,
		e.ID, clip(remark), time.Now().UnixMilli())
	return closing("close", q, e, res, err)
}

// bury makes an entry a dead letter, with its payload, so that it can be tried again by hand.
func (q *Queue) bury(ctx context.Context, e Entry, cause string) error {
	res, err := q.db.Exec(ctx, `UPDATE queue_entry SET state=2, attempts=attempts+1, parked_for='', last_error=$2, closed_at=$3 WHERE id=$1 AND state=0`,
		e.ID, clip(cause), time.Now().UnixMilli())
	return closing("bury", q, e, res, err)
}

// delay puts an entry off.
func (q *Queue) delay(ctx context.Context, e Entry, at time.Time, cause string) error {
	res, err := q.db.Exec(ctx, `UPDATE queue_entry SET attempts=attempts+1, not_before=$2, parked_for='', last_error=$3 WHERE id=$1 AND state=0`,
		e.ID, at.UnixMilli(), clip(cause))
	return closing("put off", q, e, res, err)
}

// park puts an entry off until something named is provided, and looks again at a time in case the word was missed.
func (q *Queue) park(ctx context.Context, e Entry, name string, look, limit time.Time) error {
	res, err := q.db.Exec(ctx, `UPDATE queue_entry SET attempts=attempts+1, not_before=$2, parked_for=$3, park_limit=$4, last_error=$5 WHERE id=$1 AND state=0`,
		e.ID, look.UnixMilli(), text(name), limit.UnixMilli(), clip("waits for "+name))
	return closing("park", q, e, res, err)
}

// closing turns the result of a statement on one open entry into an error, if it is one.
func closing(act string, q *Queue, e Entry, res sql.Result, err error) error {
	if err == nil {
		var n int64
		if n, err = res.RowsAffected(); err == nil && n == 0 {
			err = errClosed
		}
	}
	if err != nil {
		return fmt.Errorf("%s entry %d of the %s: %w", act, e.ID, q.name, err)
	}
	return nil
}

// Forget removes finished entries that are older than KeyLifetime.
func (q *Queue) Forget(ctx context.Context) error {
	_, err := q.db.Exec(ctx, `DELETE FROM queue_entry WHERE state=1 AND closed_at<$1 AND queue=$2`,
		time.Now().Add(-KeyLifetime).UnixMilli(), q.name)
	if err != nil {
		return fmt.Errorf("forget old entries of the %s: %w", q.name, err)
	}
	return nil
}

// clip makes a text fit for a column that holds at most maxErrorText bytes.
func clip(s string) string {
	if len(s) > maxErrorText {
		s = s[:maxErrorText] // possibly within a character, which text drops
	}
	return text(s)
}

// text makes a string fit for a column. Postgres takes neither NUL nor broken UTF-8 in text, and names and errors are
// made of what strangers send.
func text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}
