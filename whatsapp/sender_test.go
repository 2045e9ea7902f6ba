package whatsapp

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator"
)

func TestSendWithFixedID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	b.send(t, "3EB0ONE", "hello Bob")
	require.Equal(t, "hello Bob", w.hears(t, "3EB0ONE").Text)
	b.tokened(t)
	b.drained(t)
	w.strict(t)
}

// The answer to a message is lost with the connection: the message is sent again with the same ID, and arrives once.
func TestSendAgainAfterLostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.LoseAcks, Device: mine, Count: 1}))
	b.send(t, "3EB0LOST", "only once")
	w.hears(t, "3EB0LOST")
	b.tokened(t)
	// The connection stays away for longer than the library waits to repeat the frame by itself.
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.RefuseConnections, For: 6 * time.Second}))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	_, err := w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "duplicate" && e.ID == "3EB0LOST" })
	require.NoError(t, err)
	b.send(t, "3EB0NEXT", "next")
	w.hears(t, "3EB0NEXT")
	b.tokened(t)
	b.drained(t)
	var heard []string
	for _, m := range w.bob.Messages(limit(t), w.me.JID(), 0) {
		heard = append(heard, m.Text)
	}
	require.Equal(t, []string{"only once", "next"}, heard)
	w.strict(t)
}

func TestSendWaitsForConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.RefuseConnections, For: 2 * time.Second}))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	b.state(t, database.StateDisconnected, 1)
	for i := range 3 {
		b.send(t, fmt.Sprint("3EB0WAIT", i), fmt.Sprint("patience ", i))
	}
	w.hears(t, "3EB0WAIT2")
	b.tokened(t)
	b.drained(t)
	var heard []string
	for _, m := range w.bob.Messages(limit(t), w.me.JID(), 0) {
		heard = append(heard, m.Text)
	}
	require.Equal(t, []string{"patience 0", "patience 1", "patience 2"}, heard)
}

func TestSendRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Nack, Device: mine, Code: 403, Count: 1}))
	b.send(t, "3EB0NO", "may I?")
	b.until(t, "a refusal", func() bool { return len(b.reject) == 1 })
	require.Equal(t, "refused", b.reject[0].Code)
	require.Contains(t, b.reject[0].Text, "403")
	require.NoError(t, b.out.SendWhatsApp(t.Context(), outbox.SendWhatsApp{Login: mine, Chat: w.bob.JID().ToNonAD(),
		Message: database.MessageKey{Portal: 1, ID: "3EB0BAD"}, Content: []byte{0xff}}))
	b.send(t, "3EB0YES", "the lane goes on")
	w.hears(t, "3EB0YES")
	b.tokened(t)
	b.drained(t)
	dead, err := b.out.DeadLetters(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, dead, 1, "what cannot be read is a dead letter")
}

func TestSendToUnknownNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	stranger := w.bob.JID()
	stranger.User = "4915550000000"
	require.NoError(t, b.out.SendWhatsApp(t.Context(), outbox.SendWhatsApp{Login: mine, Chat: stranger,
		Message: database.MessageKey{Portal: 1, ID: "3EB0WHO"}, Content: nil}))
	b.until(t, "a refusal", func() bool { return len(b.reject) == 1 })
	require.Equal(t, "unknown_recipient", b.reject[0].Code)
}

// A key of a recipient that cannot be stored must not leave that recipient out.
func TestSendWhenStoreFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ table, action string }{
		"identity": {"whatsmeow_identity_keys", "INSERT"},
		"session":  {"whatsmeow_sessions", "INSERT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			b := newBridge(t, w)
			b.login(t)
			mend := b.breakTable(t, c.table, c.action, "true")
			b.send(t, "3EB0FULL", "all or nothing")
			require.Eventually(t, func() bool {
				var tries int
				err := b.db.QueryRow(t.Context(), `SELECT attempts FROM queue_entry WHERE kind='send_whatsapp'`).Scan(&tries)
				return err == nil && tries >= 2
			}, time.Minute, 10*time.Millisecond)
			mend()
			require.Equal(t, "all or nothing", w.hears(t, "3EB0FULL").Text)
			b.tokened(t)
			b.drained(t)
			require.EqualValues(t, 1, w.Stats()[mine+":1"].MessagesIn)
			w.strict(t)
		})
	}
}

