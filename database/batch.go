package database

import (
	"context"
	"fmt"
	"sync"
)

// maxBatch bounds one shared transaction, so that a burst cannot hold the writer for long.
const maxBatch = 128

// batcher lets concurrent writers share one commit: while one batch is being committed, new work gathers, and the
// next batch takes all of it. An idle bridge commits a single write at once; nobody ever waits in order to batch.
type batcher struct {
	leaders int // how many batches may be under way at once

	mu      sync.Mutex
	active  int
	waiting []*job
}

// job is one caller's writes. One value is sent on turn: how they ended, or that the caller must lead.
type job struct {
	ctx  context.Context
	fn   func(ctx context.Context) error
	turn chan outcome
}

// outcome tells a waiting caller how its writes ended, or that it must now lead the next batch.
type outcome struct {
	lead bool
	err  error
}

// Write runs fn in a transaction that it may share with other callers, and returns when that transaction is durable.
// An error of fn rolls back its writes alone: the others are then run again, each in a transaction of its own. So fn
// may run twice, and must keep nothing from a first run. Inside a transaction Write joins it.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context) error) error {
	if _, inside := ctx.Value(hooksKey{}).(*hooks); inside {
		return fn(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{ctx: ctx, fn: fn, turn: make(chan outcome, 1)}
	b := &db.batch
	b.mu.Lock()
	if b.active < b.leaders {
		b.active++
		b.mu.Unlock()
		return db.lead(j)
	}
	b.waiting = append(b.waiting, j)
	b.mu.Unlock()
	if out := <-j.turn; !out.lead {
		return out.err
	}
	return db.lead(j)
}

// lead commits own together with what waits, then hands the lead to whoever came in the meantime.
func (db *DB) lead(own *job) error {
	b := &db.batch
	b.mu.Lock()
	n := min(len(b.waiting), maxBatch-1)
	batch := append([]*job{own}, b.waiting[:n]...)
	b.waiting = b.waiting[n:]
	b.mu.Unlock()

	errs := db.commit(batch)

	b.mu.Lock()
	if len(b.waiting) > 0 {
		next := b.waiting[0]
		b.waiting = b.waiting[1:]
		next.turn <- outcome{lead: true}
	} else {
		b.waiting = nil
		b.active--
	}
	b.mu.Unlock()
	for i, j := range batch[1:] {
		j.turn <- outcome{err: errs[i+1]}
	}
	return errs[0]
}

// commit runs the jobs in one transaction, or, when any of them fails, each in its own.
func (db *DB) commit(batch []*job) []error {
	errs := make([]error, len(batch))
	if len(batch) > 1 {
		// The values of the first job's context (its logger) serve for all; no single caller may cancel the others.
		ctx := context.WithoutCancel(batch[0].ctx)
		err := db.Tx(ctx, func(ctx context.Context) error {
			for _, j := range batch {
				if err := guard(ctx, j.fn); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			return errs
		}
	}
	for i, j := range batch {
		errs[i] = db.Tx(context.WithoutCancel(j.ctx), func(ctx context.Context) error { return guard(ctx, j.fn) })
	}
	return errs
}

// guard turns a panic into an error: one bad entry must not take down the others of its batch.
func guard(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn(ctx)
}
