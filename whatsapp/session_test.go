package whatsapp

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/simulator"
)

// breakTable makes writes to a table fail, as a full disk would, until the returned function is called.
func (b *bridge) breakTable(t *testing.T, table, action, when string) (mend func()) {
	t.Helper()
	_, err := b.db.Exec(t.Context(), fmt.Sprintf(`CREATE TRIGGER broken BEFORE %s ON %s WHEN %s
		BEGIN SELECT RAISE(ABORT, 'disk full'); END`, action, table, when))
	require.NoError(t, err)
	return func() {
		_, err := b.db.Exec(t.Context(), `DROP TRIGGER broken`)
		require.NoError(t, err)
	}
}

// converse makes bob's phone use an established session for what it sends next.
func (w *world) converse(t *testing.T, b *bridge) {
	t.Helper()
	b.message(t, w.say(t, "first"))
	b.send(t, "3EB0FIRST", "answer")
	w.hears(t, "3EB0FIRST")
	b.tokened(t)
	b.drained(t)
}

// logins waits until the device has logged in that often.
func (w *world) logins(t *testing.T, device string, n uint64) {
	t.Helper()
	_, err := w.WaitEvent(limit(t), func(simulator.Event) bool { return w.Stats()[device].Logins >= n })
	require.NoError(t, err)
}

// Whatever fails on a message's way into the database: it is not acknowledged, nobody is asked to send it again, the
// bridge reconnects, and then it arrives once, in order.
func TestNothingIsAcknowledgedThatIsNotStored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ table, action, when string }{
		"journal":       {"queue_entry", "INSERT", "NEW.kind='whatsapp_message'"},
		"event buffer":  {"whatsmeow_event_buffer", "INSERT", "true"},
		"ratchet":       {"whatsmeow_sessions", "UPDATE", "true"},
		"ratchet upset": {"whatsmeow_sessions", "INSERT", "true"},
		"identity":      {"whatsmeow_identity_keys", "INSERT", "true"},
		"secret":        {"whatsmeow_message_secrets", "INSERT", "true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			b := newBridge(t, w)
			b.login(t)
			w.converse(t, b)
			before := w.Stats()[mine+":1"].Logins
			mend := b.breakTable(t, c.table, c.action, c.when)
			var said []string
			for i := range 5 {
				said = append(said, w.say(t, fmt.Sprint("message ", i)))
			}
			w.logins(t, mine+":1", before+2)
			require.Equal(t, []string{"first"}, b.texts(t))
			receipted := false
			for _, e := range w.Events(t.Context(), 0) {
				receipted = receipted || (e.Device == mine+":1" && (e.Kind == "retry" || e.Kind == "receipt" && e.ID == said[0]))
			}
			require.False(t, receipted, "not stored, but acknowledged or asked for again")
			mend()
			for _, id := range said {
				b.message(t, id)
				w.receipted(t, id)
			}
			w.settled(t, mine+":1")
			require.Equal(t, []string{"first", "message 0", "message 1", "message 2", "message 3", "message 4"}, b.texts(t))
			w.strict(t)
		})
	}
}

// One message cannot be stored, those behind it could: they wait for it.
func TestOrderIsKeptWhenOneMessageFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	w.converse(t, b)
	before := w.Stats()[mine+":1"].Logins
	mend := b.breakTable(t, "queue_entry", "INSERT", "NEW.dedup_key LIKE '%3EB0STUCK'")
	_, err := w.bob.Send(limit(t), simulator.Outgoing{Chat: mine, Text: "stuck", ID: "3EB0STUCK"})
	require.NoError(t, err)
	last := ""
	for i := range 10 {
		last = w.say(t, fmt.Sprint("behind ", i))
	}
	w.logins(t, mine+":1", before+2)
	require.Equal(t, []string{"first"}, b.texts(t))
	mend()
	b.message(t, last)
	require.Equal(t, []string{"first", "stuck", "behind 0", "behind 1", "behind 2", "behind 3", "behind 4", "behind 5", "behind 6",
		"behind 7", "behind 8", "behind 9"}, b.texts(t))
	w.settled(t, mine+":1")
	w.strict(t)
}

