package simulator_test

import (
	"testing"
	"time"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// synced waits until the client has fetched every collection.
func (c *companion) synced(t *testing.T) {
	t.Helper()
	for _, name := range appstate.AllPatchNames {
		await(t, c, func(e *events.AppStateSyncComplete) bool { return e.Name == name })
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.me.SetContact(limit(t), bobs, "Bobby"))
	c := newCompanion(t, w)
	c.link(t, w.me)
	require.Equal(t, "name of "+mine, c.Store.PushName)
	require.NoError(t, c.SendPresence(limit(t), types.PresenceAvailable))
	_, err := w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "presence" && e.Detail == "available" })
	require.NoError(t, err)
	contact, err := c.Store.Contacts.GetContact(limit(t), w.bob.JID())
	require.NoError(t, err)
	require.Equal(t, "Bobby", contact.FullName)

	until, yes := time.Now().Add(time.Hour).Truncate(time.Second), true
	require.NoError(t, w.me.SetChat(limit(t), bobs, simulator.ChatEdit{MutedUntil: &until, Pinned: &yes, Archived: &yes, Unread: &yes}))
	require.Equal(t, until.UnixMilli(), await[*events.Mute](t, c, nil).Action.GetMuteEndTimestamp())
	require.Equal(t, w.bob.LID(), await[*events.Pin](t, c, nil).JID)
	await[*events.Archive](t, c, nil)
	require.False(t, await[*events.MarkChatAsRead](t, c, nil).Action.GetRead())

	require.NoError(t, c.SendAppState(limit(t), appstate.BuildPin(w.bob.LID(), false)))
	require.NoError(t, w.me.SetContact(limit(t), carols, "Caroline"))
	await(t, c, func(e *events.Contact) bool { return e.Action.GetFullName() == "Caroline" })
	require.NoError(t, w.me.SetChat(limit(t), carols, simulator.ChatEdit{Pinned: &yes}), "the phone reads the client's patch first")
	w.strict(t)
}

// TestAskThePhone lets a message be undecryptable for good: its sender is switched off, so that the client's own phone must help.
func TestAskThePhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.AutomaticMessageRerequestFromPhone = true
	c.link(t, w.me)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Undecryptable, Device: mine + ":1"}))
	sent := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: "lost and found"})
	w.bob.SetOnline(false)
	m := c.message(t, sent.ID)
	require.Equal(t, "lost and found", m.Message.GetConversation())
	w.strict(t)
}
