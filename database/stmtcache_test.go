package database_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/util/dbutil"

	"causeway/database"
	"causeway/database/databasetest"
)

func count(t *testing.T, db *database.DB) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRow(t.Context(), `SELECT COUNT(*) FROM setting`).Scan(&n))
	return n
}

func TestStatementIsReused(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for i := range 100 {
			require.NoError(t, insert(t.Context(), db, string(rune('a'+i))))
			require.Equal(t, i+1, count(t, db))
		}
		conn, err := db.RawDB.Conn(t.Context())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		require.NoError(t, conn.Raw(func(c any) error {
			require.Contains(t, database.Cached(c.(driver.Conn)), `SELECT COUNT(*) FROM setting`)
			return nil
		}))
	})
}

func TestSameStatementWhileItsRowsAreRead(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, databasetest.SQLite(t))
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, insert(t.Context(), db, name))
	}
	const query = `SELECT name FROM setting WHERE name>=$1 ORDER BY name`
	list := func(ctx context.Context, from string, each func(name string)) {
		rows, err := db.Query(ctx, query, from)
		require.NoError(t, err)
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var name string
			require.NoError(t, rows.Scan(&name))
			each(name)
		}
		require.NoError(t, rows.Err())
	}
	for range 3 {
		var got string
		require.NoError(t, db.Tx(t.Context(), func(ctx context.Context) error {
			got = ""
			list(ctx, "a", func(outer string) {
				list(ctx, outer, func(inner string) { got += outer + inner + " " })
			})
			return nil
		}))
		require.Equal(t, "aa ab ac bb bc cc ", got)
	}
}

func TestRowsClosedEarly(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, name := range []string{"a", "b", "c"} {
			require.NoError(t, insert(t.Context(), db, name))
		}
		for range 3 {
			require.NoError(t, db.Tx(t.Context(), func(ctx context.Context) error {
				rows, err := db.Query(ctx, `SELECT name FROM setting ORDER BY name`)
				require.NoError(t, err)
				require.True(t, rows.Next())
				require.NoError(t, rows.Close())
				var first string
				require.NoError(t, db.QueryRow(ctx, `SELECT name FROM setting ORDER BY name`).Scan(&first))
				require.Equal(t, "a", first)
				return nil
			}))
		}
	})
}

func TestStatementErrors(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for range 2 {
			// Postgres aborts the transaction when it cannot prepare: the cause must be what is reported.
			err := db.Tx(t.Context(), func(ctx context.Context) error {
				_, err := db.Exec(ctx, `UPDATE setting SET nothing=1`)
				return err
			})
			require.ErrorContains(t, err, "nothing")
			require.Error(t, db.QueryRow(t.Context(), `SELECT nothing FROM setting`).Scan(new(int)))
			_, err = db.Query(t.Context(), `SELECT name FROM setting WHERE name=$1`)
			require.Error(t, err, "an argument is missing")
			require.ErrorIs(t, db.QueryRow(t.Context(), `SELECT name FROM setting WHERE name=$1`, "a").Scan(new(string)), sql.ErrNoRows)
		}
		for i := range 3 { // a statement that fails when it is run can be run again
			err := insert(t.Context(), db, "same")
			require.Equal(t, i == 0, err == nil)
		}
		require.Equal(t, 1, count(t, db))
	})
}

func TestStatementSurvivesSchemaChange(t *testing.T) {
	t.Parallel()
	databasetest.EachURI(t, func(t *testing.T, uri string) {
		db := databasetest.Open(t, uri)
		require.NoError(t, db.PutSetting(t.Context(), "n", "1"))
		read := func() (err error) {
			var value any
			return db.QueryRow(t.Context(), `SELECT value FROM setting WHERE name=$1`, "n").Scan(&value)
		}
		require.NoError(t, read())
		other, err := database.Open(t.Context(), uri) // a newer replica
		require.NoError(t, err)
		if db.Dialect == dbutil.Postgres {
			_, err = other.Exec(t.Context(), `ALTER TABLE setting ALTER COLUMN value TYPE INTEGER USING value::integer`)
		} else {
			_, err = other.Exec(t.Context(), `ALTER TABLE setting ADD COLUMN more TEXT`)
		}
		require.NoError(t, err)
		require.NoError(t, other.Close())
		if read() != nil {
			require.NoError(t, read(), "the old plan was kept")
		}
	})
}

func TestConnectionsDroppedByServer(t *testing.T) {
	t.Parallel()
	uri := databasetest.Postgres(t)
	db, admin := databasetest.Open(t, uri), databasetest.Open(t, uri)
	drop := func() {
		_, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname=current_database() AND pid<>pg_backend_pid()`)
		require.NoError(t, err)
	}
	for range 3 {
		require.NoError(t, db.PutSetting(t.Context(), "a", "1"))
		require.Equal(t, 1, count(t, db))
		drop()
		eventually(t, "the connections are gone", func() bool {
			var n int
			require.NoError(t, admin.QueryRow(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity
				WHERE datname=current_database() AND backend_type='client backend' AND pid<>pg_backend_pid()`).Scan(&n))
			return n == 0
		})
		require.Equal(t, 1, count(t, db), "a lost connection shows outside a transaction")
		drop()
		require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return db.PutSetting(ctx, "a", "2") }))
	}
	// Lost in the middle of a transaction: nothing of it stays, and the next one works.
	err := db.Write(t.Context(), func(ctx context.Context) error {
		require.NoError(t, db.PutSetting(ctx, "b", "1"))
		drop()
		return db.PutSetting(ctx, "c", "1")
	})
	require.Error(t, err)
	require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return db.PutSetting(ctx, "d", "1") }))
	require.Equal(t, map[string]bool{"a": true, "d": true}, settings(t, db))
}

func TestCancelledQuery(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		require.NoError(t, insert(t.Context(), db, "a"))
		require.Equal(t, 1, count(t, db))
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			err := db.Tx(ctx, func(ctx context.Context) error {
				require.NoError(t, insert(ctx, db, "b"))
				cancel()
				return insert(ctx, db, "c")
			})
			require.True(t, errors.Is(err, context.Canceled), "%v", err)
			require.Equal(t, 1, count(t, db))
		}
	})
}
