package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/types"

	"causeway/simulator"
)

// How many chats a stage has from the start, and how many contacts are in a group.
const (
	directChats = 10
	groups      = 3
	groupSize   = 3
)

// chat is a conversation on both sides.
type chat struct {
	name string
	// jid is the group; empty for a direct chat.
	jid types.JID
	// people are the bridge's users in it, contacts the others.
	people   []*person
	contacts []*simulator.Phone
}

// stage is the chats of one scenario and what is said in them.
type stage struct {
	world  *world
	number int
	said   ledger
	began  int // violations of the network before
	chance *rand.Rand
	speech sync.Mutex // held while a phone writes, so that its lines are sent in the order of their numbers

	mu    sync.Mutex
	chats []*chat
	rooms map[*chat][]string // the rooms that show a chat
	// silent says that nobody on Matrix talks.
	silent bool
}

// newStage makes the contacts, the direct chats and the groups of a scenario. No room exists yet.
func (w *world) newStage(ctx context.Context, number int) (*stage, error) {
	s := &stage{world: w, number: number, began: len(w.network.Violations()),
		chance: rand.New(rand.NewPCG(w.options.Seed, uint64(number)<<32))} //nolint:gosec // a test's dice
	for range directChats {
		if err := s.addDirect(); err != nil {
			return nil, err
		}
	}
	for i := range groups {
		g := &chat{name: fmt.Sprintf("g%d.%d", number, i), people: w.people}
		var members []string
		for _, p := range w.people {
			members = append(members, p.phone.Number())
		}
		for j := range groupSize {
			contact := s.chats[(i*groupSize+j)%directChats].contacts[0]
			g.contacts = append(g.contacts, contact)
			members = append(members, contact.Number())
		}
		info, err := w.network.CreateGroup(g.contacts[0].Number(), simulator.GroupSpec{Subject: g.name}, members...)
		if err != nil {
			return nil, err
		}
		g.jid = info.JID
		s.chats = append(s.chats, g)
	}
	return s, ctx.Err()
}

// addDirect makes a contact who knows one of the bridge's users.
func (s *stage) addDirect() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.chats)
	phone, err := s.world.network.AddPhone(fmt.Sprintf("49152%03d%03d", s.number, n), fmt.Sprintf("Contact %d", n))
	if err != nil {
		return err
	}
	people := s.world.people
	c := &chat{name: fmt.Sprintf("d%d.%d", s.number, n), people: people[n%len(people) : n%len(people)+1], contacts: []*simulator.Phone{phone}}
	s.chats = append(s.chats, c)
	return nil
}

// pick takes a chat; a known one when it must have a room.
func (s *stage) pick(withRoom bool) *chat {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.chats
	if withRoom {
		list = slices.DeleteFunc(slices.Clone(list), func(c *chat) bool { return len(s.rooms[c]) == 0 })
	}
	if len(list) == 0 {
		return nil
	}
	return list[s.chance.IntN(len(list))]
}

// talk lets people say something, in turn on WhatsApp and on Matrix, until the context ends.
func (s *stage) talk(ctx context.Context) error {
	tick := time.NewTicker(time.Second / time.Duration(2*s.world.options.Rate))
	defer tick.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var err error
		if turn%2 == 0 {
			err = s.sayOnWhatsApp(s.pick(false))
		} else {
			err = s.sayOnMatrix()
		}
		if err != nil {
			return fmt.Errorf("talk: %w", err)
		}
	}
}
