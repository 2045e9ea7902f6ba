package crash

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/types"

	"causeway/simulator"
)

// enter finds the rooms of the stage's chats and lets people accept their invitations.
func (s *stage) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[*chat][]string{}
	for _, room := range s.world.matrix.rooms.Rooms() {
		c := s.shownIn(room)
		if c == nil {
			continue
		}
		found[c] = append(found[c], room)
		for _, p := range c.people {
			if s.world.matrix.membership(room, p.user) == "invite" {
				_ = s.world.matrix.lobby.Join(p.user, room) // whoever cannot join says nothing there
			}
		}
	}
	s.rooms = found
}

// shownIn is the chat that a room says it shows (MSC2346), or nil. The lock is held.
func (s *stage) shownIn(room string) *chat {
	info := s.world.matrix.rooms.State(room, "m.bridge", domain+"/whatsapp")
	channel, _ := info["channel"].(map[string]any)
	name, _ := channel["id"].(string)
	receiver, _ := channel["receiver"].(string)
	for _, c := range s.chats {
		if !c.jid.IsEmpty() {
			if c.jid.String() == name {
				return c
			}
		} else if contact := c.contacts[0]; receiver == "" || receiver == c.people[0].phone.Number() {
			if name == contact.LID().String() || name == contact.JID().String() {
				return c
			}
		}
	}
	return nil
}

// check compares what was said with what rooms and phones show.
func (s *stage) check() (Report, error) {
	s.enter()
	s.mu.Lock()
	defer s.mu.Unlock()
	var views []View
	var problems []string
	for _, c := range s.chats {
		if len(s.rooms[c]) > 1 {
			problems = append(problems, fmt.Sprintf("the chat %s has the rooms %v", c.name, s.rooms[c]))
		}
		if len(s.rooms[c]) > 0 {
			views = append(views, s.roomView(c))
		}
	}
	views = append(views, s.phoneViews()...)
	report := compare(s.said.all(), views)
	report.Problems = append(report.Problems, problems...)
	for _, violation := range s.world.network.Violations()[s.began:] {
		report.complain("the bridge did what WhatsApp does not know: %+v", violation)
	}
	return report, nil
}

// roomView is what all rooms of a chat show; there should be one.
func (s *stage) roomView(c *chat) View {
	shown := s.roomPage(c)
	return View{Where: "the room of " + c.name, Chat: c.name, Heard: shown.heard, Last: shown.last(), By: func(line Line) string {
		if line.onMatrix() {
			return line.Speaker
		}
		return "@whatsapp_" + line.Speaker + ":" + domain
	}}
}

// roomPage reads the rooms of a chat. The lock is held.
func (s *stage) roomPage(c *chat) *page {
	shown := newPage()
	shown.digest = s.world.matrix.files.Digest
	for _, room := range s.rooms[c] {
		for _, e := range s.world.matrix.rooms.History(room) {
			shown.addEvent(e)
		}
	}
	return shown
}

// phoneViews is what every phone shows of every chat that it is in.
func (s *stage) phoneViews() []View {
	numbers := map[string]string{}
	for _, p := range s.world.people {
		numbers[p.user] = p.phone.Number() + "+"
	}
	by := func(line Line) string {
		if number, ok := numbers[line.Speaker]; ok {
			return number
		}
		return line.Speaker
	}
	var views []View
	for _, c := range s.chats {
		phones := append([]*simulator.Phone(nil), c.contacts...)
		for _, p := range c.people {
			phones = append(phones, p.phone)
		}
		for _, phone := range phones {
			shown := c.onPhone(phone)
			views = append(views, View{Where: "the phone " + phone.Number(), Chat: c.name, Heard: shown.heard, Last: shown.last(), By: by})
		}
	}
	return views
}

// onPhone reads a chat on a phone.
func (c *chat) onPhone(phone *simulator.Phone) *page {
	gone, cancel := context.WithCancel(context.Background())
	cancel() // nothing is waited for
	shown := newPage()
	for _, m := range phone.Messages(gone, c.at(phone), 0) {
		shown.addMessage(m)
	}
	return shown
}

// at is how a phone calls the chat: by the group, or by whom it is with.
func (c *chat) at(phone *simulator.Phone) types.JID {
	switch {
	case !c.jid.IsEmpty():
		return c.jid
	case phone == c.contacts[0]:
		return c.people[0].phone.JID()
	}
	return c.contacts[0].JID()
}
