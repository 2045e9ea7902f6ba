package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

func pollSecret() []byte { return []byte(strings.Repeat("s", convert.SecretSize)) }

func optionID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// pollMessage is a poll for tea or cake.
func pollMessage() *waE2E.Message {
	return &waE2E.Message{
		PollCreationMessageV3: &waE2E.PollCreationMessage{Name: proto.String("What?"), SelectableOptionsCount: proto.Uint32(0),
			Options: []*waE2E.PollCreationMessage_Option{{OptionName: proto.String("Tea")}, {OptionName: proto.String("Cake")}}},
		MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: pollSecret()},
	}
}

// voteOn is a vote as the phone of somebody seals it.
func voteOn(t *testing.T, poll types.MessageID, author, by types.JID, at time.Time, names ...string) *waE2E.Message {
	t.Helper()
	vote := &waE2E.PollVoteMessage{}
	for _, name := range names {
		sum := sha256.Sum256([]byte(name))
		vote.SelectedOptions = append(vote.SelectedOptions, sum[:])
	}
	plain, err := proto.Marshal(vote)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := convert.Seal{Purpose: convert.PurposeVote, Secret: pollSecret(), ID: poll, Author: author, By: by}.Close(plain, fmt.Sprint(names, at))
	if err != nil {
		t.Fatal(err)
	}
	key := &waCommon.MessageKey{ID: &poll, FromMe: proto.Bool(author == by)}
	if author != by {
		key.Participant = proto.String(author.String())
	}
	return &waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{PollCreationMessageKey: key,
		Vote: &waE2E.PollEncValue{EncPayload: sealed.Payload, EncIV: sealed.IV}, SenderTimestampMS: proto.Int64(at.UnixMilli())}}
}

// votes reads a vote's event.
func votes(t *testing.T, a outbox.SendEvent) []string {
	t.Helper()
	var content event.PollResponseEventContent
	if err := json.Unmarshal(a.Content, &content); err != nil {
		t.Fatal(err)
	}
	if a.Type != "org.matrix.msc3381.poll.response" || content.RelatesTo.Type != event.RelReference || content.Response.Answers == nil {
		t.Fatalf("no vote: %+v", a)
	}
	return content.Response.Answers
}

func responseTo(t *testing.T, sender id.UserID, evt, poll id.EventID, answers ...string) *event.Event {
	t.Helper()
	return dispatchtest.Event(t, room, sender, evt, event.EventUnstablePollResponse, map[string]any{
		"m.relates_to":                     map[string]any{"rel_type": "m.reference", "event_id": poll},
		"org.matrix.msc3381.poll.response": map[string]any{"answers": answers},
	})
}

// annAsks lets Ann ask in the group, and returns the poll's key.
func (b bed) annAsks() database.MessageKey {
	b.t.Helper()
	b.group()
	asked := shown(b.t, b.arrive(arrival(aliceLogin, "POLL", inGroup(lid("100")), pollMessage())).Expect(b.t, "send_event"))
	var content event.PollStartEventContent
	if err := json.Unmarshal(asked.Content, &content); err != nil {
		b.t.Fatal(err)
	}
	if asked.Type != "org.matrix.msc3381.poll.start" || content.PollStart.Question.Text != "What?" || len(content.PollStart.Answers) != 2 ||
		content.PollStart.Answers[0].ID != optionID("Tea") {
		b.t.Errorf("got %+v", asked)
	}
	b.settle(*asked.Message, "$poll")
	return *asked.Message
}

func TestVotesFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	poll := b.annAsks()
	vote := func(login database.LoginID, messageID string, by types.JID, after time.Duration, names ...string) dispatchtest.Actions {
		t.Helper()
		in := arrival(login, messageID, inGroup(by), voteOn(t, "POLL", lid("100"), by, at().Add(after), names...))
		return b.arrive(in)
	}
	// Everybody has one vote: who votes again has then voted so.
	first := shown(t, vote(aliceLogin, "V1", lid("100"), 10*time.Millisecond, "Cake").Expect(t, "send_event"))
	if got := votes(t, first); !slices.Equal(got, []string{optionID("Cake")}) || *first.About != poll || first.As != ghost("lid-100") {
		t.Errorf("got %v, %+v", got, first)
	}
	second := shown(t, vote(aliceLogin, "V2", lid("100"), 20*time.Millisecond, "Tea", "Cake").Expect(t, "send_event"))
	if got := votes(t, second); !slices.Equal(got, []string{optionID("Tea"), optionID("Cake")}) || !second.Sent.After(first.Sent) {
		t.Errorf("got %v at %s, after %s", got, second.Sent, first.Sent)
	}
	vote(aliceLogin, "V0", lid("100"), 15*time.Millisecond, "Tea").Expect(t, "") // it was made before that one
	same := shown(t, vote(aliceLogin, "V3", lid("100"), 20*time.Millisecond).Expect(t, "send_event"))
	if got := votes(t, same); len(got) != 0 || !same.Sent.After(second.Sent) {
		t.Errorf("a vote that is taken back: got %v at %s", got, same.Sent)
	}
	// By each login of the group it comes once more.
	vote(bobLogin, "V3", lid("100"), 20*time.Millisecond).Expect(t, "invite")
	own := inGroup(lid("9" + string(aliceLogin)))
	own.IsFromMe = true
	mine := shown(t, b.arrive(arrival(aliceLogin, "V4", own, voteOn(t, "POLL", lid("100"), own.Sender, at(), "Tea"))).Expect(t, "send_event"))
	if got := votes(t, mine); len(got) != 1 || mine.As != ghost(string(aliceLogin)) {
		t.Errorf("got %v by %s", got, mine.As)
	}
}

func TestVotesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.annAsks()
	strange := voteOn(t, "POLL", lid("100"), lid("200"), at(), "Tea")
	list := b.arrive(arrival(aliceLogin, "V1", inGroup(lid("300")), strange)).Expect(t, "send_event")
	if a := shown(t, list); a.Type != "m.room.message" || words(t, a) != textSealedVote || a.About == nil {
		t.Errorf("got %+v", a)
	}
	list = b.arrive(arrival(aliceLogin, "V2", inGroup(lid("300")), voteOn(t, "POLL", lid("100"), lid("300"), at().Add(time.Second), "Coffee"))).Expect(t, "send_event")
	if a := shown(t, list); words(t, a) != textUnknownVote {
		t.Errorf("got %+v", a)
	}
	nobody := voteOn(t, "NEVER", lid("100"), lid("300"), at(), "Tea")
	nobody.PollUpdateMessage.PollCreationMessageKey.Participant = nil
	b.Dead(func(ctx context.Context) error {
		return b.p.MessageFromWhatsApp(ctx, arrival(aliceLogin, "V3", inGroup(lid("300")), nobody))
	})
}

// A vote that comes before its poll is shown with it.
func TestVoteBeforeItsPoll(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	vote := arrival(aliceLogin, "V1", inGroup(lid("300")), voteOn(t, "POLL", lid("100"), lid("300"), at(), "Tea"))
	b.arrive(vote).Expect(t, "")
	b.arrive(vote).Expect(t, "")
	poll := arrival(aliceLogin, "POLL", inGroup(lid("100")), pollMessage())
	all := dispatchtest.All[outbox.SendEvent](t, b.arrive(poll).Expect(t, "send_event send_event"), outbox.KindSendEvent)
	if all[0].Type != "org.matrix.msc3381.poll.start" || !slices.Equal(votes(t, all[1]), []string{optionID("Tea")}) || *all[1].About != *all[0].Message {
		t.Errorf("got %+v", all)
	}
	late := vote
	late.Until = at()
	b.arrive(late).Expect(t, "") // what was set aside meanwhile
}

// A poll that is older than the bridge never comes: that is said once.
func TestVotesInAnUnknownPoll(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	for n, by := range []string{"300", "400", "300"} {
		vote := arrival(aliceLogin, fmt.Sprint("V", n), inGroup(lid(by)), voteOn(t, "OLD", lid("100"), lid(by), at(), "Tea"))
		b.arrive(vote).Expect(t, "")
		vote.Until = time.Now().Add(time.Hour)
		author, err := b.DB.PuppetByJID(t.Context(), lid("100"))
		if err != nil {
			t.Fatal(err)
		}
		b.Parked(inbox.MessageOf(database.MessageKey{Portal: b.chat("", friends()).ID, ID: "OLD", Sender: author.ID}),
			func(ctx context.Context) error { return b.p.MessageFromWhatsApp(ctx, vote) })
		vote.Until = at()
		list := b.arrive(vote)
		if n == 0 && words(t, shown(t, list)) != textUnknownPolls || n > 0 && len(list) > 0 {
			t.Errorf("vote %d: got %v", n, list)
		}
	}
}

func TestPollFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.group()
	start := dispatchtest.Event(t, room, dispatchtest.Alice, "$poll", event.Type{Type: "m.poll.start", Class: event.MessageEventType},
		`{"m.poll":{"kind":"m.undisclosed","max_selections":1,"question":{"m.text":[{"body":"What?"}]},
		"answers":[{"m.id":"t","m.text":[{"body":"Tea"}]},{"m.id":"c","m.text":[{"body":"Cake"}]}]}}`)
	list := b.say(start).Expect(t, "send_whatsapp send_notice")
	asked := dispatchtest.Only[outbox.SendWhatsApp](t, list, outbox.KindSendWhatsApp)
	msg := protobuf(t, asked)
	secret := msg.GetMessageContextInfo().GetMessageSecret()
	if made := msg.GetPollCreationMessage(); made.GetName() != "What?" || made.GetSelectableOptionsCount() != 1 || len(made.GetOptions()) != 2 || len(secret) != convert.SecretSize {
		t.Fatalf("got %v", msg)
	}
	b.say(start).Expect(t, "")
	author := lid("9" + string(aliceLogin))
	q, err := b.DB.QuestionByKey(t.Context(), asked.Message)
	if err != nil || q.Author != author || string(q.Secret) != string(secret) {
		t.Errorf("got %+v, %v", q, err)
	}
	// Ann votes for it on her phone; the event names the option as the poll's event does.
	q.Secret = pollSecret()
	if _, err := b.DB.Exec(t.Context(), `UPDATE question SET secret=$1`, q.Secret); err != nil {
		t.Fatal(err)
	}
	vote := shown(t, b.arrive(arrival(aliceLogin, "V1", inGroup(lid("100")), voteOn(t, asked.Message.ID, author, lid("100"), at(), "Cake"))).Expect(t, "send_event"))
	if got := votes(t, vote); !slices.Equal(got, []string{"c"}) || *vote.About != asked.Message {
		t.Errorf("got %v, %+v", got, vote)
	}
	b.refuse("edit_of_poll", dispatchtest.Event(t, room, dispatchtest.Alice, "$edit", event.EventUnstablePollStart,
		`{"m.relates_to":{"rel_type":"m.replace","event_id":"$poll"},"m.new_content":{}}`))
	b.refuse("poll_options", dispatchtest.Event(t, room, dispatchtest.Alice, "$one", event.EventUnstablePollStart,
		`{"org.matrix.msc3381.poll.start":{"question":{"body":"?"},"answers":[{"id":"x","body":"X"}]}}`))

	own := sent(t, b.say(responseTo(t, dispatchtest.Alice, "$own", "$poll", "t", "c")))
	if got := opened(t, own, q, author, author); !slices.Equal(got, []string{optionID("Tea")}) { // the second is one too many
		t.Errorf("got %v", got)
	}
	end := func(sender id.UserID, evt id.EventID) *event.Event {
		return dispatchtest.Event(t, room, sender, evt, event.EventUnstablePollEnd, `{"m.relates_to":{"rel_type":"m.reference","event_id":"$poll"},"org.matrix.msc3381.poll.end":{}}`)
	}
	over := protobuf(t, sent(t, b.say(end(dispatchtest.Alice, "$end")))).GetExtendedTextMessage()
	if over.GetText() != "📊 This poll is closed: What?\n• Tea: 1 vote\n• Cake: 1 vote" || over.GetContextInfo().GetStanzaID() != asked.Message.ID {
		t.Errorf("got %v", over)
	}
	b.refuse("not_logged_in", end(dispatchtest.Bob, "$end2"))
	if portal.RoomID != room {
		t.Error("another room")
	}
}

