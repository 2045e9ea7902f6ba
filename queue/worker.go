package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"causeway/database"
)

// Settle writes down what came of an entry. It runs in the transaction that closes the entry, and may run twice: it
// must keep nothing from a first run.
type Settle func(ctx context.Context) error

// Handler works one entry. The inbox's handlers only return a Settle that decides; the outbox's carry the action out
// and return a Settle that records the result, or nil. Errors are retried, unless they are a Reject, a Park or Dead.
type Handler func(ctx context.Context, e Entry) (Settle, error)

// Options say how a worker works.
type Options struct {
	Handle  Handler
	Backoff Backoff
	// Burst is how many entries of one lane may share a transaction. It must be 1 unless handlers do no I/O of their own.
	Burst int
	// Lanes is how many lanes of one kind are worked side by side, so that a slow side never starves the other.
	Lanes int
	// Poll is how often the database is asked for work that this process was not told of.
	Poll time.Duration
	// Rejected tells the user of a Reject, in the transaction that closes the entry.
	Rejected func(ctx context.Context, e Entry, r *Reject) error
}

// Worker works the lanes of one queue: each lane one entry at a time, in order, many lanes side by side.
type Worker struct {
	db    *database.DB
	queue *Queue
	opts  Options
	log   zerolog.Logger

	mu    sync.Mutex
	lanes laneSet
	wg    sync.WaitGroup
}

// NewWorker returns the worker of a queue. From then on what is added to the queue is hinted to it.
func NewWorker(db *database.DB, q *Queue, opts Options, log zerolog.Logger) *Worker {
	w := &Worker{db: db, queue: q, opts: opts, log: log.With().Str("queue", q.name).Logger(), lanes: newLaneSet(opts.Lanes)}
	q.hint = w.hint
	return w
}

// Run works the queue until ctx ends, then waits for the entries in hand. A database that is away is waited for.
func (w *Worker) Run(ctx context.Context) error {
	defer w.wg.Wait()
	poll := time.NewTicker(w.opts.Poll)
	defer poll.Stop()
	for {
		w.look(ctx)
		w.start(ctx)
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return nil
			case <-poll.C:
				waiting = false
			case <-w.lanes.changed:
				w.start(ctx)
			}
		}
	}
}

// look asks the database which lanes have work.
func (w *Worker) look(ctx context.Context) {
	lanes, err := w.queue.openLanes(ctx)
	if err == nil {
		w.hint(lanes)
	} else if ctx.Err() == nil {
		w.log.Error().Err(err).Msg("The queue cannot be read; trying again")
	}
}

// hint marks lanes as having work.
func (w *Worker) hint(lanes []Lane) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range lanes {
		w.lanes.hint(l)
	}
	w.lanes.signal()
}

// start gives each waiting lane a goroutine, as far as the limits allow.
func (w *Worker) start(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ctx.Err() == nil {
		lane, ok := w.lanes.claim()
		if !ok {
			return
		}
		w.wg.Go(func() { w.drain(ctx, lane) })
	}
}

// maxDrain is how many bursts a lane is worked before the others of its kind get a turn.
const maxDrain = 16

// drain works a claimed lane until it is empty, its head must wait, or others have waited long enough.
func (w *Worker) drain(ctx context.Context, lane Lane) {
	var wait time.Duration
	more := true
	for n := 0; n < maxDrain && more && ctx.Err() == nil; n++ {
		more, wait = w.burst(ctx, lane)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lanes.release(lane, more)
	w.lanes.later(lane, wait, func() { w.hint([]Lane{lane}) })
	w.lanes.signal()
}

// burst works the head of a lane and, when the handlers allow, what is behind it. It reports whether there may be
// more to do now, or else how long to wait before looking again; 0 is until a hint.
func (w *Worker) burst(ctx context.Context, lane Lane) (more bool, wait time.Duration) {
	entries, err := w.queue.heads(ctx, lane, w.opts.Burst)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Error().Err(err).Str("lane", string(lane)).Msg("The lane cannot be read; trying again")
		}
		return false, w.opts.Backoff.After(2)
	}
	if len(entries) == 0 {
		return false, 0
	}
	head := entries[0]
	if wait := time.Until(head.notBefore); wait > 0 {
		return false, wait
	}
	if head.parkedFor != "" && !time.Now().Before(head.parkLimit) {
		return w.fail(ctx, head, Dead(fmt.Errorf("waited too long for %s", head.parkedFor)))
	}
	if len(entries) > 1 && w.together(ctx, entries) {
		return true, 0
	}
	if err := w.work(ctx, head); err != nil {
		return w.fail(ctx, head, err)
	}
	return true, 0
}

