// Package queue is a durable, ordered work queue with lanes, retries, parking and a dead-letter list, in the
// bridge's own database. The bridge has two: the inbox and the outbox. DESIGN.md says why it is as it is.
package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"causeway/database"
)

// Lane is an ordering key: what other systems call a partition key or a message group. Its first part, up to the
// first slash, is its kind.
type Lane string

// Kind returns the part of the lane before its first slash.
func (l Lane) Kind() string {
	kind, _, _ := strings.Cut(string(l), "/")
	return kind
}

// States of an entry in the database.
const (
	stateOpen = 0
	stateDone = 1
	stateDead = 2
)

// Entry is one piece of work.
type Entry struct {
	ID       int64
	Lane     Lane
	Key      string // a second entry with the same key in the same queue is not added
	Kind     string
	Payload  []byte // JSON
	Attempts int    // how often it was tried before
	Added    time.Time
	Closed   time.Time // when it became a dead letter; zero for one that is open
	Error    string    // what went wrong the last time
	// NotBefore is when it may be worked at the earliest; zero is at once. Its lane waits for it.
	NotBefore time.Time

	parkedFor string
	parkLimit time.Time
}

// WaitsFor names what an open entry is parked for, or "".
func (e Entry) WaitsFor() string { return e.parkedFor }

// Queue is one named queue.
type Queue struct {
	db   *database.DB
	name string
	hint func(lanes []Lane) // tells the worker of this process; nil until there is one
}

// New returns the queue with that name.
func New(db *database.DB, name string) *Queue { return &Queue{db: db, name: name} }

// Name returns the queue's name.
func (q *Queue) Name() string { return q.name }

// Add appends entries, in the order given. They are durable once the surrounding transaction commits, and are worked
// only then. An entry whose key is known already is passed over.
func (q *Queue) Add(ctx context.Context, entries ...Entry) error {
	now := time.Now()
	lanes := make([]Lane, 0, len(entries))
	for _, e := range entries {
		e.Lane = Lane(text(string(e.Lane)))
		due := int64(0)
		if !e.NotBefore.IsZero() {
			due = e.NotBefore.UnixMilli()
		}
		_, err := q.db.Exec(ctx, `INSERT INTO queue_entry (queue, lane, dedup_key, kind, payload, added_at, not_before)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (queue, dedup_key) DO NOTHING`,
			q.name, e.Lane, text(e.Key), e.Kind, e.Payload, now.UnixMilli(), due)
		if err != nil {
			return fmt.Errorf("add %s to the %s: %w", e.Kind, q.name, err)
		}
		lanes = append(lanes, e.Lane)
	}
	q.wake(ctx, lanes)
	return nil
}

// AddDead appends entries that cannot be worked to the dead letters, so that what could not be read is not lost.
func (q *Queue) AddDead(ctx context.Context, cause string, entries ...Entry) error {
	now := time.Now().UnixMilli()
	for _, e := range entries {
		_, err := q.db.Exec(ctx, `INSERT INTO queue_entry (queue, lane, dedup_key, kind, payload, added_at, state, last_error, closed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6) ON CONFLICT (queue, dedup_key) DO NOTHING`,
			q.name, text(string(e.Lane)), text(e.Key), e.Kind, e.Payload, now, stateDead, clip(cause))
		if err != nil {
			return fmt.Errorf("add a dead letter to the %s: %w", q.name, err)
		}
	}
	return nil
}

// Move gives the open entries of one lane to another, keeping their order among what is there. An entry that a worker
// has in hand on the old lane may be tried on both, but is settled on one of them only.
func (q *Queue) Move(ctx context.Context, from, to Lane) error {
	from, to = Lane(text(string(from))), Lane(text(string(to)))
	_, err := q.db.Exec(ctx, `UPDATE queue_entry SET lane=$3 WHERE queue=$1 AND lane=$2 AND state=0`, q.name, from, to)
	if err != nil {
		return fmt.Errorf("move lane %s of the %s: %w", from, q.name, err)
	}
	q.wake(ctx, []Lane{to})
	return nil
}

// Provide wakes the entries that were parked for something named, once the surrounding transaction commits.
func (q *Queue) Provide(ctx context.Context, name string) error {
	rows, err := q.db.Query(ctx, `UPDATE queue_entry SET parked_for='', not_before=0
		WHERE queue=$1 AND state=0 AND parked_for<>'' AND parked_for=$2 RETURNING lane`, q.name, text(name))
	if err != nil {
		return fmt.Errorf("wake what waits for %s: %w", name, err)
	}
	defer func() { _ = rows.Close() }()
	var lanes []Lane
	for rows.Next() {
		var lane Lane
		if err := rows.Scan(&lane); err != nil {
			return fmt.Errorf("wake what waits for %s: %w", name, err)
		}
		lanes = append(lanes, lane)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("wake what waits for %s: %w", name, err)
	}
	q.wake(ctx, lanes)
	return nil
}

func (q *Queue) wake(ctx context.Context, lanes []Lane) {
	if q.hint == nil || len(lanes) == 0 {
		return
	}
	q.db.AfterCommit(ctx, func() { q.hint(lanes) })
}
