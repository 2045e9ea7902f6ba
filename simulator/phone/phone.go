// Package phone is a simulated WhatsApp phone: the primary device of an account. It holds real Signal keys, so it encrypts for
// every device of a chat, decrypts what companions and other phones send, answers with receipts, asks again for what it cannot
// decrypt, sends again what others could not, and links companions.
package phone

import (
	"context"
	"fmt"
	"sync"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/attachment"
	"causeway/simulator/journal"
	"causeway/simulator/server"
	"causeway/simulator/settings"
	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types"
)

const (
	// preKeys is how many one-time prekeys a phone leaves with the server.
	preKeys = 20
	// transcriptSize bounds what a phone shows of its past, sentSize what it can send again.
	transcriptSize = 100_000
	sentSize       = 10_000
)

// ErrOffline says that the phone is switched off.
var ErrOffline = fmt.Errorf("%w: the phone is switched off", account.ErrRefused)

// Phone is one account's primary device.
type Phone struct {
	number  string
	pn, lid types.JID
	network *server.Server
	cipher  *signal.Cipher
	book    *settings.Book
	inbox   inbox

	// sending keeps the order of encryption and posting the same.
	sending sync.Mutex
	outbox  outbox

	mu    sync.Mutex
	state state
}

// state is what the lock guards.
type state struct {
	autoDeliver bool
	transcript  journal.List[Message]
	receipts    journal.List[Receipt]
	contents    map[contentKey][32]byte
	asked       map[contentKey]int
	files       map[string]attachment.File
	mediaRetry  MediaRetry
}

// Options of a new phone.
type Options struct {
	// Number in digits, with the country code.
	Number string
	// Name is the push name, About the about text.
	Name, About string
}

// New opens an account with its phone, switched on.
func New(network *server.Server, o Options) (*Phone, error) {
	if err := account.Digits(o.Number); err != nil {
		return nil, err
	}
	pn, lid := types.NewJID(o.Number, types.DefaultUserServer), network.LID(o.Number)
	p := &Phone{number: o.Number, pn: pn, lid: lid, network: network, cipher: signal.NewCipher(pn, lid), book: settings.NewBook(o.Number, network), outbox: newOutbox(),
		state: state{autoDeliver: true, transcript: *journal.NewList[Message](transcriptSize), receipts: *journal.NewList[Receipt](transcriptSize),
			contents: map[contentKey][32]byte{}, asked: map[contentKey]int{}, files: map[string]attachment.File{}}}
	p.inbox.cond = sync.NewCond(&p.inbox.mu)
	p.inbox.online = true
	if err := network.AddAccount(o.Number, o.Name, o.About, p, p.cipher.Bundle()); err != nil {
		return nil, err
	}
	if err := p.offer(context.Background(), preKeys); err != nil {
		return nil, err
	}
	if err := p.book.Begin(context.Background()); err != nil {
		return nil, err
	}
	if err := p.shareName(context.Background(), o.Name); err != nil {
		return nil, err
	}
	go p.work()
	return p, nil
}

// Number is the phone's number in digits.
func (p *Phone) Number() string { return p.number }

// JID is the account by phone number.
func (p *Phone) JID() types.JID { return p.pn }

// LID is the account's hidden identity.
func (p *Phone) LID() types.JID { return p.lid }

func (p *Phone) offer(ctx context.Context, count int) error {
	var keys []signal.PreKey
	for range count {
		key, err := p.cipher.NewPreKey(ctx)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	return p.network.Offer(p.number, keys)
}

// inbox queues what the server hands over.
type inbox struct {
	mu     sync.Mutex
	cond   *sync.Cond
	queue  []arrival
	online bool
	closed bool
}

type arrival struct {
	stanza wire.Node
	repeat bool
}

// Deliver takes a stanza from the server (account.Endpoint). Live signs are lost while the phone is switched off.
func (p *Phone) Deliver(stanza wire.Node, repeat bool) {
	p.inbox.mu.Lock()
	defer p.inbox.mu.Unlock()
	if !p.inbox.online && (stanza.Tag == "chatstate" || stanza.Tag == "presence") {
		return
	}
	p.inbox.queue = append(p.inbox.queue, arrival{stanza, repeat})
	p.inbox.cond.Broadcast()
}

// SetOnline switches the phone on or off. What comes while it is off is worked on when it is on again.
func (p *Phone) SetOnline(on bool) {
	p.inbox.mu.Lock()
	defer p.inbox.mu.Unlock()
	p.inbox.online = on
	p.inbox.cond.Broadcast()
}

// Online says whether the phone is switched on.
func (p *Phone) Online() bool {
	p.inbox.mu.Lock()
	defer p.inbox.mu.Unlock()
	return p.inbox.online
}

// SetAutoDeliver decides whether the phone sends delivery receipts by itself.
func (p *Phone) SetAutoDeliver(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.autoDeliver = on
}

// Rename changes the push name and the about text; nil leaves either.
func (p *Phone) Rename(ctx context.Context, name, about *string) error {
	if err := p.network.Rename(p.number, name, about); err != nil || name == nil {
		return err
	}
	return p.shareName(ctx, *name)
}

// shareName writes the push name into the settings that companions share.
func (p *Phone) shareName(ctx context.Context, name string) error {
	return p.book.Change(ctx, appstate.BuildSettingPushName(name))
}

// Close stops the phone for good.
func (p *Phone) Close() {
	p.inbox.mu.Lock()
	defer p.inbox.mu.Unlock()
	p.inbox.closed = true
	p.inbox.cond.Broadcast()
}

func (p *Phone) work() {
	for {
		p.inbox.mu.Lock()
		for !p.inbox.closed && (!p.inbox.online || len(p.inbox.queue) == 0) {
			p.inbox.cond.Wait()
		}
		if p.inbox.closed {
			p.inbox.mu.Unlock()
			return
		}
		next := p.inbox.queue[0]
		p.inbox.queue[0] = arrival{}
		p.inbox.queue = p.inbox.queue[1:]
		p.inbox.mu.Unlock()
		p.take(next)
	}
}

func (p *Phone) take(a arrival) {
	switch a.stanza.Tag {
	case "message":
		p.receive(&a.stanza, a.repeat)
	case "notification":
		p.notified(&a.stanza)
	case "receipt":
		p.noteReceipt(&a.stanza)
		switch wire.Text(&a.stanza, "type") {
		case "retry":
			p.sendAgain(&a.stanza)
		case "server-error":
			p.serveAgain(&a.stanza)
		}
	}
}

// Unlink removes a companion.
func (p *Phone) Unlink(device uint16) error { return p.network.Unlink(p.number, device) }

// Typing shows in a chat that the owner types (composing or paused); media is "" or audio.
func (p *Phone) Typing(chat, typing, media string) error {
	to, _, err := p.network.Resolve(chat)
	if err != nil {
		return err
	}
	if typing != "composing" && typing != "paused" || media != "" && media != "audio" && media != "text" {
		return fmt.Errorf("%w typing state %q %q", account.ErrInvalid, typing, media)
	}
	child := wire.Node{Tag: typing}
	if media == "audio" {
		child.Attrs = wire.Attrs{"media": media}
	}
	return p.network.Post(p.number, wire.Node{Tag: "chatstate", Attrs: wire.Attrs{"to": to}, Content: []wire.Node{child}}, time.Now())
}

// Presence tells subscribers that the account is online, or not since a time (zero: hidden).
func (p *Phone) Presence(online bool, last time.Time) error {
	return p.network.Announce(p.number, online, last)
}
