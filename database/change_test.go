package database_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/database/databasetest"
)

func TestChangesOfMessages(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		group, err := db.EnsurePortal(ctx, "", types.NewJID("1", types.GroupServer))
		require.NoError(t, err)
		m := database.Message{Event: "$a", FromMatrix: true, Sent: day, Quote: "first",
			MessageKey: database.MessageKey{Portal: group.ID, ID: "3EB0", Sender: addPuppet(t, db, 1).ID}}
		other := database.Message{Kind: database.KindEdit, Removed: true, Sent: day, Edited: day, Quote: "other",
			MessageKey: database.MessageKey{Portal: group.ID, ID: "3EB0", Sender: addPuppet(t, db, 2).ID}}
		for _, m := range []database.Message{m, other} {
			_, err := db.AddMessage(ctx, m)
			require.NoError(t, err)
		}
		same(t, []database.Message{m, other})(db.MessagesByID(ctx, group.ID, "3EB0"))
		same(t, []database.Message(nil))(db.MessagesByID(ctx, group.ID, "3EB1"))
		m.Edited, m.Quote = day.Add(time.Minute), "second"
		require.NoError(t, db.EditMessage(ctx, m.MessageKey, m.Edited, "second"))
		same(t, m)(db.MessageByEvent(ctx, "$a"))
		require.NoError(t, db.ForgetQuotes(ctx, day))
		same(t, []database.Message{m, other})(db.MessagesByID(ctx, group.ID, "3EB0"))
		require.NoError(t, db.ForgetQuotes(ctx, day.Add(time.Millisecond)))
		m.Quote, other.Quote = "", ""
		same(t, []database.Message{m, other})(db.MessagesByID(ctx, group.ID, "3EB0"))
		require.NoError(t, db.EditMessage(ctx, m.MessageKey, m.Edited, "third"))
		require.NoError(t, db.RemoveMessage(ctx, m.MessageKey))
		m.Removed = true
		same(t, m)(db.MessageByKey(ctx, m.MessageKey))
	})
}

func TestReactions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		group, err := db.EnsurePortal(ctx, "", types.NewJID("1", types.GroupServer))
		require.NoError(t, err)
		a, b := addPuppet(t, db, 1).ID, addPuppet(t, db, 2).ID
		target := database.MessageKey{Portal: group.ID, ID: "M", Sender: a}
		missing[database.Reaction](t)(db.ReactionOf(ctx, target, b))
		old := database.Reaction{Target: target, Sender: b, Message: "R1", Emoji: "👍", Sent: day}
		later := database.Reaction{Target: target, Sender: b, Message: "R2", Emoji: "", Sent: day.Add(2 * time.Second)}
		own := database.Reaction{Target: target, Sender: a, Message: "R2", Emoji: "❤", Sent: day.Add(time.Second)}
		for _, r := range []database.Reaction{old, own} {
			require.NoError(t, db.PutReaction(ctx, r))
		}
		same(t, old)(db.ReactionByKey(ctx, old.Key()))
		same(t, []database.Reaction{old, own})(db.ReactionsTo(ctx, target))
		require.NoError(t, db.PutReaction(ctx, later))
		same(t, later)(db.ReactionOf(ctx, target, b))
		missing[database.Reaction](t)(db.ReactionByKey(ctx, old.Key()))
		same(t, later)(db.ReactionByKey(ctx, later.Key()))
		same(t, []database.Reaction{own, later})(db.ReactionsTo(ctx, target))
	})
}
