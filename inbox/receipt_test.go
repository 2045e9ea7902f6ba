package inbox_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/inbox"
)

// Of what the homeserver tells about rooms, the receipts of people with accounts are kept, each once.
func TestReceiptsFromMatrix(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		p := portalOf(t, db, "1")
		_, err := db.SetPortalRoom(t.Context(), p.ID, "!p:localhost")
		require.NoError(t, err)
		own, err := db.AddPuppet(t.Context(), database.Puppet{UserID: "@whatsapp_1:localhost", PN: types.NewJID("1", types.DefaultUserServer)})
		require.NoError(t, err)
		require.NoError(t, db.PutLogin(t.Context(), database.Login{ID: "1", User: "@alice:localhost", Puppet: own.ID, Device: own.PN, State: database.StateConnected}))
		receipt := func(room, read, kind, user string) json.RawMessage {
			return json.RawMessage(fmt.Sprintf(`{"type":"m.receipt","room_id":%q,"content":{%q:{%q:{%q:{"ts":1700000000000}}}}}`, room, read, kind, user))
		}
		good := receipt("!p:localhost", "$1", "m.read", "@alice:localhost")
		for range 2 {
			require.NoError(t, in.AddMatrix(t.Context(), nil, []json.RawMessage{
				good, good, receipt("!p:localhost", "$2", "m.read.private", "@alice:localhost"),
				receipt("!p:localhost", "$1", "m.read", "@whatsapp_1:localhost"),
				receipt("!p:localhost", "$1", "m.read", "@eve:localhost"),
				receipt("!p:localhost", "$1", "m.other", "@alice:localhost"),
				receipt("!q:localhost", "$1", "m.read", "@alice:localhost"),
				receipt("!p:localhost\x00", "$1", "m.read", "@alice:localhost"),
				receipt("!p:localhost", "$1\x00", "m.read", "@alice:localhost\x00"),
				[]byte(`{"type":"m.receipt","room_id":"!p:localhost","content":[]}`), []byte(`{"type":"m.typing"}`), []byte(`null`), []byte(`7`),
			}))
		}
		list := open(t, db)
		require.Len(t, list, 2)
		for n, e := range list {
			require.Equal(t, string(inbox.ChatLane(p.ID)), e.lane)
			require.Equal(t, inbox.KindReadOnMatrix, e.kind)
			require.Contains(t, []string{"read_on_matrix/1/@alice:localhost/$1/false", "read_on_matrix/1/@alice:localhost/$2/true"}[n], e.key)
		}
	})
}

// Receipts of WhatsApp count by the last message in them, for chats that are bridged.
func TestReceiptsFromWhatsApp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		p := portalOf(t, db, "1")
		reader := types.NewJID("5", types.HiddenUserServer)
		read := func(chat types.JID, messages ...string) {
			require.NoError(t, in.AddReadOnWhatsApp(t.Context(), inbox.ReadReceipt{Login: "49", Chats: []types.JID{chat}, Reader: reader, Messages: messages}))
		}
		for range 2 {
			read(p.Chat, "A", "B")
			read(p.Chat, "B")
			read(p.Chat, "C")
			read(p.Chat, "")
			read(types.NewJID("7", types.GroupServer), "A")
		}
		require.Len(t, open(t, db), 2)
	})
}
