package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// The people of the story. Alice and Bob are on Matrix and link their accounts; Carol and Dave have a phone only.
const (
	aliceNumber = "4917600000001"
	bobNumber   = "4917600000002"
	carolNumber = "4917600000003"
	daveNumber  = "4917600000004"
)

// story is one bridge and what has been said on it so far.
type story struct {
	*testing.T
	ctx context.Context
	rig *rig.Rig

	alice, bob       *person.Person
	aliceBot, bobBot *rig.Chat
	// direct is Alice's room with Carol, shared the group's.
	direct, shared id.RoomID
	group          string
	// said is what each has written in each chat, by room and sender on Matrix.
	said map[id.RoomID]map[id.UserID][]string
	// unsent are the texts that must not reach WhatsApp.
	unsent []string
}

// TestStory is what two people do with the bridge, from the first hello to the logout.
func TestStory(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, database string) {
		ctx, r := newRig(t, database)
		s := &story{T: t, ctx: ctx, rig: r, said: map[id.RoomID]map[id.UserID][]string{}}
		s.arrive()
		s.mistakes()
		s.link()
		s.talkDirectly()
		s.talkFromThePhone()
		s.talkInAGroup()
		s.change()
		s.restart()
		s.kill()
		s.startChat()
		s.leave()
		s.account()
	})
}

func (s *story) step(name string) {
	s.Helper()
	s.Log(time.Now().Format("15:04:05.000"), name)
}

// arrive: everybody gets a phone, Alice and Bob a Matrix account and a chat with the bot.
func (s *story) arrive() {
	s.step("arrive")
	for number, name := range map[string]string{aliceNumber: "Alice", bobNumber: "Bob", carolNumber: "Carol", daveNumber: "Dave"} {
		_, err := s.rig.Network.AddPhone(s.ctx, number, name)
		require.NoError(s, err)
	}
	var err error
	s.alice, err = s.rig.Person(s.ctx, "alice")
	require.NoError(s, err)
	s.bob, err = s.rig.Person(s.ctx, "bob")
	require.NoError(s, err)
	s.aliceBot, err = s.rig.OpenChat(s.ctx, s.alice)
	require.NoError(s, err)
	s.bobBot, err = s.rig.OpenChat(s.ctx, s.bob)
	require.NoError(s, err)
}

// mistakes: what is not a command, or not yet possible, gets an answer that says what to do.
func (s *story) mistakes() {
	s.step("mistakes")
	for command, answer := range map[string]string{
		"frobnicate":                 "do not know",
		"help":                       "login",
		"version":                    "Causeway",
		"login":                      "login qr",
		"login phone 0170123":        "country code",
		"login phone banana":         "not a phone number",
		"logout":                     "no linked",
		"cancel":                     "nothing to cancel",
		"list-logins":                "no linked",
		"ping":                       "no linked",
		"start-chat":                 "start-chat +",
		"start-chat +" + carolNumber: "link your WhatsApp account first",
		strings.Repeat("x", 20000):   "do not know",
	} {
		got, err := s.aliceBot.Ask(s.ctx, command)
		require.NoError(s, err)
		require.Contains(s, got, answer, "%.40s", command)
	}
}

// link: Alice scans a QR code, Bob types a pairing code.
func (s *story) link() {
	s.step("link")
	picture, err := s.aliceBot.LogInByQR(s.ctx, aliceNumber)
	require.NoError(s, err)
	_, err = s.alice.WaitEvent(s.ctx, "the QR code to disappear", func(e person.Seen) bool {
		redacts, _ := e.Content.Raw["redacts"].(string)
		return e.Type.Type == "m.room.redaction" && (e.Redacts == picture || redacts == picture.String())
	})
	require.NoError(s, err)
	require.NoError(s, s.bobBot.LogInByCode(s.ctx, bobNumber))
	for chat, number := range map[*rig.Chat]string{s.aliceBot: aliceNumber, s.bobBot: bobNumber} {
		got, err := chat.Ask(s.ctx, "list-logins")
		require.NoError(s, err)
		require.Contains(s, got, number)
		require.NotContains(s, got, "no linked")
	}
	got, err := s.aliceBot.Ask(s.ctx, "login phone +"+aliceNumber)
	require.NoError(s, err)
	require.Contains(s, got, "linked already")
}

