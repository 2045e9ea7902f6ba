package inbox_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/inbox"
	"causeway/queue"
)

// Each device of the recipient sends a receipt, and WhatsApp repeats them: a message is delivered once.
func TestDeliveredOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		lid, pn := types.NewJID("100", types.HiddenUserServer), types.NewJID("15550100", types.DefaultUserServer)
		portal, err := db.EnsurePortal(t.Context(), "1555", pn)
		require.NoError(t, err)
		receipt := inbox.DeliveryReceipt{Login: "1555", Chats: []types.JID{lid, pn}, Messages: []types.MessageID{"A", "B", "", strings.Repeat("x", 5000)}}
		for range 3 {
			require.NoError(t, in.AddDelivered(t.Context(), receipt))
		}
		receipt.Messages = []types.MessageID{"B", "C"}
		require.NoError(t, in.AddDelivered(t.Context(), receipt))
		lane := string(inbox.ChatLane(portal.ID))
		require.Equal(t, []stored{
			{lane, "delivered/1555/1/A", inbox.KindDelivered}, {lane, "delivered/1555/1/B", inbox.KindDelivered}, {lane, "delivered/1555/1/C", inbox.KindDelivered},
		}, open(t, db))
		receipt.Login = "1777"
		require.NoError(t, in.AddDelivered(t.Context(), receipt), "a chat that is not bridged makes no portal")
		_, err = db.PortalByChat(t.Context(), "1777", pn)
		require.ErrorIs(t, err, database.ErrNotFound)
		require.Len(t, open(t, db), 3)
	})
}

func TestDelayIsJournaledOnceAndWhenFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		d := inbox.SendDelayed{Message: database.MessageKey{Portal: 7, ID: "A"}, Login: "1555", Action: "whatsapp/1555/7/A"}
		for _, d.First = range []bool{false, true, false, true} {
			require.NoError(t, in.AddSendDelayed(t.Context(), d))
		}
		require.Len(t, open(t, db), 2)
	})
}

func TestSubject(t *testing.T) {
	t.Parallel()
	for lane, want := range map[queue.Lane]queue.Subject{
		inbox.ChatLane(7):               {Portal: 7},
		inbox.RoomLane("!r:x"):          {Room: "!r:x"},
		inbox.UserLane("@alice:x"):      {User: "@alice:x"},
		inbox.LoginLane("1555"):         {Login: "1555"},
		"chat/x":                        {},
		"elsewhere/7":                   {},
		"":                              {},
		inbox.RoomLane("!with/slash:x"): {Room: "!with/slash:x"},
	} {
		require.Equal(t, want, inbox.Subject(lane), lane)
	}
}
