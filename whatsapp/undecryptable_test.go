package whatsapp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/inbox"
	"causeway/simulator"
)

// spoil lets bob say something that cannot be decrypted, and nobody there to send it again.
func (w *world) spoil(t *testing.T, kind simulator.FaultKind, text string) (messageID string) {
	t.Helper()
	require.NoError(t, w.Fault(simulator.Fault{Kind: kind, Device: mine + ":1", Count: 1}))
	w.me.SetOnline(false)
	messageID = w.say(t, text)
	w.bob.SetOnline(false)
	return messageID
}

// lost waits for the arrival that says that a message cannot be decrypted.
func (b *bridge) lost(t *testing.T, messageID string) inbox.Undecryptable {
	t.Helper()
	return await(t, b, inbox.KindUndecryptable, func(u inbox.Undecryptable) bool { return u.Info.ID == messageID })
}

// asked counts the questions that the account's phone was sent.
func (w *world) asked(t *testing.T) (n int) {
	t.Helper()
	for _, e := range w.Events(t.Context(), 0) {
		if e.Kind == "message" && e.Device == mine+":1" && e.Chat == w.me.JID().String() {
			n++
		}
	}
	return n
}

func TestUndecryptableComesFromThePhone(t *testing.T) {
	t.Parallel()
	for _, kind := range []simulator.FaultKind{simulator.Undecryptable, simulator.Unavailable} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.Timing.Requests = []time.Duration{time.Hour}
			b := newBridge(t, w)
			b.login(t)
			w.converse(t, b)
			id := w.spoil(t, kind, "say that again")
			require.False(t, b.lost(t, id).ViewOnce)
			w.me.SetOnline(true)
			got := b.message(t, id)
			require.True(t, got.Recovered)
			require.Equal(t, "say that again", textOf(t, got))
			require.Equal(t, w.bob.LID(), got.Info.Sender.ToNonAD())
		})
	}
}

// The phone is off for long, and the bridge is restarted meanwhile: it goes on asking, and in the end says that the
// message is lost. When the phone is on again the message comes all the same.
func TestPhoneIsAskedAcrossRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Timing.Requests = []time.Duration{time.Hour, time.Millisecond}
	b := newBridge(t, w)
	b.login(t)
	w.converse(t, b)
	id := w.spoil(t, simulator.Undecryptable, "later")
	b.lost(t, id)
	planned := func(try int) bool {
		var n int
		err := b.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM queue_entry WHERE kind='request_message' AND state=0 AND dedup_key LIKE $1`,
			"%"+id+"/"+string(rune('0'+try))).Scan(&n)
		require.NoError(t, err)
		return n == 1
	}
	require.Eventually(t, func() bool { return planned(1) }, time.Minute, 5*time.Millisecond)
	before := w.asked(t)
	require.Positive(t, before)
	b.Stop()
	// An hour passes.
	_, err := b.db.Exec(t.Context(), `UPDATE queue_entry SET not_before=1 WHERE kind='request_message' AND state=0`)
	require.NoError(t, err)
	again := startBridge(t, w, b.db)
	await(t, again, inbox.KindMessageLost, func(l inbox.MessageLost) bool { return l.Message.ID == id })
	require.Greater(t, w.asked(t), before)
	w.me.SetOnline(true)
	require.Equal(t, "later", textOf(t, again.message(t, id)))
	again.drained(t)
}

func TestViewOnceIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	w.converse(t, b)
	require.True(t, b.lost(t, w.spoil(t, simulator.ViewOnce, "secret")).ViewOnce)
}

// A recipient asks for a message again after the bridge was restarted: it still knows what it sent.
func TestRetryReceiptAfterRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	w.converse(t, b)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Undecryptable, Device: bobs + ":0", Count: 1}))
	w.bob.SetOnline(false)
	b.send(t, "3EB0AGAIN", "once more")
	b.drained(t)
	b.Stop()
	again := startBridge(t, w, b.db)
	again.state(t, "connected", 1)
	w.bob.SetOnline(true)
	require.Equal(t, "once more", w.hears(t, "3EB0AGAIN").Text)
	w.settled(t, mine+":1")
	w.strict(t)
}
