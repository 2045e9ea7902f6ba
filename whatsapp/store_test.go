package whatsapp

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database/databasetest"
)

// stores logs in and returns the account's store.
func (b *bridge) stores(t *testing.T) *accountStore {
	t.Helper()
	live := b.get(mine)
	require.NotNil(t, live)
	return live.stores
}

// A session with which a message was decrypted while another was being encrypted is not overwritten.
func TestSessionIsNotOverwritten(t *testing.T) {
	t.Parallel()
	b := newBridge(t, newWorld(t))
	b.login(t)
	stores := b.stores(t)
	ctx := t.Context()
	require.NoError(t, stores.PutSession(ctx, "900_1:0", []byte("old")))

	_, err := stores.GetManySessions(ctx, []string{"900_1:0", "901_1:0"})
	require.NoError(t, err)
	require.NoError(t, stores.DoDecryptionTxn(ctx, func(ctx context.Context) error {
		return stores.PutSession(ctx, "900_1:0", []byte("decrypted"))
	}))
	err = stores.PutManySessions(ctx, map[string][]byte{"900_1:0": []byte("encrypted")})
	require.ErrorIs(t, err, errSessionMoved)
	require.True(t, isMoved(err))
	got, err := stores.GetSession(ctx, "900_1:0")
	require.NoError(t, err)
	require.Equal(t, "decrypted", string(got))

	_, err = stores.GetManySessions(ctx, []string{"900_1:0"})
	require.NoError(t, err)
	require.NoError(t, stores.PutSession(ctx, "902_1:0", []byte("somebody else's")))
	require.NoError(t, stores.PutManySessions(ctx, map[string][]byte{"900_1:0": []byte("encrypted")}))
	got, err = stores.GetSession(ctx, "900_1:0")
	require.NoError(t, err)
	require.Equal(t, "encrypted", string(got))
}

// A session is not read for encrypting while a message is being decrypted: it may have moved, not durably yet.
func TestSessionIsReadAfterDecryption(t *testing.T) {
	t.Parallel()
	b := newBridge(t, newWorld(t))
	b.login(t)
	stores := b.stores(t)
	read := make(chan error, 1)
	stores.sessions.Lock() // as DoDecryptionTxn does until its commit
	go func() {
		_, err := stores.GetManySessions(t.Context(), []string{"900_1:0"})
		read <- err
	}()
	select {
	case err := <-read:
		t.Error("the session was read while a message was being decrypted")
		read <- err
	case <-time.After(200 * time.Millisecond):
	}
	stores.sessions.Unlock()
	require.NoError(t, <-read)
}

// A message is not sent without a device whose keys could not be had, unless they cannot be had at all.
func TestNoDeviceIsLeftOut(t *testing.T) {
	t.Parallel()
	b := newBridge(t, newWorld(t))
	b.login(t)
	stores := b.stores(t)
	require.NoError(t, stores.PutSession(t.Context(), "900_1:0", []byte("old")))
	send := func(encrypted ...string) error {
		ctx, cancel := context.WithCancelCause(t.Context())
		ctx = context.WithValue(ctx, sendingKey{}, cancel)
		_, err := stores.GetManySessions(ctx, []string{"900_1:0", "901_1:0"})
		require.NoError(t, err)
		if len(encrypted) == 0 {
			_, err := stores.GetPrivacyToken(ctx, b.w.bob.LID())
			require.Equal(t, err, context.Cause(ctx))
			return err
		}
		sessions := map[string][]byte{}
		for _, address := range encrypted {
			sessions[address] = []byte("new")
		}
		return stores.PutManySessions(ctx, sessions)
	}
	require.ErrorIs(t, send("900_1:0"), errLeftOut)
	require.ErrorIs(t, send(), errLeftOut, "for nobody at all")
	require.NoError(t, send("900_1:0", "901_1:0"))
	require.NoError(t, stores.DeleteSession(t.Context(), "901_1:0"))
	for range leaveOutTries - 1 {
		require.ErrorIs(t, send("900_1:0"), errLeftOut)
	}
	require.NoError(t, send("900_1:0"), "this device has no keys")
}

func TestSignalErrorsAreNotStorageErrors(t *testing.T) {
	t.Parallel()
	b := newBridge(t, newWorld(t))
	b.login(t)
	stores := b.stores(t)
	bad := errors.New("bad MAC")
	err := stores.DoDecryptionTxn(t.Context(), func(context.Context) error { return bad })
	require.ErrorIs(t, err, bad)
	require.NotErrorIs(t, err, context.Canceled)
	err = stores.DoDecryptionTxn(t.Context(), func(context.Context) error { panic("what is this?") })
	require.Error(t, err)
	require.NotErrorIs(t, err, context.Canceled)
	require.True(t, b.Connected(mine), "the sender is asked again, on the same connection")

	mend := b.breakTable(t, "whatsmeow_sessions", "INSERT", "true")
	defer mend()
	err = stores.DoDecryptionTxn(t.Context(), func(ctx context.Context) error { return stores.PutSession(ctx, "900_1:0", nil) })
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, stores.PutSession(t.Context(), "900_1:0", nil), context.Canceled, "only while decrypting")
}

// What whatsmeow writes joins the bridge's transaction.
func TestStoreJoinsTransactions(t *testing.T) {
	t.Parallel()
	b := newBridge(t, newWorld(t))
	b.login(t)
	stores := b.stores(t)
	undo := errors.New("undo")
	err := b.db.Tx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, stores.PutSession(ctx, "900_1:0", []byte("x")))
		require.NoError(t, b.edge.devices.remove(ctx, types.NewADJID(mine, 0, 1)))
		return undo
	})
	require.ErrorIs(t, err, undo)
	has, err := stores.HasSession(t.Context(), "900_1:0")
	require.NoError(t, err)
	require.False(t, has)
	list, err := b.edge.devices.all(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
}

func TestOldSentMessagesAreRemovedNowAndThen(t *testing.T) {
	t.Parallel()
	b := newBridge(t, newWorld(t))
	b.login(t)
	stores := b.stores(t)
	require.NoError(t, stores.DeleteOldOutgoingEvents(t.Context()))
	mend := b.breakTable(t, "whatsmeow_retry_buffer", "DELETE", "true")
	defer mend()
	require.NoError(t, stores.AddOutgoingEvent(t.Context(), b.w.bob.LID(), "3EB0", "wa", []byte("x")))
	_, err := b.db.Exec(t.Context(), `UPDATE whatsmeow_retry_buffer SET timestamp=0`)
	require.NoError(t, err)
	require.NoError(t, stores.DeleteOldOutgoingEvents(t.Context()), "not again so soon")
}

// Replicas that start together on an empty database do not trip over each other.
func TestSessionStoreIsMadeOnce(t *testing.T) {
	t.Parallel()
	uri := databasetest.Postgres(t)
	var wg sync.WaitGroup
	for range 4 {
		db := databasetest.Open(t, uri)
		wg.Go(func() {
			devices, err := openDevices(t.Context(), db, zerolog.Nop())
			if assert.NoError(t, err) {
				_, err = devices.all(t.Context())
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
}
