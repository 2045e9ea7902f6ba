package simulator_test

import (
	"context"
	"testing"
	"time"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

// expired is a context that waits for nothing.
func expired(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestClientAsksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	g, err := w.CreateGroup(bobs, simulator.GroupSpec{Subject: "Retry"}, mine, carols)
	require.NoError(t, err)
	for _, chat := range []string{mine, g.JID.String(), g.JID.String()} {
		require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Undecryptable, Device: mine + ":1"}))
		then := time.Unix(1_700_000_000, 0)
		sent := w.send(t, w.bob, simulator.Outgoing{Chat: chat, Text: "say again", Timestamp: then})
		await(t, c, func(u *events.UndecryptableMessage) bool { return u.Info.ID == sent.ID })
		m := c.message(t, sent.ID)
		require.Equal(t, "say again", m.Message.GetConversation())
		require.Equal(t, then.Unix(), m.Info.Timestamp.Unix(), "what is sent again keeps its time")
		next := w.send(t, w.bob, simulator.Outgoing{Chat: chat, Text: "and on"})
		c.message(t, next.ID)
	}
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Undecryptable, Device: mine + ":1"}))
	sent := w.send(t, w.me, simulator.Outgoing{Chat: bobs, Text: "my own"})
	own := c.message(t, sent.ID)
	require.True(t, own.Info.IsFromMe)
	require.Equal(t, w.bob.LID(), own.Info.Chat)
	w.strict(t)
}

func TestPhoneAsksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	g, err := w.CreateGroup(bobs, simulator.GroupSpec{Subject: "Retry"}, mine, carols)
	require.NoError(t, err)
	for _, chat := range []types.JID{w.bob.JID(), g.JID} {
		for range 2 {
			require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Undecryptable, Device: bobs + ":0"}))
			r := c.say(t, chat, "once more")
			m := hears(t, w.bob, r.ID)
			require.Equal(t, "once more", m.Text)
			require.Equal(t, w.me.JID(), m.Sender)
		}
	}
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Undecryptable, Device: mine + ":0"}))
	r := c.say(t, w.bob.JID(), "my phone wants it too")
	require.Equal(t, w.bob.JID(), hears(t, w.me, r.ID).Chat)
	require.Zero(t, w.Stats()[mine+":1"].Duplicates)
	w.strict(t)
}

func TestStrictness(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	w.strict(t)
	seen := 0
	for _, bad := range []waBinary.Node{
		{Tag: "iq", Attrs: waBinary.Attrs{"id": "x1", "type": "get", "xmlns": "w:nonsense", "to": types.ServerJID}, Content: []waBinary.Node{{Tag: "query"}}},
		{Tag: "iq", Attrs: waBinary.Attrs{"type": "get", "xmlns": "w:p", "to": types.ServerJID}},
		{Tag: "iq", Attrs: waBinary.Attrs{"id": "x3", "type": "result", "to": types.ServerJID}},
		{Tag: "nonsense"},
		{Tag: "ack", Attrs: waBinary.Attrs{"class": "message", "id": "NEVERSENT", "to": w.bob.LID()}},
		{Tag: "ack", Attrs: waBinary.Attrs{"class": "message"}},
		{Tag: "receipt", Attrs: waBinary.Attrs{"id": "NEVERSENT", "to": w.bob.LID()}},
		{Tag: "receipt", Attrs: waBinary.Attrs{"id": "X", "to": w.bob.LID(), "type": "strange"}},
		{Tag: "message", Attrs: waBinary.Attrs{"to": w.bob.LID(), "type": "text"}},
		{Tag: "message", Attrs: waBinary.Attrs{"id": "X", "to": w.bob.LID(), "type": "text"}},
		{Tag: "message", Attrs: waBinary.Attrs{"id": "X", "to": w.bob.LID(), "type": "text"},
			Content: []waBinary.Node{{Tag: "enc", Attrs: waBinary.Attrs{"v": "1", "type": "msg"}, Content: []byte("x")}}},
		{Tag: "presence", Attrs: waBinary.Attrs{"type": "available"}},
		{Tag: "chatstate", Attrs: waBinary.Attrs{"to": w.bob.LID()}},
	} {
		require.NoError(t, c.DangerousInternals().SendNode(limit(t), bad)) //nolint:staticcheck // nothing else sends what is wrong
		_, err := w.WaitEvent(limit(t), func(simulator.Event) bool { return len(w.Violations()) > seen })
		require.NoError(t, err, "no violation for %s", &bad)
		seen = len(w.Violations())
	}
	require.EqualValues(t, seen, w.Stats()[mine+":1"].Violations)
}
