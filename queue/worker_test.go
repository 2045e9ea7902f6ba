package queue_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/queue"
)

func TestOrderPerLane(t *testing.T) {
	t.Parallel()
	for _, burst := range []int{1, 8} {
		t.Run(fmt.Sprintf("burst %d", burst), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
				const lanes, entries = 12, 40
				start(t, db, q, handlers{burst: burst, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
					return done.settle(e), nil
				}})
				var wg sync.WaitGroup
				for l := range lanes {
					wg.Go(func() {
						for n := range entries {
							add(t, db, q, entry(queue.Lane(fmt.Sprint("chat/", l)), fmt.Sprint(n)))
						}
					})
				}
				wg.Wait()
				next := make(map[string]int)
				for _, key := range done.wait(t, lanes*entries) {
					lane, n, _ := strings.Cut(key, ":")
					require.Equal(t, fmt.Sprint(next[lane]), n, "lane %s", lane)
					next[lane]++
				}
				require.Len(t, next, lanes)
				settled(t, q)
				require.Len(t, done.list(), lanes*entries)
			})
		})
	}
}

func TestLanesAreIndependent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		gate := make(chan struct{})
		start(t, db, q, handlers{handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if e.Lane == "chat/1" {
				<-gate
			}
			return done.settle(e), nil
		}})
		add(t, db, q, entry("chat/1", "a"), entry("chat/2", "a"), entry("chat/2", "b"))
		require.Equal(t, []string{"chat/2:a", "chat/2:b"}, done.wait(t, 2))
		close(gate)
		done.wait(t, 3)
	})
}

// All places of one kind are taken by lanes that hang; the other kind must not notice.
func TestStuckKindStarvesNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		gate := make(chan struct{})
		var mu sync.Mutex
		var busy, most int
		enter := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			busy += n
			most = max(most, busy)
		}
		start(t, db, q, handlers{lanes: 2, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if e.Lane.Kind() == "stuck" {
				enter(1)
				<-gate
				enter(-1)
			}
			return done.settle(e), nil
		}})
		for n := range 10 {
			add(t, db, q, entry(queue.Lane(fmt.Sprint("stuck/", n)), "a"))
		}
		for n := range 10 {
			add(t, db, q, entry(queue.Lane(fmt.Sprint("fine/", n)), "a"))
		}
		for _, key := range done.wait(t, 10) {
			require.Contains(t, key, "fine/")
		}
		close(gate)
		done.wait(t, 20)
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, 2, most)
	})
}

func TestKeysAreUnique(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		other := queue.New(db, "outbox")
		add(t, db, q, entry("chat/1", "a"), entry("chat/1", "a"))
		add(t, db, q, entry("chat/1", "a"))
		add(t, db, other, entry("chat/1", "a"))
		require.Equal(t, 1, counts(t, q).Open)
		require.Equal(t, 1, counts(t, other).Open)
		start(t, db, q, handlers{handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) { return done.settle(e), nil }})
		done.wait(t, 1)
		add(t, db, q, entry("chat/2", "b"), entry("chat/1", "a")) // known from one that is done
		add(t, db, q, entry("chat/1", "c"))
		require.ElementsMatch(t, []string{"chat/1:a", "chat/2:b", "chat/1:c"}, done.wait(t, 3))
		require.Equal(t, 1, counts(t, other).Open)
	})
}

func TestAddIsUndoneWithItsTransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		start(t, db, q, handlers{handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) { return done.settle(e), nil }})
		require.ErrorIs(t, db.Write(t.Context(), func(ctx context.Context) error {
			require.NoError(t, q.Add(ctx, entry("chat/1", "a")))
			return errTemporary
		}), errTemporary)
		add(t, db, q, entry("chat/1", "b"))
		require.Equal(t, []string{"chat/1:b"}, done.wait(t, 1))
	})
}

// The worker is told of an entry when it can be seen, not before.
func TestHintComesAfterCommit(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, databasetest.Postgres(t)) // on SQLite nothing can be read while a transaction is open
	q, done := queue.New(db, "inbox"), newRecord(db)
	start(t, db, q, handlers{lanes: 1, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) { return done.settle(e), nil }})
	require.NoError(t, db.Tx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, q.Add(ctx, entry("chat/1", "a")))
		// There is one place: once another lane's entry is done, a hint for the first would have been followed.
		go func() {
			if err := q.Add(context.Background(), entry("chat/2", "a")); err != nil {
				t.Error(err)
			}
		}()
		done.wait(t, 1)
		return nil
	}))
	require.Equal(t, []string{"chat/2:a", "chat/1:a"}, done.wait(t, 2))
}

