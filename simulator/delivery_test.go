package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"
)

// burst sends numbered texts from bob's phone and returns their IDs.
func (w *world) burst(t *testing.T, count int) []string {
	t.Helper()
	ids := make([]string, count)
	for i := range ids {
		ids[i] = w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: fmt.Sprint("message ", i)}).ID
	}
	return ids
}

// inOrder checks that all messages with the IDs arrived once, in order.
func (c *companion) inOrder(t *testing.T, ids []string) {
	t.Helper()
	c.message(t, ids[len(ids)-1])
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []string
	for _, event := range c.arrived {
		if m, ok := event.(*events.Message); ok && m.Message.GetConversation() != "" {
			got = append(got, m.Info.ID)
		}
	}
	require.Equal(t, ids, got)
}

// settled waits until the companion has acknowledged everything.
func (w *world) settled(t *testing.T) {
	t.Helper()
	const device = mine + ":1"
	_, err := w.WaitEvent(limit(t), func(simulator.Event) bool {
		s := w.Stats()[device]
		return s.Unacknowledged == 0 && s.Queued == 0
	})
	if err != nil {
		s := w.Stats()[device]
		require.NoError(t, err, "%d unacknowledged, %d queued", s.Unacknowledged, s.Queued)
	}
}

func TestOfflineQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	c.Disconnect()
	_, err := w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "disconnect" && e.Device == mine+":1" })
	require.NoError(t, err)
	ids := w.burst(t, 20)
	require.Equal(t, 20, w.Stats()[mine+":1"].Queued)
	c.fresh(t)
	c.connect(t)
	preview := await[*events.OfflineSyncPreview](t, c, nil)
	require.Equal(t, 20, preview.Messages)
	await[*events.OfflineSyncCompleted](t, c, nil)
	c.inOrder(t, ids)
	w.settled(t)
	require.Zero(t, w.Stats()[mine+":1"].Redelivered)
	w.strict(t)
}

func TestRedeliveryAfterRefusedHandler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.EnableDecryptedEventBuffer = true
	c.link(t, w.me)
	seen := make(chan string, 100)
	c.setRefuse(func(m *events.Message) bool {
		seen <- m.Info.ID
		return true
	})
	ids := w.burst(t, 20)
	for range ids {
		<-seen
	}
	require.Equal(t, 20, w.Stats()[mine+":1"].Unacknowledged)
	c.setRefuse(nil)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	c.inOrder(t, ids)
	w.settled(t)
	require.EqualValues(t, 20, w.Stats()[mine+":1"].Redelivered)
	w.strict(t)
}

func TestWindow(t *testing.T) {
	t.Parallel()
	n, err := simulator.Start(simulator.Options{Window: 3})
	require.NoError(t, err)
	t.Cleanup(func() { _ = n.Close() })
	w := &world{Network: n}
	w.me, err = n.AddPhone(mine, "Me")
	require.NoError(t, err)
	w.bob, err = n.AddPhone(bobs, "Bob")
	require.NoError(t, err)
	c := newCompanion(t, w)
	c.EnableDecryptedEventBuffer = true
	c.link(t, w.me)
	seen := make(chan string, 100)
	c.setRefuse(func(m *events.Message) bool {
		seen <- m.Info.ID
		return true
	})
	ids := w.burst(t, 10)
	for range 3 {
		<-seen
	}
	s := w.Stats()[mine+":1"]
	require.Equal(t, 3, s.Unacknowledged)
	require.Equal(t, 7, s.Queued)
	require.Empty(t, seen)
	c.setRefuse(nil)
	require.NoError(t, n.Fault(simulator.Fault{Kind: simulator.DropConnection}))
	c.inOrder(t, ids)
	w.settled(t)
	w.strict(t)
}

func TestLostAck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.LoseAcks, Device: mine}))
	type result struct {
		response whatsmeow.SendResponse
		err      error
	}
	done := make(chan result, 1)
	ctx := limit(t)
	go func() {
		r, err := c.SendMessage(ctx, w.bob.JID(), text("once only"), whatsmeow.SendRequestExtra{ID: "3EB0LOST"})
		done <- result{r, err}
	}()
	hears(t, w.bob, "3EB0LOST")
	require.Empty(t, done)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine}))
	r := <-done
	require.NoError(t, r.err)
	require.EqualValues(t, 1, w.Stats()[mine+":1"].Duplicates)
	require.EqualValues(t, 1, w.Stats()[mine+":1"].MessagesIn)
	_, err := w.WaitEvent(ctx, func(e simulator.Event) bool { return e.Kind == "duplicate" && e.ID == "3EB0LOST" })
	require.NoError(t, err)

	// A repeat that is encrypted anew, as after a restart, is dropped too, and its content compared.
	_, err = c.SendMessage(ctx, w.bob.JID(), text("once only"), whatsmeow.SendRequestExtra{ID: "3EB0LOST"})
	require.NoError(t, err)
	last := c.say(t, w.bob.JID(), "after")
	hears(t, w.bob, last.ID)
	require.EqualValues(t, 2, w.Stats()[mine+":1"].Duplicates)
	var texts []string
	for _, m := range w.bob.Messages(ctx, w.me.JID(), 0) {
		texts = append(texts, m.Text)
	}
	require.Equal(t, []string{"once only", "after"}, texts)
	w.strict(t)
}

func TestSameIDWithOtherContentIsAViolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	ctx := limit(t)
	for _, s := range []string{"one", "another"} {
		_, err := c.SendMessage(ctx, w.bob.JID(), text(s), whatsmeow.SendRequestExtra{ID: "3EB0TWICE"})
		require.NoError(t, err)
	}
	v, err := w.WaitEvent(ctx, func(e simulator.Event) bool { return e.Kind == "violation" })
	require.NoError(t, err)
	require.Contains(t, v.Detail, "sent twice with different content")
	require.Equal(t, mine+":1", v.Device)
}

func TestDelayedAcks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	const delay = 700 * time.Millisecond
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DelayAcks, Device: mine + ":1", Delay: delay, Count: 1}))
	begin := time.Now()
	c.say(t, w.bob.JID(), "late")
	require.GreaterOrEqual(t, time.Since(begin), delay)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DelayAcks, For: delay}))
	begin = time.Now()
	c.say(t, w.bob.JID(), "until it is over")
	require.Greater(t, time.Since(begin), delay/2)
	w.strict(t)
}

func TestRefusedConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	c.Disconnect()
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.RefuseConnections, Count: 1}))
	require.Error(t, c.Connect())
	c.connect(t)
	w.strict(t)
}

func TestLoginFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	c.Disconnect()
	c.forget()
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.TempBan, Device: mine, Code: 101, For: time.Hour, Count: 1}))
	require.NoError(t, c.Connect())
	ban := await[*events.TemporaryBan](t, c, nil)
	require.Equal(t, events.TempBanReason(101), ban.Code)
	require.Equal(t, time.Hour, ban.Expire)
	c.Disconnect()
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.ClientOutdated}))
	require.NoError(t, c.Connect())
	await[*events.ClientOutdated](t, c, nil)
	c.Disconnect()
	c.connect(t)
	c.forget()
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.StreamError, Device: mine + ":1", Code: 503}))
	await[*events.Connected](t, c, nil)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Nack, Code: 479}))
	_, err := c.SendMessage(limit(t), w.bob.JID(), text("no"))
	require.ErrorIs(t, err, whatsmeow.ErrServerReturnedError)
	require.ErrorContains(t, err, "479")
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Logout, Device: mine + ":1"}))
	await[*events.LoggedOut](t, c, nil)
	require.ErrorIs(t, w.Fault(simulator.Fault{Kind: "nonsense"}), simulator.ErrInvalid)
	require.ErrorIs(t, w.Fault(simulator.Fault{Kind: simulator.Logout, Device: "49123456789"}), simulator.ErrUnknown)
	w.strict(t)
}

func TestReplacedLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	first := c.Client
	c.fresh(t)
	c.connect(t)
	await[*events.StreamReplaced](t, c, nil)
	first.Disconnect()
	sent := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: "to the second"})
	c.message(t, sent.ID)
	w.strict(t)
}

func TestDuplicatedDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.EnableDecryptedEventBuffer = true
	c.link(t, w.me)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Duplicate, Device: mine + ":1"}))
	sent := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: "twice"})
	c.message(t, sent.ID)
	w.settled(t)
	require.EqualValues(t, 3, w.Stats()[mine+":1"].Delivered, "and the key share")
	require.Equal(t, 1, c.count(sent.ID))
	w.strict(t)
}

func TestPhoneSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	w.bob.SetOnline(false)
	_, err := w.bob.Send(limit(t), simulator.Outgoing{Chat: mine, Text: "no battery"})
	require.ErrorIs(t, err, simulator.ErrRefused)
	r := c.say(t, w.bob.JID(), "are you there?")
	hears(t, w.me, r.ID)
	require.Empty(t, w.bob.Messages(expired(t), w.me.JID(), 0))
	w.bob.SetOnline(true)
	hears(t, w.bob, r.ID)
	w.strict(t)
}
