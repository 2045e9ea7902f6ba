package whatsapp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"

	"causeway/crashpoint"
	"causeway/database"
)

// outgoingPause is how often old entries are removed from the memory of sent messages.
const outgoingPause = 12 * time.Hour

// errPanicked stands for the error of a decryption that panicked, which no repeat would mend.
var errPanicked = errors.New("decrypting panicked")

// storageError marks a failure of the database on the way of a message. To whatsmeow it looks like a cancelled context,
// the only error on which it neither acknowledges the message nor asks its sender for another copy: the message is
// delivered again on the next connection (see DESIGN.md).
type storageError struct{ cause error }

func (e *storageError) Error() string { return "store: " + e.cause.Error() }

func (e *storageError) Unwrap() []error { return []error{context.Canceled, e.cause} }

// Context keys of the two ways through the store on which a failure must not be passed over.
type (
	decryptingKey struct{} // set while a message is being decrypted
	sendingKey    struct{} // holds the context.CancelCauseFunc of the send
)

// accountStore is the session store of one account: whatsmeow's own with its failures made known, its transactions
// shared with those of others, and Signal sessions guarded against two writers.
type accountStore struct {
	*sqlstore.SQLStore

	db     *database.DB
	failed func(error) // the connection must be renewed: a message on it was not stored

	incomplete atomic.Bool // something that came with a message could not be stored
	sessions   sessionGuard

	outgoing sync.Mutex
	tidied   time.Time // when old sent messages were last removed
}

func newAccountStore(db *database.DB, container *sqlstore.Container, jid types.JID, failed func(error)) *accountStore {
	return &accountStore{SQLStore: sqlstore.NewSQLStore(container, jid), db: db, failed: failed}
}

// note makes an error of the database known to whoever must not pass over it.
func (a *accountStore) note(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cancel, ok := ctx.Value(sendingKey{}).(context.CancelCauseFunc); ok {
		// Otherwise whatsmeow leaves out the devices that it could not encrypt for, and sends the rest.
		cancel(err)
	}
	if ctx.Value(decryptingKey{}) != nil {
		return &storageError{err}
	}
	return err
}

// noteIncomplete is note for what whatsmeow stores beside a message and goes on without: the message itself is then
// refused, so that all of it comes again.
func (a *accountStore) noteIncomplete(ctx context.Context, err error) error {
	if err != nil {
		a.incomplete.Store(true)
	}
	return a.note(ctx, err)
}

// takeIncomplete reports whether something that came with a message could not be stored since the last call.
func (a *accountStore) takeIncomplete() bool { return a.incomplete.Swap(false) }

// DoDecryptionTxn implements store.EventBuffer. Several accounts may share the transaction, so fn may run twice.
func (a *accountStore) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	a.sessions.Lock()
	defer a.sessions.Unlock()
	var inner error
	err := a.db.Write(ctx, func(ctx context.Context) error {
		// The context may be another writer's, whose values are not ours; so the mark is set in here.
		inner = errPanicked
		inner = fn(context.WithValue(ctx, decryptingKey{}, true))
		return inner
	})
	if err == nil {
		return nil
	}
	_, storage := errors.AsType[*storageError](inner)
	if inner != nil && !storage {
		return err // Signal's business: the sender is asked again
	}
	return a.unstored(ctx, err)
}

// unstored makes known that a message could not be stored.
func (a *accountStore) unstored(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		a.failed(err)
	}
	return &storageError{err}
}

// errBroken says that an earlier message on the same connection could not be stored.
var errBroken = errors.New("an earlier message could not be stored")

// GetBufferedEvent implements store.EventBuffer. whatsmeow calls it first with every message.
func (a *accountStore) GetBufferedEvent(ctx context.Context, hash [32]byte) (*store.BufferedEvent, error) {
	if l, ok := ctx.Value(linkKey{}).(*link); ok && l.broken.Load() {
		return nil, &storageError{errBroken}
	}
	event, err := a.SQLStore.GetBufferedEvent(ctx, hash)
	if err != nil {
		return nil, a.unstored(ctx, err)
	}
	return event, nil
}

// PutBufferedEvent implements store.EventBuffer.
func (a *accountStore) PutBufferedEvent(ctx context.Context, hash [32]byte, plaintext []byte, sent time.Time) error {
	return a.note(ctx, a.SQLStore.PutBufferedEvent(ctx, hash, plaintext, sent))
}

// ClearBufferedEventPlaintext implements store.EventBuffer. It shares its commit with other writers.
func (a *accountStore) ClearBufferedEventPlaintext(ctx context.Context, hash [32]byte) error {
	return a.db.Write(ctx, func(ctx context.Context) error { return a.SQLStore.ClearBufferedEventPlaintext(ctx, hash) })
}

// DeleteOldOutgoingEvents implements store.EventBuffer. whatsmeow calls it with every message.
func (a *accountStore) DeleteOldOutgoingEvents(ctx context.Context) error {
	a.outgoing.Lock()
	defer a.outgoing.Unlock()
	if time.Since(a.tidied) < outgoingPause {
		return nil
	}
	if err := a.SQLStore.DeleteOldOutgoingEvents(ctx); err != nil {
		return err
	}
	a.tidied = time.Now()
	return nil
}

