package crash

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/types"

	"causeway/simulator"
)

// enter finds the rooms of the stage's chats and lets people accept their invitations.
func (s *stage) enter() {
	hs := s.world.homeserver
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[*chat][]string{}
	for _, room := range hs.Rooms() {
		c := s.shownIn(room)
		if c == nil {
			continue
		}
		found[c] = append(found[c], room)
		for _, p := range c.people {
			if hs.Membership(room, p.user) == "invite" {
				_ = hs.Join(p.user, room) // whoever cannot join says nothing there
			}
		}
	}
	s.rooms = found
}

// shownIn is the chat that a room says it shows (MSC2346), or nil. The lock is held.
func (s *stage) shownIn(room string) *chat {
	info := s.world.homeserver.State(room, "m.bridge", domain+"/whatsapp")
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
	view := View{Where: "the room of " + c.name, Chat: c.name, By: func(line Line) string {
		if line.onMatrix() {
			return line.Speaker
		}
		return "@whatsapp_" + line.Speaker + ":" + domain
	}}
	for _, room := range s.rooms[c] {
		for _, message := range s.world.homeserver.Messages(room) {
			from, text, _ := strings.Cut(message, ": ")
			view.Heard = append(view.Heard, Heard{Text: text, From: from})
		}
	}
	return view
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
	at := map[*simulator.Phone]map[types.JID]*View{}
	var views []*View
	add := func(phone *simulator.Phone, jid types.JID, c *chat) {
		v := &View{Where: "the phone " + phone.Number(), Chat: c.name, By: by}
		if at[phone] == nil {
			at[phone] = map[types.JID]*View{}
		}
		at[phone][jid] = v
		views = append(views, v)
	}
	for _, c := range s.chats {
		for _, contact := range c.contacts {
			jid := c.jid
			if jid.IsEmpty() {
				jid = c.people[0].phone.JID()
			}
			add(contact, jid, c)
		}
		for _, p := range c.people {
			jid := c.jid
			if jid.IsEmpty() {
				jid = c.contacts[0].JID()
			}
			add(p.phone, jid, c)
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel() // nothing is waited for
	for phone, chats := range at {
		for _, m := range phone.Messages(gone, types.EmptyJID, 0) {
			view := chats[m.Chat]
			if view == nil {
				continue
			}
			from := m.Sender.User
			if m.Device != 0 {
				from += "+"
			}
			view.Heard = append(view.Heard, Heard{Text: m.Text, From: from})
		}
	}
	out := make([]View, 0, len(views))
	for _, v := range slices.All(views) {
		out = append(out, *v)
	}
	return out
}
