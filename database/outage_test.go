package database_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"

	"causeway/database"
	"causeway/database/databasetest"
)

// The connection is lost with the answer to a commit: whoever wrote is told of an error whatever has become of it, and
// repeats it.
func TestAnswerToCommitIsLost(t *testing.T) {
	t.Parallel()
	uri := databasetest.Postgres(t)
	line := databasetest.NewLine(t, uri)
	db, direct := databasetest.Open(t, line.URI), databasetest.Open(t, uri)
	for n, done := range []bool{true, false, true} {
		name := fmt.Sprint("commit", n)
		told := false
		write := func() error {
			return db.Write(t.Context(), func(ctx context.Context) error {
				db.AfterCommit(ctx, func() { told = true })
				return db.PutSetting(ctx, name, "x")
			})
		}
		line.LoseCommit(done)
		require.Error(t, write())
		require.False(t, told)
		require.Equal(t, n+1, line.Lost())
		require.Equal(t, done, settings(t, direct)[name])
		require.NoError(t, write())
		require.True(t, told)
		require.True(t, settings(t, direct)[name])
	}
}

// The network swallows everything: nobody waits for ever, and all goes on when it is mended.
func TestServerFallsSilent(t *testing.T) {
	t.Parallel()
	line := databasetest.NewLine(t, databasetest.Postgres(t))
	db := databasetest.Open(t, line.URI+"&connect_timeout=2")
	require.NoError(t, db.PutSetting(t.Context(), "a", "1"))
	db.SetSilence(200 * time.Millisecond)
	for range 2 {
		thaw := line.Freeze()
		began := time.Now()
		err := db.Write(t.Context(), func(ctx context.Context) error { return db.PutSetting(ctx, "a", "2") })
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		_, err = db.Setting(t.Context(), "a")
		require.Error(t, err)
		require.Less(t, time.Since(began), 10*time.Second)
		thaw()
		eventually(t, "the database is back", func() bool {
			return db.Write(t.Context(), func(ctx context.Context) error { return db.PutSetting(ctx, "a", "3") }) == nil
		})
	}
	require.NoError(t, db.UpgradeAlone(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, `SELECT pg_sleep(0.6)`)
		return err
	}), "a change of the schema may take its time")
	_, err := db.Exec(t.Context(), `SELECT pg_sleep(0.6)`)
	require.Error(t, err)
}

// The bounds that the server keeps are set on each connection.
func TestServerBounds(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, databasetest.Postgres(t))
	var idle string
	require.NoError(t, db.QueryRow(t.Context(), `SHOW idle_in_transaction_session_timeout`).Scan(&idle))
	require.Equal(t, "2min", idle)
}

func TestUpgradesAreAlone(t *testing.T) {
	t.Parallel()
	uri := databasetest.Postgres(t)
	var busy atomic.Int32
	var overlap atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		db := databasetest.Open(t, uri)
		wg.Go(func() {
			assert.NoError(t, db.UpgradeAlone(t.Context(), func(ctx context.Context) error {
				if busy.Add(1) > 1 {
					overlap.Store(true)
				}
				defer busy.Add(-1)
				_, err := db.Exec(ctx, `SELECT pg_sleep(0.05)`)
				return err
			}))
		})
	}
	wg.Wait()
	require.False(t, overlap.Load())
}

// SQLite's file can grow no more, and later can again. What was not stored is told to whoever wrote it, and nothing of it
// stays.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	uri := databasetest.SQLite(t)
	other := databasetest.Open(t, uri)
	var pages int
	require.NoError(t, other.QueryRow(t.Context(), `PRAGMA page_count`).Scan(&pages))
	db := databasetest.Open(t, fmt.Sprintf("%s?_pragma=max_page_count(%d)", uri, pages+30))
	write := func(name string) error {
		return db.Write(t.Context(), func(ctx context.Context) error {
			return errors.Join(db.PutSetting(ctx, name, strings.Repeat("x", 10_000)), db.PutSetting(ctx, name+"'", "x")) // both are tried
		})
	}
	for range 3 {
		stored := make(map[string]bool)
		for n := range 100 {
			name := fmt.Sprint(n)
			err := write(name)
			require.Equal(t, err == nil, settings(t, db)[name])
			require.Equal(t, err == nil, settings(t, db)[name+"'"])
			if err != nil {
				require.ErrorContains(t, err, "full")
				break
			}
			stored[name] = true
		}
		require.NotEmpty(t, stored)
		require.Less(t, len(stored), 50)
		for range 3 {
			require.Error(t, write("more"))
		}
		_, err := other.Exec(t.Context(), `DELETE FROM setting`)
		require.NoError(t, err)
		require.NoError(t, write("again"))
	}
}

