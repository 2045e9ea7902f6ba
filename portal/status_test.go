package portal

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// feedbackBed is a bed with Alice's chat with Ann, and a message of hers on its way to WhatsApp.
func feedbackBed(t *testing.T, f Feedback) (bed, outbox.SendWhatsApp) {
	t.Helper()
	b := newBed(t)
	b.p = New(b.DB, b.In, b.Out, b.people, Config{Bot: dispatchtest.Bot, Feedback: f}, dispatchtest.Permissions{})
	b.direct()
	a := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "Hi")))
	if a.Written.UnixMilli() != at().UnixMilli() {
		t.Errorf("written at %s", a.Written)
	}
	a.Written = time.Now()
	return b, a
}

func (b bed) status(list dispatchtest.Actions) outbox.SendStatus {
	b.t.Helper()
	s := dispatchtest.Only[outbox.SendStatus](b.t, list, outbox.KindSendStatus)
	about := s.Content.RelatesTo
	if s.Room != room || about.Type != event.RelReference || about.EventID != "$1" || s.Content.Network != "whatsapp" {
		b.t.Errorf("the status is about something else: %+v", s)
	}
	return s
}

func (b bed) accepted(a outbox.SendWhatsApp, waited time.Duration) dispatchtest.Actions {
	b.t.Helper()
	return b.Do(func(ctx context.Context) error { return b.p.Accepted(ctx, a, waited) })
}

func TestAcceptedIsToldAsWanted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want    Feedback
		written time.Duration // before now
		waited  time.Duration
		actions string
	}{
		"usual":                  {Feedback{Notices: true}, time.Second, time.Second, ""},
		"nothing wanted":         {Feedback{}, 48 * time.Hour, 48 * time.Hour, ""},
		"waited":                 {Feedback{Notices: true}, time.Minute, time.Minute, "remove_notice"},
		"late":                   {Feedback{Notices: true}, time.Hour, time.Hour, "remove_notice send_notice"},
		"late homeserver":        {Feedback{Notices: true}, time.Hour, time.Second, "send_notice"},
		"status":                 {Feedback{Statuses: true, Notices: true}, time.Second, time.Second, "send_status"},
		"late with status":       {Feedback{Statuses: true, Notices: true}, time.Hour, time.Hour, "send_status remove_notice"},
		"read receipt":           {Feedback{Receipts: true}, time.Second, time.Second, "mark_read"},
		"shorter patience":       {Feedback{Notices: true, Late: time.Second}, time.Minute, time.Second, "send_notice"},
		"status and the receipt": {Feedback{Statuses: true, Receipts: true}, time.Second, time.Second, "send_status mark_read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, a := feedbackBed(t, c.want)
			a.Written = time.Now().Add(-c.written)
			b.accepted(a, c.waited).Expect(t, c.actions)
			b.accepted(a, c.waited).Expect(t, "") // a repeat says nothing new
		})
	}
}

func TestAcceptedSaysWhat(t *testing.T) {
	t.Parallel()
	b, a := feedbackBed(t, Feedback{Statuses: true, Receipts: true})
	list := b.accepted(a, 0)
	s := b.status(list)
	if s.Content.Status != event.MessageStatusSuccess || s.Content.Message != "" || s.Content.DeliveredToUsers == nil || len(*s.Content.DeliveredToUsers) > 0 {
		t.Errorf("got %+v", s.Content)
	}
	if s.Unless != "$1-delivered" || s.While != "" {
		t.Errorf("it must not undo what says more: %+v", s)
	}
	if read := dispatchtest.Only[outbox.MarkRead](t, list, outbox.KindMarkRead); read != (outbox.MarkRead{Room: room, Event: "$1"}) {
		t.Errorf("got %+v", read)
	}
	b, a = feedbackBed(t, Feedback{Statuses: true})
	a.Written = time.Now().Add(-150 * time.Minute)
	if s := b.status(b.accepted(a, 0)); s.Content.Message != "This was sent to WhatsApp only now, 2 hours after it was written." {
		t.Errorf("a late message has the mark %q", s.Content.Message)
	}
	b, a = feedbackBed(t, Feedback{Notices: true})
	a.Written = time.Now().Add(-74 * time.Hour)
	n := dispatchtest.Only[outbox.SendNotice](t, b.accepted(a, 0), outbox.KindSendNotice)
	if n.Text != "This was sent to WhatsApp only now, 3 days after it was written." || n.ReplyTo != "$1" || n.Room != room {
		t.Errorf("got %+v", n)
	}
	a.Message.ID = "gone"
	b.accepted(a, time.Hour).Expect(t, "")
}

func TestAcceptedInAGroupPromisesNoDelivery(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.p = New(b.DB, b.In, b.Out, b.people, Config{Feedback: Feedback{Statuses: true}}, dispatchtest.Permissions{})
	b.group()
	a := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "Hi")))
	a.Written = time.Now()
	if s := b.status(b.accepted(a, 0)); s.Content.DeliveredToUsers != nil {
		t.Errorf("got %+v", s.Content)
	}
	b.Do(func(ctx context.Context) error {
		return b.p.Delivered(ctx, inbox.Delivered{Login: aliceLogin, Portal: a.Message.Portal, Message: a.Message.ID})
	}).Expect(t, "")
}

