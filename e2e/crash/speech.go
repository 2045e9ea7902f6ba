package crash

import (
	"context"

	"causeway/simulator"
)

const (
	// ownShare is one in how many lines from WhatsApp that a bridge's user types on the phone.
	ownShare = 8
	// changeShare is one in how many lines that is to be about an earlier one; not each finds one that it may be about.
	changeShare = 4
	// recent bounds how far back a line is that another is about.
	recent = 12
)

// deeds are what is done to earlier lines, the more often the more often they stand here.
func deeds() []Deed {
	return []Deed{Edits, Edits, Edits, Reacts, Reacts, Reacts, Reacts, TakesBack, TakesBack, Removes}
}

// choose decides what a speaker does, knowing what they see: mostly they say something.
func (s *stage) choose(c *chat, name string, seen func() *page) (line Line, target string) {
	line = s.said.next(c.name, name)
	if s.chance.IntN(changeShare) > 0 {
		line.File = line.Number%fileShare == 0
		return line, ""
	}
	shown := seen()
	list := deeds()
	deed, lines := list[s.chance.IntN(len(list))], shown.lines(recent)
	for _, i := range s.chance.Perm(len(lines)) {
		change, may := s.said.about(line, lines[i], deed)
		if !may {
			continue
		}
		target := shown.handles[lines[i].Text()]
		if deed == TakesBack && change.onMatrix() {
			// There it is the reaction that is removed.
			target = shown.handles[markReaction(change.Reaction, change.Of)]
		}
		if target != "" {
			return change, target
		}
	}
	return line, ""
}

// sayOnWhatsApp lets a phone write: mostly a contact's, now and then that of the bridge's user.
func (s *stage) sayOnWhatsApp(c *chat) error {
	s.speech.Lock()
	defer s.speech.Unlock()
	phones := c.contacts
	if s.chance.IntN(ownShare) == 0 {
		phones = nil
		for _, p := range c.people {
			phones = append(phones, p.phone)
		}
	}
	phone := phones[s.chance.IntN(len(phones))]
	line, target := s.choose(c, phone.Number(), func() *page { return c.onPhone(phone) })
	out := simulator.Outgoing{Chat: c.at(phone).String()}
	switch line.Deed {
	case Says:
		if line.File {
			out.Media = line.onWhatsApp()
		} else {
			out.Text = line.Text()
		}
	case Edits:
		out.Text, out.Edit = line.Text(), target
	case Reacts, TakesBack:
		out.React = &simulator.Reaction{ID: target, Emoji: line.Text()}
	case Removes:
		out.Revoke = target
	}
	if _, err := phone.Send(context.Background(), out); err != nil {
		return err
	}
	s.said.note(line)
	return nil
}

// sayOnMatrix lets a user of the bridge write in a room.
func (s *stage) sayOnMatrix() error {
	s.enter()
	c := s.pick(true)
	if c == nil {
		return nil
	}
	p := c.people[s.chance.IntN(len(c.people))]
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.rooms[c][0]
	if s.silent || s.world.matrix.membership(room, p.user) != "join" {
		return nil
	}
	line, target := s.choose(c, p.user, func() *page { return s.roomPage(c) })
	if err := s.write(p.user, room, line, target); err != nil {
		return err
	}
	s.said.note(line)
	return nil
}

// write sends a line as the clients of Matrix do.
func (s *stage) write(user, room string, line Line, target string) (err error) {
	rooms := s.world.matrix.rooms
	text := map[string]any{"msgtype": "m.text", "body": line.Text()}
	switch line.Deed {
	case Says:
		if line.File {
			var address string
			if address, err = s.world.matrix.files.Upload(user, line.file()); err != nil {
				return err
			}
			text = line.fileContent(address)
		}
		_, err = rooms.Send(user, room, "m.room.message", text)
	case Edits:
		_, err = rooms.Send(user, room, "m.room.message", map[string]any{
			"msgtype": "m.text", "body": "* " + line.Text(), "m.new_content": text,
			"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": target},
		})
	case Reacts:
		_, err = rooms.Send(user, room, "m.reaction", map[string]any{
			"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": target, "key": line.Text()},
		})
	case TakesBack, Removes:
		_, err = rooms.Redact(user, room, target)
	}
	return err
}
