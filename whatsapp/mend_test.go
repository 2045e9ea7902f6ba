package whatsapp

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/whatsmeow/store"
)

// A message that one session of a record could read leaves the others as they were.
func TestMend(t *testing.T) {
	t.Parallel()
	serializer := store.SignalProtobufSerializer.Session
	state := func(key, root string) *record.StateStructure {
		return &record.StateStructure{SenderBaseKey: []byte(key), RootKey: []byte(root), SenderChain: &record.ChainStructure{},
			PendingKeyExchange: &record.PendingKeyExchangeStructure{}, PendingPreKey: &record.PendingPreKeyStructure{}}
	}
	pack := func(current *record.StateStructure, previous ...*record.StateStructure) []byte {
		return serializer.Serialize(&record.SessionStructure{SessionState: current, PreviousStates: previous})
	}
	before := pack(state("a", "1"), state("b", "1"), state("c", "1"))
	after := pack(state("c", "2"), state("a", "turned"), state("b", "turned"), state("c", "2"), state("new", "2"))
	mended, err := mend(before, after)
	require.NoError(t, err)
	got, err := serializer.Deserialize(mended)
	require.NoError(t, err)
	require.Equal(t, "c2", string(got.SessionState.SenderBaseKey)+string(got.SessionState.RootKey))
	var previous []string
	for _, s := range got.PreviousStates {
		previous = append(previous, string(s.SenderBaseKey)+string(s.RootKey))
	}
	require.Equal(t, []string{"a1", "b1", "new2"}, previous)

	for _, same := range [][]byte{pack(state("a", "1")), after} {
		got, err := mend(nil, same)
		require.NoError(t, err)
		require.Equal(t, same, got, "there was nothing before, or there is only one")
	}
	_, err = mend(before, []byte("no session"))
	require.Error(t, err)
}
