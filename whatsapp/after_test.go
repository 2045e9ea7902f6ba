package whatsapp

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/outbox"
	"causeway/queue"
)

// What is about another login's message goes after that. A login that is away is not waited for as long as one that has
// much to send.
func TestAfterTheMessageOfAnotherLogin(t *testing.T) {
	t.Parallel()
	db := databasetest.Memory(t)
	out := outbox.New(db)
	other, live := &session{}, &session{}
	s := &Sender{sessions: &Sessions{edge: &edge{db: db, out: out}, live: map[database.LoginID]*session{"1": other}}}
	first := outbox.SendWhatsApp{Login: "1", Message: database.MessageKey{Portal: 1, ID: "A", Sender: 1}}
	second := outbox.SendWhatsApp{Login: "2", Message: database.MessageKey{Portal: 1, ID: "B", Sender: 2}, After: first.Key()}
	since := func(wait time.Duration) queue.Entry { return queue.Entry{Added: time.Now().Add(-wait)} }
	waits := func(e queue.Entry) {
		t.Helper()
		park, ok := errors.AsType[*queue.Park](s.after(t.Context(), e, second, live))
		require.True(t, ok)
		require.Equal(t, outbox.SentOf(first.Key()), park.Name)
		require.Greater(t, park.Limit, busyLimit)
	}
	require.NoError(t, s.after(t.Context(), since(0), second, live), "the message was sent long ago")
	require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return out.SendWhatsApp(ctx, first) }))
	require.NoError(t, s.after(t.Context(), since(0), first, live), "it is about nothing")
	waits(since(0))
	require.NoError(t, s.after(t.Context(), since(awayLimit), second, live), "the other is away")
	other.ready.Store(true)
	waits(since(awayLimit))
	require.NoError(t, s.after(t.Context(), since(busyLimit), second, live), "even that has an end")
	other.ready.Store(false)
	live.since.Store(time.Now().UnixNano()) // it was away itself
	waits(since(time.Hour))
	_, err := db.Exec(t.Context(), `UPDATE queue_entry SET state=1`)
	require.NoError(t, err)
	require.NoError(t, s.after(t.Context(), since(0), second, live))
}
