// Package databasetest opens databases for tests: each test has one of its own, of every kind that the bridge runs on.
package databasetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver that makes and drops the databases

	"causeway/database"
)

// PostgresVariable is the environment variable that holds the postgres:// address of a server for tests. Its role must
// be allowed to create databases.
const PostgresVariable = "CAUSEWAY_TEST_POSTGRES"

// Each runs a test on a fresh database of each kind, as subtests that run in parallel. When no server is configured the
// one on Postgres says so and is skipped.
func Each(t *testing.T, test func(t *testing.T, db *database.DB)) {
	t.Helper()
	EachURI(t, func(t *testing.T, uri string) { test(t, Open(t, uri)) })
}

// EachURI is Each for tests that open the database themselves: the address is that of an empty one.
func EachURI(t *testing.T, test func(t *testing.T, uri string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// Open opens a database and closes it when the test ends.
func Open(t testing.TB, uri string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), uri)
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	// A query that does not join the transaction of its goroutine waits for ever on SQLite. Here it panics.
	db.DeadlockDetection = true
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Memory returns a fresh SQLite database in memory, for tests that are not about the database.
func Memory(t testing.TB) *database.DB {
	t.Helper()
	return Open(t, "sqlite::memory:")
}

// SQLite returns the address of a file that does not exist yet, in a folder of the test's own.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "causeway.db")
}

// Postgres returns the address of a new and empty database, which is dropped when the test ends. It skips the test when
// there is no server.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(PostgresVariable)
	if server == "" {
		t.Skipf("NOT RUN on Postgres: %s is not set", PostgresVariable)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is no address: %v", PostgresVariable, err)
	}
	admin, err := sql.Open("postgres", server)
	if err != nil {
		t.Fatalf("open the server for tests: %v", err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), `CREATE DATABASE `+name); err != nil {
		t.Fatalf("create a database on the server that %s names: %v", PostgresVariable, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := admin.ExecContext(ctx, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
		_ = admin.Close()
	})
	u.Path = "/" + name
	return u.String()
}