func TestDelayed(t *testing.T) {
	t.Parallel()
	b, a := feedbackBed(t, Feedback{Statuses: true, Notices: true})
	b.setState(database.StateDisconnected)
	delayed := inbox.SendDelayed{Message: a.Message, Login: a.Login, Action: a.Key(), First: true}
	tell := func(in inbox.SendDelayed) dispatchtest.Actions {
		return b.Do(func(ctx context.Context) error { return b.p.SendDelayed(ctx, in) })
	}
	list := tell(delayed).Expect(t, "send_status send_notice")
	s, n := b.status(list), dispatchtest.Only[outbox.SendNotice](t, list, outbox.KindSendNotice)
	if s.Content.Status != event.MessageStatusPending || !strings.Contains(s.Content.Message, "not connected") || s.While != a.Key() {
		t.Errorf("got %+v", s)
	}
	if n.ReplyTo != "$1" || n.Text != s.Content.Message || n.While != a.Key() {
		t.Errorf("got %+v", n)
	}
	removed := dispatchtest.Only[outbox.RemoveNotice](t, b.accepted(a, time.Minute), outbox.KindRemoveNotice)
	if removed.Name != n.Name || n.Name == "" {
		t.Errorf("%q is removed in place of %q", removed.Name, n.Name)
	}
	tell(delayed).Expect(t, "")
	other := delayed
	other.Message.ID = "gone"
	tell(other).Expect(t, "")

	b, a = feedbackBed(t, Feedback{Statuses: true, Notices: true})
	list = tell(inbox.SendDelayed{Message: a.Message, Login: a.Login, Action: a.Key()}).Expect(t, "send_status")
	if s := b.status(list); strings.Contains(s.Content.Message, "not connected") {
		t.Errorf("the login is connected, and the user reads %q", s.Content.Message)
	}
}

func TestSenderIsToldHowItWent(t *testing.T) {
	t.Parallel()
	tell := func(b bed, in inbox.SentOtherwise) dispatchtest.Actions {
		return b.Do(func(ctx context.Context) error { return b.p.SentOtherwise(ctx, in) })
	}
	b, a := feedbackBed(t, Feedback{Notices: true})
	in := inbox.SentOtherwise{Message: a.Message, Text: "as a document"}
	n := dispatchtest.Only[outbox.SendNotice](t, tell(b, in), outbox.KindSendNotice)
	if n.ReplyTo != "$1" || n.Text != "as a document" {
		t.Errorf("got %+v", n)
	}
	tell(b, in).Expect(t, "") // a repeat
	in.Message.ID = "gone"
	tell(b, in).Expect(t, "")
	b, a = feedbackBed(t, Feedback{Statuses: true})
	tell(b, inbox.SentOtherwise{Message: a.Message, Text: "x"}).Expect(t, "")
}

