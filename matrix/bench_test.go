package matrix_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/matrix"
	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator/homeserver"
)

const (
	alice = id.UserID("@alice:test.local")
	bob   = id.UserID("@bob:test.local")
	bot   = id.UserID("@whatsappbot:test.local")
	carol = id.UserID("@whatsapp_15550101:test.local") // a contact
	dave  = id.UserID("@whatsapp_lid-77:test.local")   // another
	own   = id.UserID("@whatsapp_15550100:test.local") // alice's own account

	aliceLogin = database.LoginID("15550100")
)

// bench is the Matrix edge between a null homeserver and a database.
type bench struct {
	t      *testing.T
	hs     *homeserver.Homeserver
	cfg    matrix.Config
	db     *database.DB
	in     *inbox.Inbox
	out    *outbox.Outbox
	sender *matrix.Sender
	server *matrix.Server
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchWith(t, homeserver.Options{})
}

func newBenchWith(t *testing.T, opts homeserver.Options) *bench {
	t.Helper()
	hs, err := homeserver.Start(opts)
	require.NoError(t, err)
	t.Cleanup(hs.Close)
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "causeway.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	b := &bench{t: t, hs: hs, db: db, in: inbox.New(db, bot), out: outbox.New(db)}
	b.cfg = matrix.Config{
		Homeserver: hs.URL(), Domain: "test.local", Address: "http://localhost:29318", AppServiceID: "whatsapp",
		ASToken: "as-token", HSToken: "hs-token", Bot: bot, BotName: "WhatsApp bridge", GhostPrefix: "whatsapp_",
	}
	b.sender = b.newSender()
	b.server = matrix.NewServer(b.cfg, b.in, db, zerolog.Nop())
	for _, user := range []id.UserID{alice, bob} {
		hs.AddUser(user.Localpart())
	}
	return b
}

func (b *bench) newSender() *matrix.Sender {
	b.t.Helper()
	return b.newSenderWith(nil, 1)
}

func (b *bench) newSenderWith(from matrix.Downloads, limit int64) *matrix.Sender {
	b.t.Helper()
	depot, err := media.Open(media.Options{Dir: b.t.TempDir(), Limit: limit})
	require.NoError(b.t, err)
	files, err := matrix.NewFiles(b.cfg)
	require.NoError(b.t, err)
	sender, err := matrix.NewSender(b.cfg, b.db, b.out, matrix.Media{Depot: depot, Files: files, From: from, Lost: b.in, Offer: "The phone may have it."}, zerolog.Nop())
	require.NoError(b.t, err)
	return sender
}

// serve lets the homeserver push to the bridge.
func (b *bench) serve() {
	b.t.Helper()
	listener, err := matrix.Listen(b.t.Context(), "127.0.0.1:0")
	require.NoError(b.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.server.Serve(ctx, listener) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
	b.hs.PushTo("http://" + listener.Addr().String())
}

// context ends long before the test would be killed.
func (b *bench) context() context.Context {
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Minute)
	b.t.Cleanup(cancel)
	return ctx
}

func (b *bench) puppet(user id.UserID, name, pn string) database.Puppet {
	b.t.Helper()
	p := database.Puppet{UserID: user, Name: name}
	if pn != "" {
		p.PN = types.NewJID(pn, types.DefaultUserServer)
	}
	p, err := b.db.AddPuppet(b.t.Context(), p)
	require.NoError(b.t, err)
	return p
}

// login links an account to alice.
func (b *bench) login() database.Login {
	b.t.Helper()
	me := b.puppet(own, "Alice (WhatsApp)", "15550100")
	l := database.Login{ID: aliceLogin, User: alice, Puppet: me.ID, Device: types.NewJID("15550100", types.DefaultUserServer), State: database.StateConnected}
	require.NoError(b.t, b.db.PutLogin(b.t.Context(), l))
	return l
}

// direct adds alice's chat with carol, whose puppet is returned too.
func (b *bench) direct() (database.Portal, database.Puppet) {
	b.t.Helper()
	login := b.login()
	contact := b.puppet(carol, "Carol", "15550101")
	p, err := b.db.EnsurePortal(b.t.Context(), login.ID, contact.PN)
	require.NoError(b.t, err)
	require.NoError(b.t, b.db.SetPortalOther(b.t.Context(), p.ID, contact.ID))
	_, err = b.db.AddPortalLogin(b.t.Context(), p.ID, login.ID)
	require.NoError(b.t, err)
	return b.portal(p.ID), contact
}

// group adds a group that alice is in.
func (b *bench) group() database.Portal {
	b.t.Helper()
	login := b.login()
	p, err := b.db.EnsurePortal(b.t.Context(), "", types.NewJID("120363", types.GroupServer))
	require.NoError(b.t, err)
	require.NoError(b.t, b.db.SetPortalDetails(b.t.Context(), p.ID, "Rowing club", "We row"))
	_, err = b.db.AddPortalLogin(b.t.Context(), p.ID, login.ID)
	require.NoError(b.t, err)
	return b.portal(p.ID)
}

func (b *bench) portal(p database.PortalID) database.Portal {
	b.t.Helper()
	portal, err := b.db.PortalByID(b.t.Context(), p)
	require.NoError(b.t, err)
	return portal
}

// message reserves a pair.
func (b *bench) message(portal database.PortalID, sender database.PuppetID, waID types.MessageID) database.MessageKey {
	b.t.Helper()
	key := database.MessageKey{Portal: portal, Sender: sender, ID: waID}
	_, err := b.db.AddMessage(b.t.Context(), database.Message{MessageKey: key, Sent: time.UnixMilli(1_700_000_000_000)})
	require.NoError(b.t, err)
	return key
}

func (b *bench) eventOf(key database.MessageKey) id.EventID {
	b.t.Helper()
	m, err := b.db.MessageByKey(b.t.Context(), key)
	require.NoError(b.t, err)
	return m.Event
}

// entry is an action as the worker hands it over for the first time.
func (b *bench) entry(kind string, action any) queue.Entry {
	b.t.Helper()
	payload, err := json.Marshal(action)
	require.NoError(b.t, err)
	return queue.Entry{Kind: kind, Payload: payload, Added: time.Now().Add(time.Hour)}
}

// do carries an action out and settles it.
func (b *bench) do(kind string, action any) error {
	b.t.Helper()
	return b.doEntry(b.entry(kind, action))
}

func (b *bench) doEntry(e queue.Entry) error {
	b.t.Helper()
	settle, err := b.sender.Perform(b.context(), e)
	if err == nil && settle != nil {
		require.NoError(b.t, b.db.Write(b.t.Context(), settle))
	}
	return err
}

// text is a text message of a ghost.
func text(portal database.PortalID, as id.UserID, txn, body string, key *database.MessageKey) outbox.SendEvent {
	content, _ := json.Marshal(map[string]string{"msgtype": "m.text", "body": body})
	return outbox.SendEvent{Portal: portal, As: as, Type: "m.room.message", Txn: txn, Content: content, Message: key}
}

// gate lets events through to the inbox only when it is open.
type gate struct {
	next matrix.Arrivals

	mu     sync.Mutex
	closed bool
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
}

func (g *gate) AddMatrix(ctx context.Context, events, ephemeral []json.RawMessage) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errors.New("the disk is full")
	}
	return g.next.AddMatrix(ctx, events, ephemeral)
}