// A connection that refuses to write is replaced: it may have been made when the disk was read-only, or Postgres the second.
func TestReadOnlyConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		db.RawDB.SetMaxOpenConns(1)
		statement := `SET default_transaction_read_only=on`
		if db.Dialect == dbutil.SQLite {
			statement = `PRAGMA query_only=1`
		}
		write := func() error {
			return db.Write(t.Context(), func(ctx context.Context) error { return db.PutSetting(ctx, "a", "1") })
		}
		for range 2 {
			_, err := db.Exec(t.Context(), statement)
			require.NoError(t, err)
			require.Error(t, db.PutSetting(t.Context(), "a", "2"))
			require.NoError(t, db.PutSetting(t.Context(), "a", "2"))
			if db.Dialect == dbutil.SQLite { // lib/pq asks for each transaction that it may write
				_, err = db.Exec(t.Context(), statement)
				require.NoError(t, err)
				require.Error(t, write())
			}
			require.NoError(t, write())
		}
	})
}

// SQLite ends a transaction by itself when the disk is full. What comes after in the same transaction must not be stored
// on its own: not every caller looks at each error.
func TestTransactionThatSQLiteHasEnded(t *testing.T) {
	t.Parallel()
	uri := databasetest.SQLite(t)
	other := databasetest.Open(t, uri)
	var pages int
	require.NoError(t, other.QueryRow(t.Context(), `PRAGMA page_count`).Scan(&pages))
	db := databasetest.Open(t, fmt.Sprintf("%s?_pragma=max_page_count(%d)", uri, pages+3))
	for range 2 {
		err := db.Write(t.Context(), func(ctx context.Context) error {
			require.NoError(t, db.PutSetting(ctx, "before", "x"))
			require.ErrorContains(t, db.PutSetting(ctx, "long", strings.Repeat("x", 1_000_000)), "full")
			require.ErrorContains(t, db.PutSetting(ctx, "after", "x"), "full")
			_, err := db.Setting(ctx, "before")
			require.ErrorContains(t, err, "full")
			return nil // passes over it
		})
		require.ErrorContains(t, err, "full")
		require.Empty(t, settings(t, other))
		require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return db.PutSetting(ctx, "next", "x") }))
		require.Equal(t, map[string]bool{"next": true}, settings(t, other))
		_, err = db.Exec(t.Context(), `DELETE FROM setting`)
		require.NoError(t, err)
	}
}

// An administrator may have made all transactions serializable: conflicts, which then show at the commit too, are tried
// again.
func TestSerializableTransactions(t *testing.T) {
	t.Parallel()
	uri := databasetest.Postgres(t)
	admin := databasetest.Open(t, uri)
	_, err := admin.Exec(t.Context(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation=''serializable''', current_database()); END $$`)
	require.NoError(t, err)
	db := databasetest.Open(t, uri)
	var wg sync.WaitGroup
	const writers, each = 16, 10
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				assert.NoError(t, db.Write(t.Context(), func(ctx context.Context) error {
					var all int // each reads what the others write
					if err := db.QueryRow(ctx, `SELECT COUNT(*) FROM setting`).Scan(&all); err != nil {
						return err
					}
					return db.PutSetting(ctx, fmt.Sprint(w, "/", n), fmt.Sprint(all))
				}))
			}
		})
	}
	wg.Wait()
	found := make(map[string]bool)
	rows, err := db.Query(t.Context(), `SELECT value FROM setting`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var value string
		require.NoError(t, rows.Scan(&value))
		require.False(t, found[value], "two transactions have seen the same")
		found[value] = true
	}
	require.NoError(t, rows.Err())
	require.Len(t, found, writers*each)
}
