// Package mailbox keeps what the server owes to one companion device: stanzas that wait and stanzas in flight, in order, until
// they are acknowledged. At most a window of them is in flight; what was in flight when a connection ended comes again first.
package mailbox

import "causeway/simulator/wire"

// DefaultWindow is how many unacknowledged stanzas a device may have in flight. The client keeps order up to 2,048 unprocessed
// stanzas; beyond that it works on them in parallel.
const DefaultWindow = 500

// remembered is how many settled stanzas a box remembers, to tell a repeated acknowledgement from one of a stanza never sent.
const remembered = 10_000

// Item is a stanza with the number of times it was sent before.
type Item struct {
	Stanza wire.Node
	Sends  int
}

// Box is the mailbox of one device. It has no lock; the server that owns it has.
type Box struct {
	window  int
	waiting []Item
	flying  []Item
	settled map[string]struct{}
	order   []string
}

// New makes an empty box with a send window.
func New(window int) *Box { return &Box{window: window, settled: map[string]struct{}{}} }

// Acknowledged says whether stanzas with the tag are kept until they are acknowledged.
func Acknowledged(tag string) bool {
	return tag == "message" || tag == "receipt" || tag == "notification" || tag == "call"
}

// Push adds a stanza at the end.
func (b *Box) Push(stanza wire.Node) { b.waiting = append(b.waiting, Item{Stanza: stanza}) }

// Next takes the next stanza to send, if there is one and the window has room. Sends is 0 when it is sent for the first time.
func (b *Box) Next() (Item, bool) {
	if len(b.waiting) == 0 || len(b.flying) >= b.window {
		return Item{}, false
	}
	item := b.waiting[0]
	b.waiting[0] = Item{}
	b.waiting = b.waiting[1:]
	sent := item
	sent.Sends++
	b.flying = append(b.flying, sent)
	return item, true
}

// Rewind puts what is in flight back to the front: the connection ended, and nobody knows what arrived.
func (b *Box) Rewind() {
	b.waiting = append(append(make([]Item, 0, len(b.flying)+len(b.waiting)), b.flying...), b.waiting...)
	b.flying = nil
}

// Outcome is what an acknowledgement did.
type Outcome int

// Outcomes of Settle.
const (
	// Settled: the stanza was in flight and is done.
	Settled Outcome = iota
	// Repeated: the stanza was acknowledged before.
	Repeated
	// Unknown: no such stanza was ever sent to the device.
	Unknown
)

// Settle takes the acknowledgement of a stanza: its tag, and the attributes id, to and participant of the acknowledgement.
func (b *Box) Settle(tag string, ack *wire.Node) Outcome {
	id, to, participant := wire.Text(ack, "id"), wire.JID(ack, "to"), wire.JID(ack, "participant")
	found := -1
	for i, item := range b.flying {
		s := item.Stanza
		if s.Tag != tag || wire.Text(&s, "id") != id {
			continue
		}
		if found < 0 {
			found = i
		}
		if wire.JID(&s, "from") == to && wire.JID(&s, "participant") == participant && (tag != "receipt" || wire.Text(&s, "type") == wire.Text(ack, "type")) {
			found = i
			break
		}
	}
	key := tag + " " + id
	if found < 0 {
		if _, ok := b.settled[key]; ok || b.isWaiting(tag, id) {
			return Repeated
		}
		return Unknown
	}
	b.flying = append(b.flying[:found:found], b.flying[found+1:]...)
	b.remember(key)
	return Settled
}

// isWaiting tells whether a stanza is queued again: its acknowledgement crossed with the end of the connection.
func (b *Box) isWaiting(tag, id string) bool {
	for _, item := range b.waiting {
		if item.Sends > 0 && item.Stanza.Tag == tag && wire.Text(&item.Stanza, "id") == id {
			return true
		}
	}
	return false
}

func (b *Box) remember(key string) {
	if _, ok := b.settled[key]; ok {
		return
	}
	b.settled[key] = struct{}{}
	b.order = append(b.order, key)
	if len(b.order) > remembered {
		delete(b.settled, b.order[0])
		b.order = b.order[1:]
	}
}

// Waiting counts the stanzas that have not been sent on this connection.
func (b *Box) Waiting() int { return len(b.waiting) }

// Flying counts the stanzas that were sent and are not acknowledged.
func (b *Box) Flying() int { return len(b.flying) }

// Preview counts the waiting stanzas by tag.
func (b *Box) Preview() map[string]int {
	out := map[string]int{}
	for _, item := range b.waiting {
		out[item.Stanza.Tag]++
	}
	return out
}
