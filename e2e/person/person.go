// Package person is somebody with a Matrix account and a client in hand: signs in, writes, reads, accepts invitations, scans codes.
//
// A person keeps everything that the homeserver has shown, in the order in which it came. Whoever waits for something waits on that
// log, so nothing is missed between two waits and nobody needs to sleep.
package person

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/provision"
)

// Seen is one event as the person's client got it.
type Seen struct {
	*event.Event
	// At is when the client had it.
	At time.Time
}

// Person is one signed-in account. Its methods may be called from any goroutine.
type Person struct {
	ID     id.UserID
	Client *mautrix.Client

	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever something below changes
	seen    []Seen
	known   map[id.EventID]bool
	invites map[id.RoomID][]*event.Event
	joined  map[id.RoomID]bool
	typing  map[id.RoomID][]id.UserID
	receipt map[id.RoomID]map[id.UserID]id.EventID
	err     error
}

// SignIn starts a client for an account; it reads along until SignOut.
func SignIn(hs *provision.Homeserver, account provision.Account) (*Person, error) {
	client, err := mautrix.NewClient(hs.URL(), id.UserID(account.UserID), account.AccessToken)
	if err != nil {
		return nil, fmt.Errorf("sign in %s: %w", account.UserID, err)
	}
	client.DeviceID = id.DeviceID(account.DeviceID)
	ctx, stop := context.WithCancel(context.Background())
	p := &Person{
		ID: client.UserID, Client: client, stop: stop, done: make(chan struct{}), changed: make(chan struct{}),
		invites: map[id.RoomID][]*event.Event{}, joined: map[id.RoomID]bool{}, typing: map[id.RoomID][]id.UserID{},
		receipt: map[id.RoomID]map[id.UserID]id.EventID{}, known: map[id.EventID]bool{},
	}
	go p.read(ctx)
	return p, nil
}

// SignOut stops reading. The account stays.
func (p *Person) SignOut() {
	p.stop()
	<-p.done
}

// filter asks for long timelines, so that none is cut.
const filter = `{"room":{"timeline":{"limit":1000}},"presence":{"types":[]}}`

func (p *Person) read(ctx context.Context) {
	defer close(p.done)
	since := ""
	for {
		answer, err := p.Client.SyncRequest(ctx, 30000, since, filter, false, event.PresenceOffline)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = p.take(answer)
			since = answer.NextBatch
		}
		if err != nil {
			p.update(func() { p.err = err })
			return
		}
	}
}

func (p *Person) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// take notes down what one sync answer brought.
func (p *Person) take(answer *mautrix.RespSync) error {
	now := time.Now()
	var fault error
	p.update(func() {
		for room, invite := range answer.Rooms.Invite {
			p.invites[room] = invite.State.Events
		}
		for room := range answer.Rooms.Leave {
			delete(p.joined, room)
			delete(p.invites, room)
		}
		for room, joined := range answer.Rooms.Join {
			p.joined[room] = true
			delete(p.invites, room)
			if joined.Timeline.Limited && len(joined.Timeline.Events) >= 1000 {
				fault = fmt.Errorf("read %s: the homeserver left out events", room)
			}
			for _, evt := range slices.Concat(joined.State.Events, joined.Timeline.Events) {
				p.note(room, evt, now)
			}
			for _, evt := range joined.Ephemeral.Events {
				p.noteEphemeral(room, evt)
			}
		}
	})
	return fault
}

func (p *Person) note(room id.RoomID, evt *event.Event, now time.Time) {
	if p.known[evt.ID] {
		return // a state event that came with the timeline too
	}
	p.known[evt.ID] = true
	evt.RoomID = room
	evt.Type.Class = event.MessageEventType
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	if err := evt.Content.ParseRaw(evt.Type); err != nil && !errors.Is(err, event.ErrUnsupportedContentType) {
		evt.Content.Parsed = nil
	}
	p.seen = append(p.seen, Seen{Event: evt, At: now})
}

func (p *Person) noteEphemeral(room id.RoomID, evt *event.Event) {
	evt.Type.Class = event.EphemeralEventType
	if evt.Content.ParseRaw(evt.Type) != nil {
		return
	}
	switch content := evt.Content.Parsed.(type) {
	case *event.TypingEventContent:
		p.typing[room] = content.UserIDs
	case *event.ReceiptEventContent:
		if p.receipt[room] == nil {
			p.receipt[room] = map[id.UserID]id.EventID{}
		}
		for eventID, receipts := range *content {
			for who := range receipts.GetOrCreate(event.ReceiptTypeRead) {
				p.receipt[room][who] = eventID
			}
		}
	}
}

// wait calls look under the lock whenever something has changed, until it says that it is content.
func (p *Person) wait(ctx context.Context, what string, look func() bool) error {
	for {
		p.mu.Lock()
		found, err, changed := look(), p.err, p.changed
		p.mu.Unlock()
		if found {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s waits for %s: %w", p.ID, what, err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s waits for %s: %w; last seen:\n%s", p.ID, what, ctx.Err(), p.Recent(12))
		}
	}
}

// WaitEvent waits for the first event, seen already or still to come, that fits.
func (p *Person) WaitEvent(ctx context.Context, what string, fits func(Seen) bool) (Seen, error) {
	return p.WaitAfter(ctx, 0, what, fits)
}

// Mark is the number of events seen so far, for WaitAfter.
func (p *Person) Mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.seen)
}

// WaitAfter is WaitEvent for events that came after a mark.
func (p *Person) WaitAfter(ctx context.Context, mark int, what string, fits func(Seen) bool) (found Seen, err error) {
	next := mark
	err = p.wait(ctx, what, func() bool {
		for ; next < len(p.seen); next++ {
			if fits(p.seen[next]) {
				found = p.seen[next]
				return true
			}
		}
		return false
	})
	return found, err
}

// In lists the events seen in a room, oldest first.
func (p *Person) In(room id.RoomID) []Seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []Seen
	for _, s := range p.seen {
		if s.RoomID == room {
			found = append(found, s)
		}
	}
	return found
}

// All lists all events seen, oldest first.
func (p *Person) All() []Seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

// WaitRead waits until somebody has read up to an event.
func (p *Person) WaitRead(ctx context.Context, room id.RoomID, who id.UserID, eventID id.EventID) error {
	return p.wait(ctx, fmt.Sprintf("%s to read %s", who, eventID), func() bool { return p.receipt[room][who] == eventID })
}

// WaitTyping waits until somebody is typing in a room, or until they are not.
func (p *Person) WaitTyping(ctx context.Context, room id.RoomID, who id.UserID, typing bool) error {
	return p.wait(ctx, fmt.Sprintf("typing of %s to be %t", who, typing), func() bool {
		return slices.Contains(p.typing[room], who) == typing
	})
}

// Recent shows the last events, one a line, for a failure message.
func (p *Person) Recent(n int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := ""
	for _, s := range p.seen[max(0, len(p.seen)-n):] {
		content, _ := json.Marshal(s.Content.Raw)
		text += fmt.Sprintf("  %s %s %s %.200s\n", s.RoomID, s.Sender, s.Type.Type, content)
	}
	for room := range p.invites {
		text += fmt.Sprintf("  invited to %s\n", room)
	}
	return text
}