// talkDirectly: Carol writes to Alice, which makes a room; both go on in it.
func (s *story) talkDirectly() {
	s.step("talk directly")
	s.phoneSays(carolNumber, aliceNumber, "hello alice")
	invitation, err := s.alice.AcceptInvite(s.ctx, "the chat with Carol", func(person.Invitation) bool { return true })
	require.NoError(s, err)
	s.direct = invitation.Room
	s.note(s.direct, rig.Ghost(carolNumber), "hello alice")
	s.check(s.alice)
	for i := range 5 {
		s.personSays(s.alice, s.direct, fmt.Sprintf("alice %d: <b>Grüße</b> & *stars* 🎈", i))
		text := fmt.Sprintf("carol %d\nsecond line", i)
		s.phoneSays(carolNumber, aliceNumber, text)
		s.note(s.direct, rig.Ghost(carolNumber), text)
	}
	s.check(s.alice)
}

// talkFromThePhone: what Alice writes on her own phone shows up as hers.
func (s *story) talkFromThePhone() {
	s.step("talk from the phone")
	s.phoneSays(aliceNumber, carolNumber, "alice on her phone")
	s.note(s.direct, rig.Ghost(aliceNumber), "alice on her phone")
	s.check(s.alice)
}

// talkInAGroup: Carol's group with Alice and Bob is one room for both.
func (s *story) talkInAGroup() {
	s.step("talk in a group")
	group, err := s.rig.Network.CreateGroup(s.ctx, api.NewGroup{
		Subject: "Lunch", Creator: carolNumber, Participants: []string{aliceNumber, bobNumber, daveNumber},
	})
	require.NoError(s, err)
	s.group = group.JID
	s.phoneSays(carolNumber, s.group, "who is hungry?")
	for _, p := range []*person.Person{s.alice, s.bob} {
		invitation, err := p.AcceptInvite(s.ctx, "the group", func(person.Invitation) bool { return true })
		require.NoError(s, err)
		if s.shared != "" {
			require.Equal(s, s.shared, invitation.Room, "both are in one room")
		}
		s.shared = invitation.Room
	}
	s.note(s.shared, rig.Ghost(carolNumber), "who is hungry?")
	s.check(s.alice, s.bob)
	for i := range 3 {
		s.personSays(s.alice, s.shared, fmt.Sprintf("alice is hungry %d", i))
		s.personSays(s.bob, s.shared, fmt.Sprintf("bob is hungry %d", i))
		for _, number := range []string{carolNumber, daveNumber} {
			text := fmt.Sprintf("%s is hungry %d", number, i)
			s.phoneSays(number, s.group, text)
			s.note(s.shared, rig.Ghost(number), text)
		}
	}
	s.phoneSays(bobNumber, s.group, "bob on his phone")
	s.note(s.shared, rig.Ghost(bobNumber), "bob on his phone")
	s.check(s.alice, s.bob)
}

// restart: what is said on both sides while the bridge is down arrives afterwards.
func (s *story) restart() {
	s.step("restart")
	require.NoError(s, s.rig.StopBridge())
	s.talkEverywhere("while it is down")
	s.step("start again")
	s.startAgain()
}

// kill: the bridge is killed in the middle of a conversation.
func (s *story) kill() {
	s.step("kill")
	for round := range 3 {
		s.talkEverywhere(fmt.Sprintf("before kill %d", round))
		s.rig.KillBridge()
		s.talkEverywhere(fmt.Sprintf("after kill %d", round))
		s.startAgain()
	}
}

