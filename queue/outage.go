package queue

import (
	"context"
	"sync/atomic"
	"time"
)

// longestOutage bounds the pause between two looks whether the database works again.
const longestOutage = 15 * time.Second

// probeSetting is the setting that is written to learn whether the database takes writes again: a full disk and a
// read-only file can be read all the time.
const probeSetting = "queue_probe/"

// outage is the worker's knowledge that the database does not work. Then no lane is begun, rather than that each finds
// out for itself and has its action carried out in vain.
type outage struct {
	away     atomic.Bool
	failures atomic.Int32  // in a row, without any entry settled in between
	probe    chan struct{} // has a value when it is time to look again
	since    time.Time     // guarded by the worker's lock, as is what follows
	// tried has the attempts of entries whose last could not be written down: at most those that were in hand. A handler
	// must be told that its action may have been carried out.
	tried map[int64]int
}

// remember keeps an attempt that could not be written down.
func (w *Worker) remember(e Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outage.tried[e.ID] = e.Attempts + 1
}

// recall tells an entry of the attempts that could not be written down.
func (w *Worker) recall(e *Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if tried, ok := w.outage.tried[e.ID]; ok {
		e.Attempts = max(e.Attempts, tried)
		delete(w.outage.tried, e.ID) // what becomes of this attempt is written down, or remembered again
	}
}

// trouble notes that the database has failed at what nobody but it can be blamed for.
func (w *Worker) trouble(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.outage.away.Swap(true) {
		return // one of those who were at work when it began
	}
	w.outage.since = time.Now()
	w.log.Error().Err(err).Msg("The database fails; the queue waits until it works again")
	w.probeLater()
}

// probeLater looks again after a pause that grows.
func (w *Worker) probeLater() {
	backoff := Backoff{First: w.opts.Backoff.First, Most: min(w.opts.Backoff.Most, longestOutage)}
	n := w.outage.failures.Add(1)
	time.AfterFunc(backoff.After(int(n-1)), func() {
		select {
		case w.outage.probe <- struct{}{}:
		default:
		}
	})
}

// tryAgain looks whether the database works again, by writing.
func (w *Worker) tryAgain(ctx context.Context) {
	err := w.db.Write(ctx, func(ctx context.Context) error {
		return w.db.PutSetting(ctx, probeSetting+w.queue.name, time.Now().UTC().Format(time.RFC3339))
	})
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.log.Debug().Err(err).Msg("The database still fails")
		w.probeLater()
		return
	}
	w.mu.Lock()
	since := w.outage.since
	w.outage.away.Store(false)
	w.mu.Unlock()
	w.log.Warn().Dur("after", time.Since(since)).Msg("The database works again; the queue goes on")
	w.look(ctx) // hints may have been lost with the answers to commits
}
