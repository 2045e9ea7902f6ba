package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/queue"
)

func TestRestartResumesInOrder(t *testing.T) {
	t.Parallel()
	databasetest.EachURI(t, func(t *testing.T, uri string) {
		db := databasetest.Open(t, uri)
		q, done := queue.New(db, "inbox"), newRecord(db)
		stop := start(t, db, q, handlers{handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if e.Key == "chat/1:2" {
				return nil, errTemporary
			}
			return done.settle(e), nil
		}})
		for n := range 5 {
			add(t, db, q, entry("chat/1", fmt.Sprint(n)))
		}
		done.wait(t, 2)
		stop()
		add(t, db, q, entry("chat/1", "5"))
		require.NoError(t, db.Close())

		db = databasetest.Open(t, uri)
		q, again := queue.New(db, "inbox"), newRecord(db)
		start(t, db, q, handlers{burst: 2, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) { return again.settle(e), nil }})
		require.Equal(t, []string{"chat/1:2", "chat/1:3", "chat/1:4", "chat/1:5"}, again.wait(t, 4))
		require.Len(t, done.list(), 2)
	})
}

func TestStopFinishesWhatIsInHand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		inHand, told, gate := make(chan struct{}, 3), make(chan struct{}), make(chan struct{})
		stop := start(t, db, q, handlers{handle: func(ctx context.Context, e queue.Entry) (queue.Settle, error) {
			inHand <- struct{}{}
			if e.Lane == "chat/2" { // an action that gives up when it is told to stop
				<-ctx.Done()
				close(told)
				return nil, ctx.Err()
			}
			<-gate
			return done.settle(e), nil // one that has been carried out
		}})
		add(t, db, q, entry("chat/1", "a"), entry("chat/1", "b"), entry("chat/2", "a"), entry("chat/3", "a"))
		for range 3 {
			await(t, "in hand", inHand)
		}
		stopped := make(chan struct{})
		go func() { stop(); close(stopped) }()
		await(t, "told to stop", told)
		close(gate)
		await(t, "stopped", stopped)
		require.ElementsMatch(t, []string{"chat/1:a", "chat/3:a"}, done.list())
		require.Equal(t, 2, counts(t, q).Open)

		start(t, db, queue.New(db, "inbox"), handlers{handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			assert.Zero(t, e.Attempts, "to be stopped is no failure")
			return done.settle(e), nil
		}})
		done.wait(t, 4)
	})
}

// The tables are away for a while, for whatever reason: the worker goes on by itself when they are back.
func TestDatabaseFailsForAWhile(t *testing.T) {
	t.Parallel()
	databasetest.EachURI(t, func(t *testing.T, uri string) {
		db, other := databasetest.Open(t, uri), databasetest.Open(t, uri)
		q, done := queue.New(db, "inbox"), newRecord(db)
		var failing atomic.Bool
		failed := make(chan struct{}, 1)
		start(t, db, q, handlers{poll: 10 * time.Millisecond, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			return func(ctx context.Context) error {
				if _, err := db.Setting(ctx, "a"); err != nil {
					select {
					case failed <- struct{}{}:
					default:
					}
					assert.True(t, failing.Load(), "%v", err)
					return err
				}
				done.note(ctx, e.Key)
				return nil
			}, nil
		}})
		add(t, db, q, entry("chat/1", "0"))
		done.wait(t, 1)
		for n := 1; n < 4; n++ {
			failing.Store(true)
			_, err := other.Exec(t.Context(), `ALTER TABLE setting RENAME TO away`)
			require.NoError(t, err)
			add(t, db, q, entry("chat/1", fmt.Sprint(n)))
			await(t, "a failure", failed)
			_, err = other.Exec(t.Context(), `ALTER TABLE queue_entry RENAME TO queue_away`)
			require.NoError(t, err)
			require.Error(t, q.Add(t.Context(), entry("chat/1", "x")))
			_, err = other.Exec(t.Context(), `ALTER TABLE queue_away RENAME TO queue_entry`)
			require.NoError(t, err)
			_, err = other.Exec(t.Context(), `ALTER TABLE away RENAME TO setting`)
			require.NoError(t, err)
			done.wait(t, n+1)
			require.Zero(t, len(done.list())-n-1)
		}
	})
}

