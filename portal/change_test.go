package portal

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

// The changes of the tests, as they arrive.
func editOf(target, text string) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(),
		Key: &waCommon.MessageKey{ID: &target, FromMe: proto.Bool(true)}, EditedMessage: &waE2E.Message{Conversation: &text}}}
}

// keyOf names a message of the sender of the key, or of another.
func keyOf(target string, author types.JID) *waCommon.MessageKey {
	key := &waCommon.MessageKey{ID: &target, FromMe: proto.Bool(author.IsEmpty())}
	if !author.IsEmpty() {
		key.Participant = proto.String(author.String())
	}
	return key
}

func reactionTo(key *waCommon.MessageKey, emoji string) *waE2E.Message {
	return &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: key, Text: &emoji}}
}

func revokeOf(key *waCommon.MessageKey) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_REVOKE.Enum(), Key: key}}
}

func replyTo(target string, author types.JID, text, quoted string) *waE2E.Message {
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: &text, ContextInfo: &waE2E.ContextInfo{
		StanzaID: &target, Participant: proto.String(author.String()), QuotedMessage: &waE2E.Message{Conversation: &quoted}}}}
}

// onPhone is what Alice does with her phone in her chat with Ann.
func onPhone() types.MessageSource {
	return types.MessageSource{Chat: lid("100"), Sender: pn("1555"), RecipientAlt: pn("15550100"), IsFromMe: true}
}

// said settles a text of Alice's in the room and returns its row.
func (b bed) said(evt id.EventID, text string) database.Message {
	b.t.Helper()
	sent(b.t, b.say(dispatchtest.Text(b.t, room, dispatchtest.Alice, evt, text)))
	return b.shownAs(evt)
}

func (b bed) shownAs(evt id.EventID) database.Message {
	b.t.Helper()
	row, err := b.DB.MessageByEvent(b.t.Context(), evt)
	if err != nil {
		b.t.Fatal(err)
	}
	return row
}

// settle gives a message its event, as the Matrix side does.
func (b bed) settle(key database.MessageKey, evt id.EventID) {
	b.t.Helper()
	b.Do(func(ctx context.Context) error { return b.DB.SettleMessage(ctx, key, evt) })
}

// annFirst is the message FIRST of Ann, shown as $first.
func (b bed) annFirst(portal database.Portal) database.MessageKey {
	b.t.Helper()
	ann, err := b.DB.PuppetByJID(b.t.Context(), lid("100"))
	if err != nil {
		b.t.Fatal(err)
	}
	key := database.MessageKey{Portal: portal.ID, ID: "FIRST", Sender: ann.ID}
	b.settle(key, "$first")
	return key
}

