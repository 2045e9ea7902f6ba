package database_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/database/databasetest"
)

// What is read is listed once, by the order in which it came and not by when it was sent.
func TestReadUpTo(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		login := putLogin(t, db, 1, "@alice:localhost")
		group, err := db.EnsurePortal(ctx, "", types.NewJID("1", types.GroupServer))
		require.NoError(t, err)
		_, err = db.AddPortalLogin(ctx, group.ID, login.ID)
		require.NoError(t, err)
		other := addPuppet(t, db, 2).ID
		came := time.Now()
		add := func(m database.Message, id types.MessageID) {
			m.Portal, m.ID = group.ID, id
			if m.Sender == 0 {
				m.Sender = other
			}
			_, err := db.AddMessage(ctx, m)
			require.NoError(t, err)
			came = came.Add(time.Second)
			_, err = db.Exec(ctx, `UPDATE message SET added_at=$1 WHERE wa_id=$2`, came.UnixMilli(), id)
			require.NoError(t, err)
		}
		add(database.Message{Event: "$A", Sent: day}, "A")
		add(database.Message{Event: "$B", Sent: day.Add(-time.Hour)}, "B") // it was sent before A, and came after it
		add(database.Message{Event: "$own", Sent: day, MessageKey: database.MessageKey{Sender: login.Puppet}}, "OWN")
		add(database.Message{Sent: day}, "UNSHOWN")
		add(database.Message{Event: "$E", Sent: day, Kind: database.KindEdit}, "EDIT")
		add(database.Message{Event: "$R", Sent: day, Removed: true}, "REMOVED")
		add(database.Message{Event: "$C", Sent: day}, "C")
		add(database.Message{Event: "$C2", Sent: day}, "C#2")
		add(database.Message{Event: "$D", Sent: day}, "D")
		read := func(id types.MessageID, at time.Time) string {
			r := database.Reading{Portal: group.ID, Login: login.ID, Reader: login.Puppet, At: at}
			if id != "" {
				r.UpTo = &database.MessageKey{Portal: group.ID, ID: id, Sender: other}
			}
			list, err := db.ReadUpTo(ctx, r)
			require.NoError(t, err)
			text := ""
			for _, m := range list {
				text += fmt.Sprint(m.ID, " ")
			}
			return text
		}
		require.Equal(t, "A ", read("A", time.Time{}))
		require.Equal(t, "B C ", read("C#2", time.Time{}))
		require.Empty(t, read("A", time.Time{}))
		require.Equal(t, "D ", read("", came))
		require.Empty(t, read("", came))
	})
}