// together works several entries of one lane in one transaction, and reports whether that went well. When it did not,
// nothing has happened and the head must be worked alone.
func (w *Worker) together(ctx context.Context, entries []Entry) bool {
	settles := make([]Settle, len(entries))
	for i, e := range entries {
		settle, err := w.handle(ctx, e)
		if err != nil {
			return false
		}
		settles[i] = settle
	}
	err := w.db.Write(ctx, func(ctx context.Context) error {
		for i, e := range entries {
			if err := w.close(ctx, e, settles[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return err == nil
}

func (w *Worker) work(ctx context.Context, e Entry) error {
	settle, err := w.handle(ctx, e)
	if err != nil {
		return err
	}
	// What has been done outside must be written down even when the process has been asked to stop.
	return w.db.Write(context.WithoutCancel(ctx), func(ctx context.Context) error { return w.close(ctx, e, settle) })
}

func (w *Worker) close(ctx context.Context, e Entry, settle Settle) error {
	if settle != nil {
		if err := settle(ctx); err != nil {
			return err
		}
	}
	return w.queue.done(ctx, e, "")
}

// handle calls the handler; its panic is an error, so that one entry cannot take the bridge down.
func (w *Worker) handle(ctx context.Context, e Entry) (settle Settle, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return w.opts.Handle(ctx, e)
}

// fail writes down that an entry was not done, and what follows from that.
func (w *Worker) fail(ctx context.Context, e Entry, cause error) (more bool, wait time.Duration) {
	if ctx.Err() != nil {
		return false, 0 // stopping is not the entry's fault
	}
	event := w.log.Warn()
	if e.Attempts == 0 && e.parkedFor == "" {
		event = w.log.Info()
	}
	event = event.Err(cause).Str("lane", string(e.Lane)).Str("key", e.Key).Str("kind", e.Kind).Int("attempt", e.Attempts+1)

	reject, isReject := errors.AsType[*Reject](cause)
	park, isPark := errors.AsType[*Park](cause)
	_, isDead := errors.AsType[errDead](cause)
	wait = max(w.opts.Backoff.After(e.Attempts), askedWait(cause))
	err := w.db.Write(ctx, func(ctx context.Context) error {
		switch {
		case isReject:
			return w.reject(ctx, e, reject)
		case isDead:
			return w.queue.bury(ctx, e, cause.Error())
		case isPark:
			return w.queue.park(ctx, e, park.Name, time.Now().Add(wait), limitOf(e, park))
		}
		return w.queue.delay(ctx, e, time.Now().Add(wait), cause.Error())
	})
	switch {
	case err != nil:
		event.AnErr("while_recording", err).Dur("retry_in", wait).Msg("An entry failed, and the failure could not be recorded")
		return false, wait
	case isReject:
		event.Msg("Refused; the user is told")
		return true, 0
	case isDead:
		event.Msg("Given up: the entry is a dead letter")
		return true, 0
	case isPark:
		event.Str("waits_for", park.Name).Msg("The lane waits")
		return false, wait
	}
	event.Dur("retry_in", wait).Msg("Failed; trying again")
	return false, wait
}

func (w *Worker) reject(ctx context.Context, e Entry, r *Reject) error {
	if w.opts.Rejected != nil {
		if err := w.opts.Rejected(ctx, e, r); err != nil {
			return err
		}
	}
	return w.queue.done(ctx, e, r.Error())
}

// limitOf keeps the limit of an entry's first parking for the same thing.
func limitOf(e Entry, p *Park) time.Time {
	if e.parkedFor == p.Name {
		return e.parkLimit
	}
	return time.Now().Add(p.Limit)
}
