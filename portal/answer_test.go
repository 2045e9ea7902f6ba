package portal

import (
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
	"causeway/dispatch/dispatchtest"
)

func parsedMessage(t *testing.T, text string) *waE2E.Message {
	t.Helper()
	msg := &waE2E.Message{}
	if err := protojson.Unmarshal([]byte(text), msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

func replied(t *testing.T, evt, to id.EventID, text string) *event.Event {
	t.Helper()
	return dispatchtest.Event(t, room, dispatchtest.Alice, evt, event.EventMessage, &event.MessageEventContent{
		MsgType: event.MsgText, Body: text, RelatesTo: &event.RelatesTo{InReplyTo: &event.InReplyTo{EventID: to}},
	})
}

func TestChoiceByReply(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	asked := shown(t, b.arrive(arrival(aliceLogin, "B", fromAnn(), parsedMessage(t,
		`{"buttonsMessage":{"contentText":"Go?","buttons":[{"buttonID":"y","buttonText":{"displayText":"Yes"}}]}}`))).Expect(t, "send_event"))
	b.settle(*asked.Message, "$b")
	got := protobuf(t, sent(t, b.say(replied(t, "$1", "$b", "1")))).GetButtonsResponseMessage()
	if got.GetSelectedButtonID() != "y" || got.GetContextInfo().GetStanzaID() != "B" {
		t.Errorf("got %v", got)
	}
	if other := protobuf(t, sent(t, b.say(replied(t, "$2", "$b", "what?")))).GetExtendedTextMessage(); other.GetText() != "what?" {
		t.Errorf("got %v", other)
	}
}

// party lets Ann invite to an event and returns what is kept of it.
func (b bed) party() database.Question {
	b.t.Helper()
	b.group()
	invited := parsedMessage(b.t, `{"eventMessage":{"name":"Party","startTime":"1700000000"}}`)
	invited.MessageContextInfo = &waE2E.MessageContextInfo{MessageSecret: pollSecret()}
	a := shown(b.t, b.arrive(arrival(aliceLogin, "E", inGroup(lid("100")), invited)).Expect(b.t, "send_event"))
	b.settle(*a.Message, "$e")
	q, err := b.DB.QuestionByKey(b.t.Context(), *a.Message)
	if err != nil {
		b.t.Fatal(err)
	}
	return q
}

func (b bed) coming(as convert.Attendance, messageID string, by string, after time.Duration) dispatchtest.Actions {
	b.t.Helper()
	seal := convert.Seal{Purpose: convert.PurposeEvent, Secret: pollSecret(), ID: "E", Author: lid("100"), By: lid(by)}
	msg, err := convert.AttendanceToWhatsApp(friends(), convert.Target{ID: "E", Participant: lid("100")}, seal, messageID, as, at())
	if err != nil {
		b.t.Fatal(err)
	}
	return b.arrive(later(arrival(aliceLogin, messageID, inGroup(lid(by)), msg), after))
}

func TestAnswersToEvents(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	q := b.party()
	a := shown(t, b.coming(convert.Going, "A1", "300", time.Second).Expect(t, "send_event"))
	if words(t, a) != "✅ I am going." || a.As != ghost("lid-300") || *a.About != q.MessageKey {
		t.Errorf("got %+v", a)
	}
	b.coming(convert.Going, "A1", "300", time.Second).Expect(t, "")
	b.coming(convert.Maybe, "A0", "300", 0).Expect(t, "") // it was given before
	if a := shown(t, b.coming(convert.NotGoing, "A2", "300", 2*time.Second).Expect(t, "send_event")); words(t, a) != "❌ I am not going." {
		t.Errorf("got %+v", a)
	}
	own := lid("9" + string(aliceLogin))
	for n, evt := range []*event.Event{reacted(t, dispatchtest.Alice, "$1", "$e", "✅\ufe0f"), replied(t, "$2", "$e", "maybe")} {
		answer, ok := convert.AttendanceFromWhatsApp(protobuf(t, sent(t, b.say(evt))))
		plain, err := convert.Seal{Purpose: convert.PurposeEvent, Secret: q.Secret, ID: "E", Author: lid("100"), By: own}.Open(answer.Sealed)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		if text, _, _ := convert.AttendanceText(plain); text != []string{"✅ I am going.", "❓ Maybe I am going."}[n] {
			t.Errorf("got %s", text)
		}
	}
	if a := sent(t, b.say(reacted(t, dispatchtest.Alice, "$3", "$e", "🎉"))); protobuf(t, a).GetReactionMessage().GetText() != "🎉" {
		t.Errorf("got %v", protobuf(t, a))
	}
	b.refuse("cannot_undo", redaction(t, dispatchtest.Alice, "$4", "$2"))
}

func TestAnswerBeforeItsEvent(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	b.coming(convert.Going, "A1", "300", 0).Expect(t, "")
	invited := parsedMessage(t, `{"eventMessage":{"name":"Party"}}`)
	invited.MessageContextInfo = &waE2E.MessageContextInfo{MessageSecret: pollSecret()}
	b.arrive(arrival(aliceLogin, "E", inGroup(lid("100")), invited)).Expect(t, "send_event send_event")
}

func TestAnswerThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.party()
	strange := arrival(aliceLogin, "A1", inGroup(lid("300")), &waE2E.Message{EncEventResponseMessage: &waE2E.EncEventResponseMessage{
		EventCreationMessageKey: keyOf("E", lid("100")), EncPayload: []byte{1}, EncIV: make([]byte, 12)}})
	if a := shown(t, b.arrive(strange).Expect(t, "send_event")); words(t, a) != textSealedAnswer {
		t.Errorf("got %+v", a)
	}
}

func TestInvitationSaysHowToJoin(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.p.cfg.Prefix = "!wa"
	b.direct()
	invite := func(id string, expires time.Time) string {
		msg := &waE2E.Message{GroupInviteMessage: &waE2E.GroupInviteMessage{GroupJID: proto.String("1@g.us"), InviteCode: proto.String("c"),
			GroupName: proto.String("Club"), InviteExpiration: proto.Int64(expires.Unix())}}
		return words(t, shown(t, b.arrive(arrival(aliceLogin, id, fromAnn(), msg)).Expect(t, "send_event")))
	}
	if text := invite("I1", time.Now().Add(time.Hour)); !strings.Contains(text, "“Club”") || !strings.Contains(text, "“!wa accept”") {
		t.Errorf("got %s", text)
	}
	if text := invite("I2", time.Now().Add(-time.Hour)); !strings.Contains(text, "expired") || strings.Contains(text, "accept") {
		t.Errorf("got %s", text)
	}
}

// An edit of a poll, which comes sealed, replaces its event; votes for the new options are known.
func TestPollIsChanged(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	poll := b.annAsks()
	changed := pollMessage()
	changed.PollCreationMessageV3.Options[1].OptionName = proto.String("Pie")
	edit := editOf("POLL", "")
	edit.ProtocolMessage.EditedMessage = changed
	a := shown(t, b.arrive(later(arrival(aliceLogin, "X", inGroup(lid("100")), edit), time.Second)).Expect(t, "send_event"))
	if a.Type != "org.matrix.msc3381.poll.start" || *a.About != poll || !strings.Contains(string(a.Content), `"m.replace"`) || !strings.Contains(string(a.Content), "Pie") {
		t.Errorf("got %s", a.Content)
	}
	vote := shown(t, b.arrive(arrival(aliceLogin, "V", inGroup(lid("300")), voteOn(t, "POLL", lid("100"), lid("300"), at(), "Pie"))).Expect(t, "send_event"))
	if got := votes(t, vote); len(got) != 1 || got[0] != optionID("Pie") {
		t.Errorf("got %v", got)
	}
}
