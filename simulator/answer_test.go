package simulator_test

import (
	"testing"

	"causeway/simulator"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

func poll(question string, options ...string) *waE2E.Message {
	made := &waE2E.PollCreationMessage{Name: proto.String(question), SelectableOptionsCount: proto.Uint32(0)}
	for _, o := range options {
		made.Options = append(made.Options, &waE2E.PollCreationMessage_Option{OptionName: proto.String(o)})
	}
	return &waE2E.Message{PollCreationMessageV3: made}
}

// arrived waits for a message of any kind.
func arrived(t *testing.T, c *companion, id string) *events.Message {
	t.Helper()
	return await(t, c, func(m *events.Message) bool { return m.Info.ID == id })
}

// Phones and whatsmeow read each other's votes: the derivations of both sides were written apart.
func TestVotesAndOtherSealedAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	asked := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Message: poll("Lunch?", "Pizza", "Soup")})
	got := arrived(t, c, asked.ID)
	require.Len(t, got.Message.GetMessageContextInfo().GetMessageSecret(), 32)
	vote, err := c.BuildPollVote(limit(t), &got.Info, []string{"Soup"})
	require.NoError(t, err)
	r, err := c.SendMessage(limit(t), w.bob.LID(), vote)
	require.NoError(t, err)
	for _, p := range []*simulator.Phone{w.bob, w.me} {
		require.Equal(t, &simulator.Vote{ID: asked.ID, Options: []string{"Soup"}}, hears(t, p, r.ID).Vote)
	}

	r, err = c.SendMessage(limit(t), w.bob.LID(), c.BuildPollCreation("Dinner?", []string{"A", "B"}, 1))
	require.NoError(t, err)
	hears(t, w.bob, r.ID)
	voted := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Vote: &simulator.Vote{ID: r.ID, Options: []string{"B"}}})
	opened, err := c.DecryptPollVote(limit(t), arrived(t, c, voted.ID))
	require.NoError(t, err)
	require.Len(t, opened.GetSelectedOptions(), 1)

	event := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Message: &waE2E.Message{EventMessage: &waE2E.EventMessage{Name: proto.String("Party")}}})
	arrived(t, c, event.ID)
	hears(t, w.me, event.ID)
	answer := w.send(t, w.me, simulator.Outgoing{Chat: bobs, Attend: &simulator.Attendance{ID: event.ID, Response: "MAYBE", Guests: 2}})
	require.Equal(t, &simulator.Attendance{ID: event.ID, Response: "MAYBE", Guests: 2}, hears(t, w.bob, answer.ID).Attendance)
	edit := w.send(t, w.bob, simulator.Outgoing{Chat: mine, Edit: event.ID, Sealed: true,
		Message: &waE2E.Message{EventMessage: &waE2E.EventMessage{Name: proto.String("Big party")}}})
	changed, err := c.DecryptSecretEncryptedMessage(limit(t), arrived(t, c, edit.ID))
	require.NoError(t, err)
	require.Equal(t, "Big party", changed.GetEventMessage().GetName())

	for _, bad := range []simulator.Outgoing{{Chat: mine, Vote: &simulator.Vote{ID: asked.ID, Options: []string{"Fish"}}},
		{Chat: mine, Attend: &simulator.Attendance{ID: event.ID, Response: "NO"}}} {
		_, err = w.bob.Send(limit(t), bad)
		require.ErrorIs(t, err, simulator.ErrInvalid)
	}
	for _, bad := range []simulator.Outgoing{{Chat: mine, Vote: &simulator.Vote{ID: event.ID}}, {Chat: mine, Attend: &simulator.Attendance{ID: asked.ID, Response: "GOING"}}} {
		_, err = w.bob.Send(limit(t), bad)
		require.ErrorIs(t, err, simulator.ErrUnknown)
	}
	w.strict(t)
}
