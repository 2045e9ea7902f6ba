package database

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"go.mau.fi/util/dbutil"
)

// maxBatch bounds one shared transaction, so that a burst cannot hold the writer for long.
const maxBatch = 128

// batcher lets concurrent writers share one commit: while one batch is being committed, new work gathers, and the
// next batch takes all of it. An idle bridge commits a single write at once; nobody ever waits in order to batch.
type batcher struct {
	leaders int // how many batches may be under way at once

	// conflict is held for reading by every transaction, and alone by one that lost a deadlock: once the batches under
	// way have ended it meets nobody. Postgres takes a second to notice a deadlock, so a second one must not follow.
	conflict sync.RWMutex

	mu      sync.Mutex
	active  int
	waiting []*job
}

// job is one caller's writes. One value is sent on turn: whether the caller must lead the next batch. When it need
// not, err says how its writes ended.
type job struct {
	ctx  context.Context //nolint:containedctx // a job is a call that waits; it does not outlive it
	fn   func(ctx context.Context) error
	turn chan bool
	err  error
}

// errAbandoned is what the others of a batch are told when its leader panicked. They may have been committed or not.
var errAbandoned = errors.New("the shared transaction was abandoned")

// Write runs fn in a transaction that it may share with other callers, and returns when that transaction is durable.
// An error of fn rolls back its writes alone: the others are then run again without it. So fn may run several times,
// and must keep nothing from an earlier run. Inside a transaction Write joins it.
//
// Once fn waits for its batch, the end of ctx no longer stops it. A deadlock with another transaction of Postgres is
// tried again. When the answer to the commit is lost with the connection, Write returns an error though the writes may
// be durable: the caller must be able to repeat them.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context) error) error {
	if db.inside(ctx) {
		return fn(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{ctx: ctx, fn: fn, turn: make(chan bool, 1), err: errAbandoned}
	b := &db.batch
	b.mu.Lock()
	if b.active < b.leaders {
		b.active++
		b.mu.Unlock()
		return db.lead(j)
	}
	b.waiting = append(b.waiting, j)
	b.mu.Unlock()
	if mustLead := <-j.turn; !mustLead {
		return j.err
	}
	return db.lead(j)
}

// lead commits own together with what waits, then hands the lead to whoever came in the meantime. It does the latter
// even when a function that runs after the commit panics: nobody may wait for a leader that is gone.
func (db *DB) lead(own *job) error {
	b := &db.batch
	b.mu.Lock()
	n := min(len(b.waiting), maxBatch-1)
	batch := append([]*job{own}, b.waiting[:n]...)
	b.waiting = b.waiting[n:]
	b.mu.Unlock()

	defer b.handOver(batch[1:])
	db.commit(slices.Clone(batch))
	return own.err
}

// handOver makes the first in line the next leader, and tells the followers that their writes have ended.
func (b *batcher) handOver(followers []*job) {
	b.mu.Lock()
	if len(b.waiting) > 0 {
		next := b.waiting[0]
		b.waiting = b.waiting[1:]
		next.turn <- true
	} else {
		b.waiting = nil
		b.active--
	}
	b.mu.Unlock()
	for _, j := range followers {
		j.turn <- false
	}
}

// maxTogether is how often what is left of a batch is tried together after one of it has failed. More failures in one
// batch are not worth the work that is run in vain each time.
const maxTogether = 4

// commit runs the jobs in one transaction and sets the err of each. A job that fails is run alone, to know whether it
// was its own fault, and the others are run together again.
func (db *DB) commit(batch []*job) {
	for try := 0; len(batch) > 1 && try < maxTogether; try++ {
		failed, err := db.together(batch)
		switch {
		case failed < 0 && isConflict(err): // with another replica, noticed at the commit
		case err == nil, failed < 0 && !errors.Is(err, pq.ErrInFailedTransaction):
			finish(batch, err)
			return
		case failed < 0: // one of them passed over an error of the database
			try = maxTogether
		default:
			batch[failed].err = db.alone(batch[failed], err)
			batch = slices.Delete(batch, failed, failed+1)
		}
	}
	for i, j := range batch {
		j.err = db.alone(j, nil)
		if errors.Is(j.err, dbutil.ErrTxnBegin) { // the database is away: do not let each of them find out
			finish(batch[i:], j.err)
			return
		}
	}
}

// together runs the jobs in one transaction. When a job failed it says which; when the transaction itself did, -1.
func (db *DB) together(batch []*job) (failed int, err error) {
	db.batch.conflict.RLock()
	defer db.batch.conflict.RUnlock()
	// The values of the first job's context (its logger) serve for all; no single caller may cancel the others.
	err = db.Tx(context.WithoutCancel(batch[0].ctx), func(ctx context.Context) error {
		for i, j := range batch {
			failed = i
			if err := Guard(func() error { return j.fn(ctx) }); err != nil {
				return err
			}
		}
		failed = -1
		return nil
	})
	if errors.Is(err, dbutil.ErrTxnBegin) {
		failed = -1
	}
	return failed, err
}

// maxConflicts is how often a transaction is tried that Postgres picks as the victim of a deadlock. From the second time
// on only other replicas can have a part in it.
const maxConflicts = 5

// alone runs a job in a transaction of its own. before is how it failed together with others.
func (db *DB) alone(j *job, before error) error {
	run := func(lock sync.Locker) error {
		lock.Lock()
		defer lock.Unlock()
		return db.Tx(context.WithoutCancel(j.ctx), func(ctx context.Context) error {
			return Guard(func() error { return j.fn(ctx) })
		})
	}
	err := before
	if !isConflict(before) {
		err = run(db.batch.conflict.RLocker())
	}
	for n := 0; n < maxConflicts && isConflict(err); n++ {
		err = run(&db.batch.conflict)
	}
	return err
}

func isConflict(err error) bool {
	return pq.As(err, pqerror.TRDeadlockDetected, pqerror.TRSerializationFailure) != nil
}

func finish(batch []*job, err error) {
	for _, j := range batch {
		j.err = err
	}
}

// Panic is a panic that Guard has turned into an error.
type Panic struct {
	Value any
	Stack string
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Guard calls fn and turns its panic into an error, a *Panic: one bad entry must not take down others with it.
func Guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Panic{Value: p, Stack: string(debug.Stack())}
		}
	}()
	return fn()
}
