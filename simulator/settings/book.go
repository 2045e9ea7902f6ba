// Package settings is a phone's half of app state: the encrypted collections by which the devices of one account share the push
// name, the address book and what is set for chats. The server keeps the patches without reading them; a Book writes them and
// checks those of others.
package settings

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"
)

const keySize = 32

// Server keeps the patches of an account's collections. Versions count from 1.
type Server interface {
	// Patches are the patches of a collection above a version.
	Patches(number, collection string, after uint64) ([][]byte, error)
	// Append adds a patch on top of a version, and says whether that still was the newest.
	Append(number, collection string, base uint64, patch []byte) (bool, error)
}

// Book is the collections of one account as its phone knows them.
type Book struct {
	number string
	server Server

	mu        sync.Mutex
	processor *appstate.Processor
	keyID     []byte
	key       []byte
	memory    *memory
}

// NewBook makes a key and empty collections.
func NewBook(number string, server Server) *Book {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // crypto/rand never fails
	b := &Book{number: number, server: server, keyID: []byte{0, 0, 0, 0, 0, 1}, key: key, memory: newMemory()}
	b.memory.keys[string(b.keyID)] = store.AppStateSyncKey{Data: key, Timestamp: time.Now().UnixMilli()}
	b.processor = appstate.NewProcessor(&store.Device{AppStateKeys: b.memory, AppState: b.memory}, waLog.Noop)
	return b
}

// KeyShare is the message that gives the key to a companion, which then fetches all collections.
func (b *Book) KeyShare() *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE.Enum(),
		AppStateSyncKeyShare: &waE2E.AppStateSyncKeyShare{Keys: []*waE2E.AppStateSyncKey{{
			KeyID: &waE2E.AppStateSyncKeyId{KeyID: b.keyID},
			KeyData: &waE2E.AppStateSyncKeyData{KeyData: b.key, Timestamp: proto.Int64(time.Now().UnixMilli()),
				Fingerprint: &waE2E.AppStateSyncKeyFingerprint{RawID: proto.Uint32(1), CurrentIndex: proto.Uint32(0), DeviceIndexes: []uint32{0}}},
		}}}}}
}

// Change writes a patch. Meanwhile another device may have written; then it catches up and tries again.
func (b *Book) Change(ctx context.Context, patch appstate.PatchInfo) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		state, err := b.catchUp(ctx, patch.Type)
		if err != nil {
			return err
		}
		raw, err := b.processor.EncodePatch(ctx, b.keyID, state, patch)
		if err != nil {
			return fmt.Errorf("encode %s patch: %w", patch.Type, err)
		}
		if written, err := b.server.Append(b.number, string(patch.Type), state.Version, raw); written || err != nil {
			return err
		}
	}
}

// CatchUp reads what other devices wrote into a collection. The error says what is wrong with it.
func (b *Book) CatchUp(ctx context.Context, collection string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.catchUp(ctx, appstate.WAPatchName(collection))
	return err
}

func (b *Book) catchUp(ctx context.Context, name appstate.WAPatchName) (appstate.HashState, error) {
	state := b.memory.state(string(name))
	raws, err := b.server.Patches(b.number, string(name), state.Version)
	if err != nil {
		return state, err
	}
	list := &appstate.PatchList{Name: name}
	for _, raw := range raws {
		patch := &waServerSync.SyncdPatch{}
		if err = proto.Unmarshal(raw, patch); err != nil {
			return state, fmt.Errorf("read %s patch: %w", name, err)
		}
		list.Patches = append(list.Patches, patch)
	}
	_, next, err := b.processor.DecodePatches(ctx, list, state, true)
	if err != nil {
		return state, fmt.Errorf("check %s patches: %w", name, err)
	}
	return next, nil
}

// Begin puts the mark into every collection that real ones begin with, so that no client takes its first change for a first sync.
func (b *Book) Begin(ctx context.Context) error {
	for _, name := range appstate.AllPatchNames {
		err := b.Change(ctx, appstate.PatchInfo{Type: name, Mutations: []appstate.MutationInfo{{Index: []string{appstate.IndexSentinel}, Version: 1,
			Value: &waSyncAction.SyncActionValue{KeyExpiration: &waSyncAction.KeyExpiration{ExpiredKeyEpoch: proto.Int32(0)}}}}})
		if err != nil {
			return err
		}
	}
	return nil
}

// Contact is the patch that puts an account into the address book.
func Contact(pn, lid types.JID, name string) appstate.PatchInfo {
	const version = 2
	return appstate.PatchInfo{Type: appstate.WAPatchCriticalUnblockLow, Mutations: []appstate.MutationInfo{{Index: []string{"contact", pn.String()}, Version: version,
		Value: &waSyncAction.SyncActionValue{ContactAction: &waSyncAction.ContactAction{FullName: &name, FirstName: &name, LidJID: proto.String(lid.String())}}}}}
}
