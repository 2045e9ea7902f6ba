package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

// waits waits until an arrival of a kind waits for something named.
func (b *bed) waits(kind string) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		var n int
		err := b.DB.QueryRow(b.t.Context(), `SELECT COUNT(*) FROM queue_entry WHERE queue='inbox' AND state=0 AND parked_for<>'' AND kind=$1`, kind).Scan(&n)
		if err != nil {
			b.t.Fatal(err)
		}
		if n > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("no %s waits", kind)
		}
	}
}

// An edit overtakes its message; it waits on a lane of its own and holds nothing up.
func TestEditBeforeItsMessage(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.story()
	edit := &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(),
		Key: &waCommon.MessageKey{ID: proto.String("LATE")}, EditedMessage: &waE2E.Message{Conversation: proto.String("corrected")}}}
	raw, err := proto.Marshal(edit)
	if err != nil {
		t.Fatal(err)
	}
	journal := func(message string, raw []byte) {
		t.Helper()
		err := b.In.AddWhatsApp(t.Context(), inbox.WhatsAppMessage{Login: "1555", Message: raw, Info: types.MessageInfo{
			MessageSource: types.MessageSource{Chat: lid("100"), Sender: lid("100"), SenderAlt: pn("15550100")},
			ID:            message, Timestamp: time.UnixMilli(1_700_000_000_000),
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	journal("EDIT", raw)
	b.waits(inbox.KindWhatsAppMessage)
	text := "original"
	if raw, err = proto.Marshal(&waE2E.Message{Conversation: &text}); err != nil {
		t.Fatal(err)
	}
	journal("LATE", raw)
	list := dispatchtest.All[outbox.SendEvent](t, b.decided().Expect(t, "send_event send_event"), outbox.KindSendEvent)
	if list[0].Message.ID != "LATE" || list[1].Message.ID != "EDIT" || list[1].About == nil || *list[1].About != *list[0].Message {
		t.Errorf("got %+v", list)
	}
}

func TestChangesOnMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.story()
	b.push(b.text(chat, dispatchtest.Alice, "Hi Ann")).Expect(t, "send_whatsapp")
	said := fmt.Sprintf("$%d", b.n)
	b.push(
		b.evt(chat, dispatchtest.Alice, "m.room.message", fmt.Sprintf(
			`{"msgtype":"m.text","body":"* x","m.new_content":{"msgtype":"m.text","body":"x"},"m.relates_to":{"rel_type":"m.replace","event_id":%q}}`, said)),
		b.evt(chat, dispatchtest.Alice, "m.reaction", fmt.Sprintf(`{"m.relates_to":{"rel_type":"m.annotation","event_id":%q,"key":"x"}}`, said)),
		b.evt(chat, dispatchtest.Alice, "m.room.redaction", `{}`, fmt.Sprintf(`"redacts":%q`, said)),
	).Expect(t, "send_whatsapp send_whatsapp send_whatsapp")
	b.push(b.evt(chat, dispatchtest.Alice, "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$unknown","key":"x"}}`)).Expect(t, "send_notice")
}