// Writing to somebody while they write: each message is encrypted with the session that the last one left behind.
func TestWritingAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	w.converse(t, b)
	const count = 60
	done := make(chan error, 1)
	go func() {
		for i := range count {
			if _, err := w.bob.Send(t.Context(), simulator.Outgoing{Chat: mine, Text: fmt.Sprint("from bob ", i)}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for i := range count {
		b.send(t, fmt.Sprint("3EB0BOTH", i), fmt.Sprint("to bob ", i))
	}
	require.NoError(t, <-done)
	for i := range count {
		w.hears(t, fmt.Sprint("3EB0BOTH", i))
	}
	b.drained(t)
	b.until(t, "bob's messages", func() bool {
		return len(decode[inbox.WhatsAppMessage](t, b, inbox.KindWhatsAppMessage)) == count+1
	})
	require.Zero(t, b.Undecryptable())
	for _, e := range w.Events(t.Context(), 0) {
		require.NotEqual(t, "retry", e.Kind, "nobody had to ask again")
	}
	w.strict(t)
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	row, err := b.db.LoginByID(t.Context(), mine)
	require.NoError(t, err)
	require.NoError(t, b.out.LogOut(t.Context(), "asked", outbox.LogOut{Login: mine, Device: row.Device}))
	_, err = w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "unlink" && e.Device == mine+":1" })
	require.NoError(t, err)
	b.drained(t)
	require.False(t, b.Connected(mine))
	// A repeat does no harm.
	require.NoError(t, b.out.LogOut(t.Context(), "repeated", outbox.LogOut{Login: mine, Device: row.Device}))
	b.drained(t)
	list, err := b.edge.devices.all(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
	w.strict(t)
}

func TestLogOutOfUnconnectedLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	row, err := b.db.LoginByID(t.Context(), mine)
	require.NoError(t, err)
	b.Stop()
	row.State = database.StateReplaced
	require.NoError(t, b.db.SetLoginState(t.Context(), row))
	again := startBridge(t, w, b.db)
	require.NoError(t, again.out.LogOut(t.Context(), "asked", outbox.LogOut{Login: mine, Device: row.Device}))
	_, err = w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "unlink" && e.Device == mine+":1" })
	require.NoError(t, err)
	again.drained(t)
	list, err := again.edge.devices.all(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
}

// drained waits until nothing is left in the outbox.
func (b *bridge) drained(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		counts, err := b.out.Counts(t.Context())
		return err == nil && counts.Open == 0
	}, time.Minute, 10*time.Millisecond)
}

func TestLookUpNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	for _, number := range []string{bobs, "4915550000000"} {
		require.NoError(t, b.out.LookUpNumber(t.Context(), outbox.LookUpNumber{User: anna, Login: mine, Room: "!room", Number: number, Key: number}))
		got := await(t, b, inbox.KindNumberLookedUp, func(n inbox.NumberLookedUp) bool { return n.Key == number })
		require.Equal(t, number == bobs, got.Found)
		require.Empty(t, got.Problem)
		if got.Found {
			require.Equal(t, w.bob.LID(), got.LID)
			require.Equal(t, w.bob.JID(), got.PN)
		}
	}
	require.NoError(t, b.out.LookUpNumber(t.Context(), outbox.LookUpNumber{User: anna, Login: "123456789", Number: bobs, Key: "nobody"}))
	got := await(t, b, inbox.KindNumberLookedUp, func(n inbox.NumberLookedUp) bool { return n.Key == "nobody" })
	require.False(t, got.Found)
	require.Contains(t, got.Problem, "log in again")
	w.strict(t)
}

func TestSendErrors(t *testing.T) {
	t.Parallel()
	action := outbox.SendWhatsApp{Login: mine, Message: database.MessageKey{ID: "3EB0"}}
	s := NewSender(&Sessions{edge: &edge{timing: Timing{}.withDefaults()}}, Media{})
	code := func(err error) string {
		if r, ok := errors.AsType[*queue.Reject](err); ok {
			return r.Code
		}
		return ""
	}
	require.NoError(t, s.sendError(queue.Entry{}, action, nil))
	for err, want := range map[error]string{
		fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, 479):             "refused",
		fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, 463):             "refused",
		errors.New("no LID found for 123@s.whatsapp.net from server"):          "unknown_recipient",
		fmt.Errorf("failed to get group members: %w", whatsmeow.ErrNotInGroup): "not_in_group",
		fmt.Errorf("%w x", whatsmeow.ErrUnknownServer):                         "unsupported_chat",
		error(&whatsmeow.IQError{Code: 403, Text: "forbidden"}):                "refused",
		whatsmeow.ErrMessageTimedOut:                                           "",
		whatsmeow.ErrIQTimedOut:                                                "",
		whatsmeow.ErrNotLoggedIn:                                               "",
		errSessionMoved:                                                        "",
		fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, 503):             "",
		fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, 429):             "",
		error(&whatsmeow.IQError{Code: 429, Text: "rate-overlimit"}):           "",
		error(&whatsmeow.IQError{Code: 500, Text: "internal-server-error"}):    "",
	} {
		require.Equal(t, want, code(s.sendError(queue.Entry{}, action, err)), err.Error())
	}
	require.Equal(t, "refused", code(s.sendError(queue.Entry{Attempts: serverTries, Error: "send message 3EB0: server returned error 500"}, action, fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, 500))))
	for _, err := range []error{whatsmeow.ErrNotConnected, error(&whatsmeow.DisconnectedError{Action: "message send"})} {
		park, ok := errors.AsType[*queue.Park](s.sendError(queue.Entry{}, action, err))
		require.True(t, ok)
		require.Equal(t, outbox.ConnectionOf(mine), park.Name)
	}
}
