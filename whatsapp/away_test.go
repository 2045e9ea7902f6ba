package whatsapp

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator"
)

// open reports whether an action is still to be done.
func (b *bridge) open(t *testing.T, messageID string) bool {
	t.Helper()
	var state int
	require.NoError(t, b.db.QueryRow(t.Context(), `SELECT state FROM queue_entry WHERE queue='outbox' AND dedup_key LIKE $1`, "%"+messageID).Scan(&state))
	return state == 0
}

// heard lists what bob sees in his chat with the user.
func (w *world) heard(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, m := range w.bob.Messages(limit(t), w.me.JID(), 0) {
		list = append(list, m.Text)
	}
	return list
}

// A ban of unknown length: the bridge comes back by itself, and what was written meanwhile goes out.
func TestBanEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Timing.Ban = 200 * time.Millisecond
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.TempBan, Device: mine, Code: 101, Count: 1}))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	ban := b.state(t, database.StateBanned, 1)
	require.Zero(t, ban.Until)
	require.False(t, ban.Retry.IsZero())
	require.Contains(t, ban.Detail, "too many messages")
	b.send(t, "3EB0BAN", "patience")
	b.state(t, database.StateConnected, 2)
	w.hears(t, "3EB0BAN")
	b.tokened(t)
	b.drained(t)
	require.Empty(t, b.reject)
	w.strict(t)
}

// The end of a ban outlives the process; nothing is tried before, and what waits is not refused.
func TestBanSurvivesRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.TempBan, Device: mine, Code: 101, For: time.Hour, Count: 1}))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	ban := b.state(t, database.StateBanned, 1)
	require.WithinDuration(t, time.Now().Add(time.Hour), ban.Until, time.Minute)
	require.Equal(t, ban.Until, ban.Retry)
	b.Stop()
	connections := len(connects(t, w))
	again := startBridge(t, w, b.db)
	again.send(t, "3EB0BAN", "patience")
	require.Eventually(t, func() bool {
		var parked string
		err := b.db.QueryRow(t.Context(), `SELECT parked_for FROM queue_entry WHERE kind='send_whatsapp'`).Scan(&parked)
		return err == nil && parked == outbox.ConnectionOf(mine)
	}, time.Minute, 5*time.Millisecond)
	require.Len(t, connects(t, w), connections, "tried while banned")
	again.Stop()
	row, err := b.db.LoginByID(t.Context(), mine)
	require.NoError(t, err)
	row.RetryAt = time.Now().Add(200 * time.Millisecond)
	require.NoError(t, b.db.SetLoginState(t.Context(), row))
	third := startBridge(t, w, b.db)
	third.state(t, database.StateConnected, 1)
	w.hears(t, "3EB0BAN")
	third.tokened(t)
	third.drained(t)
}

func connects(t *testing.T, w *world) (list []simulator.Event) {
	t.Helper()
	for _, e := range w.Events(t.Context(), 0) {
		if e.Kind == "connected" {
			list = append(list, e)
		}
	}
	return list
}

// A logout in the middle of a queue: each message that waits is refused with a sentence.
func TestLogoutInTheMiddleOfAQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.RefuseConnections, For: time.Second}))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	b.state(t, database.StateDisconnected, 1)
	for i := range 3 {
		b.send(t, fmt.Sprint("3EB0GONE", i), "never")
	}
	require.NoError(t, w.me.Unlink(1))
	b.until(t, "refusals", func() bool { return len(b.reject) == 3 })
	for _, r := range b.reject {
		require.Equal(t, "logged_out", r.Code)
		require.Contains(t, r.Text, "log in again.")
	}
	b.drained(t)
	dead, err := b.out.DeadLetters(t.Context(), 1)
	require.NoError(t, err)
	require.Empty(t, dead)
}

func TestTooOldIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Timing.MaxAge = 500 * time.Millisecond
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.RefuseConnections, For: 2 * time.Second}))
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	b.state(t, database.StateDisconnected, 1)
	b.send(t, "3EB0OLD", "too late")
	b.until(t, "a refusal", func() bool { return len(b.reject) == 1 })
	require.Equal(t, "too_old", b.reject[0].Code)
	require.Contains(t, b.reject[0].Text, "not connected for")
	b.state(t, database.StateConnected, 2)
	b.send(t, "3EB0NEW", "the lane goes on")
	w.hears(t, "3EB0NEW")
	b.tokened(t)
	b.drained(t)
	require.Equal(t, []string{"the lane goes on"}, w.heard(t))
}

// Answers that come late are waited for, and those that come too late are harmless: the repeat has the same ID.
func TestLateAnswers(t *testing.T) {
	t.Parallel()
	for name, ack := range map[string]time.Duration{"in time": 20 * time.Second, "after the repeat": 400 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.Timing.Ack, w.config.Timing.Hold = ack, 100*time.Millisecond
			b := newBridge(t, w)
			b.login(t)
			require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DelayAcks, Device: mine, Delay: 800 * time.Millisecond, Count: 20}))
			var want []string
			for i := range 3 {
				b.send(t, fmt.Sprint("3EB0SLOW", i), fmt.Sprint("slow ", i))
				want = append(want, fmt.Sprint("slow ", i))
			}
			w.hears(t, "3EB0SLOW2")
			b.tokened(t)
			b.drained(t)
			require.Equal(t, want, w.heard(t))
			require.Equal(t, ack < time.Second, w.Stats()[mine+":1"].Duplicates > 0)
			require.Empty(t, b.reject)
			w.strict(t)
		})
	}
}

