// Package database holds every table of the bridge: rows as plain values, the queries on them, and the
// migrations, on SQLite and on Postgres. It makes no decisions and imports no other package of the bridge.
//
// A transaction travels in the context (go.mau.fi/util/dbutil), so whatever is called with that context joins it,
// the stores of whatsmeow and mautrix included.
package database

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"go.mau.fi/util/dbutil"
)

// ErrNotFound says that no row matches.
var ErrNotFound = errors.New("not found")

// DB is the handle to all tables. Its methods run in the transaction carried by ctx, if there is one.
type DB struct {
	*dbutil.Database

	batch   batcher
	silence *atomic.Int64 // how long an answer of Postgres is waited for; nil on SQLite
}

// hooksKey is the context key under which an open transaction carries what to do after its commit.
type hooksKey struct{}

// hooks are the functions that one transaction will run after its commit.
type hooks struct {
	mu  sync.Mutex
	fns []func()
}

// inside reports whether ctx carries a transaction, be it one that the store of another library began.
func (db *DB) inside(ctx context.Context) bool {
	_, inside := db.Execable(ctx).(dbutil.Transaction)
	return inside
}

// Tx runs fn in one transaction. Every query that fn makes with its ctx joins it; so does a Tx inside a Tx.
// Prefer Write for the bridge's own small writes: it shares one commit among concurrent callers.
func (db *DB) Tx(ctx context.Context, fn func(ctx context.Context) error) error {
	if db.inside(ctx) {
		return fn(ctx)
	}
	after := &hooks{}
	ctx = context.WithValue(ctx, hooksKey{}, after)
	err := db.DoTxn(ctx, nil, func(ctx context.Context) error {
		returned := false
		defer func() {
			if tx, ok := db.Execable(ctx).(dbutil.Transaction); ok && !returned {
				_ = tx.Rollback() // a panic: dbutil would keep the transaction open, and SQLite's only connection with it
			}
		}()
		err := fn(ctx)
		returned = true
		return err
	})
	if err != nil {
		return err
	}
	for _, fn := range after.fns {
		fn()
	}
	return nil
}

// AfterCommit runs fn once the transaction in ctx is durable, and never when it is rolled back. fn holds up everybody
// who shares the transaction: it must be short and must not write.
// Outside a transaction, and in one that another library began, it runs fn at once.
func (db *DB) AfterCommit(ctx context.Context, fn func()) {
	after, inside := ctx.Value(hooksKey{}).(*hooks)
	if !inside {
		fn()
		return
	}
	after.mu.Lock()
	defer after.mu.Unlock()
	after.fns = append(after.fns, fn)
}

// changed reports whether a statement changed a row, for inserts that may find the row there already.
func changed(res interface{ RowsAffected() (int64, error) }, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Ping asks the database whether it is there.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.RawDB.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	return nil
}