func TestRestartConnectsLogins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	b.Stop()
	w.say(t, "while away")
	again := startBridge(t, w, b.db)
	again.state(t, database.StateConnected, 1)
	again.until(t, "the message", func() bool { return len(decode[inbox.WhatsAppMessage](t, again, inbox.KindWhatsAppMessage)) == 1 })
	require.Equal(t, []string{"while away"}, again.texts(t))
	w.settled(t, mine+":1")
	w.strict(t)
}

// A device whose login row is not there yet is connected when it is.
func TestRestartBeforeLoginIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	b.Stop()
	row, err := b.db.LoginByID(t.Context(), mine)
	require.NoError(t, err)
	require.NoError(t, b.db.RemoveLogin(t.Context(), mine))
	again := startBridge(t, w, b.db)
	require.False(t, again.Connected(mine))
	require.NoError(t, b.db.PutLogin(t.Context(), row))
	again.state(t, database.StateConnected, 1)
}

func TestLoginWithoutSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	b.Stop()
	require.NoError(t, b.edge.devices.remove(t.Context(), types.NewADJID(mine, 0, 1)))
	again := startBridge(t, w, b.db)
	again.state(t, database.StateLoggedOut, 1)
}

func TestReconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.RefuseConnections, Count: 4}))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	b.state(t, database.StateDisconnected, 1)
	b.state(t, database.StateConnected, 2)
	b.message(t, w.say(t, "back"))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.StreamError, Device: mine + ":1", Code: 503}))
	w.logins(t, mine+":1", 3)
	b.message(t, w.say(t, "and again"))
	require.Equal(t, []string{"back", "and again"}, b.texts(t))
	w.strict(t)
}

func TestLoggedOutByPhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.me.Unlink(1))
	require.NotEmpty(t, b.state(t, database.StateLoggedOut, 1).Detail)
	b.send(t, "3EB0LATE", "too late")
	b.until(t, "a refusal", func() bool { return len(b.reject) > 0 })
	require.Equal(t, "logged_out", b.reject[0].Code)
	b.ended(t)
	list, err := b.edge.devices.all(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
	w.strict(t)
}

// ended waits until the bridge has given the connection up for good.
func (b *bridge) ended(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return b.get(mine) == nil }, time.Minute, 5*time.Millisecond)
}

func TestLoggedOutWhileAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	b.Stop()
	require.NoError(t, w.me.Unlink(1))
	again := startBridge(t, w, b.db)
	again.state(t, database.StateLoggedOut, 1)
}

func TestReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	device, _, err := b.edge.devices.load(t.Context(), types.NewADJID(mine, 0, 1), func(error) {})
	require.NoError(t, err)
	other := b.edge.client(device, b.log)
	require.NoError(t, other.ConnectContext(context.WithoutCancel(t.Context())))
	b.state(t, database.StateReplaced, 1)
	require.False(t, b.Connected(mine))
	require.NoError(t, b.Reconnect(t.Context(), mine))
	b.state(t, database.StateConnected, 2)
	// Only the network ends the other connection: whatsmeow must not close a socket from both ends at once.
	require.Eventually(t, func() bool { return !other.IsConnected() }, time.Minute, 5*time.Millisecond)
}

func TestOutdated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.ClientOutdated, Device: mine, Count: 1}))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	b.state(t, database.StateOutdated, 1)
	require.NoError(t, b.Reconnect(t.Context(), mine)) // the user is in a hurry
	b.state(t, database.StateConnected, 2)
}

func TestPhoneSeenAndOwnMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	for range 3 {
		sent, err := w.me.Send(limit(t), simulator.Outgoing{Chat: bobs, Text: "from my phone"})
		require.NoError(t, err)
		got := b.message(t, sent.ID)
		require.True(t, got.Info.IsFromMe)
		require.Equal(t, w.bob.LID(), got.Info.Chat)
		require.Equal(t, w.bob.JID(), got.Info.RecipientAlt)
	}
	await(t, b, inbox.KindLoginChanged, func(l inbox.LoginChanged) bool { return l.Phone && l.State == "" })
	seen := 0
	for _, l := range all[inbox.LoginChanged](t, b, inbox.KindLoginChanged) {
		if l.Phone {
			seen++
		}
	}
	require.Equal(t, 1, seen, "at most once a minute")
}

