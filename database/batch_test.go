package database_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
	}
}

// hold occupies all leaders, so that further writers gather. The function that it returns lets them go on.
func hold(t *testing.T, db *database.DB) (release func()) {
	t.Helper()
	gate := make(chan struct{})
	var held, done sync.WaitGroup
	for range db.Leaders() {
		held.Add(1)
		done.Go(func() {
			once := sync.OnceFunc(held.Done)
			_ = db.Write(context.Background(), func(context.Context) error {
				once()
				<-gate
				return nil
			})
		})
	}
	held.Wait()
	release = sync.OnceFunc(func() { close(gate); done.Wait() })
	t.Cleanup(release)
	return release
}

// insert adds a setting; unlike PutSetting it fails when the name is taken.
func insert(ctx context.Context, db *database.DB, name string) error {
	_, err := db.Exec(ctx, `INSERT INTO setting (name, value) VALUES ($1, '')`, name)
	return err
}

func settings(t *testing.T, db *database.DB) map[string]bool {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT name FROM setting`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	names := make(map[string]bool)
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names[name] = true
	}
	require.NoError(t, rows.Err())
	return names
}

// writeTogether lets the jobs gather behind busy leaders, then runs them and returns how each ended.
func writeTogether(t *testing.T, db *database.DB, jobs ...func(ctx context.Context) error) []error {
	t.Helper()
	release := hold(t, db)
	errs := make([]error, len(jobs))
	var wg sync.WaitGroup
	for i, job := range jobs {
		wg.Go(func() { errs[i] = db.Write(t.Context(), job) })
		eventually(t, "the job waits", func() bool { return db.Waiting() == i+1 })
	}
	release()
	wg.Wait()
	require.Zero(t, db.Waiting())
	return errs
}

func TestWritersShareCommits(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const writers = 2*database.MaxBatch + 10
		var mu sync.Mutex
		transactions := make(map[any]int)
		jobs := make([]func(ctx context.Context) error, writers)
		for i := range jobs {
			jobs[i] = func(ctx context.Context) error {
				mu.Lock()
				transactions[db.Execable(ctx)]++
				mu.Unlock()
				return insert(ctx, db, fmt.Sprint(i))
			}
		}
		for _, err := range writeTogether(t, db, jobs...) {
			require.NoError(t, err)
		}
		require.Len(t, settings(t, db), writers)
		// Postgres: each leader that is released takes over some of those who wait.
		require.LessOrEqual(t, len(transactions), 3+2*(db.Leaders()-1), "writers did not share commits")
		for _, n := range transactions {
			require.LessOrEqual(t, n, database.MaxBatch)
		}
	})
}

func TestFailingWritesFailAlone(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for _, failures := range []int{1, database.MaxTogether, 3 * database.MaxTogether} {
		t.Run(fmt.Sprint(failures), func(t *testing.T) {
			t.Parallel()
			databasetest.Each(t, func(t *testing.T, db *database.DB) {
				require.NoError(t, insert(t.Context(), db, "taken"))
				jobs := make([]func(ctx context.Context) error, 4*failures)
				for i := range jobs {
					jobs[i] = func(ctx context.Context) error {
						if err := insert(ctx, db, fmt.Sprint(i)); err != nil {
							return err
						}
						switch i % 12 {
						case 1:
							return refused
						case 5:
							panic("a fault")
						case 9:
							return insert(ctx, db, "taken")
						}
						return nil
					}
				}
				errs := writeTogether(t, db, jobs...)
				names := settings(t, db)
				for i, err := range errs {
					switch i % 12 {
					case 1:
						require.ErrorIs(t, err, refused)
					case 5:
						p, ok := errors.AsType[*database.Panic](err)
						require.True(t, ok, "%v", err)
						require.Equal(t, "a fault", p.Value)
						require.Contains(t, p.Stack, "batch_test.go")
					case 9:
						require.Error(t, err)
					default:
						require.NoError(t, err)
					}
					require.Equal(t, err == nil, names[fmt.Sprint(i)], "job %d", i)
				}
			})
		})
	}
}

func TestPassedOverErrorHurtsNobodyElse(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		require.NoError(t, insert(t.Context(), db, "taken"))
		errs := writeTogether(t, db,
			func(ctx context.Context) error { return insert(ctx, db, "first") },
			func(ctx context.Context) error { _ = insert(ctx, db, "taken"); return nil },
			func(ctx context.Context) error { return insert(ctx, db, "last") },
		)
		require.NoError(t, errs[0])
		require.NoError(t, errs[2])
		require.Subset(t, settings(t, db), map[string]bool{"first": true, "last": true})
	})
}

func TestWriteJoinsTransaction(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		undone := errors.New("undone")
		within := func(ctx context.Context) error {
			require.NoError(t, db.Write(ctx, func(ctx context.Context) error { return insert(ctx, db, "inner") }))
			require.NoError(t, db.Tx(ctx, func(ctx context.Context) error { return insert(ctx, db, "innermost") }))
			return undone
		}
		require.ErrorIs(t, db.Tx(t.Context(), within), undone)
		require.ErrorIs(t, db.Write(t.Context(), within), undone)
		// As the stores of whatsmeow and mautrix begin theirs, while others write.
		release := hold(t, db)
		if db.Leaders() == 1 {
			release() // SQLite: they would be in each other's way
		}
		require.ErrorIs(t, db.DoTxn(t.Context(), nil, within), undone)
		require.Empty(t, settings(t, db))
	})
}

func TestAfterCommit(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var mu sync.Mutex
		var seen []string
		note := func(ctx context.Context, name string) {
			db.AfterCommit(ctx, func() {
				committed := settings(t, db)[name] // reads outside: it is durable by now
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, fmt.Sprint(name, committed))
			})
		}
		job := func(name string, err error) func(ctx context.Context) error {
			return func(ctx context.Context) error {
				require.NoError(t, insert(ctx, db, name))
				note(ctx, name)
				return err
			}
		}
		refused := errors.New("refused")
		errs := writeTogether(t, db, job("a", nil), job("b", refused), job("c", nil))
		require.ErrorIs(t, errs[1], refused)
		require.ElementsMatch(t, []string{"atrue", "ctrue"}, seen)

		note(t.Context(), "d")
		require.Equal(t, "dfalse", seen[2], "outside a transaction it runs at once")
	})
}

func TestPanicAfterCommitLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		release := hold(t, db)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				defer func() { _ = recover() }()
				_ = db.Write(t.Context(), func(ctx context.Context) error {
					db.AfterCommit(ctx, func() { panic("a fault") })
					return insert(ctx, db, fmt.Sprint(i))
				})
			})
		}
		eventually(t, "all wait", func() bool { return db.Waiting() == 8 })
		release()
		wg.Wait()
		require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return insert(ctx, db, "next") }))
		require.Len(t, settings(t, db), 9)
	})
}

func TestPanicEndsTransaction(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		require.PanicsWithValue(t, "a fault", func() {
			_ = db.Tx(t.Context(), func(ctx context.Context) error {
				require.NoError(t, insert(ctx, db, "half"))
				panic("a fault")
			})
		})
		require.Empty(t, settings(t, db))
		require.Zero(t, db.RawDB.Stats().InUse, "the connection was not given back")
	})
}

func TestCancelledWriter(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		release := hold(t, db)
		errs := make(chan error, 2)
		go func() { errs <- db.Write(ctx, func(ctx context.Context) error { return insert(ctx, db, "cancelled") }) }()
		eventually(t, "the first waits", func() bool { return db.Waiting() == 1 })
		go func() {
			errs <- db.Write(t.Context(), func(ctx context.Context) error { return insert(ctx, db, "other") })
		}()
		eventually(t, "both wait", func() bool { return db.Waiting() == 2 })
		cancel() // the first will lead both
		release()
		require.NoError(t, <-errs)
		require.NoError(t, <-errs)
		require.Len(t, settings(t, db), 2)

		err := db.Write(ctx, func(context.Context) error { t.Error("a cancelled writer was run"); return nil })
		require.ErrorIs(t, err, context.Canceled)
	})
}

// Each adds to counters in an order of its own, so that transactions of Postgres lock one another out.
func TestContention(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const writers, rounds, counters = 16, 4, 4
		for i := range counters {
			_, err := db.Exec(t.Context(), `INSERT INTO portal (receiver, chat) VALUES ('', $1)`, fmt.Sprint(i))
			require.NoError(t, err)
		}
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for r := range rounds {
					err := db.Write(t.Context(), func(ctx context.Context) error {
						for c := range counters {
							c = (c*(1+2*(w%2)) + w + r) % counters
							_, err := db.Exec(ctx, `UPDATE portal SET name=name||'x' WHERE chat=$1`, fmt.Sprint(c))
							if err != nil {
								return fmt.Errorf("count: %w", err)
							}
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var total int
		require.NoError(t, db.QueryRow(t.Context(), `SELECT SUM(LENGTH(name)) FROM portal`).Scan(&total))
		require.Equal(t, writers*rounds*counters, total)
	})
}

func TestDeadlockVictimRecovers(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, databasetest.Postgres(t))
	require.NoError(t, insert(t.Context(), db, "x"))
	require.NoError(t, insert(t.Context(), db, "y"))
	locked := map[string]chan struct{}{"x": make(chan struct{}), "y": make(chan struct{})}
	var runs sync.Map
	write := func(first, second string) error {
		signal := sync.OnceFunc(func() { close(locked[first]) })
		return db.Write(t.Context(), func(ctx context.Context) error {
			n, _ := runs.LoadOrStore(first, new(int))
			*n.(*int)++
			_, err := db.Exec(ctx, `UPDATE setting SET value=value||$2 WHERE name=$1`, first, first)
			if err != nil {
				return err
			}
			signal()
			<-locked[second]
			_, err = db.Exec(ctx, `UPDATE setting SET value=value||$2 WHERE name=$1`, second, first)
			return err
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- write("x", "y") }()
	go func() { errs <- write("y", "x") }()
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	x, _ := runs.Load("x")
	y, _ := runs.Load("y")
	require.Equal(t, 3, *x.(*int)+*y.(*int), "one of them was to be run again")
	for _, name := range []string{"x", "y"} {
		value, err := db.Setting(t.Context(), name)
		require.NoError(t, err)
		require.Len(t, value, 2)
	}
}
