package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// TestAnswers: what asks for an answer of a certain form, and what can only be named.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := linked(t, rig.SQLite)
	s.menus()
	s.choicesOfOthers()
	s.events()
	s.invitations()
	s.namedKinds()
	s.talkAfter()
}

// carolAsks lets Carol send a message and returns its ID and the event that shows it, whose body begins so.
func (s *story) carolAsks(message, begins string) (string, person.Seen) {
	s.Helper()
	sent, mark := s.carolSends(message)
	seen, err := s.alice.WaitAfter(s.ctx, mark, begins, func(e person.Seen) bool {
		m := e.Message()
		return e.RoomID == s.direct && e.Sender == rig.Ghost(carolNumber) && m != nil && strings.HasPrefix(m.Body, begins)
	})
	require.NoError(s, err)
	return sent.ID, seen
}

// menus: a reply with the number is an answer of the form that the message asks for.
func (s *story) menus() {
	s.step("messages of businesses, answered by a number")
	params, err := json.Marshal(`{"display_text":"Go","id":"g"}`)
	require.NoError(s, err)
	for _, c := range []struct{ message, begins, answer, want string }{
		{`{"buttonsMessage":{"contentText":"Buttons?","buttons":[{"buttonID":"y","buttonText":{"displayText":"Yes"}},{"buttonID":"n","buttonText":{"displayText":"No"}}]}}`,
			"Buttons?\n1. Yes\n2. No\nTo choose", "2", `"selectedButtonID":"n"`},
		{`{"listMessage":{"title":"List?","sections":[{"rows":[{"title":"Tea","rowID":"t"}]}]}}`, "List?\n1. Tea", "1", `"selectedRowID":"t"`},
		{`{"templateMessage":{"hydratedTemplate":{"hydratedContentText":"Template?","hydratedButtons":[{"index":0,"quickReplyButton":{"displayText":"Stop","ID":"s"}}]}}}`,
			"Template?\n1. Stop", "stop", `"selectedID":"s"`},
		{`{"highlyStructuredMessage":{"hydratedHsm":{"hydratedTemplate":{"hydratedContentText":"Structured?","hydratedButtons":[{"index":0,"quickReplyButton":{"displayText":"Ok","ID":"o"}}]}}}}`,
			"Structured?\n1. Ok", "1", `"selectedID":"o"`},
		{`{"interactiveMessage":{"body":{"text":"Interactive?"},"nativeFlowMessage":{"buttons":[{"name":"quick_reply","buttonParamsJSON":` + string(params) + `}]}}}`,
			"Interactive?\n1. Go", "1", `\"id\":\"g\"`},
	} {
		asked, seen := s.carolAsks(c.message, c.begins)
		_, err := s.alice.Reply(s.ctx, s.direct, seen.ID, c.answer)
		require.NoError(s, err)
		s.carolGets(c.want, `"stanzaID":"`+asked+`"`)
		s.note(s.direct, s.alice.ID, c.answer)
	}
	s.carolAsks(`{"productMessage":{"product":{"title":"Cake","currencyCode":"EUR","priceAmount1000":"4500"}}}`, "🛍 Cake\n4.50 EUR")
}

func (s *story) choicesOfOthers() {
	s.step("what others have chosen")
	for n, message := range []string{
		`{"buttonsResponseMessage":{"selectedButtonID":"y","selectedDisplayText":"Choice 0"}}`, `{"listResponseMessage":{"title":"Choice 1"}}`,
		`{"templateButtonReplyMessage":{"selectedDisplayText":"Choice 2"}}`, `{"interactiveResponseMessage":{"body":{"text":"Choice 3"}}}`,
	} {
		_, seen := s.carolAsks(message, fmt.Sprintf("Choice %d", n))
		require.Equal(s, event.MsgText, seen.Message().MsgType)
	}
}

func (s *story) events() {
	s.step("an event with answers")
	party, seen := s.carolAsks(`{"eventMessage":{"name":"Party","startTime":"1900000000","location":{"name":"Home"},"joinLink":"https://example.com/join"}}`, "📅 Party\n🕒 2030-03-17 17:46 UTC\n📍 Home\n🔗 https://example.com/join\n")
	comes := func(response string) func(m api.Message) bool {
		return func(m api.Message) bool {
			return m.Attendance != nil && m.Attendance.ID == party && m.Attendance.Response == response && m.Device != 0
		}
	}
	_, err := s.alice.React(s.ctx, s.direct, seen.ID, "✅")
	require.NoError(s, err)
	s.onPhone(carolNumber, comes("GOING"))
	_, err = s.alice.Reply(s.ctx, s.direct, seen.ID, "maybe")
	require.NoError(s, err)
	s.onPhone(carolNumber, comes("MAYBE"))
	mark := s.alice.Mark()
	s.does(carolNumber, api.Send{Chat: aliceNumber, Attend: &api.Attendance{ID: party, Response: "GOING", Guests: 2}})
	answered := s.carolShows(mark, event.MsgNotice, func(_ person.Seen, m *event.MessageEventContent) bool {
		return m.Body == "✅ I am going, with 2 more."
	})
	require.Equal(s, seen.ID, answered.Message().RelatesTo.GetReplyTo())
	s.step("an event that is changed, sealed")
	s.does(carolNumber, api.Send{Chat: aliceNumber, Edit: party, Sealed: true, Message: json.RawMessage(`{"eventMessage":{"name":"Big party","isCanceled":true}}`)})
	s.carolShows(mark, event.MsgText, func(_ person.Seen, m *event.MessageEventContent) bool {
		return m.RelatesTo.GetReplaceID() == seen.ID && m.NewContent.Body == "📅 Cancelled: Big party"
	})
	s.carolAsks(`{"eventInviteMessage":{"eventTitle":"Tea","startTime":"1900000000"}}`, "📅 Invitation to “Tea”")

	s.step("a text that is edited in the sealed form")
	sent := s.does(carolNumber, api.Send{Chat: aliceNumber, Message: json.RawMessage(
		`{"conversation":"helo","messageContextInfo":{"messageSecret":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}`)})
	s.note(s.direct, rig.Ghost(carolNumber), "helo")
	s.does(carolNumber, api.Send{Chat: aliceNumber, Edit: sent.ID, Sealed: true, Text: "hello"})
	s.carolShows(mark, event.MsgText, func(_ person.Seen, m *event.MessageEventContent) bool {
		return m.NewContent != nil && m.NewContent.Body == "hello"
	})
}

