package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator"
)

// TestSigns is what people see of each other beside what they say: what was read, and who is typing.
func TestSigns(t *testing.T) {
	t.Parallel()
	s := linked(t, rig.SQLite)
	s.readOnWhatsApp()
	s.readOnMatrix()
	s.typingOnWhatsApp()
	s.typingOnMatrix()
	s.talkAfter()
}

// readOnWhatsApp: Carol reads what Alice wrote on Matrix.
func (s *story) readOnWhatsApp() {
	s.step("read on WhatsApp")
	sent := s.writes(s.direct, "have you read this?")
	s.note(s.direct, s.alice.ID, "have you read this?")
	m := s.onPhone(carolNumber, withText("have you read this?"))
	require.NoError(s, s.rig.Network.Receipts(s.ctx, carolNumber, aliceNumber, "read", m.ID))
	require.NoError(s, s.alice.WaitRead(s.ctx, s.direct, rig.Ghost(carolNumber), sent))
}

// readOnMatrix: Alice reads what Carol wrote. Synapse keeps private receipts from application services.
func (s *story) readOnMatrix() {
	s.step("read on Matrix")
	s.phoneSays(carolNumber, aliceNumber, "now you")
	s.note(s.direct, rig.Ghost(carolNumber), "now you")
	seen, err := s.alice.WaitEvent(s.ctx, "the message", func(e person.Seen) bool { return e.Text() == "now you" })
	require.NoError(s, err)
	require.NoError(s, s.alice.Client.MarkRead(s.ctx, s.direct, seen.ID))
	_, err = s.rig.Network.WaitEvent(s.ctx, func(e simulator.Event) bool {
		return e.Kind == "receipt" && e.Detail == "read" && strings.HasPrefix(e.Device, aliceNumber)
	})
	require.NoError(s, err)
}

// typingOnWhatsApp: Carol begins and stops to type.
func (s *story) typingOnWhatsApp() {
	s.step("typing on WhatsApp")
	require.NoError(s, s.rig.Network.Typing(s.ctx, carolNumber, aliceNumber, "composing"))
	require.NoError(s, s.alice.WaitTyping(s.ctx, s.direct, rig.Ghost(carolNumber), true))
	require.NoError(s, s.rig.Network.Typing(s.ctx, carolNumber, aliceNumber, "paused"))
	require.NoError(s, s.alice.WaitTyping(s.ctx, s.direct, rig.Ghost(carolNumber), false))
}

// typingOnMatrix: so does Alice.
func (s *story) typingOnMatrix() {
	s.step("typing on Matrix")
	for _, want := range []string{"composing", "paused"} {
		_, err := s.alice.Client.UserTyping(s.ctx, s.direct, want == "composing", time.Minute)
		require.NoError(s, err)
		_, err = s.rig.Network.WaitEvent(s.ctx, func(e simulator.Event) bool {
			return e.Kind == "typing" && e.Detail == want && strings.HasPrefix(e.Device, aliceNumber)
		})
		require.NoError(s, err)
	}
}
