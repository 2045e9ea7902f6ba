package inbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/inbox"
)

func TestDueTimersAreJournaledOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		ctx, now := t.Context(), time.UnixMilli(1_700_000_000_000)
		portal, err := db.EnsurePortal(ctx, "1555", types.NewJID("100", types.HiddenUserServer))
		require.NoError(t, err)
		for n, due := range []time.Time{now, now.Add(time.Second), now.Add(-time.Second)} {
			key := database.MessageKey{Portal: portal.ID, ID: fmt.Sprint("M", n), Sender: 1}
			require.NoError(t, db.PutTimer(ctx, database.Timer{Kind: database.TimerVanish, Message: key, Due: due}))
		}
		for range 2 {
			more, err := in.AddDueTimers(ctx, now)
			require.NoError(t, err)
			require.False(t, more)
			list := open(t, db)
			require.Len(t, list, 2)
			for _, entry := range list {
				require.Equal(t, string(inbox.ChatLane(portal.ID)), entry.lane)
				require.Equal(t, inbox.KindTimerDue, entry.kind)
			}
		}
		left, err := db.DueTimers(ctx, now.Add(time.Hour), 10)
		require.NoError(t, err)
		require.Len(t, left, 1)
		// The same message may disappear once more, when somebody has kept it meanwhile.
		require.NoError(t, db.PutTimer(ctx, database.Timer{Kind: database.TimerVanish, Message: database.MessageKey{Portal: portal.ID, ID: "M0", Sender: 1}, Due: now.Add(-time.Minute)}))
		_, err = in.AddDueTimers(ctx, now)
		require.NoError(t, err)
		require.Len(t, open(t, db), 3)
	})
}

func TestDeletedForMeOnlyWhereThereIsAChat(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		chat := types.NewJID("100", types.HiddenUserServer)
		d := inbox.DeletedForMe{Login: "1555", Chat: chat, Message: "A"}
		require.NoError(t, in.AddDeletedForMe(t.Context(), d))
		require.Empty(t, open(t, db))
		_, err := db.EnsurePortal(t.Context(), "1555", chat)
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, in.AddDeletedForMe(t.Context(), d))
		}
		require.Len(t, open(t, db), 1)
	})
}
