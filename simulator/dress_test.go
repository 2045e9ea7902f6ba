package simulator_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/simulator"
)

// What a phone sends besides its words is read by another.
func TestDress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dress := simulator.Dress{Mentions: []string{carols}, MentionAll: true, Forwarded: 3,
		Preview: &simulator.LinkPreview{URL: "https://a.example", Title: "A", Description: "About", Thumbnail: []byte("jpeg")}}
	sent, err := w.bob.Send(t.Context(), simulator.Outgoing{Chat: carols, Text: "hi @" + carols + ", https://a.example", Dress: dress})
	require.NoError(t, err)
	m, err := w.carol.WaitMessage(t.Context(), func(m simulator.Message) bool { return m.ID == sent.ID })
	require.NoError(t, err)
	require.Equal(t, "hi @"+w.carol.LID().User+", https://a.example", m.Text)
	require.Equal(t, dress, w.carol.Dressed(m))
	_, err = w.bob.Send(t.Context(), simulator.Outgoing{Chat: carols, React: &simulator.Reaction{ID: sent.ID, Emoji: "x"}, Dress: dress})
	require.ErrorIs(t, err, simulator.ErrInvalid)
	dress.Mentions = strings.Split(strings.Repeat("1@lid ", 30_000), " ")
	_, err = w.bob.Send(t.Context(), simulator.Outgoing{Chat: carols, Text: "x", Dress: dress})
	require.ErrorIs(t, err, simulator.ErrInvalid)
}
