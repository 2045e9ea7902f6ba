package app

import (
	"context"
	"fmt"
	"time"

	"causeway/config"
	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// Desk is where an administrator looks after the queues of a bridge from outside, whether or not it runs. A running
// bridge notices what is tried again at its next look at the database, within half a minute.
type Desk struct {
	db     *database.DB
	queues []*queue.Queue
}

// Work is a line of the desk: what waits on a lane, or a dead letter.
type Work struct {
	Number   int64 // of the lane's first entry, or of the dead letter
	Queue    string
	Lane     string
	Kind     string
	Key      string
	Count    int // how many wait on the lane; 1 for a dead letter
	Came     time.Time
	Closed   time.Time // when it became a dead letter; zero for what waits
	Attempts int
	Cause    string // what went wrong the last time, or what it waits for
	Content  []byte // the payload as JSON, where one dead letter was asked for
}

// OpenDesk opens the database of the bridge with that configuration.
func OpenDesk(ctx context.Context, cfg config.Config) (*Desk, error) {
	db, err := database.OpenExisting(ctx, cfg.Database.URI.Reveal())
	if err != nil {
		return nil, fmt.Errorf("database.uri: %w", err)
	}
	return &Desk{db: db, queues: []*queue.Queue{inbox.New(db, botID(cfg)).Queue, outbox.New(db).Queue}}, nil
}

// Close closes the database.
func (d *Desk) Close() error { return d.db.Close() }

// Waiting lists the lanes on which something waits.
func (d *Desk) Waiting(ctx context.Context) ([]Work, error) {
	var list []Work
	for _, q := range d.queues {
		lanes, err := q.Lanes(ctx)
		if err != nil {
			return nil, err
		}
		for _, l := range lanes {
			list = append(list, work(q.Name(), l.Head, l.Open))
		}
	}
	return list, nil
}

// Dead lists the dead letters, of each queue the newest first and at most a number of them.
func (d *Desk) Dead(ctx context.Context, limit int) ([]Work, error) {
	var list []Work
	for _, q := range d.queues {
		letters, err := q.DeadLetters(ctx, limit)
		if err != nil {
			return nil, err
		}
		for _, e := range letters {
			list = append(list, work(q.Name(), e, 1))
		}
	}
	return list, nil
}

// Letter returns a dead letter with its content, and false when there is none of that number.
func (d *Desk) Letter(ctx context.Context, number int64) (Work, bool, error) {
	for _, q := range d.queues {
		e, ok, err := q.DeadLetter(ctx, number)
		if err != nil || ok {
			w := work(q.Name(), e, 1)
			w.Content = e.Payload
			return w, ok, err
		}
	}
	return Work{}, false, nil
}

// Retry opens a dead letter again. It reports false when there is none of that number.
func (d *Desk) Retry(ctx context.Context, number int64) (bool, error) {
	return d.any(func(q *queue.Queue) (bool, error) { return q.Revive(ctx, number) })
}

// Drop closes a dead letter for good. It reports false when there is none of that number.
func (d *Desk) Drop(ctx context.Context, number int64) (bool, error) {
	return d.any(func(q *queue.Queue) (bool, error) { return q.Drop(ctx, number, "the command line") })
}

func (d *Desk) any(do func(q *queue.Queue) (bool, error)) (bool, error) {
	for _, q := range d.queues {
		if ok, err := do(q); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

func work(name string, e queue.Entry, count int) Work {
	w := Work{Number: e.ID, Queue: name, Lane: string(e.Lane), Kind: e.Kind, Key: e.Key, Count: count, Came: e.Added, Closed: e.Closed,
		Attempts: e.Attempts, Cause: e.Error}
	if waits := e.WaitsFor(); waits != "" {
		w.Cause = "waits for " + waits
	}
	return w
}
