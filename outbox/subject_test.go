package outbox_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/outbox"
	"causeway/queue"
)

// Each lane that an action is put on says what it is about.
func TestSubject(t *testing.T) {
	t.Parallel()
	db := databasetest.Memory(t)
	o := outbox.New(db)
	for name, c := range map[string]struct {
		add  func(ctx context.Context) error
		want queue.Subject
	}{
		"room":    {func(ctx context.Context) error { return o.CreateRoom(ctx, outbox.CreateRoom{Portal: 7}) }, queue.Subject{Portal: 7}},
		"members": {func(ctx context.Context) error { return o.Invite(ctx, "k", outbox.Invite{Portal: 8, User: "@a:x"}) }, queue.Subject{Portal: 8}},
		"bot":     {func(ctx context.Context) error { return o.SendNotice(ctx, outbox.SendNotice{Room: "!r:x"}) }, queue.Subject{Room: "!r:x"}},
		"status":  {func(ctx context.Context) error { return o.MarkRead(ctx, outbox.MarkRead{Room: "!s:x"}) }, queue.Subject{Room: "!s:x"}},
		"ghost":   {func(ctx context.Context) error { return o.SetProfile(ctx, outbox.SetProfile{User: "@g:x"}) }, queue.Subject{User: "@g:x"}},
		"whatsapp": {func(ctx context.Context) error {
			return o.SendWhatsApp(ctx, outbox.SendWhatsApp{Login: "1555", Message: database.MessageKey{Portal: 9, ID: "A"}})
		}, queue.Subject{Login: "1555", Portal: 9}},
		"ask":  {func(ctx context.Context) error { return o.LookUpNumber(ctx, outbox.LookUpNumber{Login: "1777"}) }, queue.Subject{Login: "1777"}},
		"pair": {func(ctx context.Context) error { return o.Pair(ctx, outbox.Pair{User: "@a:x", Flow: "f"}) }, queue.Subject{User: "@a:x"}},
	} {
		require.NoError(t, db.Write(t.Context(), c.add))
		var lane queue.Lane
		require.NoError(t, db.QueryRow(t.Context(), `SELECT lane FROM queue_entry ORDER BY id DESC LIMIT 1`).Scan(&lane))
		require.Equal(t, name, lane.Kind())
		require.Equal(t, c.want, outbox.Subject(lane))
	}
	require.Equal(t, queue.Subject{}, outbox.Subject("elsewhere/1"))
}