// A chat whose answers are lost holds up no other chat of the same login.
func TestStuckChatDelaysNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	carol, err := w.AddPhone("491700000003", "Carol")
	require.NoError(t, err)
	w.config.Timing.Ack, w.config.Timing.Hold = 10*time.Second, 100*time.Millisecond
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.LoseAcks, Device: mine, Count: 1}))
	b.send(t, "3EB0STUCK", "stuck")
	w.hears(t, "3EB0STUCK")
	for i := range 5 {
		id := fmt.Sprint("3EB0FREE", i)
		b.sendTo(t, outbox.SendWhatsApp{Login: mine, Chat: carol.JID(), Message: database.MessageKey{Portal: 2, ID: id}}, "free")
		_, err := carol.WaitMessage(limit(t), func(m simulator.Message) bool { return m.ID == id })
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return !b.open(t, "3EB0FREE4") }, time.Minute, 5*time.Millisecond)
	require.True(t, b.open(t, "3EB0STUCK"), "it was not stuck")
	b.drained(t)
	require.Equal(t, []string{"stuck"}, w.heard(t))
	b.tokened(t)
	w.strict(t)
}

// A login whose answers are all lost, in more chats than are worked side by side, holds up no other login.
func TestSlowLoginDelaysNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	carol, err := w.AddPhone("491700000003", "Carol")
	require.NoError(t, err)
	w.config.Timing.Ack, w.config.Timing.Hold = time.Hour, 100*time.Millisecond
	b := newBridge(t, w)
	b.login(t)
	b.loginAs(t, "@carl:example.com", carol, 2)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.LoseAcks, Device: mine, Count: 1000}))
	for i := range 8 {
		b.sendTo(t, outbox.SendWhatsApp{Login: mine, Chat: w.bob.JID(),
			Message: database.MessageKey{Portal: database.PortalID(i + 1), ID: fmt.Sprint("3EB0SLOW", i)}}, "slow")
	}
	w.hears(t, "3EB0SLOW0")
	b.sendTo(t, outbox.SendWhatsApp{Login: database.LoginID(carol.Number()), Chat: w.bob.JID(), Message: database.MessageKey{Portal: 20, ID: "3EB0FREE"}}, "free")
	w.hears(t, "3EB0FREE")
	require.Eventually(t, func() bool { return !b.open(t, "3EB0FREE") }, 20*time.Second, 5*time.Millisecond)
	require.True(t, b.open(t, "3EB0SLOW0"), "it was not slow")
}

// After any stream error the connection is made anew, and what was being said goes on.
func TestStreamErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	for i, code := range []int{400, 401, 403, 408, 429, 500, 503, 515, 516} {
		require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.StreamError, Device: mine + ":1", Code: code}))
		w.logins(t, mine+":1", uint64(i+2))
		b.message(t, w.say(t, fmt.Sprint("after ", code)))
	}
	w.settled(t, mine+":1")
	require.True(t, b.Connected(mine))
	w.strict(t)
}

// What a login is refused with: the bridge tries again, or says that it must be linked anew.
func TestConnectFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	fail := func(reason events.ConnectFailureReason) {
		require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.ConnectFailure, Device: mine, Code: int(reason), Count: 1}))
		require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.DropConnection, Device: mine + ":1"}))
	}
	for i, reason := range []events.ConnectFailureReason{events.ConnectFailureGeneric, events.ConnectFailureBadUserAgent, events.ConnectFailureNotFound,
		events.ConnectFailureClientUnknown, events.ConnectFailureInternalServerError, events.ConnectFailureExperimental, events.ConnectFailureServiceUnavailable} {
		fail(reason)
		w.logins(t, mine+":1", uint64(i+2))
		b.message(t, w.say(t, fmt.Sprint("after ", int(reason))))
	}
	fail(events.ConnectFailureMainDeviceGone)
	require.NotEmpty(t, b.state(t, database.StateLoggedOut, 1).Detail)
	b.ended(t)
}

// A connection that is open but dead is probed and made anew.
func TestSilentConnectionIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Timing.Quiet, w.config.Timing.Probe = 300*time.Millisecond, 300*time.Millisecond
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Stall, Device: mine + ":1"}))
	said := w.say(t, "is anybody there?")
	b.send(t, "3EB0QUIET", "yes")
	b.message(t, said)
	w.hears(t, "3EB0QUIET")
	b.tokened(t)
	b.drained(t)
	require.Equal(t, []string{"is anybody there?", "yes"}, w.heard(t))
	w.settled(t, mine+":1")
}

// WhatsApp out of service for a moment: the message waits and goes out with the same ID.
func TestServiceUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.Nack, Device: mine, Code: 503, Count: serverTries + 2}))
	b.send(t, "3EB0BACK", "first")
	b.send(t, "3EB0NEXT", "second")
	w.hears(t, "3EB0NEXT")
	b.tokened(t)
	b.drained(t)
	require.Equal(t, []string{"first", "second"}, w.heard(t))
	require.Empty(t, b.reject)
}

func TestNacks(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]verdict{
		0: tell, 400: tell, 401: tell, 403: tell, 404: tell, 405: tell, 406: tell, 408: again, 409: again, 410: tell, 413: tell, 419: tell,
		421: again, 423: again, 429: wait, 463: tell, 475: tell, 479: tell, 487: tell, 488: tell, 489: tell, 490: tell, 491: tell, 493: tell,
		495: tell, 496: tell, 499: tell, 500: again, 501: again, 502: wait, 503: wait, 504: wait, 550: tell, 551: tell, 552: again, 599: again,
	} {
		got, text := judge(code)
		require.Equal(t, want, got, code)
		require.NotEmpty(t, text)
		if want == tell {
			err := nackError(queue.Entry{}, fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, code))
			require.ErrorContains(t, err, "refused", code)
		}
	}
}
