package database_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/database/databasetest"
)

func TestPuppetsAtOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const many = 123 // more than one statement asks for
		var jids []types.JID
		var users []id.UserID
		for n := range many {
			p := addPuppet(t, db, n+1)
			jids, users = append(jids, p.LID, p.PN), append(users, p.UserID)
		}
		found, err := db.PuppetsByJID(t.Context(), append(jids, lid(9999), types.EmptyJID))
		require.NoError(t, err)
		require.Len(t, found, 2*many)
		for jid, p := range found {
			require.True(t, p.LID == jid || p.PN == jid)
		}
		ghosts, err := db.PuppetsByUserID(t.Context(), append(users, "@nobody:localhost"))
		require.NoError(t, err)
		require.Len(t, ghosts, many)
		none, err := db.PuppetsByJID(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}