func TestDoneErasesPayload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		start(t, db, q, handlers{handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			assert.JSONEq(t, `{"n":"`+strings.TrimPrefix(e.Key, "chat/1:")+`"}`, string(e.Payload))
			if e.Key == "chat/1:refused" {
				return nil, &queue.Reject{Code: "no"}
			}
			return done.settle(e), nil
		}})
		before := time.Now().Add(-time.Second)
		add(t, db, q, entry("chat/1", "refused"), entry("chat/1", "a"))
		done.wait(t, 1)
		settled(t, q)
		var kept int
		require.NoError(t, db.QueryRow(t.Context(), `SELECT COUNT(*) FROM queue_entry WHERE payload IS NOT NULL`).Scan(&kept))
		require.Zero(t, kept)

		require.NoError(t, q.Forget(t.Context()))
		add(t, db, q, entry("chat/1", "a"))
		require.Zero(t, counts(t, q).Open, "the key is still known")
		_, err := db.Exec(t.Context(), `UPDATE queue_entry SET closed_at=$1 WHERE dedup_key='chat/1:a'`, before.Add(-queue.KeyLifetime).UnixMilli())
		require.NoError(t, err)
		require.NoError(t, q.Forget(t.Context()))
		add(t, db, q, entry("chat/1", "a"))
		done.wait(t, 2)
	})
}

func TestCounts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, _ *record) {
		require.Equal(t, queue.Counts{}, counts(t, q))
		add(t, db, q, entry("chat/1", "a"), entry("chat/1", "b"))
		require.NoError(t, q.AddDead(t.Context(), "", entry("chat/1", "c")))
		c := counts(t, q)
		require.Equal(t, 2, c.Open)
		require.Equal(t, 1, c.Dead)
		require.WithinDuration(t, time.Now(), c.Oldest, time.Minute)
	})
}

func TestBurst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		var mu sync.Mutex
		transactions := make(map[any]int)
		failed := 0
		handle := func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			return func(ctx context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				if e.Key == "chat/1:5" && e.Attempts < 2 {
					failed++
					return errTemporary
				}
				if e.Key == "chat/1:9" {
					return queue.Dead(errTemporary)
				}
				db.AfterCommit(ctx, func() { transactions[db.Execable(ctx)]++ })
				done.note(ctx, e.Key)
				return nil
			}, nil
		}
		var want []string
		for n := range 16 {
			add(t, db, q, entry("chat/1", fmt.Sprint(n)))
			if n != 9 {
				want = append(want, fmt.Sprint("chat/1:", n))
			}
		}
		start(t, db, q, handlers{burst: 8, handle: handle})
		require.Equal(t, want, done.wait(t, 15))
		settled(t, q)
		require.Equal(t, want, done.list())
		require.Equal(t, 1, counts(t, q).Dead)
		// 0-4, then 5 when it went well at last with 6-8 behind it, then 10-15.
		require.Len(t, transactions, 3)
		require.LessOrEqual(t, failed, 6, "the failing entry was tried too often")
	})
}

func TestMove(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		inHand, gate := make(chan struct{}), make(chan struct{})
		var once sync.Once
		start(t, db, q, handlers{handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if e.Lane == "room/1" {
				once.Do(func() { close(inHand); <-gate })
			}
			return func(ctx context.Context) error {
				done.note(ctx, e.Key)
				if e.Key == "room/1:mover" { // as a room's invitation moves what was said in it, itself included
					return q.Move(ctx, "room/1", "chat/9")
				}
				return nil
			}, nil
		}})
		// An entry in hand is moved by somebody else: it is settled once.
		add(t, db, q, entry("room/1", "a"), entry("room/1", "b"))
		await(t, "in hand", inHand)
		require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return q.Move(ctx, "room/1", "chat/8") }))
		require.Equal(t, []string{"room/1:a", "room/1:b"}, done.wait(t, 2))
		close(gate)
		// And by itself.
		add(t, db, q, entry("room/1", "mover"), entry("room/1", "c"), entry("room/1", "d"))
		require.Equal(t, []string{"room/1:a", "room/1:b", "room/1:mover", "room/1:c", "room/1:d"}, done.wait(t, 5))
		settled(t, q)
		add(t, db, q, entry("room/1", "last"))
		require.Len(t, done.wait(t, 6), 6)
	})
}

// Two processes on one database are a mistake that must not settle anything twice.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	databasetest.EachURI(t, func(t *testing.T, uri string) {
		const entries = 60
		first, second := databasetest.Open(t, uri), databasetest.Open(t, uri)
		q := queue.New(first, "inbox")
		for n := range entries {
			e := entry(queue.Lane(fmt.Sprint("chat/", n%3)), fmt.Sprint(n))
			require.NoError(t, first.PutSetting(t.Context(), e.Key, ""))
			add(t, first, q, e)
		}
		for _, db := range []*database.DB{first, second} {
			start(t, db, queue.New(db, "inbox"), handlers{burst: 2, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
				return func(ctx context.Context) error {
					_, err := db.Exec(ctx, `UPDATE setting SET value=value||'x' WHERE name=$1`, e.Key)
					return err
				}, nil
			}})
		}
		settled(t, q)
		var once int
		require.NoError(t, first.QueryRow(t.Context(), `SELECT COUNT(*) FROM setting WHERE value='x'`).Scan(&once))
		require.Equal(t, entries, once)
	})
}
