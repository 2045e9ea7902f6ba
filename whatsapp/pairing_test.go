package whatsapp

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/simulator"
)

func TestPairByQR(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "one"}))
	shown := b.step(t, "one", inbox.PairingQR)
	require.True(t, strings.HasPrefix(shown.Code, "https://wa.me/settings/linked_devices#"), shown.Code)
	require.WithinDuration(t, time.Now().Add(time.Minute), shown.Expires, 10*time.Second)
	device, err := w.me.ScanQR(limit(t), shown.Code)
	require.NoError(t, err)
	done := b.step(t, "one", inbox.PairingDone)
	require.Greater(t, done.Serial, shown.Serial)
	require.EqualValues(t, mine, done.Account.Login)
	require.Equal(t, device, done.Account.Device.Device)
	require.Equal(t, w.me.JID(), done.Account.PN)
	require.Equal(t, w.me.LID(), done.Account.LID)
	b.state(t, database.StateConnected, 1)
	require.True(t, b.Connected(mine))

	said := w.say(t, "hello")
	got := b.message(t, said)
	require.Equal(t, "hello", textOf(t, got))
	require.EqualValues(t, mine, got.Login)
	require.Equal(t, w.bob.LID(), got.Info.Chat)
	require.Equal(t, w.bob.JID(), got.Info.SenderAlt.ToNonAD())
	w.receipted(t, said)
	w.strict(t)
}

func TestPairByCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "one", Number: mine}))
	shown := b.step(t, "one", inbox.PairingCode)
	require.Regexp(t, `^[1-9A-Z]{4}-[1-9A-Z]{4}$`, shown.Code)
	require.WithinDuration(t, time.Now().Add(160*time.Second), shown.Expires, 10*time.Second)
	_, err := w.me.EnterCode(limit(t), shown.Code)
	require.NoError(t, err)
	require.EqualValues(t, mine, b.step(t, "one", inbox.PairingDone).Account.Login)
	b.state(t, database.StateConnected, 1)
	require.Empty(t, b.steps(t, inbox.PairingQR), "a QR code would only confuse")
	w.strict(t)
}

func (b *bridge) steps(t *testing.T, step inbox.PairingStep) []inbox.Pairing {
	t.Helper()
	var list []inbox.Pairing
	for _, p := range all[inbox.Pairing](t, b, inbox.KindPairing) {
		if p.Step == step {
			list = append(list, p)
		}
	}
	return list
}

func TestPairWithWrongCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "one", Number: mine}))
	b.step(t, "one", inbox.PairingCode)
	_, err := w.me.EnterCode(limit(t), "1111-1111")
	require.ErrorIs(t, err, simulator.ErrRefused)
	require.NoError(t, b.out.StopPairing(t.Context(), outbox.StopPairing{User: anna, Flow: "one"}))
	b.step(t, "one", inbox.PairingStopped)
	require.Empty(t, b.steps(t, inbox.PairingDone))
	require.Empty(t, b.steps(t, inbox.PairingFailed))
}

func TestPairingProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	for _, c := range []struct {
		number  string
		problem inbox.PairingProblem
	}{{"12345", inbox.ProblemWrongNumber}, {"0491700000001", inbox.ProblemWrongNumber}} {
		require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: c.number, Number: c.number}))
		require.Equal(t, c.problem, b.step(t, c.number, inbox.PairingFailed).Problem, c.number)
	}
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.RefuseConnections, Count: 1}))
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "refused"}))
	require.Equal(t, inbox.ProblemUnreachable, b.step(t, "refused", inbox.PairingFailed).Problem)
	w.strict(t)
}

func TestPairingExpires(t *testing.T) {
	t.Parallel()
	b := newBridge(t, newWorld(t))
	b.limit = 2 * time.Second
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "one"}))
	require.Equal(t, inbox.ProblemExpired, b.step(t, "one", inbox.PairingFailed).Problem)
	b.Sessions.mu.Lock()
	defer b.Sessions.mu.Unlock()
	require.Empty(t, b.live)
}

func TestSecondPairingReplacesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "one"}))
	old := b.step(t, "one", inbox.PairingQR)
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "two"}))
	shown := b.step(t, "two", inbox.PairingQR)
	_, err := w.me.ScanQR(limit(t), old.Code)
	require.Error(t, err, "nobody waits with the first code any more")
	_, err = w.me.ScanQR(limit(t), shown.Code)
	require.NoError(t, err)
	b.step(t, "two", inbox.PairingDone)
	b.state(t, database.StateConnected, 1)
	require.Empty(t, b.steps(t, inbox.PairingFailed))
	w.strict(t)
}

func TestStopEndsPairing(t *testing.T) {
	t.Parallel()
	b := newBridge(t, newWorld(t))
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "one"}))
	b.step(t, "one", inbox.PairingQR)
	b.Sessions.Stop()
	require.Equal(t, inbox.ProblemInterrupted, b.step(t, "one", inbox.PairingFailed).Problem)
}

func TestPairAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "again"}))
	device, err := w.me.ScanQR(limit(t), b.step(t, "again", inbox.PairingQR).Code)
	require.NoError(t, err)
	require.EqualValues(t, 2, device)
	b.step(t, "again", inbox.PairingDone)
	b.state(t, database.StateConnected, 2)
	_, err = w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "unlink" && e.Device == mine+":1" })
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		list, err := b.edge.devices.all(t.Context())
		return err == nil && len(list) == 1 && list[0].Device == device
	}, 10*time.Second, 10*time.Millisecond)
	said := w.say(t, "to the new device")
	b.message(t, said)
	for _, l := range all[inbox.LoginChanged](t, b, inbox.KindLoginChanged) {
		require.NotEqual(t, database.StateLoggedOut, l.State, "the new login is not logged out")
	}
	w.strict(t)
}

// A device that is in the store is known to the bridge, whenever the process dies: both are one transaction.
func TestDeviceIsStoredWithItsStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	_, err := b.db.Exec(t.Context(), `CREATE TRIGGER no_done BEFORE INSERT ON queue_entry WHEN NEW.dedup_key LIKE '%/done'
		BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	require.NoError(t, err)
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: anna, Flow: "one"}))
	shown := b.step(t, "one", inbox.PairingQR)
	_, err = w.me.ScanQR(limit(t), shown.Code)
	require.Error(t, err)
	b.step(t, "one", inbox.PairingFailed)
	list, err := b.edge.devices.all(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
	require.Empty(t, all[inbox.LoginChanged](t, b, inbox.KindLoginChanged))
}

func TestItemProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		item   whatsmeow.QRChannelItem
		byCode bool
		want   inbox.PairingProblem
	}{
		{item: whatsmeow.QRChannelClientOutdated, want: inbox.ProblemOutdated},
		{item: whatsmeow.QRChannelScannedWithoutMultidevice, want: inbox.ProblemMultidevice},
		{item: whatsmeow.QRChannelErrUnexpectedEvent, want: inbox.ProblemRefused},
		{item: whatsmeow.QRChannelItem{Event: whatsmeow.QRChannelEventPasskeyRequest}, want: inbox.ProblemNotSupported},
		{item: whatsmeow.QRChannelItem{Event: whatsmeow.QRChannelEventError, Error: whatsmeow.ErrPairInvalidDeviceIdentityHMAC}, byCode: true, want: inbox.ProblemWrongCode},
		{item: whatsmeow.QRChannelItem{Event: whatsmeow.QRChannelEventError, Error: whatsmeow.ErrPairInvalidDeviceIdentityHMAC}, want: inbox.ProblemRefused},
	} {
		require.Equal(t, c.want, itemProblem(c.item, c.byCode).code, c.item.Event)
	}
	for code, want := range map[int]inbox.PairingProblem{429: inbox.ProblemRateLimited, 404: inbox.ProblemWrongNumber,
		403: inbox.ProblemRefused, 503: inbox.ProblemUnreachable, 405: inbox.ProblemOutdated} {
		require.Equal(t, want, codeProblem(&whatsmeow.IQError{Code: code}).code, code)
	}
	require.Equal(t, inbox.ProblemUnreachable, codeProblem(whatsmeow.ErrIQTimedOut).code)
}
