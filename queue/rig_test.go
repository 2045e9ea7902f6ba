package queue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/queue"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

var errTemporary = errors.New("temporary")

// handlers is what a test's worker does.
type handlers struct {
	handle   queue.Handler
	rejected func(ctx context.Context, e queue.Entry, r *queue.Reject) error
	buried   func(ctx context.Context, e queue.Entry, cause error) error
	burst    int
	lanes    int
	kind     func(queue.Lane) string
	backoff  queue.Backoff
	poll     time.Duration
}

// start runs a worker until the test ends or the function that it returns is called.
func start(t testing.TB, db *database.DB, q *queue.Queue, h handlers) (stop func()) {
	t.Helper()
	opts := queue.Options{
		Handle: h.handle, Rejected: h.rejected, Buried: h.buried, Backoff: h.backoff, Burst: max(h.burst, 1), Lanes: h.lanes, Kind: h.kind, Poll: h.poll,
	}
	if opts.Lanes == 0 {
		opts.Lanes = 8
	}
	if opts.Backoff.First == 0 {
		opts.Backoff = queue.Backoff{First: time.Millisecond, Most: 8 * time.Millisecond}
	}
	if opts.Poll == 0 {
		opts.Poll = time.Hour // nothing in these tests may depend on the poll, unless it says so
	}
	w := queue.NewWorker(db, q, opts, zerolog.New(zerolog.NewTestWriter(quiet{t})))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Errorf("run the worker: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

// quiet drops the log unless -v asks for it.
type quiet struct{ testing.TB }

func (q quiet) Log(args ...any) {
	if testing.Verbose() {
		q.TB.Log(args...)
	}
}

func (q quiet) Logf(format string, args ...any) {
	if testing.Verbose() {
		q.TB.Logf(format, args...)
	}
}

// await receives from a channel.
func await[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("timed out: %s", what)
	}
	return v
}

// record is the order in which entries were settled.
type record struct {
	db *database.DB

	mu   sync.Mutex
	keys []string
	more chan struct{}
}

func newRecord(db *database.DB) *record {
	return &record{db: db, more: make(chan struct{}, 1)}
}

// settle notes the entry when its transaction has been committed.
func (r *record) settle(e queue.Entry) queue.Settle {
	return func(ctx context.Context) error {
		r.note(ctx, e.Key)
		return nil
	}
}

func (r *record) note(ctx context.Context, key string) {
	r.db.AfterCommit(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.keys = append(r.keys, key)
		select {
		case r.more <- struct{}{}:
		default:
		}
	})
}

func (r *record) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.keys...)
}

// wait waits until n entries have been settled, and returns them.
func (r *record) wait(t testing.TB, n int) []string {
	t.Helper()
	timeout := time.After(patience)
	for {
		if keys := r.list(); len(keys) >= n {
			return keys
		}
		select {
		case <-r.more:
		case <-timeout:
			t.Fatalf("timed out: %d of %d were settled: %v", len(r.list()), n, r.list())
		}
	}
}

// each runs a test on both databases, with a queue and a record of what is settled.
func each(t *testing.T, test func(t *testing.T, db *database.DB, q *queue.Queue, done *record)) {
	t.Helper()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		test(t, db, queue.New(db, "inbox"), newRecord(db))
	})
}

func add(t testing.TB, db *database.DB, q *queue.Queue, entries ...queue.Entry) {
	t.Helper()
	require.NoError(t, db.Write(context.Background(), func(ctx context.Context) error { return q.Add(ctx, entries...) }))
}

// entry returns an entry whose key is its lane and its name.
func entry(lane queue.Lane, name string) queue.Entry {
	return queue.Entry{Lane: lane, Key: string(lane) + ":" + name, Kind: "kind", Payload: []byte(`{"n":"` + name + `"}`)}
}

func counts(t testing.TB, q *queue.Queue) queue.Counts {
	t.Helper()
	c, err := q.Counts(context.Background())
	require.NoError(t, err)
	return c
}

// settled waits until no entry is open.
func settled(t testing.TB, q *queue.Queue) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); counts(t, q).Open > 0; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %d entries are open", counts(t, q).Open)
		}
	}
}
