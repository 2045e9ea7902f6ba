package queue_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/queue"
)

// slow is a backoff of which the clock of synctest makes short work.
var slow = queue.Backoff{First: 10 * time.Second, Most: 5 * time.Minute}

// inTime runs a test whose clock stands still until everybody waits.
func inTime(t *testing.T, test func(t *testing.T, db *database.DB, q *queue.Queue, done *record)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := databasetest.Memory(t)
		test(t, db, queue.New(db, "inbox"), newRecord(db))
	})
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	seen := make(map[time.Duration]bool)
	for attempts := range 100 {
		exact := slow.Most
		if attempts < 5 {
			exact = slow.First << attempts
		}
		for range 50 {
			wait := slow.After(attempts)
			require.GreaterOrEqual(t, wait, exact*3/4)
			require.LessOrEqual(t, wait, exact*5/4+1)
			seen[wait] = true
		}
	}
	require.Greater(t, len(seen), 1000, "waits must be spread")
	require.Zero(t, queue.Backoff{}.After(0)/2)
}

func TestRetryTimes(t *testing.T) {
	inTime(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		var times []time.Time
		var tries atomic.Int32
		start(t, db, q, handlers{backoff: slow, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if e.Lane == "chat/2" {
				return done.settle(e), nil
			}
			tries.Add(1)
			times = append(times, time.Now())
			switch e.Attempts {
			case 8:
				return nil, queue.RetryAfter(errTemporary, time.Hour)
			case 9:
				return done.settle(e), nil
			}
			return nil, errTemporary
		}})
		add(t, db, q, entry("chat/1", "a"))
		synctest.Wait()
		time.Sleep(time.Second) // of the bubble's clock
		add(t, db, q, entry("chat/1", "b"), entry("chat/2", "a"))
		synctest.Wait()
		require.Equal(t, []string{"chat/2:a"}, done.list(), "another lane need not wait")
		require.EqualValues(t, 1, tries.Load(), "what comes behind the head does not wake it")
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		require.Equal(t, []string{"chat/2:a", "chat/1:a", "chat/1:b"}, done.list())
		for i := range 9 {
			wait, exact := times[i+1].Sub(times[i]), min(slow.First<<i, slow.Most)
			if i == 8 {
				exact = time.Hour * 4 / 3
			}
			require.GreaterOrEqual(t, wait, exact*3/4-time.Millisecond, "attempt %d", i)
			require.LessOrEqual(t, wait, exact*5/4+time.Millisecond, "attempt %d", i)
		}
	})
}

func TestParkIsWoken(t *testing.T) {
	inTime(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		var there atomic.Bool
		start(t, db, q, handlers{backoff: slow, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if e.Key == "chat/1:a" && !there.Load() {
				return nil, fmt.Errorf("decide: %w", &queue.Park{Name: "room/1", Limit: time.Hour})
			}
			return done.settle(e), nil
		}})
		add(t, db, q, entry("chat/1", "a"), entry("chat/1", "b"), entry("chat/2", "a"))
		synctest.Wait()
		require.Equal(t, []string{"chat/2:a"}, done.list())
		provide := func(name string) {
			require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return q.Provide(ctx, name) }))
			synctest.Wait()
		}
		there.Store(true)
		provide("room/2")
		require.NoError(t, queue.New(db, "outbox").Provide(t.Context(), "room/1"))
		synctest.Wait()
		require.Len(t, done.list(), 1)
		now := time.Now()
		provide("room/1")
		require.Equal(t, []string{"chat/2:a", "chat/1:a", "chat/1:b"}, done.list())
		require.Equal(t, now, time.Now(), "it was woken, not found")
	})
}

func TestParkLooksAgain(t *testing.T) {
	inTime(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		var there atomic.Bool
		start(t, db, q, handlers{backoff: slow, handle: func(ctx context.Context, e queue.Entry) (queue.Settle, error) {
			if there.Load() {
				return done.settle(e), nil
			}
			// The word comes between the look and the parking: nobody hears it.
			there.Store(true)
			assert.NoError(t, q.Provide(ctx, "room/1"))
			return nil, &queue.Park{Name: "room/1", Limit: time.Hour}
		}})
		add(t, db, q, entry("chat/1", "a"))
		synctest.Wait()
		require.Empty(t, done.list())
		time.Sleep(slow.First * 5 / 4)
		synctest.Wait()
		require.Equal(t, []string{"chat/1:a"}, done.list())
	})
}

func TestParkLimit(t *testing.T) {
	inTime(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		const limit = 20 * time.Minute
		var tries []time.Time
		handle := func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if e.Key != "chat/1:a" {
				return done.settle(e), nil
			}
			tries = append(tries, time.Now())
			return nil, &queue.Park{Name: "room/1", Limit: limit}
		}
		begin := time.Now()
		stop := start(t, db, q, handlers{backoff: slow, handle: handle})
		add(t, db, q, entry("chat/1", "a"), entry("chat/1", "b"))
		time.Sleep(limit / 2)
		stop() // the limit outlives the process
		q = queue.New(db, "inbox")
		start(t, db, q, handlers{backoff: slow, handle: handle})
		time.Sleep(limit/2 - time.Second)
		synctest.Wait()
		require.Empty(t, done.list())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"chat/1:b"}, done.list())
		require.InDelta(t, limit, tries[len(tries)-1].Sub(begin), float64(time.Second), "it has a last try at the limit")
		dead, err := q.DeadLetters(t.Context(), 1)
		require.NoError(t, err)
		require.Contains(t, dead[0].Error, "waited too long for room/1")
	})
}

