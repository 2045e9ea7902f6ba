package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// TestFeedback is what Alice, who administers the bridge, learns of what becomes of messages, and what she can do about
// those that were given up.
func TestFeedback(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, database string) {
		ctx, r := newRig(t, database, "CAUSEWAY_BRIDGE_MESSAGE_STATUS_EVENTS=true", "CAUSEWAY_BRIDGE_DELIVERY_RECEIPTS=true")
		s := &story{T: t, ctx: ctx, rig: r, said: map[id.RoomID]map[id.UserID][]string{}}
		s.arrive()
		_, err := s.aliceBot.LogInByQR(ctx, aliceNumber)
		require.NoError(t, err)
		s.phoneSays(carolNumber, aliceNumber, "hello alice")
		invitation, err := s.alice.AcceptInvite(ctx, "the chat with Carol", func(person.Invitation) bool { return true })
		require.NoError(t, err)
		s.direct = invitation.Room
		s.delivered()
		s.refused()
		s.delayed()
		s.givenUp()
	})
}

// status waits for a status of an event and returns it.
func (s *story) status(room id.RoomID, about id.EventID, what string, fits func(c map[string]any) bool) map[string]any {
	s.Helper()
	seen, err := s.alice.WaitEvent(s.ctx, what, func(e person.Seen) bool {
		relation, _ := e.Content.Raw["m.relates_to"].(map[string]any)
		return e.Type.Type == event.BeeperMessageStatus.Type && e.RoomID == room && e.Sender == rig.Bot &&
			relation["event_id"] == about.String() && relation["rel_type"] == "m.reference" && fits(e.Content.Raw)
	})
	require.NoError(s, err)
	return seen.Content.Raw
}

// notice waits for a notice of the bot that answers an event.
func (s *story) notice(room id.RoomID, about id.EventID, part string) person.Seen {
	s.Helper()
	seen, err := s.alice.WaitEvent(s.ctx, "a notice with "+part, func(e person.Seen) bool {
		m := e.Message()
		return e.RoomID == room && e.Sender == rig.Bot && m != nil && m.RelatesTo.GetReplyTo() == about && strings.Contains(m.Body, part)
	})
	require.NoError(s, err)
	return seen
}

func (s *story) writes(room id.RoomID, text string) id.EventID {
	s.Helper()
	sent, err := s.alice.Send(s.ctx, room, text)
	require.NoError(s, err)
	return sent
}

// delivered: a message reaches Carol's phone.
func (s *story) delivered() {
	s.step("delivered")
	sent := s.writes(s.direct, "did you get this?")
	s.status(s.direct, sent, "the delivery", func(c map[string]any) bool {
		users, _ := c["delivered_to_users"].([]any)
		return c["status"] == "SUCCESS" && len(users) == 1 && users[0] == rig.Ghost(carolNumber).String()
	})
	require.NoError(s, s.alice.WaitRead(s.ctx, s.direct, rig.Bot, sent))
}

// refused: WhatsApp does not take a message.
func (s *story) refused() {
	s.step("refused")
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "nack", Device: aliceNumber, Code: 403, Count: 1}))
	sent := s.writes(s.direct, "you will not get this")
	s.notice(s.direct, sent, "403")
	c := s.status(s.direct, sent, "the failure", func(c map[string]any) bool { return c["status"] == "FAIL_PERMANENT" })
	require.Contains(s, c["message"], "403")
	require.Equal(s, "m.foreign_network_error", c["reason"])
}

// delayed: WhatsApp is away for longer than people wait without wondering.
func (s *story) delayed() {
	s.step("delayed")
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "refuse_connections", ForMS: (40 * time.Second).Milliseconds()}))
	require.NoError(s, s.rig.Network.Fault(s.ctx, api.Fault{Kind: "drop_connection", Device: aliceNumber}))
	sent := s.writes(s.direct, "better late than never")
	s.status(s.direct, sent, "the delay", func(c map[string]any) bool { return c["status"] == "PENDING" })
	notice := s.notice(s.direct, sent, "not connected")
	_, err := s.rig.Network.WaitText(s.ctx, carolNumber, "better late than never")
	require.NoError(s, err)
	s.status(s.direct, sent, "the end of the delay", func(c map[string]any) bool { return c["status"] == "SUCCESS" })
	_, err = s.alice.WaitEvent(s.ctx, "the notice to disappear", func(e person.Seen) bool {
		redacts, _ := e.Content.Raw["redacts"].(string)
		return e.Type.Type == "m.room.redaction" && (e.Redacts == notice.ID || redacts == notice.ID.String())
	})
	require.NoError(s, err)
}

// givenUp: Alice bans Dave's ghost from a room of her own, so that what Dave writes cannot be shown there.
func (s *story) givenUp() {
	s.step("given up")
	_, err := s.rig.Network.CreateGroup(s.ctx, api.NewGroup{Subject: "Lunch", Creator: carolNumber, Participants: []string{aliceNumber, daveNumber}})
	require.NoError(s, err)
	_, err = s.alice.AcceptInvite(s.ctx, "the group", func(person.Invitation) bool { return true })
	require.NoError(s, err)
	dave := rig.Ghost(daveNumber)
	made, err := s.alice.Client.CreateRoom(s.ctx, &mautrix.ReqCreateRoom{Preset: "private_chat", IsDirect: true, Invite: []id.UserID{dave}})
	require.NoError(s, err)
	room := made.RoomID
	s.writes(room, "hello dave")
	s.phoneSays(daveNumber, aliceNumber, "hello alice")
	require.NoError(s, s.alice.WaitTexts(s.ctx, room, dave, "hello alice"))

	_, err = s.alice.Client.BanUser(s.ctx, room, &mautrix.ReqBanUser{UserID: dave})
	require.NoError(s, err)
	s.phoneSays(daveNumber, aliceNumber, "between us")
	seen, err := s.alice.WaitEvent(s.ctx, "to be told of a message", func(e person.Seen) bool {
		return e.RoomID == room && e.Sender == rig.Bot && strings.Contains(e.Text(), "could not be shown here")
	})
	require.NoError(s, err)
	number := regexp.MustCompile(`dead letter (\d+)`).FindStringSubmatch(seen.Text())
	require.NotNil(s, number, seen.Text())

	for _, command := range []string{"queue", "queue all", "queue show " + number[1]} {
		got, err := s.aliceBot.Ask(s.ctx, command)
		require.NoError(s, err)
		require.Contains(s, got, number[1], command)
		require.NotContains(s, got, "between us", command)
	}
	listed, err := s.rig.Causeway(s.ctx, "queue", "list", "-c", s.rig.Config)
	require.NoError(s, err, listed)
	require.Regexp(s, `(?m)^`+number[1]+` +outbox +room/\d+ +send_event `, listed)
	require.NotContains(s, listed, "between us")

	_, err = s.alice.Client.UnbanUser(s.ctx, room, &mautrix.ReqUnbanUser{UserID: dave})
	require.NoError(s, err)
	got, err := s.rig.Causeway(s.ctx, "queue", "retry", number[1], "-c", s.rig.Config)
	require.NoError(s, err, got)
	require.NoError(s, s.alice.WaitTexts(s.ctx, room, dave, "hello alice", "between us"))
	listed, err = s.rig.Causeway(s.ctx, "queue", "list", "-c", s.rig.Config)
	require.NoError(s, err, listed)
	require.NotRegexp(s, `(?m)^`+number[1]+` `, listed)
}
