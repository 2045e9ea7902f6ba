package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// LaneState is what waits on a lane.
type LaneState struct {
	Queue string
	Lane  Lane
	Head  Entry // the first open entry, without its payload
	Open  int   // how many entries are open
}

// Lanes lists the lanes that have open entries, the ones whose head is oldest first.
func (q *Queue) Lanes(ctx context.Context) ([]LaneState, error) {
	rows, err := q.db.Query(ctx, `SELECT `+bareColumns+`, open FROM queue_entry JOIN
		(SELECT MIN(id) AS head, COUNT(*) AS open FROM queue_entry WHERE queue=$1 AND state=0 GROUP BY lane) heads ON id=head
		ORDER BY id`, q.name)
	if err != nil {
		return nil, fmt.Errorf("list the lanes of the %s: %w", q.name, err)
	}
	defer func() { _ = rows.Close() }()
	var list []LaneState
	for rows.Next() {
		l := LaneState{Queue: q.name}
		if l.Head, err = scanEntry(scanMore{rows, &l.Open}); err != nil {
			return nil, fmt.Errorf("list the lanes of the %s: %w", q.name, err)
		}
		l.Lane = l.Head.Lane
		list = append(list, l)
	}
	return list, rows.Err()
}

// scanMore scans one more column than an entry has.
type scanMore struct {
	rows interface{ Scan(into ...any) error }
	more any
}

func (s scanMore) Scan(into ...any) error { return s.rows.Scan(append(into, s.more)...) }

// maxOverdue is how many entries Overdue returns at a time.
const maxOverdue = 500

// Overdue lists open entries of a kind that were added before a time, in their order: those after an entry, and those
// that are the heads of their lanes, for which head is true.
func (q *Queue) Overdue(ctx context.Context, kind string, before time.Time, after int64, each func(e Entry, head bool)) error {
	rows, err := q.db.Query(ctx, `SELECT `+entryColumns+`, head FROM (
			SELECT e.*, NOT EXISTS (SELECT 1 FROM queue_entry h WHERE h.queue=e.queue AND h.lane=e.lane AND h.state=0 AND h.id<e.id) AS head
			FROM queue_entry e WHERE e.queue=$1 AND e.state=0 AND e.kind=$2 AND e.added_at<=$3
		) late WHERE head OR id>$4 ORDER BY id LIMIT $5`, q.name, kind, before.UnixMilli(), after, maxOverdue)
	if err != nil {
		return fmt.Errorf("list what is late in the %s: %w", q.name, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var head bool
		e, err := scanEntry(scanMore{rows, &head})
		if err != nil {
			return fmt.Errorf("list what is late in the %s: %w", q.name, err)
		}
		each(e, head)
	}
	return rows.Err()
}

// IsOpen reports whether the entry with a key is still to be done.
func (q *Queue) IsOpen(ctx context.Context, key string) (bool, error) {
	state, err := q.stateOf(ctx, key)
	return state == stateOpen, err
}

// Knows reports whether there is an entry with a key, or was one within KeyLifetime.
func (q *Queue) Knows(ctx context.Context, key string) (bool, error) {
	state, err := q.stateOf(ctx, key)
	return state >= 0, err
}

// stateOf returns the state of the entry with a key, or -1.
func (q *Queue) stateOf(ctx context.Context, key string) (int, error) {
	state := -1
	err := q.db.QueryRow(ctx, `SELECT state FROM queue_entry WHERE queue=$1 AND dedup_key=$2`, q.name, text(key)).Scan(&state)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return -1, fmt.Errorf("look for %s in the %s: %w", key, q.name, err)
	}
	return state, nil
}
