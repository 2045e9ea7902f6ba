package queue_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/queue"
)

// reads counts the reads of lanes' heads.
type reads struct {
	dbutil.DatabaseLogger

	heads atomic.Int64
}

//nolint:revive // the interface has seven arguments
func (r *reads) QueryTiming(_ context.Context, _, query string, _ []any, _ int, _ time.Duration, _ error) {
	if strings.Contains(query, "AND state=0 ORDER BY id LIMIT") {
		r.heads.Add(1)
	}
}

// One side is away and many lanes wait: the poll leaves them alone until they are due.
func TestPollPassesOverLanesThatWait(t *testing.T) {
	inTime(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		const lanes = 200
		seen := &reads{DatabaseLogger: dbutil.NoopLogger}
		db.Log = seen
		var there atomic.Bool
		handle := func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			switch {
			case there.Load():
				return done.settle(e), nil
			case e.Lane == "chat/1":
				return nil, &queue.Park{Name: "room/1", Limit: 48 * time.Hour}
			}
			return nil, queue.RetryAfter(errTemporary, 2*time.Hour)
		}
		stop := start(t, db, q, handlers{lanes: 64, poll: 30 * time.Second, backoff: slow, handle: handle})
		for n := range lanes {
			add(t, db, q, entry(queue.Lane(fmt.Sprint("chat/", n)), "a"), entry(queue.Lane(fmt.Sprint("chat/", n)), "b"))
		}
		synctest.Wait()
		require.NotZero(t, seen.heads.Load())
		seen.heads.Store(0)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Less(t, seen.heads.Load(), int64(60), "only the parked lane looks again now and then")

		// Nor does a restart read them one by one, and yet none is forgotten.
		stop()
		seen.heads.Store(0)
		stop = start(t, db, queue.New(db, "inbox"), handlers{lanes: 64, poll: 30 * time.Second, backoff: slow, handle: handle})
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		require.Less(t, seen.heads.Load(), int64(60))
		there.Store(true)
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		require.Len(t, done.list(), 2*lanes)
		stop()
	})
}

// logBook collects what a worker logs.
type logBook struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // has something in it when lines were added
}

func (l *logBook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(bytes.TrimSpace(line)))
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(line), nil
}

// wait waits until so many lines have a part.
func (l *logBook) wait(t *testing.T, part string, count int) {
	t.Helper()
	for len(l.with(part)) < count {
		await(t, fmt.Sprintf("%d lines with %q", count, part), l.more)
	}
}

func (l *logBook) with(part string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return found
}

// The database refuses all writes for a while, as it does on a full disk, and could be read all the time: hardly
// anything is tried in vain, the log says it once, and all goes on by itself.
func TestDatabaseTakesNoWrites(t *testing.T) {
	t.Parallel()
	databasetest.EachURI(t, func(t *testing.T, uri string) {
		db, other := databasetest.Open(t, uri), databasetest.Open(t, uri)
		q, done := queue.New(db, "outbox"), newRecord(db)
		book := &logBook{more: make(chan struct{}, 1)}
		var acts, repeats atomic.Int64
		inHand, gate := make(chan struct{}, 100), make(chan struct{})
		w := queue.NewWorker(db, q, queue.Options{
			Burst: 1, Lanes: 8, Poll: 20 * time.Millisecond, Backoff: queue.Backoff{First: 10 * time.Millisecond, Most: 40 * time.Millisecond},
			Handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
				inHand <- struct{}{}
				<-gate
				acts.Add(1)
				if e.Attempts > 0 {
					repeats.Add(1)
				}
				return done.settle(e), nil
			},
		}, zerolog.New(book))
		for n := range 40 {
			add(t, db, q, entry(queue.Lane(fmt.Sprint("chat/", n)), "a"))
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		defer func() { cancel(); assert.NoError(t, <-ended) }()
		for range 8 {
			await(t, "in hand", inHand)
		}
		refuseWrites(t, other)
		close(gate)
		book.wait(t, "still fails", 10)
		require.Empty(t, done.list())
		require.EqualValues(t, 8, acts.Load(), "only what was in hand has been carried out")
		require.Len(t, book.with(`"level":"error"`), 1)
		require.Empty(t, book.with(`"level":"warn"`))
		allowWrites(t, other)
		done.wait(t, 40)
		settled(t, q)
		require.Len(t, done.list(), 40)
		require.EqualValues(t, 48, acts.Load())
		require.EqualValues(t, 8, repeats.Load(), "an action that may be a repeat must be told so")
		require.Len(t, book.with("the queue goes on"), 1)
	})
}

// refuseWrites makes every write to the bridge's small tables and the queues fail.
func refuseWrites(t *testing.T, db *database.DB) {
	t.Helper()
	if db.Dialect == dbutil.Postgres {
		_, err := db.Exec(t.Context(), `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$`)
		require.NoError(t, err)
	}
	for _, table := range []string{"queue_entry", "setting"} {
		for _, what := range []string{"INSERT", "UPDATE"} {
			action := `BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`
			if db.Dialect == dbutil.Postgres {
				action = `FOR EACH STATEMENT EXECUTE FUNCTION full_disk()`
			}
			_, err := db.Exec(t.Context(), fmt.Sprintf(`CREATE TRIGGER full_%s_%s BEFORE %s ON %s %s`, table, what, what, table, action))
			require.NoError(t, err)
		}
	}
}

func allowWrites(t *testing.T, db *database.DB) {
	t.Helper()
	for _, table := range []string{"queue_entry", "setting"} {
		for _, what := range []string{"INSERT", "UPDATE"} {
			on := ""
			if db.Dialect == dbutil.Postgres {
				on = " ON " + table
			}
			_, err := db.Exec(t.Context(), fmt.Sprintf(`DROP TRIGGER full_%s_%s%s`, table, what, on))
			require.NoError(t, err)
		}
	}
}