func TestFailureSaysWhy(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		status event.MessageStatus
		reason event.MessageStatusReason
	}{
		"refused":       {event.MessageStatusFail, event.MessageStatusNetworkError},
		"unsupported":   {event.MessageStatusFail, event.MessageStatusUnsupported},
		"encrypted":     {event.MessageStatusFail, event.MessageStatusUndecryptable},
		"not_allowed":   {event.MessageStatusFail, event.MessageStatusNoPermission},
		"edit_too_late": {event.MessageStatusFail, event.MessageStatusUnsupported},
		"edit_of_other": {event.MessageStatusFail, event.MessageStatusNoPermission},
		"cannot_undo":   {event.MessageStatusFail, event.MessageStatusUnsupported},
		"logged_out":    {event.MessageStatusRetriable, event.MessageStatusBridgeUnavailable},
		"not_connected": {event.MessageStatusRetriable, event.MessageStatusTooOld},
		"given_up":      {event.MessageStatusRetriable, event.MessageStatusGenericError},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b, a := feedbackBed(t, Feedback{Statuses: true})
			list := b.Do(func(ctx context.Context) error {
				return b.p.SendFailed(ctx, inbox.SendFailed{Message: a.Message, Code: code, Text: "It is so.", Occasion: "1"})
			}).Expect(t, "send_status")
			got := b.status(list).Content
			if got.Status != want.status || got.Reason != want.reason || got.Message != "It is so." || got.InternalError != code {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// A message that is tried again by hand may fail again, and its sender is told again.
func TestFailureIsToldAtEachOccasion(t *testing.T) {
	t.Parallel()
	b, a := feedbackBed(t, Feedback{Statuses: true, Notices: true})
	fail := func(occasion string) dispatchtest.Actions {
		return b.Do(func(ctx context.Context) error {
			return b.p.SendFailed(ctx, inbox.SendFailed{Message: a.Message, Code: "given_up", Text: "No.", Occasion: occasion})
		})
	}
	fail("1").Expect(t, "send_status send_notice remove_notice")
	fail("1").Expect(t, "")
	fail("2").Expect(t, "send_status send_notice")
}

func TestPartOfAMessageFailed(t *testing.T) {
	t.Parallel()
	b, a := feedbackBed(t, Feedback{Notices: true})
	part := a.Message
	part.ID += "-2"
	b.Do(func(ctx context.Context) error {
		_, err := b.DB.AddMessage(ctx, database.Message{MessageKey: part, Event: "$1", Sent: at()})
		return err
	})
	list := b.Do(func(ctx context.Context) error {
		return b.p.SendFailed(ctx, inbox.SendFailed{Message: part, Code: "refused", Text: "WhatsApp did not take it."})
	})
	n := dispatchtest.Only[outbox.SendNotice](t, list, outbox.KindSendNotice)
	if n.Text != "This was sent to WhatsApp only in part. WhatsApp did not take it." || n.ReplyTo != "$1" {
		t.Errorf("got %+v", n)
	}
}

func TestRefusedHasAStatus(t *testing.T) {
	t.Parallel()
	b, _ := feedbackBed(t, Feedback{Statuses: true})
	evt := dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "x")
	list := b.Do(func(ctx context.Context) error {
		return b.p.Refused(ctx, evt, &queue.Reject{Code: "empty", Text: "Nothing in it."})
	}).Expect(t, "send_status")
	if s := b.status(list); s.Content.Status != event.MessageStatusFail || s.Content.Message != "Nothing in it." {
		t.Errorf("got %+v", s)
	}
}

func TestDelivered(t *testing.T) {
	t.Parallel()
	b, a := feedbackBed(t, Feedback{Statuses: true})
	deliver := func(login database.LoginID, message types.MessageID) dispatchtest.Actions {
		in := inbox.Delivered{Login: login, Portal: a.Message.Portal, Message: message}
		return b.Do(func(ctx context.Context) error { return b.p.Delivered(ctx, in) })
	}
	got := b.status(deliver(aliceLogin, a.Message.ID).Expect(t, "send_status"))
	if got.Content.Status != event.MessageStatusSuccess || got.Content.DeliveredToUsers == nil ||
		len(*got.Content.DeliveredToUsers) != 1 || (*got.Content.DeliveredToUsers)[0] != ghost("15550100") {
		t.Errorf("got %+v", got.Content)
	}
	if got.Txn != b.status(b.accepted(a, 0)).Unless {
		t.Error("what was delivered would be called only sent again")
	}
	deliver(aliceLogin, a.Message.ID).Expect(t, "")
	deliver(aliceLogin, "UNKNOWN").Expect(t, "")
	deliver("1999", a.Message.ID).Expect(t, "")
	// A message from her own phone is a ghost's event.
	own := message(aliceLogin, "PHONE", types.MessageSource{Chat: lid("100"), Sender: pn("1555"), IsFromMe: true}, "from the phone")
	shownAs := shown(t, b.arrive(own))
	b.Do(func(ctx context.Context) error { return b.DB.SettleMessage(ctx, *shownAs.Message, "$2") })
	deliver(aliceLogin, "PHONE").Expect(t, "")
}

func TestShowFailed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	long := shown(t, b.arrive(message(aliceLogin, "LONG", fromAnn(), "long")))
	say := func(key database.MessageKey) dispatchtest.Actions {
		return b.Do(func(ctx context.Context) error { return b.p.ShowFailed(ctx, inbox.ShowFailed{Message: key, Entry: 7}) })
	}
	n := dispatchtest.Only[outbox.SendNotice](t, say(*long.Message), outbox.KindSendNotice)
	if n.Room != room || !strings.HasPrefix(n.Text, "A message from Ann could not be shown here.") || !strings.Contains(n.Text, "dead letter 7") {
		t.Errorf("got %+v", n)
	}
	say(*long.Message).Expect(t, "")
	part := *long.Message
	part.ID += "#2"
	list := b.Do(func(ctx context.Context) error { return b.p.ShowFailed(ctx, inbox.ShowFailed{Message: part, Entry: 8}) })
	if n := dispatchtest.Only[outbox.SendNotice](t, list, outbox.KindSendNotice); !strings.HasPrefix(n.Text, "A part of a long message from Ann") {
		t.Errorf("got %+v", n)
	}
	say(database.MessageKey{Portal: 999, ID: "x"}).Expect(t, "")
	for kind, what := range map[database.MessageKind]string{
		database.KindEdit: "An edit from Ann", database.KindReaction: "A reaction from Ann", database.KindRedaction: "The removal of a message from Ann",
	} {
		row := database.Message{MessageKey: *long.Message, Kind: kind}
		row.ID = string(kind)
		list := b.Do(func(ctx context.Context) error {
			if _, err := b.DB.AddMessage(ctx, row); err != nil {
				return err
			}
			return b.p.ShowFailed(ctx, inbox.ShowFailed{Message: row.MessageKey, Entry: int64(100 + len(what))})
		})
		if n := dispatchtest.Only[outbox.SendNotice](t, list, outbox.KindSendNotice); !strings.HasPrefix(n.Text, what) {
			t.Errorf("got %+v", n)
		}
	}
}