// PutIdentity implements store.IdentityStore.
func (a *accountStore) PutIdentity(ctx context.Context, address string, key [32]byte) error {
	return a.note(ctx, a.SQLStore.PutIdentity(ctx, address, key))
}

// DeleteIdentity implements store.IdentityStore.
func (a *accountStore) DeleteIdentity(ctx context.Context, address string) error {
	return a.note(ctx, a.SQLStore.DeleteIdentity(ctx, address))
}

// IsTrustedIdentity implements store.IdentityStore.
func (a *accountStore) IsTrustedIdentity(ctx context.Context, address string, key [32]byte) (bool, error) {
	trusted, err := a.SQLStore.IsTrustedIdentity(ctx, address, key)
	return trusted, a.note(ctx, err)
}

// GetSession implements store.SessionStore.
func (a *accountStore) GetSession(ctx context.Context, address string) ([]byte, error) {
	session, err := a.SQLStore.GetSession(ctx, address)
	return session, a.note(ctx, err)
}

// HasSession implements store.SessionStore.
func (a *accountStore) HasSession(ctx context.Context, address string) (bool, error) {
	has, err := a.SQLStore.HasSession(ctx, address)
	return has, a.note(ctx, err)
}

// PutSession implements store.SessionStore.
func (a *accountStore) PutSession(ctx context.Context, address string, session []byte) error {
	a.sessions.moved(address)
	if ctx.Value(decryptingKey{}) != nil {
		before, err := a.SQLStore.GetSession(ctx, address)
		if err != nil {
			return a.note(ctx, err)
		}
		// What cannot be read cannot be mended, and is nobody's session either.
		if mended, err := mend(before, session); err == nil {
			session = mended
		}
	}
	return a.note(ctx, a.SQLStore.PutSession(ctx, address, session))
}

// DeleteSession implements store.SessionStore.
func (a *accountStore) DeleteSession(ctx context.Context, address string) error {
	a.sessions.moved(address)
	return a.note(ctx, a.SQLStore.DeleteSession(ctx, address))
}

// GetManySessions implements store.SessionStore. whatsmeow calls it when it starts to encrypt a message. It waits for a
// message that is being decrypted: that one's sessions have moved already and are not to be seen before it is durable.
func (a *accountStore) GetManySessions(ctx context.Context, addresses []string) (map[string][]byte, error) {
	a.sessions.Lock()
	defer a.sessions.Unlock()
	a.sessions.watch(addresses)
	sessions, err := a.SQLStore.GetManySessions(ctx, addresses)
	if _, sending := ctx.Value(sendingKey{}).(context.CancelCauseFunc); sending && err == nil {
		a.sessions.need(sessions)
	}
	return sessions, err
}

// PutManySessions implements store.SessionStore. whatsmeow calls it when it has encrypted a message, before it sends it.
func (a *accountStore) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	a.sessions.Lock()
	defer a.sessions.Unlock()
	if err := a.sessions.settle(); err != nil {
		return err
	}
	if err := a.sessions.leftOut(sessions); err != nil {
		return err
	}
	if err := a.SQLStore.PutManySessions(ctx, sessions); err != nil {
		return a.note(ctx, err)
	}
	crashpoint.Pass(crashpoint.WhatsAppEncrypted)
	return nil
}

// GetPrivacyToken implements store.PrivacyTokenStore. whatsmeow calls it just before it sends a direct message. When that was
// encrypted for nobody at all, PutManySessions was not called, and this is where to stop it.
func (a *accountStore) GetPrivacyToken(ctx context.Context, user types.JID) (*store.PrivacyToken, error) {
	if cancel, ok := ctx.Value(sendingKey{}).(context.CancelCauseFunc); ok {
		if err := a.sessions.leftOut(nil); err != nil {
			cancel(err)
			return nil, err
		}
	}
	return a.SQLStore.GetPrivacyToken(ctx, user)
}

// GetPreKey implements store.PreKeyStore.
func (a *accountStore) GetPreKey(ctx context.Context, id uint32) (*keys.PreKey, error) {
	key, err := a.SQLStore.GetPreKey(ctx, id)
	return key, a.note(ctx, err)
}

// RemovePreKey implements store.PreKeyStore.
func (a *accountStore) RemovePreKey(ctx context.Context, id uint32) error {
	return a.note(ctx, a.SQLStore.RemovePreKey(ctx, id))
}

// PutSenderKey implements store.SenderKeyStore. whatsmeow passes over its errors when the key came with a message.
func (a *accountStore) PutSenderKey(ctx context.Context, group, user string, key []byte) error {
	return a.noteIncomplete(ctx, a.SQLStore.PutSenderKey(ctx, group, user, key))
}

// GetSenderKey implements store.SenderKeyStore.
func (a *accountStore) GetSenderKey(ctx context.Context, group, user string) ([]byte, error) {
	key, err := a.SQLStore.GetSenderKey(ctx, group, user)
	return key, a.note(ctx, err)
}

// maxSecretID is the length in bytes of a message's ID above which its secret is not kept: the message will be a dead letter, and
// Postgres could not index it (its limit is a third of a page).
const maxSecretID = 255

// PutMessageSecret implements store.MsgSecretStore. whatsmeow passes over its errors.
func (a *accountStore) PutMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	if len(id) > maxSecretID {
		return nil
	}
	return a.noteIncomplete(ctx, a.SQLStore.PutMessageSecret(ctx, chat, sender, id, secret))
}