func (b bed) mustFind(key database.MessageKey) database.Message {
	b.t.Helper()
	row, err := b.DB.MessageByKey(b.t.Context(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	return row
}

func content(t *testing.T, a outbox.SendEvent) event.MessageEventContent {
	t.Helper()
	var c event.MessageEventContent
	if err := json.Unmarshal(a.Content, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func protobuf(t *testing.T, a outbox.SendWhatsApp) *waE2E.Message {
	t.Helper()
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(a.Content, msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

func later(in inbox.WhatsAppMessage, by time.Duration) inbox.WhatsAppMessage {
	in.Info.Timestamp = in.Info.Timestamp.Add(by)
	return in
}

func TestEditFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.direct()
	first := b.annFirst(portal)
	edit := arrival(aliceLogin, "E1", fromAnn(), editOf("FIRST", "corrected"))
	a := shown(t, b.arrive(later(edit, time.Minute)).Expect(t, "send_event"))
	c := content(t, a)
	if a.As != ghost("15550100") || a.About == nil || *a.About != first || c.NewContent == nil || c.NewContent.Body != "corrected" ||
		c.RelatesTo.Type != event.RelReplace || a.Message == nil || a.Message.ID != "E1" || !strings.HasSuffix(a.Txn, "-E1") {
		t.Errorf("got %+v, %+v", a, c)
	}
	if row := b.mustFind(first); row.Quote != "corrected" || !row.Edited.Equal(at().Add(time.Minute)) {
		t.Errorf("the row is %+v", row)
	}
	b.arrive(edit).Expect(t, "") // the same again
	b.arrive(arrival(aliceLogin, "E0", fromAnn(), editOf("FIRST", "older"))).Expect(t, "")
	// Nobody edits what others said.
	b.arrive(arrival(aliceLogin, "E2", onPhone(), editOf("FIRST", "never said"))).Expect(t, "")
	if late, err := b.In.Counts(t.Context()); err != nil || late.Open != 1 {
		t.Errorf("what is edited by another waits for a message of theirs: %+v, %v", late, err)
	}
}

// What a user wrote on Matrix and edits on the phone cannot be replaced by their ghost.
func TestEditOnThePhoneOfWhatWasSaidOnMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	row := b.said("$mine", "helo")
	a := shown(t, b.arrive(arrival(aliceLogin, "E1", onPhone(), editOf(row.ID, "hello"))).Expect(t, "send_event"))
	if c := content(t, a); a.As != ghost("1555") || *a.About != row.MessageKey || c.Body != "Edited: hello" || c.NewContent != nil || c.RelatesTo.InReplyTo == nil {
		t.Errorf("got %+v, %+v", a, c)
	}
}

func TestEditOfManyParts(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.direct()
	word := strings.Repeat("word ", 10_000) // each is one part
	b.annFirst(portal)
	b.arrive(message(aliceLogin, "LONG", fromAnn(), word+word)).Expect(t, "send_event send_event send_event")
	abouts := func(list dispatchtest.Actions) string {
		var all []string
		for _, a := range dispatchtest.All[outbox.SendEvent](t, list, outbox.KindSendEvent) {
			if a.About != nil {
				all = append(all, a.Type[2:]+" "+a.About.ID)
			} else {
				all = append(all, "new "+a.Message.ID)
			}
		}
		return strings.Join(all, ", ")
	}
	for n, c := range []struct{ text, want string }{
		{"short", "room.message LONG, room.redaction LONG#2, room.redaction LONG#3"},
		{word, "room.message LONG, new LONG#4"},
		{word + "x", "room.message LONG, room.message LONG#4"},
	} {
		list := b.arrive(later(arrival(aliceLogin, string(rune('A'+n)), fromAnn(), editOf("LONG", c.text)), time.Duration(n)*time.Second))
		if got := abouts(list); got != c.want {
			t.Errorf("%d: got %q, expected %q", n, got, c.want)
		}
	}
}

func TestEarlyEditWaits(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.direct()
	ann := b.annFirst(portal).Sender
	target := database.MessageKey{Portal: portal.ID, ID: "LATE", Sender: ann}
	edit := arrival(aliceLogin, "E1", fromAnn(), editOf("LATE", "corrected"))
	b.arrive(edit).Expect(t, "")
	b.arrive(edit).Expect(t, "") // by another login, or again
	b.arrive(arrival(aliceLogin, "E2", fromAnn(), editOf("LATE", "corrected twice"))).Expect(t, "")
	if waits, err := b.In.HasLate(t.Context(), target); err != nil || !waits {
		t.Fatalf("nothing waits: %v", err)
	}
	edit.Until = time.Now().Add(time.Minute)
	b.Parked(inbox.MessageOf(target), func(ctx context.Context) error { return b.p.MessageFromWhatsApp(ctx, edit) })
	b.arrive(message(aliceLogin, "LATE", fromAnn(), "original")).Expect(t, "send_event")
	// What comes now still waits behind what waits.
	b.arrive(arrival(aliceLogin, "E3", fromAnn(), editOf("LATE", "corrected thrice"))).Expect(t, "")
	if a := shown(t, b.arrive(edit).Expect(t, "send_event")); *a.About != target {
		t.Errorf("got %+v", a)
	}
	if counts, err := b.In.Counts(t.Context()); err != nil || counts.Open != 3 {
		t.Errorf("%+v, %v", counts, err)
	}
}

func TestEditOfWhatNeverComes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.direct()
	target := database.MessageKey{Portal: portal.ID, ID: "NEVER", Sender: b.annFirst(portal).Sender}
	b.arrive(arrival(aliceLogin, "R", fromAnn(), reactionTo(keyOf("NEVER", types.EmptyJID), "👍"))).Expect(t, "")
	edit := arrival(aliceLogin, "E1", fromAnn(), editOf("NEVER", "corrected"))
	edit.Until = time.Now().Add(-time.Second)
	list := dispatchtest.All[outbox.SendEvent](t, b.arrive(edit).Expect(t, "send_event send_event"), outbox.KindSendEvent)
	if a := list[0]; a.About != nil || *a.Message != target || body(t, a) != "Edited: corrected" || list[1].Type != "m.reaction" {
		t.Errorf("got %+v", list)
	}
	b.arrive(message(aliceLogin, "NEVER", fromAnn(), "original")).Expect(t, "") // it has come after all, and is older
	if a := shown(t, b.arrive(later(arrival(aliceLogin, "E2", fromAnn(), editOf("NEVER", "again")), time.Hour)).Expect(t, "send_event")); *a.About != target {
		t.Errorf("got %+v", a)
	}
}

func TestReactionsFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.direct()
	first := b.annFirst(portal)
	react := func(messageID string, source types.MessageSource, emoji string, after time.Duration) dispatchtest.Actions {
		author := types.EmptyJID
		if source.IsFromMe {
			author = lid("100")
		}
		return b.arrive(later(arrival(aliceLogin, messageID, source, reactionTo(keyOf("FIRST", author), emoji)), after))
	}
	a := shown(t, react("R1", fromAnn(), "👍", 0).Expect(t, "send_event"))
	if a.Type != "m.reaction" || a.As != ghost("15550100") || *a.About != first || a.Message.ID != "R1" ||
		string(a.Content) != `{"m.relates_to":{"rel_type":"m.annotation","key":"👍\ufe0f"}}` && !strings.Contains(string(a.Content), "👍") {
		t.Errorf("got %+v, %s", a, a.Content)
	}
	if a := shown(t, react("P1", onPhone(), "❤", 0).Expect(t, "send_event")); a.As != ghost("1555") || *a.About != first {
		t.Errorf("got %+v", a)
	}
	react("R1", fromAnn(), "👍", 0).Expect(t, "")            // the same again
	react("R2", fromAnn(), "👍", time.Second).Expect(t, "")  // another of the same
	react("R0", fromAnn(), "😀", -time.Minute).Expect(t, "") // an older one
	list := dispatchtest.All[outbox.SendEvent](t, react("R3", fromAnn(), "😀", time.Minute).Expect(t, "send_event send_event"), outbox.KindSendEvent)
	if list[0].Type != "m.room.redaction" || list[0].About.ID != "R1" || list[0].Message != nil || list[1].Message.ID != "R3" {
		t.Errorf("got %+v", list)
	}
	a = shown(t, react("R4", fromAnn(), "", time.Hour).Expect(t, "send_event"))
	if a.Type != "m.room.redaction" || a.As != ghost("15550100") || a.About.ID != "R3" || a.Message.ID != "R4" {
		t.Errorf("got %+v", a)
	}
	react("R5", fromAnn(), "", 2*time.Hour).Expect(t, "")
}

func TestEarlyReactionIsShownWithItsMessage(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	early := func(messageID, emoji string) dispatchtest.Actions {
		return b.arrive(arrival(aliceLogin, messageID, onPhone(), reactionTo(keyOf("LATE", lid("100")), emoji)))
	}
	early("R1", "😀").Expect(t, "")
	early("R2", "👍").Expect(t, "")
	list := dispatchtest.All[outbox.SendEvent](t, b.arrive(message(aliceLogin, "LATE", fromAnn(), "x")).Expect(t, "send_event send_event"), outbox.KindSendEvent)
	if a := list[1]; a.Type != "m.reaction" || a.As != ghost("1555") || a.About.ID != "LATE" || a.Message.ID != "R2" {
		t.Errorf("got %+v", a)
	}
}

func TestRedactionsFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.direct()
	first := b.annFirst(portal)
	b.Dead(func(ctx context.Context) error { // nobody deletes what others said in a direct chat
		return b.p.MessageFromWhatsApp(ctx, arrival(aliceLogin, "X1", onPhone(), revokeOf(keyOf("FIRST", lid("100")))))
	})
	revoke := arrival(aliceLogin, "X2", fromAnn(), revokeOf(keyOf("FIRST", types.EmptyJID)))
	a := shown(t, b.arrive(revoke).Expect(t, "send_event"))
	if a.Type != "m.room.redaction" || a.As != ghost("15550100") || *a.About != first || a.Message.ID != "X2" {
		t.Errorf("got %+v", a)
	}
	if row := b.mustFind(first); !row.Removed || row.Quote != "" {
		t.Errorf("the row is %+v", row)
	}
	b.arrive(revoke).Expect(t, "")
	b.arrive(arrival(aliceLogin, "X3", fromAnn(), revokeOf(keyOf("FIRST", types.EmptyJID)))).Expect(t, "")
	b.arrive(arrival(aliceLogin, "E1", fromAnn(), editOf("FIRST", "x"))).Expect(t, "")
	b.arrive(arrival(aliceLogin, "R1", fromAnn(), reactionTo(keyOf("FIRST", types.EmptyJID), "x"))).Expect(t, "")

	// What was deleted before it came is not shown.
	b.arrive(arrival(aliceLogin, "X4", fromAnn(), revokeOf(keyOf("LATE", types.EmptyJID)))).Expect(t, "")
	b.arrive(message(aliceLogin, "LATE", fromAnn(), "regretted")).Expect(t, "")

	// What a user said on Matrix and deletes on the phone is removed by the bot.
	row := b.said("$mine", "oops")
	if a := shown(t, b.arrive(arrival(aliceLogin, "X5", onPhone(), revokeOf(keyOf(row.ID, types.EmptyJID))))); a.As != dispatchtest.Bot || *a.About != row.MessageKey {
		t.Errorf("got %+v", a)
	}
}

func TestRedactionByAnAdmin(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	b.arrive(message(aliceLogin, "OWN", inGroup(pn("1555")), "x"))
	b.Dead(func(ctx context.Context) error { // Alice is no admin
		return b.p.MessageFromWhatsApp(ctx, arrival(bobLogin, "X1", inGroup(pn("1555")), revokeOf(keyOf("FIRST", lid("100")))))
	})
	revoke := arrival(aliceLogin, "X2", inGroup(lid("100")), revokeOf(keyOf("OWN", pn("1555"))))
	a := shown(t, b.arrive(revoke).Expect(t, "send_event"))
	if a.As != dispatchtest.Bot || a.About.ID != "OWN" || !strings.Contains(string(a.Content), "Ann") {
		t.Errorf("got %+v, %s", a, a.Content)
	}
	revoke.Login = bobLogin // Bob's login tells of it too
	if list := b.arrive(revoke); len(dispatchtest.All[outbox.SendEvent](t, list, outbox.KindSendEvent)) != 0 {
		t.Errorf("got %s", list)
	}
}

// A comment in a community is in the thread of what it is about.
func TestCommentsFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	comment := func(on string) *waE2E.Message {
		return &waE2E.Message{CommentMessage: &waE2E.CommentMessage{
			Message:          &waE2E.Message{Conversation: proto.String("*nice*")},
			TargetMessageKey: &waCommon.MessageKey{RemoteJID: proto.String(friends().String()), ID: &on, Participant: proto.String("100@lid")},
		}}
	}
	a := shown(t, b.arrive(arrival(aliceLogin, "ONE", inGroup(lid("200")), comment("FIRST"))))
	got := content(t, a)
	if got.Body != "*nice*" || got.FormattedBody == "" || got.RelatesTo.Type != event.RelThread || !got.RelatesTo.IsFallingBack || a.About == nil || a.About.ID != "FIRST" {
		t.Errorf("got %s about %v", a.Content, a.About)
	}
	if a := shown(t, b.arrive(arrival(aliceLogin, "TWO", inGroup(lid("200")), comment("NEVER")))); content(t, a).RelatesTo != nil || a.About != nil {
		t.Errorf("got %s about %v", a.Content, a.About)
	}
}

func TestRepliesFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	first := b.annFirst(b.direct())
	a := shown(t, b.arrive(arrival(aliceLogin, "A", onPhone(), replyTo("FIRST", lid("100"), "yes", "first"))))
	if c := content(t, a); a.About == nil || *a.About != first || c.Body != "yes" || c.RelatesTo.InReplyTo == nil {
		t.Errorf("got %+v, %+v", a, c)
	}
	a = shown(t, b.arrive(arrival(aliceLogin, "B", onPhone(), replyTo("UNKNOWN", lid("100"), "yes", "before\nthat"))))
	if c := content(t, a); a.About != nil || c.Body != "> Ann: before\n> that\n\nyes" || c.RelatesTo != nil {
		t.Errorf("got %+v, %+v", a, c)
	}
	b.arrive(arrival(aliceLogin, "C", onPhone(), replyTo("NUL\x00", types.EmptyJID, "yes", ""))).Expect(t, "send_event")
}