// The server is away for a while, then back, and answers to commits are lost, while entries are being worked.
func TestServerAwayForAWhile(t *testing.T) {
	t.Parallel()
	line := databasetest.NewLine(t, databasetest.Postgres(t))
	db := databasetest.Open(t, line.URI)
	q, done := queue.New(db, "inbox"), newRecord(db)
	begun := make(chan struct{}, 100)
	start(t, db, q, handlers{burst: 2, poll: 10 * time.Millisecond, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
		select {
		case begun <- struct{}{}:
		default:
		}
		return done.settle(e), nil
	}})
	want := 0
	for round := range 4 {
		for n := range 20 {
			e := entry(queue.Lane(fmt.Sprint("chat/", n%4)), fmt.Sprint(round*20+n))
			if n%5 == 4 {
				line.LoseCommit(n%2 == 0) // of this, or of an entry's settling
			}
			for db.Write(t.Context(), func(ctx context.Context) error { return q.Add(ctx, e) }) != nil {
				require.Less(t, line.Lost(), 100, "who is told of an error repeats the call")
			}
			want++
		}
		await(t, "work has begun", begun)
		line.Off()
		require.Error(t, db.Write(t.Context(), func(ctx context.Context) error { return q.Add(ctx, entry("chat/1", "lost")) }))
		require.Error(t, db.Ping(t.Context()))
		line.On(t)
	}
	settled(t, q)
	next := make(map[string]int)
	for _, key := range done.list() {
		lane, name, _ := strings.Cut(key, ":")
		var n int
		_, err := fmt.Sscan(name, &n)
		require.NoError(t, err)
		require.Greater(t, n+1, next[lane], "lane %s", lane)
		next[lane] = n + 1
	}
	// The answer to a commit may be lost, and with it the note of it, but not the entry.
	var closed int
	require.NoError(t, db.QueryRow(t.Context(), `SELECT COUNT(*) FROM queue_entry WHERE state=1`).Scan(&closed))
	require.Equal(t, want, closed)
}

// A schedule of everything at once, by chance, against what must come of it: each entry is settled once and, within its
// lane, in the order in which it was added.
func TestRandomSchedule(t *testing.T) {
	t.Parallel()
	for range 3 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			databasetest.Each(t, func(t *testing.T, db *database.DB) {
				t.Logf("seed %d", seed)
				newSchedule(t, db, seed).run()
			})
		})
	}
}

type schedule struct {
	t    *testing.T
	db   *database.DB
	seed uint64
	rng  *rand.Rand // of the driver alone
	busy sync.Map   // lanes being worked, to see that each is worked by one at a time
}

func newSchedule(t *testing.T, db *database.DB, seed uint64) *schedule {
	_, err := db.Exec(t.Context(), `CREATE TABLE outcome (n BIGINT, lane TEXT, dedup_key TEXT, what TEXT)`)
	require.NoError(t, err)
	return &schedule{t: t, db: db, seed: seed, rng: rand.New(rand.NewPCG(seed, 0))}
}

const (
	scheduleLanes = 5
	scheduleNames = 3
)

// fate decides what becomes of an attempt; the same for each run of the schedule, whatever the timing.
func (s *schedule) fate(e queue.Entry) float64 {
	var n uint64
	for _, c := range e.Key {
		n = n*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(s.seed^n, uint64(e.Attempts))).Float64()
}

