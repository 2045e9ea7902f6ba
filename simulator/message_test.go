package simulator_test

import (
	"testing"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types/events"
)

func TestTextBothWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	device := c.link(t, w.me)
	require.EqualValues(t, 1, device)

	sent := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: "hello"})
	got := c.message(t, sent.ID)
	require.Equal(t, "hello", got.Message.GetConversation())
	require.Equal(t, w.bob.LID(), got.Info.Sender.ToNonAD())
	require.Equal(t, w.bob.JID(), got.Info.SenderAlt)
	require.Equal(t, "name of "+bobs, got.Info.PushName)
	require.Equal(t, sent.Timestamp.Unix(), got.Info.Timestamp.Unix())
	require.Equal(t, "hello", hears(t, w.me, sent.ID).Text)

	r := c.say(t, w.bob.JID(), "hi bob")
	heard := hears(t, w.bob, r.ID)
	require.Equal(t, "hi bob", heard.Text)
	require.Equal(t, w.me.JID(), heard.Sender)
	require.Equal(t, w.me.JID(), heard.Chat)
	require.Equal(t, device, heard.Device)
	require.False(t, heard.FromMe)
	own := hears(t, w.me, r.ID)
	require.True(t, own.FromMe)
	require.Equal(t, w.bob.JID(), own.Chat)
	require.Equal(t, device, own.Device)
	await(t, c, func(x *events.Receipt) bool { return x.MessageIDs[0] == r.ID && x.Type == "" })
	_, err := w.bob.WaitReceipt(limit(t), func(x simulator.Receipt) bool { return x.IDs[0] == sent.ID && x.Type == "inactive" })
	require.NoError(t, err)

	copied := w.send(t, w.me, simulator.Outgoing{Chat: bobs, Text: "from my phone"})
	mirrored := c.message(t, copied.ID)
	require.True(t, mirrored.Info.IsFromMe)
	require.Equal(t, w.bob.LID(), mirrored.Info.Chat)
	require.Equal(t, "from my phone", hears(t, w.bob, copied.ID).Text)
	w.strict(t)
}

func TestGroupText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	g, err := w.CreateGroup(bobs, simulator.GroupSpec{Subject: "Friends"}, mine, carols)
	require.NoError(t, err)
	joined := await[*events.JoinedGroup](t, c, nil)
	require.Equal(t, g.JID, joined.JID)
	require.Equal(t, "Friends", joined.GroupName.Name)
	require.Len(t, joined.Participants, 3)

	for i, p := range []*simulator.Phone{w.bob, w.carol, w.bob, w.me} {
		sent := w.send(t, p, simulator.Outgoing{Chat: g.JID.String(), Text: "to all"})
		m := c.message(t, sent.ID)
		require.Equal(t, g.JID, m.Info.Chat, i)
		require.Equal(t, p.LID(), m.Info.Sender.ToNonAD())
		require.Equal(t, p == w.me, m.Info.IsFromMe)
		for _, other := range []*simulator.Phone{w.me, w.bob, w.carol} {
			require.Equal(t, g.JID, hears(t, other, sent.ID).Chat)
		}
	}
	r := c.say(t, g.JID, "from the companion")
	for _, p := range []*simulator.Phone{w.me, w.bob, w.carol} {
		m := hears(t, p, r.ID)
		require.Equal(t, "from the companion", m.Text)
		require.Equal(t, w.me.JID(), m.Sender)
		require.EqualValues(t, 1, m.Device)
	}
	w.strict(t)
}