// The bridge was away for longer than the limit: what was waited for may be there now.
func TestParkedWhileAway(t *testing.T) {
	inTime(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		var there atomic.Bool
		handle := func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if !there.Load() {
				return nil, &queue.Park{Name: "room/1", Limit: time.Minute}
			}
			return done.settle(e), nil
		}
		stop := start(t, db, q, handlers{backoff: slow, handle: handle})
		add(t, db, q, entry("chat/1", "a"))
		synctest.Wait()
		stop()
		there.Store(true)
		time.Sleep(time.Hour)
		start(t, db, queue.New(db, "inbox"), handlers{backoff: slow, handle: handle})
		synctest.Wait()
		require.Equal(t, []string{"chat/1:a"}, done.list())
	})
}

func TestParkForAnotherNameHasItsOwnLimit(t *testing.T) {
	inTime(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		start(t, db, q, handlers{backoff: slow, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			return nil, &queue.Park{Name: fmt.Sprint("room/", min(e.Attempts/3, 1)), Limit: 3 * time.Minute}
		}})
		begin := time.Now()
		add(t, db, q, entry("chat/1", "a"), entry("chat/2", "a"))
		time.Sleep(3*time.Minute + time.Second)
		synctest.Wait()
		require.Zero(t, counts(t, q).Dead)
		for counts(t, q).Dead < 2 {
			require.Less(t, time.Since(begin), 8*time.Minute)
			time.Sleep(time.Second)
		}
	})
}

// Another process adds an entry, or the hint for it was lost.
func TestPollFindsWork(t *testing.T) {
	inTime(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		start(t, db, q, handlers{poll: time.Minute, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) { return done.settle(e), nil }})
		synctest.Wait()
		add(t, db, queue.New(db, "inbox"), entry("chat/1", "a"))
		synctest.Wait()
		require.Empty(t, done.list())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"chat/1:a"}, done.list())
	})
}

// A restart keeps to the times that failures have set.
func TestRestartKeepsTheWait(t *testing.T) {
	inTime(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		handle := func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if e.Attempts == 0 {
				return nil, queue.RetryAfter(errTemporary, time.Hour)
			}
			return done.settle(e), nil
		}
		stop := start(t, db, q, handlers{backoff: slow, handle: handle})
		add(t, db, q, entry("chat/1", "a"))
		synctest.Wait()
		stop()
		start(t, db, queue.New(db, "inbox"), handlers{backoff: slow, poll: 24 * time.Hour, handle: handle})
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		require.Empty(t, done.list())
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"chat/1:a"}, done.list())
	})
}

// An entry that is added for later waits for its time, across a restart too, and what is behind it waits with it.
func TestNotBefore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		later := entry("chat/1", "b")
		later.NotBefore = time.Now().Add(time.Hour)
		add(t, db, q, entry("chat/1", "a"), later, entry("chat/1", "c"), entry("chat/2", "a"))
		stop := start(t, db, q, handlers{burst: 8, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) { return done.settle(e), nil }})
		require.ElementsMatch(t, []string{"chat/1:a", "chat/2:a"}, done.wait(t, 2))
		require.Equal(t, 2, counts(t, q).Open)
		stop()
		_, err := db.Exec(t.Context(), `UPDATE queue_entry SET not_before=1 WHERE state=0`)
		require.NoError(t, err)
		again := queue.New(db, "inbox")
		start(t, db, again, handlers{burst: 8, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) { return done.settle(e), nil }})
		require.Equal(t, []string{"chat/1:b", "chat/1:c"}, done.wait(t, 4)[2:])
	})
}

// Kinds that a worker is told of have places of their own: one that hangs leaves the others theirs.
func TestKindsOfTheWorker(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		gate := make(chan struct{})
		t.Cleanup(func() { close(gate) })
		start(t, db, q, handlers{lanes: 1, kind: func(l queue.Lane) string { return string(l[:len("whatsapp/1")]) },
			handle: func(ctx context.Context, e queue.Entry) (queue.Settle, error) {
				if e.Lane.Kind() == "whatsapp" && e.Lane[len("whatsapp/")] == '1' {
					select {
					case <-gate:
					case <-ctx.Done():
					}
				}
				return done.settle(e), nil
			}})
		add(t, db, q, entry("whatsapp/1/1", "a"), entry("whatsapp/1/2", "a"), entry("whatsapp/2/1", "a"))
		require.Equal(t, []string{"whatsapp/2/1:a"}, done.wait(t, 1))
	})
}
