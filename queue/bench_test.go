package queue_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/queue"
)

// forEach runs a benchmark on a SQLite file, which is synced at each commit, and on Postgres.
func forEach(b *testing.B, bench func(b *testing.B, db *database.DB)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, databasetest.Open(b, databasetest.SQLite(b))) })
	b.Run("postgres", func(b *testing.B) {
		if os.Getenv(databasetest.PostgresVariable) == "" {
			b.Skipf("NOT RUN on Postgres: %s is not set", databasetest.PostgresVariable)
		}
		bench(b, databasetest.Open(b, databasetest.Postgres(b)))
	})
}

// BenchmarkWrite shows what shared commits are worth: the ratio of 64 writers to one, in one run.
func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			forEach(b, func(b *testing.B, db *database.DB) {
				q := queue.New(db, "inbox")
				var next atomic.Int64
				b.ResetTimer()
				var wg sync.WaitGroup
				for range writers {
					wg.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							err := db.Write(b.Context(), func(ctx context.Context) error {
								return q.Add(ctx, entry(queue.Lane(fmt.Sprint("chat/", n%64)), fmt.Sprint(n)))
							})
							if err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			})
		})
	}
}

// BenchmarkInboxToOutbox takes entries through two queues as the bridge does: journal, decide (which adds an action),
// carry out (which does nothing here), settle.
func BenchmarkInboxToOutbox(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			forEach(b, func(b *testing.B, db *database.DB) {
				in, out := queue.New(db, "inbox"), queue.New(db, "outbox")
				done := newRecord(db)
				start(b, db, in, handlers{burst: 16, lanes: 64, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
					return func(ctx context.Context) error {
						if err := db.PutSetting(ctx, string(e.Lane), e.Key); err != nil {
							return err
						}
						return out.Add(ctx, queue.Entry{Lane: "room/" + e.Lane, Key: e.Key, Kind: "send", Payload: e.Payload})
					}, nil
				}})
				start(b, db, out, handlers{lanes: 64, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
					return done.settle(e), nil
				}})
				var next atomic.Int64
				b.ResetTimer()
				var wg sync.WaitGroup
				for w := range writers {
					wg.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							add(b, db, in, entry(queue.Lane(fmt.Sprint("chat/", w)), fmt.Sprint(n)))
						}
					})
				}
				wg.Wait()
				require.Len(b, done.wait(b, b.N), b.N)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			})
		})
	}
}
