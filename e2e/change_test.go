package e2e

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// change: edits, reactions, answers and removals, each way, by what both sides see.
func (s *story) change() {
	s.step("change what was said")
	s.changeOnWhatsApp()
	s.changeOnMatrix()
	s.changeInTheGroup()
	s.check(s.alice, s.bob)
}

// seenText waits for a text and returns its event.
func (s *story) seenText(p *person.Person, room id.RoomID, sender id.UserID, text string) id.EventID {
	s.Helper()
	seen, err := p.WaitEvent(s.ctx, text, func(e person.Seen) bool { return e.RoomID == room && e.Sender == sender && e.Text() == text })
	require.NoError(s, err)
	return seen.ID
}

// onPhone waits for a message on a phone.
func (s *story) onPhone(number string, match func(api.Message) bool) api.Message {
	s.Helper()
	m, err := s.rig.Network.WaitMessage(s.ctx, number, match)
	require.NoError(s, err)
	return m
}

func withText(text string) func(api.Message) bool {
	return func(m api.Message) bool { return m.Text == text && m.EditOf == "" }
}

// does lets a phone send what is no text.
func (s *story) does(number string, message api.Send) api.Sent {
	s.Helper()
	sent, err := s.rig.Network.Send(s.ctx, number, message)
	require.NoError(s, err)
	return sent
}

func (s *story) changeOnWhatsApp() {
	carol := rig.Ghost(carolNumber)
	s.phoneSays(carolNumber, aliceNumber, "a mistaek")
	s.note(s.direct, carol, "a mistaek")
	mistake := s.onPhone(carolNumber, withText("a mistaek"))
	shown := s.seenText(s.alice, s.direct, carol, "a mistaek")
	s.personSays(s.alice, s.direct, "react to this")
	mine := s.seenText(s.alice, s.direct, s.alice.ID, "react to this")
	onPhone := s.onPhone(carolNumber, withText("react to this"))

	s.does(carolNumber, api.Send{Chat: aliceNumber, Edit: mistake.ID, Text: "a mistake"})
	_, err := s.alice.WaitEvent(s.ctx, "the edit", func(e person.Seen) bool {
		m := e.Message()
		return e.Sender == carol && m != nil && m.NewContent != nil && m.NewContent.Body == "a mistake" && m.RelatesTo.GetReplaceID() == shown
	})
	require.NoError(s, err)

	s.does(carolNumber, api.Send{Chat: aliceNumber, React: &api.Reaction{ID: onPhone.ID, Emoji: "👍"}})
	thumb := s.seenReaction(s.alice, carol, mine, "👍\ufe0f")
	s.does(carolNumber, api.Send{Chat: aliceNumber, React: &api.Reaction{ID: onPhone.ID, Emoji: "🎉"}})
	s.seenRemoval(s.alice, carol, thumb)
	party := s.seenReaction(s.alice, carol, mine, "🎉")
	s.does(carolNumber, api.Send{Chat: aliceNumber, React: &api.Reaction{ID: onPhone.ID}})
	s.seenRemoval(s.alice, carol, party)

	s.does(carolNumber, api.Send{Chat: aliceNumber, ReplyTo: onPhone.ID, Text: "carol answers"})
	s.note(s.direct, carol, "carol answers")
	_, err = s.alice.WaitEvent(s.ctx, "the answer", func(e person.Seen) bool {
		return e.Sender == carol && e.Text() == "carol answers" && e.Message().RelatesTo.GetReplyTo() == mine
	})
	require.NoError(s, err)

	s.does(carolNumber, api.Send{Chat: aliceNumber, Revoke: mistake.ID})
	s.seenRemoval(s.alice, carol, shown)
}

func (s *story) seenReaction(p *person.Person, sender id.UserID, target id.EventID, emoji string) id.EventID {
	s.Helper()
	seen, err := p.WaitEvent(s.ctx, "the reaction "+emoji, func(e person.Seen) bool {
		about, key := e.Reaction()
		return e.Sender == sender && about == target && key == emoji
	})
	require.NoError(s, err)
	return seen.ID
}

