package inbox_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/inbox"
)

// endless is a text that a database cannot make small by compressing it.
func endless() string {
	var text strings.Builder
	for text.Len() < 20_000 {
		text.WriteString(rand.Text())
	}
	return text.String()
}

// Whoever sends a message chooses its ID. One that is longer than an index takes is journaled all the same: refused, it would be
// delivered for ever.
func TestEndlessMessageID(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		pn := types.NewJID("4912", types.DefaultUserServer)
		long := endless()
		for _, id := range []string{long, long, long + "2", "3"} {
			m := message("4911", pn, pn, types.EmptyJID, false, id)
			require.NoError(t, in.AddWhatsApp(t.Context(), m))
			require.NoError(t, in.AddUndecryptable(t.Context(), inbox.Undecryptable{Login: "4911", Info: m.Info}))
		}
		require.Len(t, open(t, db), 6, "each once, also those that begin alike")
		for _, e := range open(t, db) {
			require.LessOrEqual(t, len(e.key), 1024)
		}
	})
}

// A name that no row can hold makes a dead letter, once, and holds up nobody.
func TestEndlessNames(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		pn, group := types.NewJID("4912", types.DefaultUserServer), types.NewJID("1-2", types.GroupServer)
		endless := types.NewJID(endless(), types.HiddenUserServer)
		letters := 0
		for _, strange := range []types.JID{endless, types.NewJID("1\x00", types.HiddenUserServer), types.NewJID("\xff", types.HiddenUserServer)} {
			messages := []inbox.WhatsAppMessage{
				message("4911", strange, pn, types.EmptyJID, false, "1"),
				message("4911", group, strange, types.EmptyJID, false, "2"),
				message("4911", pn, pn, strange, false, "3"),
				message("4911", pn, pn, strange, true, "4"),
			}
			for range 2 {
				for _, m := range messages {
					require.NoError(t, in.AddWhatsApp(t.Context(), m))
					require.NoError(t, in.AddUndecryptable(t.Context(), inbox.Undecryptable{Login: "4911", Info: m.Info}))
				}
				for _, g := range []inbox.GroupChanged{
					{Group: strange}, {Group: group, By: strange}, {Group: group, Join: []inbox.GroupMember{{LID: strange}}},
					{Group: group, Leave: []inbox.GroupMember{{PN: strange}}},
					{Group: group, Whole: &inbox.Group{Members: []inbox.GroupMember{{PN: pn, LID: strange}}}},
				} {
					g.Login = "4911"
					require.NoError(t, in.AddGroupChanged(t.Context(), g))
				}
				require.NoError(t, in.AddContactChanged(t.Context(), "4911", "key", inbox.ContactChanged{LID: strange}))
			}
			letters += 2*len(messages) + 5 + 1
			require.Len(t, dead(t, in), letters)
		}
		require.Empty(t, open(t, db))
		_, err := db.PortalByChat(t.Context(), "4911", pn)
		require.ErrorIs(t, err, database.ErrNotFound)
	})
}
