package whatsapp

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
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
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// world is a simulated network with the user's phone and a contact's.
type world struct {
	*simulator.Network
	me, bob *simulator.Phone
	config  Config
	files   *shelf
}

func newWorld(t *testing.T) *world {
	t.Helper()
	n, err := simulator.Start(simulator.Options{Seed: 7})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	w := &world{Network: n, files: &shelf{files: map[id.ContentURIString][]byte{}}}
	w.me, err = n.AddPhone(mine, "Me")
	require.NoError(t, err)
	w.bob, err = n.AddPhone(bobs, "Bob")
	require.NoError(t, err)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, n.CAPEM(), 0o600))
	root := n.RootKey()
	w.config = Config{FirstBackoff: 20 * time.Millisecond, MaxBackoff: 200 * time.Millisecond,
		Network: Network{Address: n.Address(), RootKey: hex.EncodeToString(root[:]), CAFile: ca}}
	return w
}

// strict fails the test if the bridge did anything that the network does not know.
func (w *world) strict(t *testing.T) {
	t.Helper()
	for _, v := range w.Violations() {
		t.Errorf("violation of %q in %s: %s", v.Device, v.Class, v.Detail)
	}
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
		require.Eventually(t, func() bool { return db.RawDB.Stats().OpenConnections == 0 }, 2*time.Minute, 5*time.Millisecond)
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

func (b *bridge) decide(_ context.Context, e queue.Entry) (queue.Settle, error) {
	return func(ctx context.Context) error {
		if e.Kind == inbox.KindPairing {
			var p inbox.Pairing
			if err := json.Unmarshal(e.Payload, &p); err != nil {
				return err
			}
			if p.Step == inbox.PairingDone {
				if err := b.putLogin(ctx, p); err != nil {
					return err
				}
			}
		}
		if e.Kind == inbox.KindLoginChanged {
			var l inbox.LoginChanged
			if err := json.Unmarshal(e.Payload, &l); err != nil {
				return err
			}
			if l.State != "" {
				row := database.Login{ID: l.Login, State: l.State, StateDetail: l.Detail, StateSince: l.At, RetryAt: l.Retry}
				if err := b.db.SetLoginState(ctx, row); err != nil {
					return err
				}
				if l.State == database.StateLoggedOut {
					if err := b.out.Provide(ctx, outbox.ConnectionOf(l.Login)); err != nil {
						return err
					}
				}
			}
		}
		if err := b.follow(ctx, e); err != nil {
			return err
		}
		b.db.AfterCommit(ctx, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.arrived = append(b.arrived, e)
			b.signal()
		})
		return nil
	}, nil
}

// follow notes which messages are awaited and which have come, and has the phone asked at once.
func (b *bridge) follow(ctx context.Context, e queue.Entry) error {
	var in struct {
		Login database.LoginID
		Info  types.MessageInfo
	}
	if e.Kind != inbox.KindUndecryptable && e.Kind != inbox.KindWhatsAppMessage {
		return nil
	} else if err := json.Unmarshal(e.Payload, &in); err != nil {
		return err
	}
	portal, err := b.db.EnsurePortal(ctx, inbox.Receiver(in.Login, in.Info.Chat), inbox.ChatNames(in.Info)...)
	if err != nil {
		return err
	}
	sender, err := b.db.PuppetByJID(ctx, in.Info.Sender.ToNonAD())
	if errors.Is(err, database.ErrNotFound) {
		sender, err = b.db.AddPuppet(ctx, database.Puppet{UserID: id.UserID("@whatsapp_lid-" + in.Info.Sender.User + ":example.com"), LID: in.Info.Sender.ToNonAD()})
	}
	if err != nil {
		return err
	}
	key := database.MessageKey{Portal: portal.ID, ID: in.Info.ID, Sender: sender.ID}
	if e.Kind == inbox.KindWhatsAppMessage {
		if _, err = b.db.TakeAwaited(ctx, key); errors.Is(err, database.ErrNotFound) {
			return nil
		}
		return err
	}
	if _, err := b.db.AddAwaited(ctx, database.Awaited{MessageKey: key, Since: in.Info.Timestamp}); err != nil {
		return err
	}
	return b.out.RequestMessage(ctx, time.Time{}, outbox.RequestMessage{Login: in.Login, Chat: in.Info.Chat, Sender: in.Info.Sender.ToNonAD(), Message: key})
}

func (b *bridge) putLogin(ctx context.Context, p inbox.Pairing) error {
	puppet, err := b.db.PuppetByJID(ctx, p.Account.PN)
	if err != nil {
		puppet, err = b.db.AddPuppet(ctx, database.Puppet{UserID: id.UserID("@whatsapp_" + string(p.Account.Login) + ":example.com"),
			LID: p.Account.LID, PN: p.Account.PN})
	}
	if err != nil {
		return err
	}
	return b.db.PutLogin(ctx, database.Login{ID: p.Account.Login, User: p.User, Puppet: puppet.ID, Device: p.Account.Device,
		State: database.StateConnecting, StateSince: time.Now()})
}

