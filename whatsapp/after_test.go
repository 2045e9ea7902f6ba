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

// What is about another login's message goes after that, but does not wait for long.
func TestAfterTheMessageOfAnotherLogin(t *testing.T) {
	t.Parallel()
	db := databasetest.Memory(t)
	out := outbox.New(db)
	s := &Sender{sessions: &Sessions{edge: &edge{db: db, out: out}}}
	first := outbox.SendWhatsApp{Login: "1", Message: database.MessageKey{Portal: 1, ID: "A", Sender: 1}}
	second := outbox.SendWhatsApp{Login: "2", Message: database.MessageKey{Portal: 1, ID: "B", Sender: 2}, After: first.Key()}
	fresh := queue.Entry{Added: time.Now()}
	require.NoError(t, s.after(t.Context(), fresh, second), "the message was sent long ago")
	require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return out.SendWhatsApp(ctx, first) }))
	park, ok := errors.AsType[*queue.Park](s.after(t.Context(), fresh, second))
	require.True(t, ok)
	require.Greater(t, park.Limit, afterLimit)
	require.NoError(t, s.after(t.Context(), fresh, first))
	require.NoError(t, s.after(t.Context(), queue.Entry{Added: time.Now().Add(-afterLimit)}, second))
	_, err := db.Exec(t.Context(), `UPDATE queue_entry SET state=1`)
	require.NoError(t, err)
	require.NoError(t, s.after(t.Context(), fresh, second))
}
