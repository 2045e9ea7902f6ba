package signal

import (
	"fmt"

	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/whatsmeow/store"
)

// mend undoes what libsignal does to sessions that a message was not for. A record holds several when both sides have begun one at the
// same time. libsignal tries a message on each of them, and turns the ratchet of each before it knows whether the message belongs to
// it (DecryptWithState; what real phones use works on a copy), so that the next message of a session that was tried in vain could not be read,
// by either side. Only the session that could read the message, now the current one, may have changed: the others are put back.
func mend(before, after []byte) ([]byte, error) {
	serializer := store.SignalProtobufSerializer.Session
	now, err := serializer.Deserialize(after)
	if err != nil {
		return nil, fmt.Errorf("read the new session: %w", err)
	}
	if len(before) == 0 || len(now.PreviousStates) == 0 {
		return after, nil
	}
	old, err := serializer.Deserialize(before)
	if err != nil {
		return nil, fmt.Errorf("read the old session: %w", err)
	}
	known := make(map[string]*record.StateStructure)
	for _, state := range append(old.PreviousStates, old.SessionState) {
		known[string(state.SenderBaseKey)] = state
	}
	met := map[string]bool{string(now.SessionState.SenderBaseKey): true}
	kept := make([]*record.StateStructure, 0, len(now.PreviousStates))
	for _, state := range now.PreviousStates {
		key := string(state.SenderBaseKey)
		if met[key] {
			continue // its list holds one of them twice after another was taken out
		}
		met[key] = true
		if untouched := known[key]; untouched != nil {
			state = untouched
		}
		kept = append(kept, state)
	}
	now.PreviousStates = kept
	return serializer.Serialize(now), nil
}
