package phone

import (
	"time"

	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
)

// outbox is what a phone remembers of what it sent. The sending lock guards it.
type outbox struct {
	sent  map[string]sentMessage
	order []string
	// keyed are the devices that have the phone's sender key, by group.
	keyed map[types.JID]map[types.JID]struct{}
}

// sentMessage is kept to be sent again to a device that could not decrypt it.
type sentMessage struct {
	to   types.JID
	body *waE2E.Message
	node wire.Node
	// at is the message's timestamp.
	at time.Time
	// peer says that it was for own companions only, as it is.
	peer bool
}

func newOutbox() outbox {
	return outbox{sent: map[string]sentMessage{}, keyed: map[types.JID]map[types.JID]struct{}{}}
}

func (o *outbox) remember(id string, m sentMessage) {
	if _, ok := o.sent[id]; !ok {
		o.order = append(o.order, id)
	}
	o.sent[id] = m
	if len(o.order) > sentSize {
		delete(o.sent, o.order[0])
		o.order = o.order[1:]
	}
}

// stale says whether somebody who is no longer addressed has the sender key of a group, so that a new one is due.
func (o *outbox) stale(group types.JID, devices []types.JID) bool {
	current := map[types.JID]struct{}{}
	for _, d := range devices {
		current[d] = struct{}{}
	}
	for d := range o.keyed[group] {
		if _, ok := current[d]; !ok {
			return true
		}
	}
	return false
}