// invitations: a command in reply joins the group, across a kill.
func (s *story) invitations() {
	s.step("an invitation to a group")
	group, err := s.rig.Network.CreateGroup(s.ctx, api.NewGroup{Subject: "Club", Creator: carolNumber, Participants: []string{daveNumber}})
	require.NoError(s, err)
	invites := func(seconds int64) person.Seen {
		made, err := s.rig.Network.Invite(s.ctx, group.JID, api.NewInvite{By: carolNumber, Phone: aliceNumber, Seconds: seconds})
		require.NoError(s, err)
		_, seen := s.carolAsks(fmt.Sprintf(`{"groupInviteMessage":{"groupJID":%q,"inviteCode":%q,"inviteExpiration":"%d","groupName":"Club"}}`,
			group.JID, made.Code, made.Expiration), "✉️ Invitation to the WhatsApp group “Club”")
		return seen
	}
	accepts := func(seen person.Seen) {
		answer, err := s.alice.Reply(s.ctx, s.direct, seen.ID, "!wa accept")
		require.NoError(s, err)
		s.noteOnMatrixOnly(s.direct, s.alice.ID, "!wa accept")
		require.NotEmpty(s, answer)
	}
	over := invites(-60)
	require.Contains(s, over.Message().Body, "It has expired")
	mark := s.alice.Mark()
	accepts(over)
	s.botSays(mark, "has expired")
	taken := invites(3600)
	require.Contains(s, taken.Message().Body, "“!wa accept”")
	accepts(taken)
	s.rig.KillBridge()
	require.NoError(s, s.rig.StartBridge(s.ctx))
	invitation, err := s.alice.AcceptInvite(s.ctx, "the club", func(i person.Invitation) bool { return i.Name == "Club" })
	require.NoError(s, err)
	s.botSays(mark, "You are in the group “Club” now")
	s.does(daveNumber, api.Send{Chat: group.JID, Text: "welcome to the club"})
	_, err = s.alice.WaitEvent(s.ctx, "the club's welcome", func(e person.Seen) bool { return e.RoomID == invitation.Room && e.Text() == "welcome to the club" })
	require.NoError(s, err)
}

// botSays waits for a notice of the bot in Alice's chat with Carol.
func (s *story) botSays(mark int, part string) {
	s.Helper()
	_, err := s.alice.WaitAfter(s.ctx, mark, part, func(e person.Seen) bool {
		m := e.Message()
		return e.RoomID == s.direct && e.Sender == rig.Bot && m != nil && strings.Contains(m.Body, part)
	})
	require.NoError(s, err)
}

// namedKinds: what is for phones only says what it is and what to do, and is kept.
func (s *story) namedKinds() {
	s.step("kinds for phones only")
	for message, part := range map[string]string{
		`{"orderMessage":{"itemCount":3,"orderTitle":"Shop"}}`:                                       "🛒 An order of 3 items from Shop",
		`{"invoiceMessage":{"note":"May"}}`:                                                          "🧾 An invoice",
		`{"requestPaymentMessage":{"amount1000":"5000","currencyCodeIso4217":"EUR"}}`:                "💳 A request for a payment over 5.00 EUR",
		`{"sendPaymentMessage":{"noteMessage":{"conversation":"for lunch"}}}`:                        "💳 A payment.",
		`{"callLogMesssage":{"isVideo":true,"callOutcome":"MISSED"}}`:                                "📞 A video call was missed",
		`{"scheduledCallCreationMessage":{"title":"Weekly","scheduledTimestampMS":"1900000000000"}}`: "📞 A call is planned: Weekly, 2030-03-17 17:46 UTC",
		`{"newsletterAdminInviteMessage":{"newsletterName":"News"}}`:                                 "📣 An invitation to run the WhatsApp channel “News”",
		`{"stickerPackMessage":{"name":"Cats","stickers":[{"fileName":"a"}]}}`:                       "🧩 A pack of stickers, “Cats”, with 1 stickers",
		`{"requestPhoneNumberMessage":{}}`:                                                           "☎️ I would like to know your phone number",
		`{"placeholderMessage":{"type":"MASK_LINKED_DEVICES"}}`:                                      "🔒 A message that WhatsApp shows on phones only",
		`{"messageHistoryNotice":{"messageHistoryMetadata":{"messageCount":"12"}}}`:                  "🕘 12 earlier messages",
		`{"musicMessage":{"songUri":"x"}}`:                                                           "🎵 Music",
	} {
		_, seen := s.carolAsks(message, part)
		require.Equal(s, event.MsgNotice, seen.Message().MsgType)
		require.NotEmpty(s, seen.Content.Raw["chat.causeway.message"], part)
	}
	for message, text := range map[string]string{
		`{"richResponseMessage":{"submessages":[{"messageText":"I am a program"}]}}`: "I am a program",
		`{"spoilerMessage":{"message":{"conversation":"it was the butler"}}}`:        "it was the butler",
	} {
		s.carolAsks(message, text)
		s.note(s.direct, rig.Ghost(carolNumber), text)
	}
}
