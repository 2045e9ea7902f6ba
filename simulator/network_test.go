package simulator_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"
	_ "modernc.org/sqlite"
)

const (
	mine   = "491700000001"
	bobs   = "491700000002"
	carols = "491700000003"
)

// TestMain sets what is global in whatsmeow once, before any test runs in parallel.
func TestMain(m *testing.M) {
	simulator.Trust()
	os.Exit(m.Run())
}

// limit bounds every wait of a test.
func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// world is a network with three phones.
type world struct {
	*simulator.Network
	me, bob, carol *simulator.Phone
}

func newWorld(t *testing.T) *world {
	t.Helper()
	n, err := simulator.Start(simulator.Options{Seed: 7})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	w := &world{Network: n}
	for number, p := range map[string]**simulator.Phone{mine: &w.me, bobs: &w.bob, carols: &w.carol} {
		*p, err = n.AddPhone(number, "name of "+number)
		require.NoError(t, err)
	}
	return w
}

// strict fails the test if a client did anything that the network does not know.
func (w *world) strict(t *testing.T) {
	t.Helper()
	for _, v := range w.Violations() {
		t.Errorf("violation of %q in %s: %s", v.Device, v.Class, v.Detail)
	}
}

// companion is a real whatsmeow client on a SQLite file.
type companion struct {
	*whatsmeow.Client
	w         *world
	container *sqlstore.Container

	mu      sync.Mutex
	arrived []any
	changed chan struct{}
	refuse  func(*events.Message) bool
}

func newCompanion(t *testing.T, w *world) *companion {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "wa.db")+
		"?_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(5000)&_txlock=immediate")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	container := sqlstore.NewWithDB(db, "sqlite3", waLog.Noop)
	require.NoError(t, container.Upgrade(t.Context()))
	c := &companion{w: w, container: container, changed: make(chan struct{})}
	c.fresh(t)
	t.Cleanup(func() {
		c.Disconnect()
		_ = container.Close()
	})
	return c
}

// fresh makes a new client object on the same store, as a restart does.
func (c *companion) fresh(t *testing.T) {
	t.Helper()
	device, err := c.container.GetFirstDevice(t.Context())
	require.NoError(t, err)
	log := waLog.Noop
	if os.Getenv("WASIM_LOG") != "" {
		log = waLog.Stdout(t.Name(), "DEBUG", false)
	}
	c.Client = whatsmeow.NewClient(device, log)
	c.SynchronousAck = true
	h := c.w.HTTPClient()
	c.SetPreLoginHTTPClient(h)
	c.SetWebsocketHTTPClient(h)
	c.SetMediaHTTPClient(h)
	c.AddEventHandlerWithSuccessStatus(c.handle)
}

func (c *companion) handle(event any) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := event.(*events.Message); ok && c.refuse != nil && c.refuse(m) {
		return false
	}
	c.arrived = append(c.arrived, event)
	close(c.changed)
	c.changed = make(chan struct{})
	return true
}

func (c *companion) setRefuse(f func(*events.Message) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = f
}

// forget drops the events so far.
func (c *companion) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived = nil
}

// await waits for an event of a type that matches; a nil match takes any.
func await[T any](t *testing.T, c *companion, match func(T) bool) T {
	t.Helper()
	ctx := limit(t)
	for {
		c.mu.Lock()
		var kinds []string
		for _, event := range c.arrived {
			if e, ok := event.(T); ok && (match == nil || match(e)) {
				c.mu.Unlock()
				return e
			}
			kinds = append(kinds, fmt.Sprintf("%T", event))
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			var none T
			require.FailNow(t, "no event", "want %T, have %v", none, kinds)
		}
	}
}

// message waits for a message with an ID and something in it.
func (c *companion) message(t *testing.T, id string) *events.Message {
	t.Helper()
	return await(t, c, func(m *events.Message) bool { return m.Info.ID == id && said(m.Message) != "" })
}

// said is the text of a message, or of the edit it is.
func said(m *waE2E.Message) string {
	for _, s := range []string{m.GetConversation(), m.GetExtendedTextMessage().GetText(),
		m.GetProtocolMessage().GetEditedMessage().GetConversation(), m.GetReactionMessage().GetText(), m.GetProtocolMessage().GetType().String()} {
		if s != "" && s != "REVOKE" || s == "REVOKE" && m.GetProtocolMessage() != nil {
			return s
		}
	}
	return ""
}

// count is how many messages with an ID arrived.
func (c *companion) count(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := 0
	for _, event := range c.arrived {
		if m, ok := event.(*events.Message); ok && m.Info.ID == id && said(m.Message) != "" {
			count++
		}
	}
	return count
}

func (c *companion) connect(t *testing.T) {
	t.Helper()
	c.forget()
	require.NoError(t, c.Connect())
	await[*events.Connected](t, c, nil)
}

// link connects and links by QR; the answer is the device number.
func (c *companion) link(t *testing.T, p *simulator.Phone) uint16 {
	t.Helper()
	require.NoError(t, c.Connect())
	qr := await[*events.QR](t, c, nil)
	device, err := p.ScanQR(limit(t), qr.Codes[0])
	require.NoError(t, err)
	await[*events.PairSuccess](t, c, nil)
	await[*events.Connected](t, c, nil)
	c.synced(t)
	_, err = c.w.WaitEvent(limit(t), func(simulator.Event) bool {
		s := c.w.Stats()[p.Number()+":"+fmt.Sprint(device)]
		return s.Queued == 0 && s.Unacknowledged == 0
	})
	require.NoError(t, err)
	return device
}

func text(s string) *waE2E.Message { return &waE2E.Message{Conversation: proto.String(s)} }

func (c *companion) say(t *testing.T, to types.JID, s string) whatsmeow.SendResponse {
	t.Helper()
	r, err := c.SendMessage(limit(t), to, text(s))
	require.NoError(t, err)
	return r
}

// hears waits for a message on a phone.
func hears(t *testing.T, p *simulator.Phone, id string) simulator.Message {
	t.Helper()
	m, err := p.WaitMessage(limit(t), func(m simulator.Message) bool { return m.ID == id })
	require.NoError(t, err)
	return m
}

func (w *world) send(t *testing.T, p *simulator.Phone, out simulator.Outgoing) simulator.Sent {
	t.Helper()
	s, err := p.Send(limit(t), out)
	require.NoError(t, err)
	return s
}

// fence makes the client's event goroutine see what the test did before. The library reads its cache of group members outside its
// lock when it sends, and changes it when a notification comes; the race detector cannot see that the network is in between.
func (c *companion) fence(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	c.mu.Unlock() //nolint:staticcheck // the order is the point
	sent := c.w.send(t, c.w.bob, simulator.Outgoing{Chat: mine, Text: "fence"})
	c.message(t, sent.ID)
}
