package signal_test

import (
	"math/rand/v2"
	"testing"

	"causeway/simulator/signal"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
)

func TestMain(m *testing.M) {
	signal.Silence()
	m.Run()
}

func pair() (anna, bob *signal.Cipher, annaJID, bobJID types.JID) {
	jid := func(user string) types.JID { return types.NewJID(user, types.HiddenUserServer) }
	return signal.NewCipher(jid("1"), jid("11")), signal.NewCipher(jid("2"), jid("22")), jid("11"), jid("22")
}

// bundle offers the keys of a cipher, with a one-time prekey if asked for.
func bundle(t *testing.T, c *signal.Cipher, oneTime bool) func() (signal.Bundle, error) {
	t.Helper()
	return func() (signal.Bundle, error) {
		b := c.Bundle()
		if oneTime {
			key, err := c.NewPreKey(t.Context())
			require.NoError(t, err)
			b.OneTime = &key
		}
		require.NoError(t, b.Check())
		return b, nil
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	for _, oneTime := range []bool{true, false} {
		anna, bob, annaJID, bobJID := pair()
		for i, want := range []string{signal.TypePreKey, signal.TypePreKey} {
			kind, raw, err := anna.Encrypt(t.Context(), bobJID, []byte{byte(i), 7}, false, bundle(t, bob, oneTime))
			require.NoError(t, err)
			require.Equal(t, want, kind)
			plain, err := bob.Decrypt(t.Context(), annaJID, kind, raw)
			require.NoError(t, err)
			require.Equal(t, []byte{byte(i), 7}, plain)
			_, err = bob.Decrypt(t.Context(), annaJID, kind, raw)
			require.Error(t, err, "a message is decrypted once")
		}
		kind, raw, err := bob.Encrypt(t.Context(), annaJID, []byte("back"), false, nil)
		require.NoError(t, err)
		require.Equal(t, signal.TypeSession, kind)
		_, err = anna.Decrypt(t.Context(), bobJID, kind, raw)
		require.NoError(t, err)
		_, err = anna.Decrypt(t.Context(), bobJID, "strange", raw)
		require.ErrorIs(t, err, signal.ErrType)
	}
}

// Both begin a session at the same time, and what they say crosses: nothing that was said becomes unreadable.
func TestSessionsThatCross(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		anna, bob, annaJID, bobJID := pair()
		toBob := &wire{from: anna, to: bob, fromJID: annaJID, toJID: bobJID}
		toAnna := &wire{from: bob, to: anna, fromJID: bobJID, toJID: annaJID}
		dice := rand.New(rand.NewPCG(seed, 0))
		for step := range 300 {
			w := []*wire{toBob, toAnna}[dice.IntN(2)]
			if step < 4 || dice.IntN(2) == 0 {
				w.say(t)
			} else {
				w.hear(t, seed)
			}
		}
	}
}

// wire carries what one says to the other, in order.
type wire struct {
	from, to       *signal.Cipher
	fromJID, toJID types.JID
	kinds          []string
	sent           [][]byte
}

func (w *wire) say(t *testing.T) {
	kind, raw, err := w.from.Encrypt(t.Context(), w.toJID, []byte("hello"), false, bundle(t, w.to, true))
	require.NoError(t, err)
	w.kinds, w.sent = append(w.kinds, kind), append(w.sent, raw)
}

func (w *wire) hear(t *testing.T, seed uint64) {
	if len(w.sent) == 0 {
		return
	}
	_, err := w.to.Decrypt(t.Context(), w.fromJID, w.kinds[0], w.sent[0])
	require.NoError(t, err, "seed %d", seed)
	w.kinds, w.sent = w.kinds[1:], w.sent[1:]
}

func TestChangedIdentity(t *testing.T) {
	t.Parallel()
	anna, bob, annaJID, bobJID := pair()
	kind, raw, err := anna.Encrypt(t.Context(), bobJID, []byte("old phone"), false, bundle(t, bob, true))
	require.NoError(t, err)
	_, err = bob.Decrypt(t.Context(), annaJID, kind, raw)
	require.NoError(t, err)
	again, _, _, _ := pair()
	kind, raw, err = again.Encrypt(t.Context(), bobJID, []byte("new phone"), false, bundle(t, bob, true))
	require.NoError(t, err)
	plain, err := bob.Decrypt(t.Context(), annaJID, kind, raw)
	require.NoError(t, err)
	require.Equal(t, "new phone", string(plain))
	_, _, err = bob.Encrypt(t.Context(), annaJID, []byte("to it"), true, bundle(t, again, false))
	require.NoError(t, err)
}

func TestGroup(t *testing.T) {
	t.Parallel()
	anna, bob, annaJID, _ := pair()
	group := types.NewJID("120363000", types.GroupServer)
	distribution, raw, err := anna.EncryptGroup(t.Context(), group, []byte("all"))
	require.NoError(t, err)
	_, err = bob.DecryptGroup(t.Context(), group, annaJID, raw)
	require.Error(t, err, "without the sender key")
	require.NoError(t, bob.Learn(t.Context(), group.String(), annaJID, distribution))
	plain, err := bob.DecryptGroup(t.Context(), group, annaJID, raw)
	require.NoError(t, err)
	require.Equal(t, "all", string(plain))
	anna.ForgetGroup(group)
	_, raw, err = anna.EncryptGroup(t.Context(), group, []byte("others"))
	require.NoError(t, err)
	_, err = bob.DecryptGroup(t.Context(), group, annaJID, raw)
	require.Error(t, err, "with an old sender key")
}

func TestCheckBundle(t *testing.T) {
	t.Parallel()
	anna, bob, _, _ := pair()
	b := anna.Bundle()
	b.Identity = bob.Bundle().Identity
	require.Error(t, b.Check())
	b = anna.Bundle()
	b.OneTime = &signal.PreKey{Public: []byte("short")}
	require.Error(t, b.Check())
	require.Error(t, signal.Bundle{}.Check())
}