func (s *schedule) handle(_ context.Context, e queue.Entry) (queue.Settle, error) {
	if _, taken := s.busy.LoadOrStore(e.Lane, true); taken {
		s.t.Errorf("lane %s is worked twice at once", e.Lane)
	}
	defer s.busy.Delete(e.Lane)
	note := func(ctx context.Context, what string) error {
		_, err := s.db.Exec(ctx, `INSERT INTO outcome (n, lane, dedup_key, what) SELECT COUNT(*), $1, $2, $3 FROM outcome`, e.Lane, e.Key, what)
		return err
	}
	switch fate := s.fate(e); {
	case fate < 0.08:
		return nil, errTemporary
	case fate < 0.16:
		return func(ctx context.Context) error {
			if err := note(ctx, "half"); err != nil {
				return err
			}
			return errTemporary
		}, nil
	case fate < 0.24:
		return nil, &queue.Park{Name: fmt.Sprint("name/", len(e.Key)%scheduleNames), Limit: time.Hour}
	case fate < 0.28:
		return nil, &queue.Reject{Code: "no"}
	case fate < 0.31:
		return nil, queue.Dead(errTemporary)
	case fate < 0.33:
		panic("a fault")
	case fate < 0.35:
		return func(ctx context.Context) error { _ = note(ctx, "half"); panic("a fault") }, nil
	}
	return func(ctx context.Context) error { return note(ctx, "done") }, nil
}

func (s *schedule) rejected(ctx context.Context, e queue.Entry, _ *queue.Reject) error {
	_, err := s.db.Exec(ctx, `INSERT INTO outcome (n, lane, dedup_key, what) SELECT COUNT(*), $1, $2, 'refused' FROM outcome`, e.Lane, e.Key)
	return err
}

// run adds entries, now and then provides a name, and restarts the worker. It then lets everything settle.
func (s *schedule) run() {
	q := queue.New(s.db, "inbox")
	begin := func() func() {
		return start(s.t, s.db, q, handlers{
			burst: 1 + s.rng.IntN(4), lanes: 1 + s.rng.IntN(scheduleLanes), poll: 20 * time.Millisecond,
			handle: s.handle, rejected: s.rejected,
		})
	}
	stop := begin()
	want := make(map[string][]string)
	for n := range 150 {
		lane := queue.Lane(fmt.Sprint("chat/", s.rng.IntN(scheduleLanes)))
		e := entry(lane, fmt.Sprint(n))
		switch s.rng.IntN(12) {
		case 0:
			s.provide(q)
		case 1:
			stop()
			q = queue.New(s.db, "inbox")
			stop = begin()
		case 2: // a transaction that is undone
			_ = s.db.Write(s.t.Context(), func(ctx context.Context) error { _ = q.Add(ctx, e); return errTemporary })
			continue
		case 3: // a repeat
			if known := want[string(lane)]; len(known) > 0 {
				e.Key = known[s.rng.IntN(len(known))]
				add(s.t, s.db, q, e)
				continue
			}
		}
		add(s.t, s.db, q, e)
		want[string(lane)] = append(want[string(lane)], e.Key)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); counts(s.t, q).Open > 0; <-tick.C {
		require.True(s.t, time.Now().Before(deadline), "timed out: %+v", counts(s.t, q))
		s.provide(q)
	}
	stop()
	s.check(q, want)
}

func (s *schedule) provide(q *queue.Queue) {
	require.NoError(s.t, s.db.Write(s.t.Context(), func(ctx context.Context) error {
		return q.Provide(ctx, fmt.Sprint("name/", s.rng.IntN(scheduleNames)))
	}))
}

func (s *schedule) check(q *queue.Queue, want map[string][]string) {
	t := s.t
	dead, err := q.DeadLetters(t.Context(), 1000)
	require.NoError(t, err)
	isDead := make(map[string]bool)
	for _, e := range dead {
		isDead[e.Key] = true
	}
	rows, err := s.db.Query(t.Context(), `SELECT o.lane, o.dedup_key, o.what FROM outcome o JOIN queue_entry e ON e.dedup_key=o.dedup_key ORDER BY o.n`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	got := make(map[string][]string)
	for rows.Next() {
		var lane, key, what string
		require.NoError(t, rows.Scan(&lane, &key, &what))
		require.NotEqual(t, "half", what, "%s was rolled back", key)
		got[lane] = append(got[lane], key)
	}
	require.NoError(t, rows.Err())
	for lane, keys := range want {
		var alive []string
		for _, key := range keys {
			if !isDead[key] {
				alive = append(alive, key)
			}
		}
		require.Equal(t, alive, got[lane], "lane %s, seed %d", lane, s.seed)
	}
}
