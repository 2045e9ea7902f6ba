package queue

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A hint that comes while a lane is being worked, after its last look at the database, must not be lost.
func TestHintWhileWorking(t *testing.T) {
	t.Parallel()
	s := newLaneSet(1, nil)
	claim := func(want Lane) {
		t.Helper()
		got, ok := s.claim()
		require.Equal(t, want, got)
		require.Equal(t, want != "", ok)
	}
	s.hint("chat/1")
	s.hint("chat/1")
	s.hint("chat/2")
	s.hint("room/1")
	claim("chat/1")
	claim("room/1") // another kind has a place of its own
	claim("")
	s.hint("chat/3") // all places of its kind are taken
	s.hint("chat/1")
	s.hint("chat/1")
	s.release("chat/1", false)
	claim("chat/2") // first come, first served
	s.release("chat/2", false)
	claim("chat/3")
	s.release("chat/3", false)
	claim("chat/1")
	s.release("chat/1", false)
	claim("")
	s.release("room/1", true)
	claim("room/1")
	s.release("room/1", false)
	claim("")
	for _, k := range s.kinds {
		require.Empty(t, k.state)
		require.Zero(t, k.busy)
	}
}
