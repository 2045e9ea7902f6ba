package simulator_test

import (
	"strings"
	"testing"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"
)

func (c *companion) code(t *testing.T, number string) string {
	t.Helper()
	code, err := c.PairPhone(limit(t), number, true, whatsmeow.PairClientChrome, "Chrome (Linux)")
	require.NoError(t, err)
	return code
}

func TestLinkByCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	require.NoError(t, c.Connect())
	await[*events.QR](t, c, nil)
	code := c.code(t, mine)

	wrong := "ABCD-2345"
	require.NotEqual(t, wrong, code)
	_, err := w.me.EnterCode(limit(t), wrong)
	require.ErrorIs(t, err, simulator.ErrRefused)
	require.ErrorContains(t, err, "wrong pairing code")

	device, err := w.me.EnterCode(limit(t), strings.ToLower(code))
	require.NoError(t, err)
	require.EqualValues(t, 1, device)
	await[*events.PairSuccess](t, c, nil)
	await[*events.Connected](t, c, nil)
	require.Equal(t, mine, c.Store.ID.User)
	require.Equal(t, w.me.LID(), c.Store.LID.ToNonAD())
	r := c.say(t, w.bob.JID(), "linked by code")
	hears(t, w.bob, r.ID)
	w.strict(t)
}

func TestLinkRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	require.NoError(t, c.Connect())
	qr := await[*events.QR](t, c, nil).Codes[0]

	_, err := w.me.EnterCode(limit(t), "ABCD-2345")
	require.ErrorIs(t, err, simulator.ErrRefused)
	require.ErrorContains(t, err, "no companion waits")
	_, err = w.me.ScanQR(limit(t), "https://example.org/")
	require.ErrorIs(t, err, simulator.ErrInvalid)
	parts := strings.Split(qr, ",")
	ref := strings.Split(parts[0], "#")
	_, err = w.me.ScanQR(limit(t), strings.Replace(qr, ref[1], "2@nosuch", 1))
	require.ErrorIs(t, err, simulator.ErrRefused)
	require.ErrorContains(t, err, "unknown or has expired")
	_, err = w.me.ScanQR(limit(t), strings.Replace(qr, parts[1], parts[2], 1))
	require.ErrorContains(t, err, "not those of the waiting companion")
	_, err = w.me.ScanQR(limit(t), strings.Replace(qr, parts[3], parts[2], 1))
	require.ErrorIs(t, err, simulator.ErrRefused, "the companion must notice the wrong secret")

	c = newCompanion(t, w)
	require.NoError(t, c.Connect())
	await[*events.QR](t, c, nil)
	code := c.code(t, carols)
	_, err = w.me.EnterCode(limit(t), code)
	require.ErrorContains(t, err, "no companion waits", "the code is for another number")
	_, err = w.carol.EnterCode(limit(t), "short")
	require.ErrorIs(t, err, simulator.ErrInvalid)
	w.carol.SetOnline(false)
	_, err = w.carol.EnterCode(limit(t), code)
	require.ErrorIs(t, err, simulator.ErrRefused)
}

func TestQRCodeIsGoodForOneLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	require.NoError(t, c.Connect())
	qr := await[*events.QR](t, c, nil).Codes[0]
	_, err := w.me.ScanQR(limit(t), qr)
	require.NoError(t, err)
	_, err = w.bob.ScanQR(limit(t), qr)
	require.ErrorIs(t, err, simulator.ErrRefused)
	w.strict(t)
}

func TestUnlink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	device := c.link(t, w.me)
	require.ErrorIs(t, w.me.Unlink(9), simulator.ErrUnknown)
	require.NoError(t, w.me.Unlink(device))
	out := await[*events.LoggedOut](t, c, nil)
	require.False(t, out.OnConnect)
	require.ErrorIs(t, w.me.Unlink(device), simulator.ErrUnknown)
	w.strict(t)
}

func TestUnlinkedWhileAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	device := c.link(t, w.me)
	c.Disconnect()
	require.NoError(t, w.me.Unlink(device))
	require.NoError(t, c.Connect())
	out := await[*events.LoggedOut](t, c, nil)
	require.True(t, out.OnConnect)
	w.strict(t)
}

func TestClientLogsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	device := c.link(t, w.me)
	require.NoError(t, c.Logout(limit(t)))
	_, err := w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "unlink" && e.Device == mine+":1" })
	require.NoError(t, err)
	require.ErrorIs(t, w.me.Unlink(device), simulator.ErrUnknown)
	w.strict(t)
}

func TestTwoCompanionsOfOneAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := newCompanion(t, w), newCompanion(t, w)
	require.EqualValues(t, 1, first.link(t, w.me))
	r := first.say(t, w.bob.JID(), "alone")
	hears(t, w.me, r.ID)
	require.EqualValues(t, 2, second.link(t, w.me))
	r = first.say(t, w.bob.JID(), "to all my devices")
	got := second.message(t, r.ID)
	require.True(t, got.Info.IsFromMe)
	require.Equal(t, w.bob.LID(), got.Info.Chat)
	require.EqualValues(t, 1, got.Info.Sender.Device)
	sent := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Text: "to both"})
	first.message(t, sent.ID)
	second.message(t, sent.ID)
	w.strict(t)
}

func TestNoteToSelf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	r := c.say(t, w.me.JID(), "remember")
	require.Equal(t, w.me.JID(), hears(t, w.me, r.ID).Chat)
	sent := w.send(t, w.me, simulator.Outgoing{Chat: mine, Text: "from the phone"})
	require.True(t, c.message(t, sent.ID).Info.IsFromMe)
	w.strict(t)
}
