package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"causeway/crashpoint"
	"causeway/database"
)

// Settle writes down what came of an entry. It runs in the transaction that closes the entry, and may run several times:
// it must keep nothing from an earlier run.
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
	// Kind tells the kinds apart that Lanes is meant for; nil is Lane.Kind.
	Kind func(Lane) string
	// Poll is how often the database is asked for work that this process was not told of.
	Poll time.Duration
	// Rejected tells the user of a Reject, in the transaction that closes the entry.
	Rejected func(ctx context.Context, e Entry, r *Reject) error
	// Buried tells whom it concerns of a dead letter, in the transaction that makes it one.
	Buried func(ctx context.Context, e Entry, cause error) error
}

// Worker works the lanes of one queue: each lane one entry at a time, in order, many lanes side by side.
type Worker struct {
	db    *database.DB
	queue *Queue
	opts  Options
	log   zerolog.Logger

	outage outage

	mu    sync.Mutex
	lanes laneSet
	wg    sync.WaitGroup
}

// NewWorker returns the worker of a queue. From then on what is added to the queue is hinted to it.
func NewWorker(db *database.DB, q *Queue, opts Options, log zerolog.Logger) *Worker {
	w := &Worker{db: db, queue: q, opts: opts, log: log.With().Str("queue", q.name).Logger(), lanes: newLaneSet(opts.Lanes, opts.Kind)}
	w.outage.probe, w.outage.tried = make(chan struct{}, 1), make(map[int64]int)
	q.hint = w.hint
	return w
}

// Run works the queue until ctx ends, then waits for the entries in hand. A database that is away is waited for.
func (w *Worker) Run(ctx context.Context) error {
	defer w.wg.Wait()
	poll := time.NewTicker(w.opts.Poll)
	defer poll.Stop()
	w.look(ctx)
	for {
		w.start(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
			w.look(ctx)
		case <-w.outage.probe:
			w.tryAgain(ctx)
		case <-w.lanes.changed:
		}
	}
}

