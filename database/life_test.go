package database_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
)

func TestTimers(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		portal, err := db.EnsurePortal(ctx, "49001", lid(2), pn(2))
		require.NoError(t, err)
		require.Zero(t, portal.Timer)
		require.NoError(t, db.SetPortalTimer(ctx, portal.ID, 24*time.Hour, day))
		portal, err = db.PortalByID(ctx, portal.ID)
		require.NoError(t, err)
		require.Equal(t, 24*time.Hour, portal.Timer)
		require.True(t, portal.TimerSet.Equal(day.Truncate(time.Millisecond)))

		key := database.MessageKey{Portal: portal.ID, ID: "A", Sender: 1}
		later := database.MessageKey{Portal: portal.ID, ID: "B", Sender: 1}
		require.NoError(t, db.PutTimer(ctx, database.Timer{Kind: database.TimerVanish, Message: later, Due: day.Add(time.Minute)}))
		require.NoError(t, db.PutTimer(ctx, database.Timer{Kind: database.TimerVanish, Message: key, Due: day.Add(time.Hour)}))
		require.NoError(t, db.PutTimer(ctx, database.Timer{Kind: database.TimerVanish, Message: key, Due: day}))
		due, err := db.DueTimers(ctx, day, 10)
		require.NoError(t, err)
		require.Len(t, due, 1)
		require.Equal(t, key, due[0].Message)
		due, err = db.DueTimers(ctx, day.Add(time.Hour), 1)
		require.NoError(t, err)
		require.Len(t, due, 1)
		require.NoError(t, db.RemoveTimer(ctx, database.TimerVanish, key))
		due, err = db.DueTimers(ctx, day.Add(time.Hour), 10)
		require.NoError(t, err)
		require.Len(t, due, 1)
		require.Equal(t, later, due[0].Message)
	})
}

func TestPins(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		portal, err := db.EnsurePortal(ctx, "49001", lid(2))
		require.NoError(t, err)
		first, second := database.MessageKey{Portal: portal.ID, ID: "A", Sender: 1}, database.MessageKey{Portal: portal.ID, ID: "B", Sender: 1}
		missing[database.Pin](t)(db.PinOf(ctx, first))
		require.NoError(t, db.PutPin(ctx, database.Pin{Message: second, Pinned: true, Set: day.Add(time.Second)}))
		require.NoError(t, db.PutPin(ctx, database.Pin{Message: first, Pinned: true, Set: day}))
		same(t, []database.MessageKey{first, second})(db.Pinned(ctx, portal.ID))
		require.NoError(t, db.PutPin(ctx, database.Pin{Message: first, Set: day.Add(time.Minute)}))
		same(t, []database.MessageKey{second})(db.Pinned(ctx, portal.ID))
		pin, err := db.PinOf(ctx, first)
		require.NoError(t, err)
		require.False(t, pin.Pinned)
	})
}

func TestLostFiles(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		portal, err := db.EnsurePortal(ctx, "49001", lid(2))
		require.NoError(t, err)
		lost := database.LostFile{MessageKey: database.MessageKey{Portal: portal.ID, ID: "A", Sender: 1}, Login: "49001", State: database.LostOffered,
			Plan: []byte(`{"a":1}`), Lost: day}
		missing[database.LostFile](t)(db.LostFileByKey(ctx, lost.MessageKey))
		require.NoError(t, db.PutLostFile(ctx, lost))
		lost.State, lost.Tries = database.LostAsked, 1
		require.NoError(t, db.PutLostFile(ctx, lost))
		got, err := db.LostFileByKey(ctx, lost.MessageKey)
		require.NoError(t, err)
		got.Lost = lost.Lost
		require.Equal(t, lost, got)
		list, err := db.LostFilesByID(ctx, portal.ID, "A")
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.NoError(t, db.ForgetLostFiles(ctx, day))
		require.NoError(t, db.ForgetLostFiles(ctx, day.Add(-time.Second)))
		_, err = db.LostFileByKey(ctx, lost.MessageKey)
		require.NoError(t, err)
		require.NoError(t, db.RemoveLostFile(ctx, lost.MessageKey))
		missing[database.LostFile](t)(db.LostFileByKey(ctx, lost.MessageKey))
	})
}

func TestMessagesThatBelongToAnother(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		login := putLogin(t, db, 1, "@alice:localhost")
		portal, err := db.EnsurePortal(ctx, login.ID, lid(2))
		require.NoError(t, err)
		add := func(name string, about string, at time.Time) database.MessageKey {
			key := database.MessageKey{Portal: portal.ID, ID: name, Sender: login.Puppet}
			_, err := db.AddMessage(ctx, database.Message{MessageKey: key, Sent: at, About: about, Event: "$album"})
			require.NoError(t, err)
			return key
		}
		second, first := add("1", "ALBUM", day.Add(time.Second)), add("2", "ALBUM", day)
		add("3", "", day.Add(time.Minute))
		list, err := db.MessagesAbout(ctx, portal.ID, "ALBUM")
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, []database.MessageKey{first, second}, []database.MessageKey{list[0].MessageKey, list[1].MessageKey})
		all, err := db.MessagesByEvent(ctx, "$album")
		require.NoError(t, err)
		require.Len(t, all, 3)
		one, err := db.MessageByEvent(ctx, "$album")
		require.NoError(t, err)
		require.Equal(t, first, one.MessageKey)
		require.NoError(t, db.KeepMessage(ctx, first, true))
		one, err = db.MessageByKey(ctx, first)
		require.NoError(t, err)
		require.True(t, one.Kept)
	})
}
