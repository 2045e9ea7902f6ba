package queue

import (
	"context"
	"fmt"
	"time"
)

// KeyLifetime is how long the key of a finished entry is kept to recognise a repeat.
const KeyLifetime = 30 * 24 * time.Hour

// maxErrorText bounds what is kept of an error, in bytes.
const maxErrorText = 1000

// done closes an entry and erases its payload: what people wrote stays in the database no longer than it must.
func (q *Queue) done(ctx context.Context, e Entry, remark string) error {
	_, err := q.db.Exec(ctx, `UPDATE queue_entry SET state=1, payload=NULL, parked_for='', last_error=$2, closed_at=$3 WHERE id=$1`,
		e.ID, clip(remark), time.Now().UnixMilli())
	if err != nil {
		return fmt.Errorf("close entry %d of the %s: %w", e.ID, q.name, err)
	}
	return nil
}

// bury makes an entry a dead letter, with its payload, so that it can be tried again by hand.
func (q *Queue) bury(ctx context.Context, e Entry, cause string) error {
	_, err := q.db.Exec(ctx, `UPDATE queue_entry SET state=2, attempts=attempts+1, parked_for='', last_error=$2, closed_at=$3 WHERE id=$1`,
		e.ID, clip(cause), time.Now().UnixMilli())
	if err != nil {
		return fmt.Errorf("bury entry %d of the %s: %w", e.ID, q.name, err)
	}
	return nil
}

// delay puts an entry off.
func (q *Queue) delay(ctx context.Context, e Entry, at time.Time, cause string) error {
	_, err := q.db.Exec(ctx, `UPDATE queue_entry SET attempts=attempts+1, not_before=$2, parked_for='', last_error=$3 WHERE id=$1`,
		e.ID, at.UnixMilli(), clip(cause))
	if err != nil {
		return fmt.Errorf("put off entry %d of the %s: %w", e.ID, q.name, err)
	}
	return nil
}

// park puts an entry off until something named is provided, and looks again at a time in case the word was missed.
func (q *Queue) park(ctx context.Context, e Entry, name string, look, limit time.Time) error {
	_, err := q.db.Exec(ctx, `UPDATE queue_entry SET attempts=attempts+1, not_before=$2, parked_for=$3, park_limit=$4, last_error=$5 WHERE id=$1`,
		e.ID, look.UnixMilli(), name, limit.UnixMilli(), "waits for "+name)
	if err != nil {
		return fmt.Errorf("park entry %d of the %s: %w", e.ID, q.name, err)
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

func clip(s string) string {
	if len(s) > maxErrorText {
		return s[:maxErrorText]
	}
	return s
}
