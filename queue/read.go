package queue

import (
	"context"
	"fmt"
	"time"
)

const entryColumns = `id, lane, dedup_key, kind, payload, attempts, added_at, last_error, not_before, parked_for, park_limit`

func scanEntry(row interface{ Scan(...any) error }) (Entry, error) {
	var e Entry
	var added, notBefore, limit int64
	err := row.Scan(&e.ID, &e.Lane, &e.Key, &e.Kind, &e.Payload, &e.Attempts, &added, &e.Error, &notBefore, &e.parkedFor, &limit)
	e.Added, e.notBefore, e.parkLimit = time.UnixMilli(added), time.UnixMilli(notBefore), time.UnixMilli(limit)
	return e, err
}

func (q *Queue) entries(ctx context.Context, query string, args ...any) ([]Entry, error) {
	rows, err := q.db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", q.name, err)
	}
	defer func() { _ = rows.Close() }()
	var list []Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("read the %s: %w", q.name, err)
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// heads returns the first open entries of a lane, at most n.
func (q *Queue) heads(ctx context.Context, lane Lane, n int) ([]Entry, error) {
	return q.entries(ctx, `SELECT `+entryColumns+` FROM queue_entry
		WHERE queue=$1 AND lane=$2 AND state=0 ORDER BY id LIMIT $3`, q.name, lane, n)
}

// openLanes lists the lanes that have open entries, the ones that have waited longest first.
func (q *Queue) openLanes(ctx context.Context) ([]Lane, error) {
	rows, err := q.db.Query(ctx, `SELECT lane FROM queue_entry WHERE queue=$1 AND state=0 GROUP BY lane ORDER BY MIN(id)`, q.name)
	if err != nil {
		return nil, fmt.Errorf("list the lanes of the %s: %w", q.name, err)
	}
	defer func() { _ = rows.Close() }()
	var lanes []Lane
	for rows.Next() {
		var l Lane
		if err := rows.Scan(&l); err != nil {
			return nil, fmt.Errorf("list the lanes of the %s: %w", q.name, err)
		}
		lanes = append(lanes, l)
	}
	return lanes, rows.Err()
}

// Counts says how much is in a queue.
type Counts struct {
	Open   int       // entries that are waiting or being worked
	Dead   int       // dead letters
	Oldest time.Time // when the oldest open entry was added; zero when there is none
}

// Counts counts the queue's entries.
func (q *Queue) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	var oldest int64
	err := q.db.QueryRow(ctx, `SELECT COUNT(*), COALESCE(MIN(added_at), 0) FROM queue_entry WHERE queue=$1 AND state=0`, q.name).Scan(&c.Open, &oldest)
	if err == nil {
		err = q.db.QueryRow(ctx, `SELECT COUNT(*) FROM queue_entry WHERE queue=$1 AND state=2`, q.name).Scan(&c.Dead)
	}
	if err != nil {
		return c, fmt.Errorf("count the %s: %w", q.name, err)
	}
	if oldest > 0 {
		c.Oldest = time.UnixMilli(oldest)
	}
	return c, nil
}

// DeadLetters lists entries that ended without being done, newest first.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]Entry, error) {
	return q.entries(ctx, `SELECT `+entryColumns+` FROM queue_entry WHERE queue=$1 AND state=2 ORDER BY id DESC LIMIT $2`, q.name, limit)
}

// Revive opens a dead letter again, as the last of its lane or wherever its age puts it. It reports false when there
// is no such dead letter.
func (q *Queue) Revive(ctx context.Context, entry int64) (bool, error) {
	list, err := q.entries(ctx, `UPDATE queue_entry SET state=0, attempts=0, not_before=0, parked_for='', park_limit=0, closed_at=0
		WHERE queue=$1 AND id=$2 AND state=2 RETURNING `+entryColumns, q.name, entry)
	if err != nil || len(list) == 0 {
		return false, err
	}
	q.wake(ctx, []Lane{list[0].Lane})
	return true, nil
}
