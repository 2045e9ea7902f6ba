package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// TestPolls asks and votes from every side, in a group with two users of the bridge.
func TestPolls(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, database string) {
		ctx, r := newRig(t, database)
		s := &story{T: t, ctx: ctx, rig: r, said: map[id.RoomID]map[id.UserID][]string{}}
		s.arrive()
		s.link()
		s.talkDirectly()
		s.talkInAGroup()
		s.pollFromWhatsApp()
		s.pollFromMatrix()
		s.pollKinds()
		s.pollRefusals()
		s.talkAfter()
	})
}

// optionOf is the ID of an option that a poll from WhatsApp has on Matrix.
func optionOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// pollMessage is a poll as WhatsApp's programs send it, in one of its versions.
func pollMessage(version, question string, options ...string) json.RawMessage {
	type option struct {
		Name string `json:"optionName"`
	}
	made := map[string]any{"name": question, "selectableOptionsCount": 0}
	list := []option{}
	for _, o := range options {
		list = append(list, option{o})
	}
	made["options"] = list
	var whole any = map[string]any{"pollCreationMessage" + version: made}
	if version == "V4" {
		whole = map[string]any{"pollCreationMessageV4": map[string]any{"message": map[string]any{"pollCreationMessage": made}}}
	}
	raw, _ := json.Marshal(whole)
	return raw
}

// seesPoll waits for a poll with a question.
func (s *story) seesPoll(p *person.Person, sender id.UserID, question string) id.EventID {
	s.Helper()
	seen, err := p.WaitEvent(s.ctx, "the poll "+question, func(e person.Seen) bool {
		content, ok := e.Content.Parsed.(*event.PollStartEventContent)
		return ok && e.Sender == sender && content.PollStart.Question.Text == question
	})
	require.NoError(s, err)
	return seen.ID
}

// seesVote waits for a vote for just these options.
func (s *story) seesVote(p *person.Person, mark int, sender id.UserID, poll id.EventID, options ...string) id.EventID {
	s.Helper()
	seen, err := p.WaitAfter(s.ctx, mark, "a vote of "+sender.String(), func(e person.Seen) bool {
		content, ok := e.Content.Parsed.(*event.PollResponseEventContent)
		return ok && e.Sender == sender && content.RelatesTo.EventID == poll && slices.Equal(content.Response.Answers, options)
	})
	require.NoError(s, err)
	return seen.ID
}

// votes lets somebody on Matrix vote.
func (s *story) votes(p *person.Person, poll id.EventID, options ...string) id.EventID {
	s.Helper()
	sent, err := p.Client.SendMessageEvent(s.ctx, s.shared, event.EventUnstablePollResponse, map[string]any{
		"m.relates_to":                     map[string]any{"rel_type": "m.reference", "event_id": poll},
		"org.matrix.msc3381.poll.response": map[string]any{"answers": options},
	})
	require.NoError(s, err)
	return sent.EventID
}

// phoneVotes lets a phone vote.
func (s *story) phoneVotes(number, poll string, options ...string) {
	s.Helper()
	s.does(number, api.Send{Chat: s.group, Vote: &api.Vote{ID: poll, Options: options}})
}

// phoneSeesVote waits for a vote of the bridge's, or of another phone, on a phone.
func (s *story) phoneSeesVote(number, voter, poll string, options ...string) {
	s.Helper()
	s.onPhone(number, func(m api.Message) bool {
		return m.Sender == voter+"@s.whatsapp.net" && m.Vote != nil && m.Vote.ID == poll && slices.Equal(m.Vote.Options, options)
	})
}

