package queue

import (
	"context"
	"fmt"
	"time"
)

const entryColumns = `id, lane, dedup_key, kind, payload, attempts, added_at, last_error, not_before, parked_for, park_limit, closed_at`

// bareColumns are the same without the payload, which nobody needs to see to know what waits.
const bareColumns = `id, lane, dedup_key, kind, NULL, attempts, added_at, last_error, not_before, parked_for, park_limit, closed_at`

func scanEntry(row interface{ Scan(...any) error }) (Entry, error) {
	var e Entry
	var added, notBefore, limit, closed int64
	err := row.Scan(&e.ID, &e.Lane, &e.Key, &e.Kind, &e.Payload, &e.Attempts, &added, &e.Error, &notBefore, &e.parkedFor, &limit, &closed)
	e.Added, e.NotBefore, e.parkLimit = time.UnixMilli(added), time.UnixMilli(notBefore), time.UnixMilli(limit)
	if closed > 0 {
		e.Closed = time.UnixMilli(closed)
	}
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
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the %s: %w", q.name, err)
	}
	return list, nil
}

// heads returns the first open entries of a lane, at most n.
func (q *Queue) heads(ctx context.Context, lane Lane, n int) ([]Entry, error) {
	return q.entries(ctx, `SELECT `+entryColumns+` FROM queue_entry
		WHERE queue=$1 AND lane=$2 AND state=0 ORDER BY id LIMIT $3`, q.name, lane, n)
}

// HasOpen reports whether a lane has open entries.
func (q *Queue) HasOpen(ctx context.Context, lane Lane) (bool, error) {
	var has bool
	err := q.db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM queue_entry WHERE queue=$1 AND lane=$2 AND state=0)`, q.name, text(string(lane))).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look at lane %s of the %s: %w", lane, q.name, err)
	}
	return has, nil
}

// dueLane is a lane with work, and from when on.
type dueLane struct {
	lane Lane
	at   time.Time
}

// dueLanes lists the lanes whose head is due by a time, the ones that have waited longest first. The others are left
// alone: while one side is away there may be thousands of lanes that wait, and each would be read for nothing.
func (q *Queue) dueLanes(ctx context.Context, by time.Time) ([]dueLane, error) {
	rows, err := q.db.Query(ctx, `SELECT e.lane, e.not_before FROM queue_entry e
		JOIN (SELECT MIN(id) AS id FROM queue_entry WHERE queue=$1 AND state=0 GROUP BY lane) head ON head.id=e.id
		WHERE e.not_before<=$2 ORDER BY e.id`, q.name, by.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list the lanes of the %s: %w", q.name, err)
	}
	defer func() { _ = rows.Close() }()
	var lanes []dueLane
	for rows.Next() {
		var l dueLane
		var at int64
		if err := rows.Scan(&l.lane, &at); err != nil {
			return nil, fmt.Errorf("list the lanes of the %s: %w", q.name, err)
		}
		l.at = time.UnixMilli(at)
		lanes = append(lanes, l)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list the lanes of the %s: %w", q.name, err)
	}
	return lanes, nil
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