// opened is what a vote of a login says.
func opened(t *testing.T, a outbox.SendWhatsApp, q database.Question, author, by types.JID) []string {
	t.Helper()
	vote, ok := convert.VoteFromWhatsApp(protobuf(t, a))
	if !ok || vote.Target.ID != q.ID {
		t.Fatalf("no vote: %+v", a)
	}
	plain, err := convert.Seal{Purpose: convert.PurposeVote, Secret: q.Secret, ID: q.ID, Author: author, By: by}.Open(vote.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	var content waE2E.PollVoteMessage
	if err := proto.Unmarshal(plain, &content); err != nil {
		t.Fatal(err)
	}
	var hashes []string
	for _, hash := range content.GetSelectedOptions() {
		hashes = append(hashes, hex.EncodeToString(hash))
	}
	return hashes
}

// Whoever votes here and on their phone has one vote, the last.
func TestVoteFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	poll := b.annAsks()
	q, err := b.DB.QuestionByKey(t.Context(), poll)
	if err != nil {
		t.Fatal(err)
	}
	own := lid("9" + string(aliceLogin))
	a := sent(t, b.say(responseTo(t, dispatchtest.Alice, "$v1", "$poll", optionID("Cake"))))
	if got := opened(t, a, q, lid("100"), own); !slices.Equal(got, []string{optionID("Cake")}) {
		t.Errorf("got %v", got)
	}
	key := protobuf(t, a).GetPollUpdateMessage().GetPollCreationMessageKey()
	if key.GetFromMe() || key.GetParticipant() != lid("100").String() || key.GetRemoteJID() != friends().String() {
		t.Errorf("got the key %v", key)
	}
	onPhone := inGroup(own)
	onPhone.IsFromMe = true
	list := b.arrive(arrival(aliceLogin, "V1", onPhone, voteOn(t, "POLL", lid("100"), own, at().Add(time.Second), "Tea"))).Expect(t, "send_event send_event")
	both := dispatchtest.All[outbox.SendEvent](t, list, outbox.KindSendEvent)
	if both[0].Type != "m.room.redaction" || both[0].As != dispatchtest.Bot || both[0].About.ID != a.Message.ID || len(votes(t, both[1])) != 1 {
		t.Errorf("got %+v", both)
	}
	list = b.say(after(responseTo(t, dispatchtest.Alice, "$v2", "$poll", optionID("Cake"), optionID("Tea")), time.Minute)).Expect(t, "send_event send_whatsapp")
	if gone := shown(t, list); gone.Type != "m.room.redaction" || gone.As != ghost(string(aliceLogin)) || gone.About.ID != "V1" {
		t.Errorf("got %+v", gone)
	}
	// What is not counted any more can be removed without effect; what is counted is taken back.
	b.say(redaction(t, dispatchtest.Alice, "$r1", "$v1")).Expect(t, "")
	if got := opened(t, sent(t, b.say(redaction(t, dispatchtest.Alice, "$r2", "$v2"))), q, lid("100"), own); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	b.refuse("unknown_message", responseTo(t, dispatchtest.Alice, "$v3", "$nowhere", optionID("Cake")))
	b.refuse("unknown_message", responseTo(t, dispatchtest.Alice, "$v4", "$first", optionID("Cake")))
	b.refuse("poll_of_other", dispatchtest.Event(t, room, dispatchtest.Alice, "$end", event.Type{Type: "m.poll.end", Class: event.MessageEventType},
		`{"m.relates_to":{"rel_type":"m.reference","event_id":"$poll"}}`))
}

// A placeholder cannot become a poll: the poll is a further part of its message, and votes are about that.
func TestPlaceholderBecomesAPoll(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	b.unreadable(unread(aliceLogin, "POLL", inGroup(lid("100"))))
	b.arrive(arrival(aliceLogin, "V1", inGroup(lid("300")), voteOn(t, "POLL", lid("100"), lid("300"), at(), "Tea"))).Expect(t, "")
	poll := arrival(aliceLogin, "POLL", inGroup(lid("100")), pollMessage())
	poll.Recovered = true
	all := dispatchtest.All[outbox.SendEvent](t, b.arrive(poll).Expect(t, "send_event send_event send_event"), outbox.KindSendEvent)
	if words(t, all[0]) == "" || all[1].Type != "org.matrix.msc3381.poll.start" || all[1].Message.ID != "POLL#2" || *all[2].About != *all[1].Message {
		t.Errorf("got %+v", all)
	}
	b.settle(*all[1].Message, "$poll")
	sent(t, b.say(responseTo(t, dispatchtest.Alice, "$v", "$poll", optionID("Tea"))))
}