func (s *story) pollFromWhatsApp() {
	s.step("a poll from WhatsApp")
	carol, dave := rig.Ghost(carolNumber), rig.Ghost(daveNumber)
	asked := s.does(carolNumber, api.Send{Chat: s.group, Message: pollMessage("V3", "Lunch?", "Pizza", "Soup", "None")})
	poll := s.seesPoll(s.alice, carol, "Lunch?")
	require.Equal(s, poll, s.seesPoll(s.bob, carol, "Lunch?"))
	for _, number := range []string{daveNumber, aliceNumber, bobNumber} {
		s.onPhone(number, func(m api.Message) bool { return m.ID == asked.ID })
	}
	mark := s.alice.Mark()
	s.phoneVotes(daveNumber, asked.ID, "Soup")
	s.seesVote(s.alice, mark, dave, poll, optionOf("Soup"))
	s.step("votes across a kill")
	s.rig.KillBridge()
	s.phoneVotes(daveNumber, asked.ID, "Pizza", "None")
	s.phoneVotes(carolNumber, asked.ID, "None")
	s.votes(s.bob, poll, optionOf("Pizza"))
	require.NoError(s, s.rig.StartBridge(s.ctx))
	s.seesVote(s.alice, mark, dave, poll, optionOf("Pizza"), optionOf("None"))
	s.seesVote(s.alice, mark, carol, poll, optionOf("None"))
	s.phoneSeesVote(carolNumber, bobNumber, asked.ID, "Pizza")
	s.phoneVotes(daveNumber, asked.ID)
	s.seesVote(s.alice, mark, dave, poll)

	s.step("votes of one's own, here and on the phone")
	mine := s.votes(s.alice, poll, optionOf("Soup"), optionOf("None"))
	s.phoneSeesVote(daveNumber, aliceNumber, asked.ID, "Soup", "None")
	s.phoneVotes(aliceNumber, asked.ID, "Pizza")
	ghosts := s.seesVote(s.alice, mark, rig.Ghost(aliceNumber), poll, optionOf("Pizza"))
	s.seenRemoval(s.alice, rig.Bot, mine)
	again := s.votes(s.alice, poll, optionOf("None"))
	s.phoneSeesVote(daveNumber, aliceNumber, asked.ID, "None")
	s.seenRemoval(s.alice, rig.Ghost(aliceNumber), ghosts)
	_, err := s.alice.Redact(s.ctx, s.shared, again)
	require.NoError(s, err)
	s.phoneSeesVote(daveNumber, aliceNumber, asked.ID)
	votes := map[id.UserID]int{}
	for _, e := range s.bob.In(s.shared) {
		if e.Type.Type == event.EventUnstablePollResponse.Type {
			votes[e.Sender]++
		}
	}
	require.Equal(s, map[id.UserID]int{dave: 3, carol: 1, s.bob.ID: 1, s.alice.ID: 2, rig.Ghost(aliceNumber): 1}, votes, "each vote is there once")
}

// asks lets Alice make a poll.
func (s *story) asks(kind string, content map[string]any) id.EventID {
	s.Helper()
	sent, err := s.alice.Client.SendMessageEvent(s.ctx, s.shared, event.Type{Type: kind, Class: event.MessageEventType}, content)
	require.NoError(s, err)
	return sent.EventID
}

func (s *story) pollFromMatrix() {
	s.step("a poll from Matrix")
	for kind, content := range map[string]map[string]any{
		"org.matrix.msc3381.poll.start": {"org.matrix.msc3381.poll.start": map[string]any{
			"kind": "org.matrix.msc3381.poll.disclosed", "max_selections": 1, "question": map[string]any{"org.matrix.msc1767.text": "Dinner?"},
			"answers": []map[string]any{{"id": "x", "org.matrix.msc1767.text": "Fish"}, {"id": "y", "org.matrix.msc1767.text": "Rice"}},
		}},
		// With the names of the specification, as far as clients read them today: the block of the final form (m.poll) is in the
		// golden files.
		"m.poll.start": {"m.poll.start": map[string]any{
			"kind": "m.poll.disclosed", "max_selections": 1, "question": map[string]any{"m.text": "Supper?"},
			"answers": []map[string]any{{"id": "x", "m.text": "Fish"}, {"id": "y", "m.text": "Rice"}},
		}},
	} {
		question := "Dinner?"
		if kind == "m.poll.start" {
			question = "Supper?"
		}
		poll := s.asks(kind, content)
		asked := s.onPhone(carolNumber, isPoll(question))
		s.onPhone(bobNumber, isPoll(question))
		mark := s.alice.Mark()
		s.phoneVotes(carolNumber, asked.ID, "Rice")
		s.seesVote(s.alice, mark, rig.Ghost(carolNumber), poll, "y")
		s.votes(s.bob, poll, "x")
		s.phoneSeesVote(carolNumber, bobNumber, asked.ID, "Fish")
		s.phoneVotes(bobNumber, asked.ID, "Rice")
		s.seesVote(s.alice, mark, rig.Ghost(bobNumber), poll, "y")
		end := "org.matrix.msc3381.poll.end"
		if kind == "m.poll.start" {
			end = "m.poll.end"
		}
		s.asks(end, map[string]any{"m.relates_to": map[string]any{"rel_type": "m.reference", "event_id": poll}, end: map[string]any{}})
		s.onPhone(daveNumber, withText("📊 This poll is closed: "+question+"\n• Fish: 0 votes\n• Rice: 2 votes"))
	}
}