func (s *story) seenRemoval(p *person.Person, sender id.UserID, target id.EventID) {
	s.Helper()
	_, err := p.WaitEvent(s.ctx, fmt.Sprintf("%s to be removed", target), func(e person.Seen) bool { return e.Sender == sender && e.Removed() == target })
	require.NoError(s, err)
}

func (s *story) changeOnMatrix() {
	carol := rig.Ghost(carolNumber)
	s.phoneSays(carolNumber, aliceNumber, "what do you think?")
	s.note(s.direct, carol, "what do you think?")
	question := s.onPhone(carolNumber, withText("what do you think?"))
	shown := s.seenText(s.alice, s.direct, carol, "what do you think?")

	answer, err := s.alice.Reply(s.ctx, s.direct, shown, "a grate idea")
	require.NoError(s, err)
	s.note(s.direct, s.alice.ID, "a grate idea")
	onPhone := s.onPhone(carolNumber, withText("a grate idea"))
	var content struct {
		Text struct {
			Context struct {
				ID     string `json:"stanzaID"`
				Quoted struct {
					Conversation string `json:"conversation"`
				} `json:"quotedMessage"`
			} `json:"contextInfo"`
		} `json:"extendedTextMessage"`
	}
	require.NoError(s, json.Unmarshal(onPhone.Message, &content))
	require.Equal(s, question.ID, content.Text.Context.ID)
	require.Equal(s, "what do you think?", content.Text.Context.Quoted.Conversation)

	_, err = s.alice.Edit(s.ctx, s.direct, answer, "a great idea")
	require.NoError(s, err)
	s.onPhone(carolNumber, func(m api.Message) bool { return m.EditOf == onPhone.ID && m.Text == "a great idea" })

	reaction, err := s.alice.React(s.ctx, s.direct, shown, "❤️")
	require.NoError(s, err)
	s.onPhone(carolNumber, isReaction(question.ID, "❤"))
	_, err = s.alice.Redact(s.ctx, s.direct, reaction)
	require.NoError(s, err)
	s.onPhone(carolNumber, isReaction(question.ID, ""))

	_, err = s.alice.Redact(s.ctx, s.direct, answer)
	require.NoError(s, err)
	s.onPhone(carolNumber, func(m api.Message) bool { return m.Revoked == onPhone.ID })
}

// isReaction says whether a message is a reaction with an emoji, which is empty when it takes an earlier one back.
func isReaction(target, emoji string) func(api.Message) bool {
	return func(m api.Message) bool {
		var content struct {
			Reaction *struct {
				Key struct {
					ID string `json:"ID"`
				} `json:"key"`
				Text string `json:"text"`
			} `json:"reactionMessage"`
		}
		return json.Unmarshal(m.Message, &content) == nil && content.Reaction != nil &&
			strings.EqualFold(content.Reaction.Key.ID, target) && content.Reaction.Text == emoji
	}
}

// changeInTheGroup: what both logins hear of is shown once.
func (s *story) changeInTheGroup() {
	dave := rig.Ghost(daveNumber)
	s.personSays(s.bob, s.shared, "bob suggests noon")
	event := s.seenText(s.alice, s.shared, s.bob.ID, "bob suggests noon")
	onPhone := s.onPhone(daveNumber, withText("bob suggests noon"))
	s.does(daveNumber, api.Send{Chat: s.group, React: &api.Reaction{ID: onPhone.ID, Emoji: "🎉"}})
	_, err := s.bob.Edit(s.ctx, s.shared, event, "bob suggests one")
	require.NoError(s, err)
	s.onPhone(daveNumber, func(m api.Message) bool { return m.EditOf == onPhone.ID && m.Text == "bob suggests one" })
	s.does(daveNumber, api.Send{Chat: s.group, ReplyTo: onPhone.ID, Text: "fine with dave"})
	s.note(s.shared, dave, "fine with dave")
	for _, p := range []*person.Person{s.alice, s.bob} {
		s.seenText(p, s.shared, dave, "fine with dave")
		reactions := 0
		for _, e := range p.In(s.shared) {
			if about, _ := e.Reaction(); about == event {
				reactions++
				require.Equal(s, dave, e.Sender)
			}
		}
		require.Equal(s, 1, reactions)
	}
}
