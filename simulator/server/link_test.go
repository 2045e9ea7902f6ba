package server

import (
	"testing"
	"time"

	"causeway/simulator/journal"
	"causeway/simulator/wire"

	"github.com/stretchr/testify/require"
)

// TestReferencesExpireOneAfterTheOther: the first is good for 60 seconds, each later one for 20 more.
func TestReferencesExpireOneAfterTheOther(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1_700_000_000, 0)
	c := &Candidate{refs: []string{"a", "b", "c"}, offered: begin}
	for ref, last := range map[string]time.Duration{"a": 60 * time.Second, "b": 80 * time.Second, "c": 100 * time.Second} {
		require.False(t, c.expired(ref, begin.Add(last)), ref)
		require.True(t, c.expired(ref, begin.Add(last+time.Second)), ref)
	}
}

func TestFaultsAreUsedUp(t *testing.T) {
	t.Parallel()
	s := &Server{}
	var f faults
	s.arm(Fault{Kind: Nack, Count: 2})
	s.arm(Fault{Kind: LoseAcks})
	s.arm(Fault{Kind: DelayAcks, For: time.Hour})
	s.arm(Fault{Kind: Duplicate, Device: "49:1"})
	f = s.state.faults
	require.NotNil(t, f.take(Nack, nil))
	require.NotNil(t, f.take(Nack, nil))
	require.Nil(t, f.take(Nack, nil))
	require.NotNil(t, f.take(LoseAcks, nil))
	require.Nil(t, f.take(LoseAcks, nil))
	for range 3 {
		require.NotNil(t, f.take(DelayAcks, nil))
	}
	require.Nil(t, f.take(Duplicate, nil), "it is for one device")
	f.armed[0].until = time.Now().Add(-time.Second)
	require.Nil(t, f.take(DelayAcks, nil), "its time is over")
}

// TestRefusedConnectionIsNotHeard: what a client says after it was unlinked or replaced does not count.
func TestRefusedConnectionIsNotHeard(t *testing.T) {
	t.Parallel()
	s := &Server{journal: journal.New()}
	c := &session{refused: true}
	s.handle(c, &wire.Node{Tag: "message"})
	require.Empty(t, s.journal.Violations())
	c.refused = false
	s.handle(c, &wire.Node{Tag: "message"})
	require.Len(t, s.journal.Violations(), 1)
}