func isPoll(question string) func(api.Message) bool {
	return func(m api.Message) bool {
		var content struct {
			Poll struct {
				Name string `json:"name"`
			} `json:"pollCreationMessage"`
		}
		return json.Unmarshal(m.Message, &content) == nil && content.Poll.Name == question
	}
}

// pollKinds: whatever version of polls WhatsApp's programs send, and what they share of them.
func (s *story) pollKinds() {
	s.step("all versions of polls")
	carol := rig.Ghost(carolNumber)
	for _, version := range []string{"", "V2", "V4", "V5", "V6"} {
		asked := s.does(carolNumber, api.Send{Chat: s.group, Message: pollMessage(version, "Version "+version, "A", "B")})
		poll := s.seesPoll(s.alice, carol, oneLine("Version "+version))
		mark := s.alice.Mark()
		s.phoneVotes(carolNumber, asked.ID, "B")
		s.seesVote(s.alice, mark, carol, poll, optionOf("B"))
	}
	for _, version := range []string{"", "V3"} {
		s.does(carolNumber, api.Send{Chat: s.group, Message: json.RawMessage(
			`{"pollResultSnapshotMessage` + version + `":{"name":"Shared` + version + `","pollVotes":[{"optionName":"A","optionVoteCount":"2"}]}}`)})
		text := "📊 Results of the poll “Shared" + version + "”:\n• A: 2 votes"
		s.note(s.shared, carol, text)
		s.seenText(s.alice, s.shared, carol, text)
	}
	s.step("a vote in a poll that the bridge cannot read at first")
	mark := s.alice.Mark()
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "undecryptable", Device: s.bridgeDevice(), Count: 1}))
	asked := s.does(daveNumber, api.Send{Chat: aliceNumber, Message: pollMessage("V3", "Just us?", "Yes", "No")})
	s.does(daveNumber, api.Send{Chat: aliceNumber, Vote: &api.Vote{ID: asked.ID, Options: []string{"Yes"}}})
	invitation, err := s.alice.AcceptInvite(s.ctx, "the chat with Dave", func(person.Invitation) bool { return true })
	require.NoError(s, err)
	poll := s.seesPoll(s.alice, rig.Ghost(daveNumber), "Just us?")
	s.seesVote(s.alice, mark, rig.Ghost(daveNumber), poll, optionOf("Yes"))
	require.NotEmpty(s, invitation.Room)
}

func oneLine(text string) string {
	if text[len(text)-1] == ' ' {
		return text[:len(text)-1]
	}
	return text
}

func (s *story) pollRefusals() {
	s.step("polls that WhatsApp does not take")
	answers := []map[string]any{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"} {
		answers = append(answers, map[string]any{"id": name, "org.matrix.msc1767.text": name})
	}
	for part, list := range map[string][]map[string]any{"at most 12 options": answers, "is there twice": {answers[0], answers[0]}, "at least two": answers[:1]} {
		sent := s.asks("org.matrix.msc3381.poll.start", map[string]any{"org.matrix.msc3381.poll.start": map[string]any{
			"question": map[string]any{"org.matrix.msc1767.text": "?"}, "answers": list}})
		s.notice(s.shared, sent, part)
	}
}
