package signal

import (
	"context"
	"sync"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/util/keys"
)

// memory is the key store of one phone: what libsignal's adapter (store.Device) asks for, in maps.
type memory struct {
	*store.NoopStore
	mu         sync.Mutex
	identities map[string][32]byte
	sessions   map[string][]byte
	prekeys    map[uint32]*keys.PreKey
	lastPreKey uint32
	senderKeys map[string][]byte
}

var _ store.AllSessionSpecificStores = (*memory)(nil)

func newMemory() *memory {
	return &memory{NoopStore: &store.NoopStore{}, identities: map[string][32]byte{}, sessions: map[string][]byte{},
		prekeys: map[uint32]*keys.PreKey{}, senderKeys: map[string][]byte{}}
}

func (m *memory) PutIdentity(_ context.Context, address string, key [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.identities[address] = key
	return nil
}

func (m *memory) DeleteIdentity(_ context.Context, address string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.identities, address)
	return nil
}

func (m *memory) IsTrustedIdentity(_ context.Context, address string, key [32]byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.identities[address]
	return !ok || known == key, nil
}

func (m *memory) GetSession(_ context.Context, address string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[address], nil
}

func (m *memory) HasSession(_ context.Context, address string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.sessions[address]
	return ok, nil
}

func (m *memory) PutSession(_ context.Context, address string, session []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if mended, err := mend(m.sessions[address], session); err == nil {
		session = mended
	}
	m.sessions[address] = session
	return nil
}

func (m *memory) DeleteSession(_ context.Context, address string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, address)
	return nil
}

func (m *memory) GenOnePreKey(context.Context) (*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastPreKey++
	key := keys.NewPreKey(m.lastPreKey)
	m.prekeys[key.KeyID] = key
	return key, nil
}

func (m *memory) GetPreKey(_ context.Context, id uint32) (*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.prekeys[id], nil
}

func (m *memory) RemovePreKey(_ context.Context, id uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.prekeys, id)
	return nil
}

func (m *memory) PutSenderKey(_ context.Context, group, user string, session []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.senderKeys[group+"|"+user] = session
	return nil
}

func (m *memory) GetSenderKey(_ context.Context, group, user string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.senderKeys[group+"|"+user], nil
}

func (m *memory) deleteSenderKey(group, user string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.senderKeys, group+"|"+user)
}