// look asks the database which lanes have work, now or before the next look.
func (w *Worker) look(ctx context.Context) {
	if w.outage.away.Load() {
		return
	}
	now := time.Now()
	due, err := w.queue.dueLanes(ctx, now.Add(w.opts.Poll))
	if err != nil {
		if ctx.Err() == nil {
			w.trouble(err)
		}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range due {
		if wait := d.at.Sub(now); wait > 0 {
			w.lanes.later(d.lane, wait, func() { w.hint([]Lane{d.lane}) })
		} else {
			w.lanes.hint(d.lane)
		}
	}
	w.lanes.signal()
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
	for ctx.Err() == nil && !w.outage.away.Load() {
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
	for n := 0; n < maxDrain && more && ctx.Err() == nil && !w.outage.away.Load(); n++ {
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
			w.trouble(fmt.Errorf("read lane %s: %w", lane, err))
		}
		return true, 0
	}
	if len(entries) == 0 {
		return false, 0
	}
	head := entries[0]
	if wait := time.Until(head.NotBefore); wait > 0 {
		return false, wait
	}
	w.recall(&head)
	if later := slices.IndexFunc(entries, func(e Entry) bool { return time.Until(e.NotBefore) > 0 }); later > 0 {
		entries = entries[:later] // what is not due yet is not overtaken either
	}
	if len(entries) > 1 && w.together(ctx, entries) {
		w.outage.failures.Store(0)
		return true, 0
	}
	if err := w.work(ctx, head); err != nil && !errors.Is(err, errClosed) {
		return w.fail(ctx, head, err)
	}
	w.outage.failures.Store(0)
	return true, 0
}

// together works several entries of one lane in one transaction, up to the first that fails, and reports whether any
// were done. When none were, nothing has happened and the head must be worked alone.
func (w *Worker) together(ctx context.Context, entries []Entry) bool {
	settles := make([]Settle, 0, len(entries))
	for _, e := range entries {
		settle, err := w.handle(ctx, e)
		if err != nil {
			break
		}
		settles = append(settles, settle)
	}
	for good := len(settles); good > 1; {
		failed := 0
		err := w.db.Write(ctx, func(ctx context.Context) error {
			for i, settle := range settles[:good] {
				failed = i
				if err := w.close(ctx, entries[i], settle); err != nil {
					return err
				}
			}
			failed = 0 // if the transaction itself fails it is nobody's fault
			return nil
		})
		if err == nil {
			crashpoint.Closed(w.queue.name)
			return true
		}
		good = failed
	}
	return false
}

func (w *Worker) work(ctx context.Context, e Entry) error {
	settle, err := w.handle(ctx, e)
	if err != nil {
		return err
	}
	// What has been done outside must be written down even when the process has been asked to stop.
	err = w.db.Write(context.WithoutCancel(ctx), func(ctx context.Context) error { return w.close(ctx, e, settle) })
	if err == nil {
		crashpoint.Closed(w.queue.name)
	}
	return err
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
	err = database.Guard(func() error {
		var err error
		settle, err = w.opts.Handle(ctx, e)
		return err
	})
	return settle, err
}

// maxPanics is after how many attempts an entry is given up whose handler panics. A panic is a fault of the bridge that
// time will not mend, and an entry that blocks its lane for ever would let a stranger silence a chat.
const maxPanics = 5

// fail writes down that an entry was not done, and what follows from that.
func (w *Worker) fail(ctx context.Context, e Entry, cause error) (more bool, wait time.Duration) {
	if ctx.Err() != nil {
		return false, 0 // stopping is not the entry's fault
	}
	event := w.failureEvent(e, cause)
	wait = max(w.opts.Backoff.After(e.Attempts), askedWait(cause))
	cause = final(e, cause)
	reject, isReject := errors.AsType[*Reject](cause)
	park, isPark := errors.AsType[*Park](cause)
	_, isDead := errors.AsType[errDead](cause)
	if isPark {
		// No later than at the limit, so that an entry whose word was missed has one more try before it is given up.
		wait = min(wait, max(time.Until(limitOf(e, park)), 0))
	}
	err := w.db.Write(ctx, func(ctx context.Context) error {
		switch {
		case isDead:
			return w.bury(ctx, e, cause)
		case isReject:
			return w.reject(ctx, e, reject)
		case isPark:
			return w.queue.park(ctx, e, park.Name, time.Now().Add(wait), limitOf(e, park))
		}
		return w.queue.delay(ctx, e, time.Now().Add(wait), cause.Error())
	})
	switch {
	case errors.Is(err, errClosed):
		return true, 0
	case err != nil:
		return false, w.unrecorded(ctx, e, event.AnErr("while_recording", err), err)
	case isDead:
		event.Msg("Given up: the entry is a dead letter")
		return true, 0
	case isReject:
		event.Msg("Refused; the user is told")
		return true, 0
	case isPark:
		event.Str("waits_for", park.Name).Msg("The lane waits")
		return wait <= 0, wait
	}
	event.Dur("retry_in", wait).Msg("Failed; trying again")
	return false, wait
}

// failureEvent begins the line of the log about a failed attempt. The first failure of many is no reason to worry.
func (w *Worker) failureEvent(e Entry, cause error) *zerolog.Event {
	event := w.log.Warn()
	if e.Attempts == 0 {
		event = w.log.Info()
	}
	if p, ok := errors.AsType[*database.Panic](cause); ok {
		event = w.log.Error().Str("stack", p.Stack)
	}
	return event.Err(cause).Str("lane", string(e.Lane)).Str("key", e.Key).Str("kind", e.Kind).Int("attempt", e.Attempts+1)
}

// final makes those failures final that have gone on for too long.
func final(e Entry, cause error) error {
	if park, ok := errors.AsType[*Park](cause); ok && e.parkedFor == text(park.Name) && !time.Now().Before(e.parkLimit) {
		return Dead(fmt.Errorf("waited too long for %s", park.Name))
	}
	if _, ok := errors.AsType[*database.Panic](cause); ok && e.Attempts+1 >= maxPanics {
		return Dead(cause)
	}
	return cause
}

// unrecorded is for a failure that could not be written down as it should: it is then put off like any other, so that
// the waits grow. When that cannot be written either, the database is to blame, and this process remembers.
func (w *Worker) unrecorded(ctx context.Context, e Entry, event *zerolog.Event, cause error) time.Duration {
	wait := w.opts.Backoff.After(e.Attempts)
	err := w.db.Write(ctx, func(ctx context.Context) error {
		return w.queue.delay(ctx, e, time.Now().Add(wait), cause.Error())
	})
	switch {
	case err == nil || errors.Is(err, errClosed):
		event.Dur("retry_in", wait).Msg("An entry failed, and the failure could not be recorded")
	case ctx.Err() != nil:
		return 0
	default:
		w.remember(e)
		w.trouble(fmt.Errorf("write down that entry %d of lane %s failed: %w", e.ID, e.Lane, err))
	}
	return wait
}

func (w *Worker) reject(ctx context.Context, e Entry, r *Reject) error {
	if w.opts.Rejected != nil {
		if err := w.opts.Rejected(ctx, e, r); err != nil {
			return err
		}
	}
	return w.queue.done(ctx, e, r.Error())
}

func (w *Worker) bury(ctx context.Context, e Entry, cause error) error {
	if w.opts.Buried != nil {
		if err := w.opts.Buried(ctx, e, cause); err != nil {
			return err
		}
	}
	return w.queue.bury(ctx, e, cause.Error())
}

// limitOf keeps the limit of an entry's first parking for the same thing.
func limitOf(e Entry, p *Park) time.Time {
	if e.parkedFor == text(p.Name) {
		return e.parkLimit
	}
	return time.Now().Add(p.Limit)
}
