package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/queue"
)

// age makes the entries of a lane older than they are.
func age(t *testing.T, db *database.DB, lane queue.Lane, by time.Duration) {
	t.Helper()
	_, err := db.Exec(t.Context(), `UPDATE queue_entry SET added_at=added_at-$1 WHERE lane=$2`, by.Milliseconds(), string(lane))
	require.NoError(t, err)
}

func TestLanes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, _ *record) {
		add(t, db, q, entry("chat/1", "a"), entry("chat/2", "a"), entry("chat/1", "b"))
		add(t, db, queue.New(db, "outbox"), entry("room/1", "a"))
		list, err := q.Lanes(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, queue.Lane("chat/1"), list[0].Lane)
		require.Equal(t, 2, list[0].Open)
		require.Equal(t, "chat/1:a", list[0].Head.Key)
		require.Equal(t, "inbox", list[0].Queue)
		require.Empty(t, list[0].Head.Payload, "what people wrote is not needed to see what waits")
		require.Equal(t, 1, list[1].Open)
	})
}

func TestDrop(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, _ *record) {
		require.NoError(t, q.AddDead(t.Context(), "unreadable", entry("chat/1", "bad")))
		list, err := q.DeadLetters(t.Context(), 10)
		require.NoError(t, err)
		one, ok, err := q.DeadLetter(t.Context(), list[0].ID)
		require.NoError(t, err)
		require.True(t, ok)
		require.JSONEq(t, `{"n":"bad"}`, string(one.Payload))
		require.WithinDuration(t, time.Now(), one.Closed, time.Minute)
		other := queue.New(db, "outbox")
		_, ok, err = other.DeadLetter(t.Context(), one.ID)
		require.NoError(t, err)
		require.False(t, ok, "it is another queue's")
		for _, c := range []struct {
			q    *queue.Queue
			want bool
		}{{other, false}, {q, true}, {q, false}} {
			ok, err := c.q.Drop(t.Context(), one.ID, "a test")
			require.NoError(t, err)
			require.Equal(t, c.want, ok)
		}
		require.Zero(t, counts(t, q).Dead)
		var left int
		require.NoError(t, db.QueryRow(t.Context(), `SELECT COUNT(*) FROM queue_entry WHERE payload IS NOT NULL`).Scan(&left))
		require.Zero(t, left, "what was dropped is erased")
		known, err := q.Knows(t.Context(), one.Key)
		require.NoError(t, err)
		require.True(t, known, "its key still recognises a repeat")
		revived, err := q.Revive(t.Context(), one.ID)
		require.NoError(t, err)
		require.False(t, revived)
	})
}

func TestIsOpen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		is := func(open, known bool) {
			t.Helper()
			got, err := q.IsOpen(t.Context(), "chat/1:a")
			require.NoError(t, err)
			require.Equal(t, open, got)
			got, err = q.Knows(t.Context(), "chat/1:a")
			require.NoError(t, err)
			require.Equal(t, known, got)
		}
		is(false, false)
		add(t, db, q, entry("chat/1", "a"))
		is(true, true)
		start(t, db, q, handlers{handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) { return done.settle(e), nil }})
		done.wait(t, 1)
		is(false, true)
	})
}

func TestOverdue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, _ *record) {
		add(t, db, q, entry("chat/1", "a"), entry("chat/1", "b"), entry("chat/2", "a"), entry("chat/3", "new"))
		for _, lane := range []queue.Lane{"chat/1", "chat/2"} {
			age(t, db, lane, time.Hour)
		}
		var last int64
		late := func(kind string) (list []string) {
			require.NoError(t, q.Overdue(t.Context(), kind, time.Now().Add(-time.Minute), last, func(e queue.Entry, head bool) {
				if last = max(last, e.ID); head {
					e.Key += " first"
				}
				require.NotEmpty(t, e.Payload)
				list = append(list, e.Key)
			}))
			return list
		}
		require.Empty(t, late("other"))
		require.Equal(t, []string{"chat/1:a first", "chat/1:b", "chat/2:a first"}, late("kind"))
		require.Equal(t, []string{"chat/1:a first", "chat/2:a first"}, late("kind"), "the others were there before")
	})
}

// Whoever is concerned learns of a dead letter in the transaction that makes it one.
func TestBuriedIsTold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, done *record) {
		first := true
		start(t, db, q, handlers{
			handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
				if e.Key == "chat/1:bad" {
					return nil, queue.Dead(errors.New("of no use"))
				}
				return done.settle(e), nil
			},
			buried: func(ctx context.Context, e queue.Entry, cause error) error {
				if first {
					first = false
					return errTemporary // then it is no dead letter yet
				}
				done.note(ctx, "buried "+e.Key+": "+cause.Error())
				return nil
			},
		})
		add(t, db, q, entry("chat/1", "bad"), entry("chat/1", "good"))
		require.Equal(t, []string{"buried chat/1:bad: of no use", "chat/1:good"}, done.wait(t, 2))
		require.Equal(t, 1, counts(t, q).Dead)
	})
}

// alarm writes down what it is told.
type alarm struct{ told []string }

func (a *alarm) LaneStuck(l queue.LaneState) {
	a.told = append(a.told, "stuck "+l.Queue+" "+string(l.Lane))
}
func (a *alarm) LaneMoves(l queue.LaneState) {
	a.told = append(a.told, "moves "+l.Queue+" "+string(l.Lane))
}

func TestWatch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, q *queue.Queue, _ *record) {
		var a alarm
		w := queue.NewWatch(queue.Patience{Attempts: 3, Age: time.Minute}, []queue.Alarm{&a}, q, queue.New(db, "outbox"))
		look := func(want ...string) {
			t.Helper()
			a.told = nil
			require.NoError(t, w.Look(t.Context()))
			require.Equal(t, want, a.told)
		}
		set := func(what, key string) {
			t.Helper()
			_, err := db.Exec(t.Context(), `UPDATE queue_entry SET `+what+` WHERE dedup_key=$1`, key)
			require.NoError(t, err)
		}
		add(t, db, q, entry("chat/1", "a"), entry("chat/1", "b"), entry("chat/2", "a"))
		look()
		age(t, db, "chat/1", time.Hour) // a busy lane is not a stuck one
		look()
		set("attempts=1", "chat/1:a")
		look("stuck inbox chat/1")
		look() // once
		set("attempts=2", "chat/2:a")
		look()
		set("attempts=3", "chat/2:a")
		look("stuck inbox chat/2")
		set("attempts=1", "chat/1:b")
		set("state=1", "chat/1:a") // the next one fails as well
		look()
		set("state=1", "chat/1:b")
		look("moves inbox chat/1")
		set("state=2", "chat/2:a")
		look("moves inbox chat/2")
	})
}
