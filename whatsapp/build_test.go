package whatsapp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"causeway/convert"
)

// What changes a message is built without whatsmeow's client, and must be what its client builds.
func TestChangesAreWhatsmeows(t *testing.T) {
	t.Parallel()
	require.Equal(t, whatsmeow.EditWindow, convert.EditWindow)
	device := &store.Device{ID: &types.JID{User: "1", Server: types.DefaultUserServer}, LID: types.NewJID("2", types.HiddenUserServer)}
	client := whatsmeow.NewClient(device, nil)
	ann := types.JID{User: "3", Device: 4, Server: types.HiddenUserServer}
	text := &waE2E.Message{Conversation: proto.String("new")}
	for _, chat := range []types.JID{ann.ToNonAD(), types.NewJID("3", types.DefaultUserServer), types.NewJID("5", types.GroupServer)} {
		for sender, target := range map[types.JID]convert.Target{device.LID: {ID: "A", FromMe: true}, ann: {ID: "A", Participant: ann}} {
			same(t, client.BuildRevoke(chat, sender, "A"), convert.RedactionToWhatsApp(chat, target))
			reaction := client.BuildReaction(chat, sender, "A", "x")
			same(t, reaction, convert.ReactionToWhatsApp(chat, convert.Reaction{Target: target, Emoji: "x"},
				time.UnixMilli(reaction.GetReactionMessage().GetSenderTimestampMS())))
		}
		edit := client.BuildEdit(chat, "A", text)
		at := edit.GetEditedMessage().GetMessage().GetProtocolMessage().GetTimestampMS()
		same(t, edit, convert.EditToWhatsApp(chat, "A", text, time.UnixMilli(at)))
	}
}

func same(t *testing.T, want, got *waE2E.Message) {
	t.Helper()
	require.True(t, proto.Equal(want, got), "got %s, expected %s", got, want)
}
