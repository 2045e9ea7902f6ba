package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/queue"
)

func TestFailureBlocksItsLane(t *testing.T) {
	t.Parallel()
	for _, inSettle := range []bool{false, true} {
		t.Run(fmt.Sprintf("in settle %v", inSettle), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
				var attempts []queue.Entry
				start(t, db, q, handlers{burst: 4, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
					if e.Key != "chat/1:a" || e.Attempts == 3 {
						return done.settle(e), nil
					}
					if len(attempts) == e.Attempts {
						attempts = append(attempts, e)
					}
					if inSettle {
						return func(ctx context.Context) error {
							return errors.Join(db.PutSetting(ctx, "half", "done"), errTemporary)
						}, nil
					}
					return nil, errTemporary
				}})
				add(t, db, q, entry("chat/1", "a"), entry("chat/1", "b"))
				require.Equal(t, []string{"chat/1:a", "chat/1:b"}, done.wait(t, 2))
				require.Len(t, attempts, 3)
				require.Empty(t, attempts[0].Error)
				require.Contains(t, attempts[2].Error, "temporary")
				half, err := db.Setting(t.Context(), "half")
				require.NoError(t, err)
				require.Empty(t, half)
			})
		})
	}
}

func TestReject(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		cause := errors.New("cause")
		var callbacks atomic.Int32
		start(t, db, q, handlers{
			handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
				if e.Key != "chat/1:a" {
					return done.settle(e), nil
				}
				return func(ctx context.Context) error {
					assert.NoError(t, db.PutSetting(ctx, "half", "done"))
					return fmt.Errorf("decide: %w", &queue.Reject{Code: "no", Text: "You may not.", Err: cause})
				}, nil
			},
			rejected: func(ctx context.Context, e queue.Entry, r *queue.Reject) error {
				assert.Equal(t, "You may not.", r.Text)
				assert.ErrorIs(t, r, cause)
				done.note(ctx, "rejected "+e.Key)
				if callbacks.Add(1) < 3 { // the user cannot be told right now: neither is the entry closed
					return errors.Join(db.PutSetting(ctx, "told", "half"), errTemporary)
				}
				return db.PutSetting(ctx, "told", "yes")
			},
		})
		add(t, db, q, entry("chat/1", "a"), entry("chat/1", "b"))
		require.Equal(t, []string{"rejected chat/1:a", "chat/1:b"}, done.wait(t, 2))
		require.EqualValues(t, 3, callbacks.Load())
		for name, want := range map[string]string{"half": "", "told": "yes"} {
			value, err := db.Setting(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, want, value)
		}
		settled(t, q)
		require.Zero(t, counts(t, q).Dead)
	})
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		var mended atomic.Bool
		start(t, db, q, handlers{handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
			if strings.HasSuffix(e.Key, ":bad") && !mended.Load() {
				return nil, queue.Dead(fmt.Errorf("of no use: %s", e.Key))
			}
			if mended.Load() {
				assert.Equal(t, 1, e.Attempts, "what is tried again may have been done before")
				assert.WithinDuration(t, time.Now(), e.Added, time.Hour, "its time begins anew")
			} else {
				assert.Zero(t, e.Attempts)
			}
			return done.settle(e), nil
		}})
		add(t, db, q, entry("chat/1", "bad"), entry("chat/1", "a"), entry("chat/2", "bad"))
		require.Equal(t, []string{"chat/1:a"}, done.wait(t, 1))
		require.NoError(t, q.AddDead(t.Context(), "unreadable", entry("chat/3", "bad"), entry("chat/3", "bad")))
		require.NoError(t, q.AddDead(t.Context(), "unreadable", entry("chat/3", "bad")))
		settled(t, q)

		list, err := q.DeadLetters(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, list, 3)
		require.Equal(t, []string{"chat/3:bad", "chat/2:bad", "chat/1:bad"}, []string{list[0].Key, list[1].Key, list[2].Key})
		require.Equal(t, "unreadable", list[0].Error)
		require.Contains(t, list[1].Error, "of no use: chat/2:bad")
		require.Empty(t, list[2].Payload, "a list shows nothing of what people wrote")
		whole, _, err := q.DeadLetter(t.Context(), list[2].ID)
		require.NoError(t, err)
		require.JSONEq(t, `{"n":"bad"}`, string(whole.Payload), "it can be tried again")
		require.Equal(t, 3, counts(t, q).Dead)
		list, err = q.DeadLetters(t.Context(), 1)
		require.NoError(t, err)
		require.Len(t, list, 1)

		mended.Store(true)
		_, err = db.Exec(t.Context(), `UPDATE queue_entry SET added_at=1`)
		require.NoError(t, err)
		add(t, db, q, entry("chat/2", "bad")) // the key is known
		for _, want := range []bool{true, false} {
			ok, err := q.Revive(t.Context(), list[0].ID)
			require.NoError(t, err)
			require.Equal(t, want, ok)
			done.wait(t, 2)
		}
		require.Equal(t, "chat/3:bad", done.list()[1])
		ok, err := queue.New(db, "outbox").Revive(t.Context(), list[0].ID-1)
		require.NoError(t, err)
		require.False(t, ok, "another queue's")
	})
}

func TestPanics(t *testing.T) {
	t.Parallel()
	for _, inSettle := range []bool{false, true} {
		t.Run(fmt.Sprintf("in settle %v", inSettle), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
				start(t, db, q, handlers{burst: 4, handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
					settle := done.settle(e)
					if e.Key == "chat/1:b" {
						settle = func(context.Context) error { panic("a fault") }
						if !inSettle {
							panic("a fault")
						}
					}
					return settle, nil
				}})
				add(t, db, q, entry("chat/1", "a"), entry("chat/1", "b"), entry("chat/1", "c"), entry("chat/2", "a"))
				done.wait(t, 3)
				require.ElementsMatch(t, []string{"chat/1:a", "chat/1:c", "chat/2:a"}, done.list())
				settled(t, q)
				dead, err := q.DeadLetters(t.Context(), 10)
				require.NoError(t, err)
				require.Len(t, dead, 1)
				require.Contains(t, dead[0].Error, "a fault")
				require.Equal(t, 5, dead[0].Attempts)
			})
		})
	}
}

func TestStrangeText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		strange := "\x00\xff" + strings.Repeat("é", 2000)
		parked := make(chan struct{}, 1)
		start(t, db, q, handlers{
			handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
				switch {
				case e.Kind == "park" && e.Attempts == 0:
					parked <- struct{}{}
					return nil, &queue.Park{Name: strange, Limit: time.Hour}
				case e.Kind == "fail" && e.Attempts < 2:
					return nil, errors.New(strange[e.Attempts:])
				case e.Kind == "dead":
					return nil, queue.Dead(errors.New(strange))
				case e.Kind == "reject":
					return nil, &queue.Reject{Code: strange}
				}
				return func(ctx context.Context) error { done.note(ctx, e.Kind); return nil }, nil
			},
		})
		for _, kind := range []string{"dead", "reject", "fail", "park", "fine"} {
			add(t, db, q, queue.Entry{Lane: queue.Lane("chat/\x00\xff"), Key: "\x00\xff" + kind, Kind: kind})
		}
		await(t, "parked", parked)
		// The word may come before the entry is parked; both are fine here.
		require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return q.Provide(ctx, strange) }))
		require.Equal(t, []string{"fail", "park", "fine"}, done.wait(t, 3))
		require.NoError(t, q.AddDead(t.Context(), strange, queue.Entry{Lane: queue.Lane(strange), Key: strange, Kind: "dead"}))
		require.Equal(t, 2, counts(t, q).Dead)
	})
}
