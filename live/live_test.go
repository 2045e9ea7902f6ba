package live

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/database/databasetest"
)

const (
	alice = id.UserID("@alice:localhost")
	room  = id.RoomID("!r:localhost")
)

// side remembers what was shown on one side, and fails if it is told to.
type side struct {
	shown  []string
	broken error
}

func (s *side) add(format string, args ...any) error {
	s.shown = append(s.shown, fmt.Sprintf(format, args...))
	return s.broken
}

// take returns what was shown since the last time.
func (s *side) take() []string {
	shown := s.shown
	s.shown = nil
	return shown
}

type matrixSide struct{ *side }

func (m matrixSide) Typing(_ context.Context, room id.RoomID, user id.UserID, shown time.Duration) error {
	return m.add("%s %s %s", room, user, shown)
}

type whatsappSide struct{ *side }

func (w whatsappSide) Typing(_ context.Context, login database.LoginID, chat types.JID, typing bool) error {
	return w.add("%s %s %t", login, chat, typing)
}

// bed is a chat of Alice's with somebody, in a room.
type bed struct {
	*Signs
	matrix, whatsapp *side
	chat             types.JID
}

func newBed(t *testing.T) bed {
	t.Helper()
	ctx, db := t.Context(), databasetest.Memory(t)
	b := bed{matrix: &side{}, whatsapp: &side{}, chat: types.NewJID("2", types.HiddenUserServer)}
	b.Signs = New(db, matrixSide{b.matrix}, whatsappSide{b.whatsapp}, zerolog.Nop())
	own, err := db.AddPuppet(ctx, database.Puppet{UserID: "@whatsapp_1:localhost", PN: types.NewJID("1", types.DefaultUserServer)})
	require.NoError(t, err)
	_, err = db.AddPuppet(ctx, database.Puppet{UserID: "@whatsapp_2:localhost", LID: b.chat})
	require.NoError(t, err)
	require.NoError(t, db.PutLogin(ctx, database.Login{ID: "1", User: alice, Puppet: own.ID, Device: own.PN, State: database.StateConnected}))
	p, err := db.EnsurePortal(ctx, "1", b.chat)
	require.NoError(t, err)
	_, err = db.AddPortalLogin(ctx, p.ID, "1")
	require.NoError(t, err)
	_, err = db.SetPortalRoom(ctx, p.ID, room)
	require.NoError(t, err)
	return b
}

func TestTypingOnWhatsAppIsShown(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	sign := OnWhatsApp{Login: "1", Chats: []types.JID{types.NewJID("9", types.DefaultUserServer), b.chat}, Sender: b.chat, Typing: true}
	require.NoError(t, b.show(t.Context(), sign))
	sign.Typing = false
	require.NoError(t, b.show(t.Context(), sign))
	require.Equal(t, []string{"!r:localhost @whatsapp_2:localhost 20s", "!r:localhost @whatsapp_2:localhost 0s"}, b.matrix.take())
	for _, unknown := range []OnWhatsApp{
		{Login: "2", Chats: sign.Chats, Sender: b.chat},
		{Login: "1", Chats: sign.Chats, Sender: types.NewJID("3", types.HiddenUserServer)},
		{Login: "1"},
	} {
		require.NoError(t, b.show(t.Context(), unknown))
	}
	require.Empty(t, b.matrix.take())
}

// What is typed on Matrix is told when it begins and ends, and repeated in between, but not for ever.
func TestTypingOnMatrixIsTold(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	synctest.Test(t, func(t *testing.T) {
		now := make(map[typist]typing)
		types := func(users ...id.UserID) {
			require.NoError(t, b.follow(t.Context(), now, onMatrix{room, users}))
		}
		types("@eve:localhost", "@whatsapp_2:localhost")
		require.Empty(t, b.whatsapp.take())
		types(alice)
		types(alice, "@eve:localhost")
		require.Equal(t, []string{"1 2@lid true"}, b.whatsapp.take())
		b.again(t.Context(), now)
		require.Equal(t, []string{"1 2@lid true"}, b.whatsapp.take())
		b.whatsapp.broken = errors.New("no connection")
		b.again(t.Context(), now)
		require.Len(t, b.whatsapp.take(), 1)
		types()
		require.Equal(t, []string{"1 2@lid false"}, b.whatsapp.take())
		types()
		b.again(t.Context(), now)
		require.Empty(t, b.whatsapp.take())
		types(alice)
		require.Len(t, b.whatsapp.take(), 1)
		time.Sleep(mostTyping + 1) // on the test's own clock
		b.again(t.Context(), now)
		require.Empty(t, b.whatsapp.take())
		require.Empty(t, now)
	})
}

// A side that does not keep up loses signs and nothing else.
func TestSignsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for range maxWaiting * 2 {
		b.FromMatrix(room, nil)
		b.FromWhatsApp(OnWhatsApp{})
	}
	require.Len(t, b.toMatrix, maxWaiting)
	require.Len(t, b.toWhatsApp, maxWaiting)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, b.Run(ctx))
}
