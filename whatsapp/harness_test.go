package whatsapp

import (
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator"
)

const (
	mine = "491700000001"
	bobs = "491700000002"
	anna = id.UserID("@anna:example.com")
)

// TestMain sets what is global in whatsmeow once, before any test runs in parallel.
func TestMain(m *testing.M) {
	simulator.Trust()
	root := simulator.RootKey()
	network := Network{Address: "127.0.0.1:1", RootKey: hex.EncodeToString(root[:]), CAFile: "unused"}
	if err := SetGlobals(Config{OSName: "Causeway test", Network: network}); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// limit bounds every wait of a test.
func limit(t *testing.T) context.Context {
	t.Helper()
	end := time.Now().Add(2 * time.Minute)
	if last, ok := t.Deadline(); ok && last.Add(-10*time.Second).Before(end) {
		end = last.Add(-10 * time.Second) // what is waited for in vain shall fail the test, not end the program
	}
	ctx, cancel := context.WithDeadline(context.Background(), end)
	t.Cleanup(cancel)
	return ctx
}

// bridge is the edge with a database, and deciders that only remember what arrived and write login rows.
type bridge struct {
	*Sessions
	w   *world
	db  *database.DB
	in  *inbox.Inbox
	out *outbox.Outbox

	mu      sync.Mutex
	arrived []queue.Entry
	reject  []queue.Reject
	changed chan struct{}
	stop    func()
}

// Stop ends the bridge as the end of its process does.
func (b *bridge) Stop() { b.stop() }

func newBridge(t *testing.T, w *world) *bridge {
	t.Helper()
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bridge.db"))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, db.Close())
		// A query of whatsmeow's that is still running keeps its connection, and the file, a little longer.
		require.Eventually(t, func() bool { return db.RawDB.Stats().OpenConnections == 0 }, time.Minute, 5*time.Millisecond)
	})
	return startBridge(t, w, db)
}

// startBridge starts the edge on a database, as a new process does.
func startBridge(t *testing.T, w *world, db *database.DB) *bridge {
	t.Helper()
	log := zerolog.Nop()
	if os.Getenv("WHATSAPP_LOG") != "" {
		log = zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: "05.000"}).With().Timestamp().Logger()
	}
	b := &bridge{w: w, db: db, in: inbox.New(db, "@bot:example.com"), out: outbox.New(db), changed: make(chan struct{})}
	sessions, err := New(t.Context(), w.config, db, b.in, b.out, log)
	require.NoError(t, err)
	b.Sessions = sessions
	ctx, stop := context.WithCancel(context.Background())
	backoff := queue.Backoff{First: 20 * time.Millisecond, Most: 200 * time.Millisecond}
	var wg sync.WaitGroup
	depot, err := media.Open(media.Options{Dir: t.TempDir(), Limit: maxFile})
	require.NoError(t, err)
	sender := NewSender(sessions, Media{Depot: depot, From: w.files})
	for _, w := range []*queue.Worker{
		queue.NewWorker(db, b.in.Queue, queue.Options{Handle: b.decide, Backoff: backoff, Burst: 1, Lanes: 4, Poll: time.Second}, log),
		queue.NewWorker(db, b.out.Queue, queue.Options{Handle: sender.Perform, Backoff: backoff, Burst: 1, Lanes: 4, Kind: outbox.KindOf, Poll: time.Second,
			Rejected: b.rejected}, log),
	} {
		wg.Go(func() { _ = w.Run(ctx) })
	}
	require.NoError(t, sessions.Start(ctx))
	b.stop = func() {
		sessions.Stop()
		stop()
		wg.Wait()
	}
	t.Cleanup(b.stop)
	return b
}

// signal wakes whoever waits. The lock is held.
func (b *bridge) signal() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// login links the user's phone by QR code and waits until the login is connected and has fetched the phone's settings:
// whatsmeow does that in the background, with no regard to a session that ends meanwhile, which the race detector sees.
func (b *bridge) login(t *testing.T) {
	t.Helper()
	b.loginAs(t, anna, b.w.me, 1)
}

// loginAs is login for anybody. nth says which login of the bridge it is.
func (b *bridge) loginAs(t *testing.T, user id.UserID, phone *simulator.Phone, nth int) {
	t.Helper()
	flow := "login" + phone.Number()
	require.NoError(t, b.out.Pair(t.Context(), outbox.Pair{User: user, Flow: flow}))
	_, err := phone.ScanQR(limit(t), b.step(t, flow, inbox.PairingQR).Code)
	require.NoError(t, err)
	b.step(t, flow, inbox.PairingDone)
	b.state(t, database.StateConnected, nth)
	var fetched int
	_, err = b.w.WaitEvent(limit(t), func(e simulator.Event) bool {
		if e.Class == "iq w:sync:app:state set sync" && e.Device == phone.Number()+":1" {
			fetched++
		}
		return fetched == len(appstate.AllPatchNames)
	})
	require.NoError(t, err)
}

// send asks for a text to be sent to bob.
func (b *bridge) send(t *testing.T, messageID, text string) {
	t.Helper()
	b.sendTo(t, outbox.SendWhatsApp{Login: mine, Chat: b.w.bob.JID(), Message: database.MessageKey{Portal: 1, ID: messageID}}, text)
}

func (b *bridge) sendTo(t *testing.T, a outbox.SendWhatsApp, text string) {
	t.Helper()
	content, err := proto.Marshal(&waE2E.Message{Conversation: proto.String(text)})
	require.NoError(t, err)
	a.Content = content
	require.NoError(t, b.out.SendWhatsApp(t.Context(), a))
}

// tokened waits until the bridge has asked for the privacy token that goes with the first message to somebody. Two
// questions that lose their connection at once race for a flag in go.mau.fi/util/exsync (DESIGN.md, "The race detector").
func (b *bridge) tokened(t *testing.T) {
	t.Helper()
	_, err := b.w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Class == "iq privacy set tokens" })
	require.NoError(t, err)
}
