package portal

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

// lostFile lets a picture arrive whose file cannot be had, as the edge tells it.
func (b bed) lostFile(name string) (outbox.SendEvent, dispatchtest.Actions) {
	b.t.Helper()
	a := shown(b.t, b.arrive(arrival(aliceLogin, name, fromAnn(), picture("see"))))
	b.Do(func(ctx context.Context) error { return b.DB.SettleMessage(ctx, *a.Message, "$notice") })
	return a, b.lose(a)
}

func (b bed) lose(a outbox.SendEvent) dispatchtest.Actions {
	b.t.Helper()
	raw, err := json.Marshal(a)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(func(ctx context.Context) error {
		return b.p.FileLost(ctx, inbox.FileLost{Message: *a.Message, Action: raw})
	})
}

func (b bed) answered(in inbox.FileAnswered) dispatchtest.Actions {
	b.t.Helper()
	in.At = at()
	return b.do(func(ctx context.Context) error { return b.p.FileAnswered(ctx, in) })
}

func TestPhoneIsAskedAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.p.cfg.Life.AskPhone = true
	a, list := b.lostFile("PIC")
	asked := dispatchtest.Only[outbox.RequestFile](t, list.Expect(t, "request_file"), outbox.KindRequestFile)
	if asked.Message != *a.Message || asked.Login != aliceLogin || asked.Chat != lid("100") || asked.Sender != lid("100") || asked.FromMe || len(asked.Key) != 32 {
		t.Errorf("got %+v", asked)
	}
	found := shown(t, b.answered(inbox.FileAnswered{Message: *a.Message, Path: "/v/new?y"}))
	if !replaces(t, found, a) || found.File == nil || found.File.Path != "/v/new?y" || found.File.Class != "image" || words(t, found) != "* see" {
		t.Errorf("got %+v %s", found, found.Content)
	}
	b.answered(inbox.FileAnswered{Message: *a.Message, Path: "/v/new?y"}).Expect(t, "")

	// It is lost again: once more by itself, then only when somebody wants it.
	again := dispatchtest.Only[outbox.RequestFile](t, b.lose(found).Expect(t, "request_file"), outbox.KindRequestFile)
	if again.Message != *a.Message || again.Round != 2 {
		t.Errorf("got %+v", again)
	}
	found = shown(t, b.answered(inbox.FileAnswered{Message: *a.Message, Path: "/v/third?y"}))
	if told := shown(t, b.lose(found).Expect(t, "send_event")); words(t, told) != "* "+textAgain || !replaces(t, told, a) {
		t.Errorf("got %s", told.Content)
	}
}

func TestPhoneIsAskedOnRequest(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	a, list := b.lostFile("PIC")
	list.Expect(t, "")
	heart := dispatchtest.Event(t, room, dispatchtest.Alice, "$heart", event.EventReaction, `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$notice","key":"❤️"}}`)
	b.say(heart).Expect(t, "send_whatsapp")
	recycle := dispatchtest.Event(t, room, dispatchtest.Alice, "$again", event.EventReaction, `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$notice","key":"♻️"}}`)
	list = b.say(recycle).Expect(t, "request_file send_event")
	if told := shown(t, list); words(t, told) != "* "+textAsked || !replaces(t, told, a) {
		t.Errorf("got %s", told.Content)
	}
	want := func() dispatchtest.Actions {
		return b.do(func(ctx context.Context) error {
			return b.p.FileWanted(ctx, inbox.FileWanted{Portal: a.Portal, User: dispatchtest.Alice, Event: "$notice", By: "$command"})
		})
	}
	notice := dispatchtest.Only[outbox.SendNotice](t, want().Expect(t, "send_notice"), outbox.KindSendNotice)
	if !strings.Contains(notice.Text, "already") {
		t.Errorf("got %q", notice.Text)
	}
	told := shown(t, b.answered(inbox.FileAnswered{Message: *a.Message, Missing: true}))
	if words(t, told) != "* "+textMissing || !replaces(t, told, a) {
		t.Errorf("got %s", told.Content)
	}
	// Somebody asks once more, and the phone says nothing for days.
	want().Expect(t, "request_file send_event")
	if told := shown(t, b.answered(inbox.FileAnswered{Message: *a.Message, Silent: true})); words(t, told) != "* "+textSilent {
		t.Errorf("got %s", told.Content)
	}
	want().Expect(t, "request_file send_event")
	if told := shown(t, b.answered(inbox.FileAnswered{Message: *a.Message})); words(t, told) != "* "+textFailed {
		t.Errorf("got %s", told.Content)
	}
}

func TestFilesThatNobodyCanAskFor(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	a, _ := b.lostFile("PIC")
	do := func(in inbox.FileWanted) string {
		t.Helper()
		in.Portal, in.By = a.Portal, in.Event+"-by-"+id.EventID(in.User)
		list := b.do(func(ctx context.Context) error { return b.p.FileWanted(ctx, in) })
		return dispatchtest.Only[outbox.SendNotice](t, list.Expect(t, "send_notice"), outbox.KindSendNotice).Text
	}
	if text := do(inbox.FileWanted{User: dispatchtest.Alice, Event: "$unknown"}); !strings.Contains(text, "no file") {
		t.Errorf("got %q", text)
	}
	if text := do(inbox.FileWanted{User: "@carl:example.com", Event: "$notice"}); !strings.Contains(text, "None of your") {
		t.Errorf("got %q", text)
	}
	b.p.cfg.Life.NeverAsk = true
	if text := do(inbox.FileWanted{User: dispatchtest.Bob, Event: "$notice"}); !strings.Contains(text, "does not ask") {
		t.Errorf("got %q", text)
	}
	b.lose(a).Expect(t, "")
	b.p.cfg.Life.NeverAsk = false
	// What was removed is not brought back.
	revoke := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_REVOKE.Enum(), Key: pinOf("PIC", true, 0).GetPinInChatMessage().GetKey()}}
	b.arrive(arrival(aliceLogin, "REVOKE", fromAnn(), revoke)).Expect(t, "send_event")
	b.lose(a).Expect(t, "")
	b.Do(func(ctx context.Context) error {
		lost, err := b.DB.LostFileByKey(ctx, *a.Message)
		if err != nil {
			return err
		}
		lost.State = database.LostAsked
		return b.DB.PutLostFile(ctx, lost)
	})
	b.answered(inbox.FileAnswered{Message: *a.Message, Path: "/v/new?y"}).Expect(t, "")
	b.Dead(func(ctx context.Context) error {
		return b.p.FileLost(ctx, inbox.FileLost{Message: *a.Message, Action: json.RawMessage(`{}`)})
	})
}