func TestPushName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	b.message(t, w.say(t, "hello"))
	got := await(t, b, inbox.KindContactChanged, func(c inbox.ContactChanged) bool { return c.PushName == "Bob" })
	require.Equal(t, w.bob.LID(), got.LID)
	require.Equal(t, w.bob.JID(), got.PN)
	name := "Robert"
	require.NoError(t, w.bob.Rename(limit(t), &name, nil))
	b.message(t, w.say(t, "call me Robert"))
	await(t, b, inbox.KindContactChanged, func(c inbox.ContactChanged) bool { return c.PushName == "Robert" })
}

func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	carol, err := w.AddPhone("491700000003", "Carol")
	require.NoError(t, err)
	b := newBridge(t, w)
	b.login(t)
	group, err := w.CreateGroup(bobs, simulator.GroupSpec{Subject: "Hiking"}, mine)
	require.NoError(t, err)
	changed := func(match func(inbox.GroupChanged) bool) inbox.GroupChanged {
		return await(t, b, inbox.KindGroupChanged, match)
	}
	joined := changed(func(g inbox.GroupChanged) bool { return g.Whole != nil })
	require.Equal(t, "Hiking", joined.Whole.Name)
	require.ElementsMatch(t, []inbox.GroupMember{
		{LID: w.bob.LID(), PN: w.bob.JID(), Role: roleSuperAdmin}, {LID: w.me.LID(), PN: w.me.JID()}}, joined.Whole.Members)

	sent, err := w.bob.Send(limit(t), simulator.Outgoing{Chat: group.JID.String(), Text: "where to?"})
	require.NoError(t, err)
	require.Equal(t, "where to?", textOf(t, b.message(t, sent.ID)))
	require.Equal(t, []string{"where to?"}, b.texts(t), "the key that came with it is not a message")

	subject := "Cycling"
	require.NoError(t, w.EditGroup(group.JID.String(), bobs, simulator.GroupEdit{Subject: &subject}))
	named := changed(func(g inbox.GroupChanged) bool { return g.Name != nil })
	require.Equal(t, "Cycling", *named.Name)
	require.Equal(t, w.bob.LID(), named.By)
	require.NoError(t, w.ChangeMembers(group.JID.String(), bobs, "add", "491700000003"))
	added := changed(func(g inbox.GroupChanged) bool { return len(g.Join) == 1 })
	require.Equal(t, inbox.GroupMember{LID: carol.LID(), PN: carol.JID()}, added.Join[0])
	require.NoError(t, w.ChangeMembers(group.JID.String(), bobs, "promote", "491700000003"))
	changed(func(g inbox.GroupChanged) bool { return len(g.Join) == 1 && g.Join[0].Role == roleAdmin })
	require.NoError(t, w.ChangeMembers(group.JID.String(), bobs, "remove", "491700000003"))
	removed := changed(func(g inbox.GroupChanged) bool { return len(g.Leave) == 1 })
	require.Equal(t, carol.LID(), removed.Leave[0].LID)

	require.NoError(t, b.out.FetchGroup(t.Context(), outbox.FetchGroup{Login: mine, Group: group.JID, Key: "asked"}))
	fetched := changed(func(g inbox.GroupChanged) bool { return g.Key == "asked" })
	require.Equal(t, "Cycling", fetched.Whole.Name)
	require.NoError(t, w.ChangeMembers(group.JID.String(), bobs, "remove", mine))
	changed(func(g inbox.GroupChanged) bool { return len(g.Leave) == 1 && g.Leave[0].LID == w.me.LID() })
	require.NoError(t, b.out.FetchGroup(t.Context(), outbox.FetchGroup{Login: mine, Group: group.JID, Key: "asked again"}))
	gone := changed(func(g inbox.GroupChanged) bool { return g.Key == "asked again" })
	require.Nil(t, gone.Whole)
	require.NotEmpty(t, gone.Reason)
	w.strict(t)
}

func TestUndecryptableIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	w.converse(t, b)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Undecryptable, Device: mine + ":1", Count: 1}))
	b.message(t, w.say(t, "damaged, then sent again"))
	require.EqualValues(t, 1, b.Undecryptable())
	require.Equal(t, []string{"first", "damaged, then sent again"}, b.texts(t))
}