func (b *bridge) rejected(ctx context.Context, _ queue.Entry, r *queue.Reject) error {
	b.db.AfterCommit(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reject = append(b.reject, *r)
		b.signal()
	})
	return nil
}

// signal wakes whoever waits. The lock is held.
func (b *bridge) signal() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// until waits until a condition holds, looking again whenever something has arrived or was refused.
func (b *bridge) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx := limit(t)
	for {
		b.mu.Lock()
		ok, changed := holds(), b.changed
		b.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			require.Fail(t, "waited in vain for "+what, "arrived: %s", b.kinds())
		}
	}
}

func (b *bridge) kinds() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for _, e := range b.arrived {
		list = append(list, e.Kind+" "+e.Key)
	}
	return list
}

// all returns what has arrived of a kind. The lock is not held.
func all[T any](t *testing.T, b *bridge, kind string) []T {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	return decode[T](t, b, kind)
}

func decode[T any](t *testing.T, b *bridge, kind string) []T {
	t.Helper()
	var list []T
	for _, e := range b.arrived {
		if e.Kind == kind {
			var v T
			require.NoError(t, json.Unmarshal(e.Payload, &v))
			list = append(list, v)
		}
	}
	return list
}

// await waits for the first arrival of a kind that matches, and returns it.
func await[T any](t *testing.T, b *bridge, kind string, match func(T) bool) T {
	t.Helper()
	var found T
	b.until(t, kind, func() bool {
		list := decode[T](t, b, kind)
		i := slices.IndexFunc(list, match)
		if i >= 0 {
			found = list[i]
		}
		return i >= 0
	})
	return found
}

func (b *bridge) step(t *testing.T, flow string, step inbox.PairingStep) inbox.Pairing {
	t.Helper()
	return await(t, b, inbox.KindPairing, func(p inbox.Pairing) bool { return p.Flow == flow && p.Step == step })
}

// state waits for the nth report of a state.
func (b *bridge) state(t *testing.T, state database.LoginState, nth int) inbox.LoginChanged {
	t.Helper()
	var n int
	return await(t, b, inbox.KindLoginChanged, func(l inbox.LoginChanged) bool {
		if l.State == state {
			n++
		}
		return l.State == state && n == nth
	})
}

func (b *bridge) message(t *testing.T, wanted string) inbox.WhatsAppMessage {
	t.Helper()
	return await(t, b, inbox.KindWhatsAppMessage, func(m inbox.WhatsAppMessage) bool { return m.Info.ID == wanted })
}

// texts lists the texts that were journaled, in order.
func (b *bridge) texts(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, m := range all[inbox.WhatsAppMessage](t, b, inbox.KindWhatsAppMessage) {
		list = append(list, textOf(t, m))
	}
	return list
}

func textOf(t *testing.T, m inbox.WhatsAppMessage) string {
	t.Helper()
	var content waE2E.Message
	require.NoError(t, proto.Unmarshal(m.Message, &content))
	if content.Conversation != nil {
		return content.GetConversation()
	}
	return content.GetExtendedTextMessage().GetText()
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

// say lets bob write to the user, and returns the message's ID.
func (w *world) say(t *testing.T, text string) string {
	t.Helper()
	secret := make([]byte, 32) // the key for later edits and votes; real phones send one with every message
	sent, err := w.bob.Send(limit(t), simulator.Outgoing{Chat: mine, Message: &waE2E.Message{Conversation: proto.String(text),
		MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: secret}}})
	require.NoError(t, err)
	return sent.ID
}

// hears waits until bob's phone has a message.
func (w *world) hears(t *testing.T, messageID string) simulator.Message {
	t.Helper()
	m, err := w.bob.WaitMessage(limit(t), func(m simulator.Message) bool { return m.ID == messageID })
	require.NoError(t, err)
	return m
}

// receipted waits until bob's phone has the bridge's receipt of a message.
func (w *world) receipted(t *testing.T, messageID string) {
	t.Helper()
	_, err := w.bob.WaitReceipt(limit(t), func(r simulator.Receipt) bool { return slices.Contains(r.IDs, messageID) && r.From.Device > 0 })
	require.NoError(t, err)
}

// tokened waits until the bridge has asked for the privacy token that goes with the first message to somebody. Two
// questions that lose their connection at once race for a flag in go.mau.fi/util/exsync, harmlessly, but the race
// detector sees it.
func (b *bridge) tokened(t *testing.T) {
	t.Helper()
	_, err := b.w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Class == "iq privacy set tokens" })
	require.NoError(t, err)
}

// settled waits until the bridge has acknowledged everything.
func (w *world) settled(t *testing.T, device string) {
	t.Helper()
	_, err := w.WaitEvent(limit(t), func(simulator.Event) bool {
		s := w.Stats()[device]
		return s.Unacknowledged == 0 && s.Queued == 0
	})
	require.NoError(t, err, "%+v", w.Stats()[device])
}
