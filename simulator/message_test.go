package simulator_test

import (
	"testing"
	"time"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
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
	require.Equal(t, "Friends", joined.Name)
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

func TestEditsRepliesReactionsAndRevokes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	r := c.say(t, w.bob.JID(), "origin")
	hears(t, w.bob, r.ID)

	sent := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: "answer", ReplyTo: r.ID})
	quote := c.message(t, sent.ID).Message.GetExtendedTextMessage().GetContextInfo()
	require.Equal(t, r.ID, quote.GetStanzaID())
	require.Equal(t, w.me.LID().String(), quote.GetParticipant())
	require.Equal(t, "origin", quote.GetQuotedMessage().GetConversation())

	sent2 := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: "better answer", Edit: sent.ID})
	edit := c.message(t, sent2.ID)
	require.True(t, edit.IsEdit)
	require.Equal(t, sent.ID, edit.Message.GetProtocolMessage().GetKey().GetID())

	sent3 := w.send(t, w.bob, simulator.Outgoing{Chat: mine, React: &simulator.Reaction{ID: r.ID, Emoji: "👍"}})
	require.Equal(t, "👍", c.message(t, sent3.ID).Message.GetReactionMessage().GetText())
	sent4 := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Revoke: sent.ID})
	require.Equal(t, sent.ID, c.message(t, sent4.ID).Message.GetProtocolMessage().GetKey().GetID())

	r2, err := c.SendMessage(limit(t), w.bob.JID(), c.BuildEdit(w.bob.LID(), r.ID, text("originally")))
	require.NoError(t, err)
	m := hears(t, w.bob, r2.ID)
	require.Equal(t, r.ID, m.EditOf)
	require.Equal(t, "originally", m.Text)
	r3, err := c.SendMessage(limit(t), w.bob.JID(), c.BuildRevoke(w.bob.LID(), w.me.LID(), r.ID))
	require.NoError(t, err)
	require.Equal(t, r.ID, hears(t, w.bob, r3.ID).Revoked)

	for _, bad := range []simulator.Outgoing{{Chat: mine}, {Chat: mine, Text: "x", Revoke: sent.ID}, {Chat: "a:b:c@x", Text: "x"}} {
		_, err = w.bob.Send(limit(t), bad)
		require.ErrorIs(t, err, simulator.ErrInvalid)
	}
	for _, bad := range []simulator.Outgoing{{Chat: mine, Text: "x", ReplyTo: "NONE"}, {Chat: mine, Text: "x", Edit: r.ID}, {Chat: "49123456789", Text: "x"}} {
		_, err = w.bob.Send(limit(t), bad)
		require.ErrorIs(t, err, simulator.ErrUnknown)
	}
	_, err = w.bob.Send(limit(t), simulator.Outgoing{Chat: mine, Text: "x", ID: sent.ID})
	require.ErrorIs(t, err, simulator.ErrRefused)
	w.strict(t)
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	w.bob.SetAutoDeliver(false)
	g, err := w.CreateGroup(bobs, simulator.GroupSpec{Subject: "Receipts"}, mine)
	require.NoError(t, err)
	for _, chat := range []types.JID{w.bob.JID(), g.JID} {
		r := c.say(t, chat, "read me")
		hears(t, w.bob, r.ID)
		require.NoError(t, w.bob.Acknowledge(chatOf(w, chat), []string{r.ID}, "delivered"))
		await(t, c, func(x *events.Receipt) bool {
			return x.MessageIDs[0] == r.ID && x.Type == types.ReceiptTypeDelivered && x.Sender.User == w.bob.LID().User
		})
		require.NoError(t, w.bob.Acknowledge(chatOf(w, chat), []string{r.ID}, "read"))
		await(t, c, func(x *events.Receipt) bool {
			return x.MessageIDs[0] == r.ID && x.Type == types.ReceiptTypeRead && x.Sender.User == w.bob.LID().User
		})

		first := w.send(t, w.bob, simulator.Outgoing{Chat: chatOf(w, chat), Text: "1"})
		second := w.send(t, w.bob, simulator.Outgoing{Chat: chatOf(w, chat), Text: "2"})
		m := c.message(t, second.ID)
		require.NoError(t, c.MarkRead(limit(t), []types.MessageID{first.ID, second.ID}, m.Info.Timestamp, m.Info.Chat, m.Info.Sender))
		got, err := w.bob.WaitReceipt(limit(t), func(x simulator.Receipt) bool { return x.Type == "read" && x.IDs[0] == first.ID })
		require.NoError(t, err)
		require.Equal(t, []string{first.ID, second.ID}, got.IDs)

		hears(t, w.me, second.ID)
		require.NoError(t, w.me.Acknowledge(meChat(w, chat), []string{second.ID}, "read"))
		elsewhere := await(t, c, func(x *events.Receipt) bool {
			return x.MessageIDs[0] == second.ID && x.IsFromMe && x.Type == types.ReceiptTypeRead
		})
		require.Equal(t, m.Info.Chat, elsewhere.Chat)
	}
	require.ErrorIs(t, w.bob.Acknowledge(mine, []string{"NONE"}, "read"), simulator.ErrUnknown)
	require.ErrorIs(t, w.bob.Acknowledge(mine, nil, "read"), simulator.ErrInvalid)
	w.strict(t)
}

// chatOf is a chat as bob names it, meChat as the account itself does.
func chatOf(w *world, chat types.JID) string {
	if chat == w.bob.JID() {
		return mine
	}
	return chat.String()
}

func meChat(w *world, chat types.JID) string {
	if chat == w.bob.JID() {
		return bobs
	}
	return chat.String()
}

func TestTypingAndPresence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	require.NoError(t, w.bob.Typing(mine, "composing", "audio"))
	x := await[*events.ChatPresence](t, c, nil)
	require.Equal(t, w.bob.LID(), x.Sender)
	require.Equal(t, types.ChatPresenceMediaAudio, x.Media)
	require.NoError(t, c.SubscribePresence(limit(t), w.bob.LID()))
	_, err := w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "presence" && e.Detail == "subscribe" })
	require.NoError(t, err)
	require.NoError(t, w.bob.Presence(true, time.Time{}))
	require.False(t, await[*events.Presence](t, c, nil).Unavailable)
	require.NoError(t, c.SendChatPresence(limit(t), w.bob.LID(), types.ChatPresenceComposing, types.ChatPresenceMediaText))
	_, err = w.WaitEvent(limit(t), func(e simulator.Event) bool {
		return e.Kind == "typing" && e.Device == mine+":1" && e.Detail == "composing"
	})
	require.NoError(t, err)
	w.strict(t)
}
