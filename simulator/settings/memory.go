package settings

import (
	"context"
	"maps"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/store"
)

// memory is the store of an app state processor, in maps. The book's lock guards it.
type memory struct {
	keys   map[string]store.AppStateSyncKey
	states map[string]appstate.HashState
	macs   map[string][]byte
}

func newMemory() *memory {
	return &memory{keys: map[string]store.AppStateSyncKey{}, states: map[string]appstate.HashState{}, macs: map[string][]byte{}}
}

func (m *memory) state(name string) appstate.HashState { return m.states[name] }

func (m *memory) PutAppStateSyncKey(_ context.Context, id []byte, key store.AppStateSyncKey) error {
	m.keys[string(id)] = key
	return nil
}

func (m *memory) GetAppStateSyncKey(_ context.Context, id []byte) (*store.AppStateSyncKey, error) {
	if key, ok := m.keys[string(id)]; ok {
		return &key, nil
	}
	return nil, nil //nolint:nilnil // the library's way to say that there is none
}

func (m *memory) GetLatestAppStateSyncKeyID(context.Context) ([]byte, error) {
	for id := range maps.Keys(m.keys) {
		return []byte(id), nil
	}
	return nil, nil
}

func (m *memory) GetAllAppStateSyncKeys(context.Context) ([]*store.AppStateSyncKey, error) {
	var out []*store.AppStateSyncKey
	for _, key := range m.keys {
		out = append(out, &key)
	}
	return out, nil
}

func (m *memory) PutAppStateVersion(_ context.Context, name string, version uint64, hash [128]byte) error {
	m.states[name] = appstate.HashState{Version: version, Hash: hash}
	return nil
}

func (m *memory) GetAppStateVersion(_ context.Context, name string) (uint64, [128]byte, error) {
	return m.states[name].Version, m.states[name].Hash, nil
}

func (m *memory) DeleteAppStateVersion(_ context.Context, name string) error {
	delete(m.states, name)
	return nil
}

func (m *memory) PutAppStateMutationMACs(_ context.Context, name string, _ uint64, mutations []store.AppStateMutationMAC) error {
	for _, mutation := range mutations {
		m.macs[name+string(mutation.IndexMAC)] = mutation.ValueMAC
	}
	return nil
}

func (m *memory) DeleteAppStateMutationMACs(_ context.Context, name string, indexes [][]byte) error {
	for _, index := range indexes {
		delete(m.macs, name+string(index))
	}
	return nil
}

func (m *memory) GetAppStateMutationMAC(_ context.Context, name string, index []byte) ([]byte, error) {
	return m.macs[name+string(index)], nil
}
