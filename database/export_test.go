package database

import (
	"context"
	"database/sql/driver"
	"maps"
	"slices"
	"time"
)

// Waiting reports how many callers of Write wait for their turn.
func (db *DB) Waiting() int {
	db.batch.mu.Lock()
	defer db.batch.mu.Unlock()
	return len(db.batch.waiting)
}

// Leaders reports how many batches may be under way at once.
func (db *DB) Leaders() int { return db.batch.leaders }

// The limits that tests have to cross.
const (
	MaxBatch    = maxBatch
	MaxTogether = maxTogether
)

// Cached lists the statements that a connection keeps.
func Cached(conn driver.Conn) []string {
	return slices.Collect(maps.Keys(conn.(*cachingConn).statements))
}

// Connect is Open without the upgrade of the schema.
func Connect(ctx context.Context, uri string) (*DB, error) { return connect(ctx, uri) }

// SetSilence sets how long an answer of Postgres is waited for.
func (db *DB) SetSilence(d time.Duration) { db.silence.Store(int64(d)) }
