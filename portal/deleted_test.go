package portal

import (
	"context"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"

	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
)

func removalOf(target string) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_REVOKE.Enum(), Key: pinOf(target, true, 0).GetPinInChatMessage().GetKey()}}
}

func TestDeletedIsMarked(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.p.cfg.Life.MarkDeleted = true
	said := shown(t, b.arrive(message(aliceLogin, "SAID", fromAnn(), "never mind")))
	mark := shown(t, b.arrive(arrival(aliceLogin, "REVOKE", fromAnn(), removalOf("SAID"))))
	if mark.Type != event.EventMessage.Type || *mark.About != *said.Message || mark.As != said.As || words(t, mark) != "🗑 Deleted on WhatsApp." {
		t.Errorf("got %+v", mark)
	}
	b.arrive(arrival(aliceLogin, "REVOKE", fromAnn(), removalOf("SAID"))).Expect(t, "")
	b.arrive(arrival(aliceLogin, "TWICE", fromAnn(), removalOf("SAID"))).Expect(t, "")
}

func TestDeletedIsKept(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.p.cfg.Life.KeepDeleted = true
	b.arrive(message(aliceLogin, "SAID", fromAnn(), "never mind"))
	b.arrive(arrival(aliceLogin, "REVOKE", fromAnn(), removalOf("SAID"))).Expect(t, "")
	b.do(func(ctx context.Context) error {
		return b.p.DeletedForMe(ctx, inbox.DeletedForMe{Login: aliceLogin, Chat: lid("100"), Message: "FIRST"})
	}).Expect(t, "")
}

func TestDeletedForMe(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	in := inbox.DeletedForMe{Login: aliceLogin, Chat: lid("100"), Message: "FIRST"}
	del := func() dispatchtest.Actions {
		return b.do(func(ctx context.Context) error { return b.p.DeletedForMe(ctx, in) })
	}
	if gone := shown(t, del().Expect(t, "send_event")); gone.Type != event.EventRedaction.Type || gone.About.ID != "FIRST" || gone.As != dispatchtest.Bot {
		t.Errorf("got %+v", gone)
	}
	del().Expect(t, "")
	in.Message = "NEVER"
	del().Expect(t, "")
	in.Chat = lid("999")
	del().Expect(t, "")

	// In a room that others see too it stays.
	b = newBed(t)
	b.group()
	in = inbox.DeletedForMe{Login: aliceLogin, Chat: friends(), Sender: lid("100"), Message: "FIRST"}
	b.arrive(message(bobLogin, "BOB", inGroup(lid("100")), "bob is there too"))
	del().Expect(t, "")
}