// startAgain starts the bridge and waits until all that was said has arrived.
func (s *story) startAgain() {
	s.Helper()
	require.NoError(s, s.rig.StartBridge(s.ctx))
	s.check(s.alice, s.bob)
	require.NoError(s, s.rig.Homeserver.WaitRecovered(s.ctx))
}

// startChat: Alice opens a chat by number.
func (s *story) startChat() {
	s.step("start a chat")
	_, err := s.alice.Send(s.ctx, s.aliceBot.Room, "start-chat +"+daveNumber)
	require.NoError(s, err)
	invitation, err := s.alice.AcceptInvite(s.ctx, "the chat with Dave", func(person.Invitation) bool { return true })
	require.NoError(s, err)
	s.personSays(s.alice, invitation.Room, "hello dave")
	s.phoneSays(daveNumber, aliceNumber, "hello alice, dave here")
	s.note(invitation.Room, rig.Ghost(daveNumber), "hello alice, dave here")
	s.check(s.alice)
	mark := s.alice.Mark()
	_, err = s.alice.Send(s.ctx, s.aliceBot.Room, "start-chat +4917600000099")
	require.NoError(s, err)
	_, err = s.aliceBot.Hear(s.ctx, mark, "not on WhatsApp")
	require.NoError(s, err)
}

// leave: Bob's phone unlinks the bridge, Alice logs out. Nobody is left to speak for them.
func (s *story) leave() {
	s.step("leave")
	mark := s.bob.Mark()
	stats, err := s.rig.Network.Stats(s.ctx)
	require.NoError(s, err)
	device := companion(s, stats.Devices, bobNumber)
	require.NoError(s, s.rig.Network.Unlink(s.ctx, bobNumber, device))
	_, err = s.bobBot.Hear(s.ctx, mark, "no longer linked")
	require.NoError(s, err)

	got, err := s.aliceBot.Ask(s.ctx, "logout")
	require.NoError(s, err)
	require.Contains(s, got, "no longer linked")
	mark = s.alice.Mark()
	sent, err := s.alice.Send(s.ctx, s.direct, "is anybody there?")
	require.NoError(s, err)
	s.noteOnMatrixOnly(s.direct, s.alice.ID, "is anybody there?")
	_, err = s.alice.WaitAfter(s.ctx, mark, "to be told that this was not sent", func(e person.Seen) bool {
		m := e.Message()
		return e.RoomID == s.direct && e.Sender == rig.Bot && m != nil && m.RelatesTo.GetReplyTo() == sent
	})
	require.NoError(s, err)
	got, err = s.aliceBot.Ask(s.ctx, "logout")
	require.NoError(s, err)
	require.Contains(s, got, "no linked")
}

// account: the whole story once more, on every side, and what the network has to say about the bridge.
func (s *story) account() {
	s.step("account")
	s.check(s.alice, s.bob)
	for _, number := range []string{aliceNumber, bobNumber, carolNumber, daveNumber} {
		messages, err := s.rig.Network.Messages(s.ctx, number, "", 0, 0)
		require.NoError(s, err)
		seen := map[string]bool{}
		for _, m := range messages {
			key := m.Chat + " " + m.Sender + " " + m.ID
			require.False(s, seen[key], "the phone %s has %s twice", number, key)
			seen[key] = true
		}
	}
	// Not Faultless: a bridge that is killed between WhatsApp's answer and its own note of it sends the same message again, and the
	// network drops that.
	stats, err := s.rig.Network.Stats(s.ctx)
	require.NoError(s, err)
	require.Empty(s, stats.Violations)
}

// companion finds the device number of the bridge among the devices of an account.
func companion[T any](t require.TestingT, devices map[string]T, number string) (device uint16) {
	pattern := regexp.MustCompile(`^` + number + `[:.](\d+)$`)
	for name := range devices {
		if match := pattern.FindStringSubmatch(name); match != nil && match[1] != "0" {
			_, err := fmt.Sscan(match[1], &device)
			require.NoError(t, err)
		}
	}
	require.NotZero(t, device, "no companion of %s in %v", number, devices)
	return device
}
