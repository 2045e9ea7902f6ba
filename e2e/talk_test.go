package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// arrivalTime is how long what was said may take to arrive, the homeserver's pauses after an outage included.
const arrivalTime = 90 * time.Second

// note writes down what must be seen in a room.
func (s *story) note(room id.RoomID, sender id.UserID, text string) {
	if s.said[room] == nil {
		s.said[room] = map[id.UserID][]string{}
	}
	s.said[room][sender] = append(s.said[room][sender], text)
}

// noteOnMatrixOnly is note for what must not reach WhatsApp.
func (s *story) noteOnMatrixOnly(room id.RoomID, sender id.UserID, text string) {
	s.note(room, sender, text)
	s.unsent = append(s.unsent, text)
}

// phoneSays lets a phone write.
func (s *story) phoneSays(number, chat, text string) {
	s.Helper()
	_, err := s.rig.Network.SendText(s.ctx, number, chat, text)
	require.NoError(s, err)
}

// personSays lets a person write in a room.
func (s *story) personSays(p *person.Person, room id.RoomID, text string) {
	s.Helper()
	_, err := p.Send(s.ctx, room, text)
	require.NoError(s, err)
	s.note(room, p.ID, text)
}

// talkEverywhere lets everybody say something in every chat.
func (s *story) talkEverywhere(about string) {
	s.Helper()
	for i := range 3 {
		text := fmt.Sprintf("%s %d", about, i)
		s.personSays(s.alice, s.direct, "alice "+text)
		s.phoneSays(carolNumber, aliceNumber, "carol "+text)
		s.note(s.direct, rig.Ghost(carolNumber), "carol "+text)
		s.personSays(s.alice, s.shared, "alice to all "+text)
		s.personSays(s.bob, s.shared, "bob to all "+text)
		s.phoneSays(carolNumber, s.group, "carol to all "+text)
		s.note(s.shared, rig.Ghost(carolNumber), "carol to all "+text)
	}
}

// check waits until everything that was said has arrived everywhere, each once and in the order of its sender: on Matrix for these
// people, on WhatsApp on the phones of all who should have it.
func (s *story) check(people ...*person.Person) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, arrivalTime)
	defer cancel()
	for room, senders := range s.said {
		for _, p := range people {
			if p == s.bob && room != s.shared {
				continue
			}
			for sender, texts := range senders {
				require.NoError(s, p.WaitTexts(ctx, room, sender, texts...))
			}
		}
	}
	for _, p := range people {
		number := map[*person.Person]string{s.alice: aliceNumber, s.bob: bobNumber}[p]
		if want := s.sent(s.direct, p.ID); p == s.alice {
			s.phoneHas(ctx, carolNumber, aliceNumber, number, want)
			s.phoneHas(ctx, aliceNumber, carolNumber, number, want) // her own phone shows what she wrote on Matrix
		}
		if s.shared != "" {
			for _, phone := range []string{aliceNumber, bobNumber, carolNumber, daveNumber} {
				s.phoneHas(ctx, phone, s.group, number, s.sent(s.shared, p.ID))
			}
		}
	}
}

// sent is what a person wrote in a room that goes to WhatsApp.
func (s *story) sent(room id.RoomID, sender id.UserID) []string {
	return slices.DeleteFunc(slices.Clone(s.said[room][sender]), func(text string) bool { return slices.Contains(s.unsent, text) })
}

// phoneHas waits until a phone shows exactly these texts that a number's companion wrote in a chat.
func (s *story) phoneHas(ctx context.Context, phone, chat, from string, want []string) {
	s.Helper()
	var got []string
	after := uint64(0)
	for len(got) < len(want) {
		messages, err := s.rig.Network.Messages(ctx, phone, chat, after, 20*time.Second)
		require.NoError(s, err, "the phone %s has %q of %s in %s, expected %q", phone, got, from, chat, want)
		for _, m := range messages {
			after = m.Seq
			if fromCompanion(m, from) {
				got = append(got, m.Text)
			}
		}
	}
	require.Equal(s, want, got, "what %s wrote in %s, on the phone %s", from, chat, phone)
}

// fromCompanion says whether a message was written on Matrix by the owner of a number, and is no edit.
func fromCompanion(m api.Message, number string) bool {
	sender, _, _ := strings.Cut(m.Sender, "@")
	sender, _, _ = strings.Cut(sender, ":")
	return sender == number && m.Device != 0 && m.Text != "" && m.EditOf == ""
}
