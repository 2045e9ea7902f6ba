package main

import (
	"context"
	"fmt"
	"time"

	"causeway/e2e/person"
	"causeway/e2e/rig"
)

// Numbers of the two phones, from the ranges that are kept free for films.
const (
	aliceNumber = "491713920001"
	carolNumber = "491713920002"
)

// scene is what happens on the stage: Alice is on Matrix, Carol on WhatsApp.
type scene struct {
	screen *screen
	rig    *rig.Rig
}

func (s *scene) play(ctx context.Context) error {
	for number, name := range map[string]string{aliceNumber: "Alice", carolNumber: "Carol"} {
		if _, err := s.rig.Network.AddPhone(ctx, number, name); err != nil {
			return err
		}
	}
	alice, err := s.rig.Person(ctx, rig.Owner)
	if err != nil {
		return err
	}
	if err := s.link(ctx, alice); err != nil {
		return err
	}
	return s.talk(ctx, alice)
}

// link shows how Alice links her WhatsApp account.
func (s *scene) link(ctx context.Context, alice *person.Person) error {
	s.screen.heading("Linking Alice's WhatsApp account")
	chat, err := s.rig.OpenChat(ctx, alice)
	if err != nil {
		return err
	}
	s.screen.spoken("Alice", "Matrix", "login qr")
	start := time.Now()
	chat.Scanned = func(text string) {
		s.screen.spoken("bot", "Matrix", "a QR code, as a picture")
		s.screen.code(text)
		s.screen.spoken("Alice", "phone", "scans it")
	}
	if _, err := chat.LogInByQR(ctx, aliceNumber); err != nil {
		return err
	}
	linked, err := chat.Hear(ctx, 0, "is linked")
	if err != nil {
		return err
	}
	s.screen.spoken("bot", "Matrix", linked.Text())
	s.screen.arrived("Matrix", linked.At.Sub(start))
	return nil
}

// talk shows the first message, which makes the room, and then some each way with the time that they take.
func (s *scene) talk(ctx context.Context, alice *person.Person) error {
	s.screen.heading("A conversation")
	first := "Hi Alice! This comes from WhatsApp."
	s.screen.spoken("Carol", "WhatsApp", first)
	start := time.Now()
	if _, err := s.rig.Network.SendText(ctx, carolNumber, aliceNumber, first); err != nil {
		return err
	}
	invitation, err := alice.AcceptInvite(ctx, "the chat with Carol", func(person.Invitation) bool { return true })
	if err != nil {
		return err
	}
	if err := s.fromCarol(ctx, alice, invitation, first, start); err != nil {
		return err
	}
	for _, turn := range []struct{ matrix, whatsapp string }{
		{"And this comes from Matrix.", "Got it. How fast is it?"},
		{"See for yourself.", "Now that the room is there, faster than I can type."},
	} {
		if err := s.fromAlice(ctx, alice, invitation, turn.matrix); err != nil {
			return err
		}
		s.screen.spoken("Carol", "WhatsApp", turn.whatsapp)
		start := time.Now()
		if _, err := s.rig.Network.SendText(ctx, carolNumber, aliceNumber, turn.whatsapp); err != nil {
			return err
		}
		if err := s.fromCarol(ctx, alice, invitation, turn.whatsapp, start); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) fromCarol(ctx context.Context, alice *person.Person, room person.Invitation, text string, start time.Time) error {
	seen, err := alice.WaitEvent(ctx, fmt.Sprintf("%q", text), func(e person.Seen) bool {
		return e.RoomID == room.Room && e.Sender == rig.Ghost(carolNumber) && e.Text() == text
	})
	if err == nil {
		s.screen.arrived("Matrix", seen.At.Sub(start))
	}
	return err
}

func (s *scene) fromAlice(ctx context.Context, alice *person.Person, room person.Invitation, text string) error {
	s.screen.spoken("Alice", "Matrix", text)
	start := time.Now()
	if _, err := alice.Send(ctx, room.Room, text); err != nil {
		return err
	}
	_, err := s.rig.Network.WaitText(ctx, carolNumber, text)
	if err == nil {
		s.screen.arrived("Carol's phone", time.Since(start))
	}
	return err
}

// lookAround says how to go on by hand.
func (s *scene) lookAround(log string) {
	hs := s.rig.Homeserver
	s.screen.heading("Look around")
	s.screen.fact("homeserver", fmt.Sprintf("%s  (%s %s; any Matrix client on this machine)", hs.URL(), hs.Kind, hs.Version))
	s.screen.fact("sign in as", fmt.Sprintf("@%s:%s  with the password  %s", rig.Owner, rig.Domain, rig.Password(rig.Owner)))
	s.screen.fact("the bot", rig.Bot+`  (write "help" to it)`)
	s.screen.fact("bridge log", log)
	s.screen.fact("as Carol", fmt.Sprintf(`curl -d '{"chat":"%s","text":"Lunch?"}' %s/v1/phones/%s/messages`, aliceNumber, s.rig.Network.Control, carolNumber))
	s.screen.text("\n  Running until Ctrl-C.")
}
