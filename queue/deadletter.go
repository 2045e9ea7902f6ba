package queue

import (
	"context"
	"fmt"
	"time"
)

// DeadLetters lists entries that ended without being done, newest first and without their payloads.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]Entry, error) {
	return q.entries(ctx, `SELECT `+bareColumns+` FROM queue_entry WHERE queue=$1 AND state=2 ORDER BY id DESC LIMIT $2`, q.name, limit)
}

// DeadLetter returns one dead letter with its payload, and false when there is none of that number.
func (q *Queue) DeadLetter(ctx context.Context, entry int64) (Entry, bool, error) {
	list, err := q.entries(ctx, `SELECT `+entryColumns+` FROM queue_entry WHERE queue=$1 AND id=$2 AND state=2`, q.name, entry)
	if err != nil || len(list) == 0 {
		return Entry{}, false, err
	}
	return list[0], true, nil
}

// Revive opens a dead letter again, at the place in its lane that its number gives it. Its time begins anew, so that it
// is not given up at once for its age; but it counts as tried, since what was given up may have been done for all that.
// Revive reports false when there is no such dead letter.
func (q *Queue) Revive(ctx context.Context, entry int64) (bool, error) {
	list, err := q.entries(ctx, `UPDATE queue_entry SET state=0, attempts=1, added_at=$3, not_before=0, parked_for='', park_limit=0, closed_at=0
		WHERE queue=$1 AND id=$2 AND state=2 RETURNING `+bareColumns, q.name, entry, time.Now().UnixMilli())
	if err != nil || len(list) == 0 {
		return false, err
	}
	q.wake(ctx, []Lane{list[0].Lane})
	return true, nil
}

// Drop closes a dead letter for good and erases its payload; its key still recognises a repeat. by says who wanted that.
// It reports false when there is no such dead letter.
func (q *Queue) Drop(ctx context.Context, entry int64, by string) (bool, error) {
	res, err := q.db.Exec(ctx, `UPDATE queue_entry SET state=1, payload=NULL, last_error=$3, closed_at=$4 WHERE queue=$1 AND id=$2 AND state=2`,
		q.name, entry, clip("dropped by "+by), time.Now().UnixMilli())
	if err != nil {
		return false, fmt.Errorf("drop dead letter %d of the %s: %w", entry, q.name, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
