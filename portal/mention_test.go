package portal

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/dispatch/dispatchtest"
	"causeway/outbox"
)

// naming is a text that mentions people.
func naming(text string, jids ...types.JID) *waE2E.Message {
	about := &waE2E.ContextInfo{}
	for _, jid := range jids {
		about.MentionedJID = append(about.MentionedJID, jid.String())
	}
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String(text), ContextInfo: about}}
}

// A member is mentioned as the ghost by either name, a user of the bridge as themselves.
func TestMentionsFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	b.arrive(arrival(aliceLogin, "NUMBER", fromAnn(), &waE2E.Message{Conversation: proto.String("my number becomes known")}))
	for n, jid := range []types.JID{lid("100"), pn("15550100")} {
		text := "ask @" + jid.User + " or @91555, not @1555"
		got := content(t, shown(t, b.arrive(arrival(aliceLogin, fmt.Sprint("M", n), inGroup(lid("100")), naming(text, jid, lid("91555"))))))
		ann := b.person(lid("100"))
		if got.Body != "ask Ann or alice, not @1555" || !strings.Contains(got.FormattedBody, ann.String()) ||
			len(got.Mentions.UserIDs) != 2 || got.Mentions.UserIDs[0] != dispatchtest.Alice || got.Mentions.UserIDs[1] != ann {
			t.Errorf("%s: got %+v, %+v", jid, got, got.Mentions)
		}
	}
	edit := convert.EditToWhatsApp(friends(), "M0", naming("no, @91555", lid("91555")), at())
	got := content(t, shown(t, b.arrive(arrival(aliceLogin, "EDIT", inGroup(lid("100")), edit))))
	if got.NewContent.Body != "no, alice" || got.NewContent.Mentions.UserIDs[0] != dispatchtest.Alice {
		t.Errorf("the edit is %+v", got.NewContent)
	}
}

// An edit notifies nobody again; what could not be read before is news.
func TestMentionsInEdits(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	b.arrive(arrival(aliceLogin, "SAID", inGroup(lid("100")), naming("@91555", lid("91555"))))
	edit := convert.EditToWhatsApp(friends(), "SAID", naming("so, @91555", lid("91555")), at())
	if got := content(t, shown(t, b.arrive(arrival(aliceLogin, "EDIT", inGroup(lid("100")), edit)))); len(got.Mentions.UserIDs) != 0 || len(got.NewContent.Mentions.UserIDs) != 1 {
		t.Errorf("the edit mentions %+v, and %+v", got.Mentions, got.NewContent.Mentions)
	}
	held := shown(t, b.unreadable(unread(aliceLogin, "LATE", inGroup(lid("100")))))
	b.Do(func(ctx context.Context) error { return b.DB.SettleMessage(ctx, *held.Message, "$held") })
	if got := content(t, shown(t, b.arrive(arrival(aliceLogin, "LATE", inGroup(lid("100")), naming("@91555", lid("91555")))))); len(got.Mentions.UserIDs) != 1 {
		t.Errorf("what came late mentions %+v", got.Mentions)
	}
}

func (b bed) person(jid types.JID) id.UserID {
	b.t.Helper()
	row, err := b.DB.PuppetByJID(b.t.Context(), jid)
	if err != nil {
		b.t.Fatal(err)
	}
	return row.UserID
}

// Who names thousands of strangers does not make thousands of ghosts.
func TestManyStrangersAreMentioned(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	var jids []types.JID
	for n := range 10_000 {
		jids = append(jids, lid(fmt.Sprint(5_000_000+n)))
	}
	b.arrive(arrival(aliceLogin, "MANY", fromAnn(), naming("@5000000 @5009999", jids...))).Expect(t, "send_event")
	if found, err := b.DB.PuppetsByJID(t.Context(), jids); err != nil || len(found) != maxStrangers {
		t.Errorf("%d ghosts were made, %v", len(found), err)
	}
}

func TestMentionsFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	group := b.group()
	b.Do(func(ctx context.Context) error { // Bob is in the group too, by the account that he has linked
		login, err := b.DB.LoginByID(ctx, bobLogin)
		if err != nil {
			return err
		}
		return b.p.enter(ctx, group, login, "test")
	})
	ann := b.person(lid("100"))
	pill := func(user id.UserID) string { return fmt.Sprintf(`<a href=\"https://matrix.to/#/%s\">x</a>`, user) }
	say := func(evt id.EventID, fields string) *waE2E.Message {
		t.Helper()
		return protobuf(t, sent(t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, evt, event.EventMessage, `{"msgtype":"m.text",`+fields+`}`))))
	}
	html := fmt.Sprintf(`"body":"x","format":"org.matrix.custom.html","formatted_body":"%s and %s, %s"`, pill(ann), pill(dispatchtest.Bob), pill("@stranger:example.com"))
	want := "@100 and @91777, x"
	msg := say("$1", html)
	if got := msg.GetExtendedTextMessage(); got.GetText() != want || strings.Join(got.GetContextInfo().GetMentionedJID(), " ") != "100@lid 91777@lid" {
		t.Errorf("got %v", msg)
	}
	msg = say("$2", fmt.Sprintf(`"body":"%s: hello","m.mentions":{"user_ids":["%s"],"room":true}`, ann, ann))
	if got := msg.GetExtendedTextMessage(); got.GetText() != "@100: hello" || len(got.GetContextInfo().GetMentionedJID()) != 1 || got.GetContextInfo().GetNonJIDMentions() != 1 {
		t.Errorf("got %v", msg)
	}
	edit := sent(t, b.say(dispatchtest.Event(t, room, dispatchtest.Alice, "$3", event.EventMessage, fmt.Sprintf(
		`{"msgtype":"m.text","body":"* x","m.relates_to":{"rel_type":"m.replace","event_id":"$1"},"m.new_content":{"msgtype":"m.text",%s}}`, html))))
	if change, ok := convert.EditFromWhatsApp(protobuf(t, edit)); !ok || change.Message.GetExtendedTextMessage().GetText() != want {
		t.Errorf("the edit is %v", change.Message)
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	for _, ignored := range []bool{false, true} {
		b := newBed(t)
		b.p.cfg.IgnoreNotices = ignored
		b.direct()
		notice := func(evt id.EventID) *event.Event {
			return dispatchtest.Event(t, room, dispatchtest.Alice, evt, event.EventMessage, `{"msgtype":"m.notice","body":"beep"}`)
		}
		want := outbox.KindSendWhatsApp
		if ignored {
			want = ""
		}
		b.say(notice("$1")).Expect(t, want)
	}
}

func TestTooLongForWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	long := dispatchtest.Text(t, room, dispatchtest.Alice, "$1", strings.Repeat("x", 70_000))
	b.refuse("too_long", long)
	if _, reason := blame("too_long"); reason != event.MessageStatusUnsupported {
		t.Errorf("the reason is %s", reason)
	}
}
