package portal

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

// reader is a bed in which receipts cross.
func reader(t *testing.T) bed {
	t.Helper()
	b := newBed(t)
	b.p.cfg.ReadReceipts = true
	return b
}

// heard lets somebody in the group say something, which an event shows.
func (b bed) heard(sender types.JID, message types.MessageID, evt id.EventID) {
	b.t.Helper()
	action := shown(b.t, b.arrive(arrivalText(aliceLogin, message, inGroup(sender))))
	b.settle(*action.Message, evt)
}

func arrivalText(login database.LoginID, messageID types.MessageID, source types.MessageSource) inbox.WhatsAppMessage {
	return message(login, messageID, source, "text of "+messageID)
}

func (b bed) readOnMatrix(in inbox.ReadOnMatrix) []outbox.SendReceipt {
	b.t.Helper()
	in.At = at().UTC()
	list := b.Do(func(ctx context.Context) error { return b.p.ReadOnMatrix(ctx, in) })
	return dispatchtest.All[outbox.SendReceipt](b.t, list, outbox.KindSendReceipt)
}

func TestReadOnMatrixIsToldToEachWriterOnce(t *testing.T) {
	t.Parallel()
	b := reader(t)
	group := b.group()
	b.heard(lid("200"), "A", "$a")
	b.heard(lid("100"), "B", "$b")
	b.heard(lid("200"), "C", "$c")
	b.heard(lid("91555"), "OWN", "$own") // it is Alice's own
	b.heard(lid("100"), "D", "$d")
	read := inbox.ReadOnMatrix{Portal: group.ID, User: dispatchtest.Alice, Event: "$c"}
	receipt := outbox.SendReceipt{Login: aliceLogin, Portal: group.ID, Chat: friends(), At: at().UTC()}
	first, second := receipt, receipt
	first.Sender, first.Messages = lid("200"), []types.MessageID{"A", "C"}
	second.Sender, second.Messages = lid("100"), []types.MessageID{"B"}
	require.ElementsMatch(t, []outbox.SendReceipt{first, second}, b.readOnMatrix(read))
	require.Empty(t, b.readOnMatrix(read), "it was told")
	read.Event = "$a"
	require.Empty(t, b.readOnMatrix(read), "it is older than what was read")
	// Nobody else's receipt says anything about Alice.
	require.Empty(t, b.readOnMatrix(inbox.ReadOnMatrix{Portal: group.ID, User: "@eve:example.com", Event: "$d"}))
	last := receipt
	last.Sender, last.Messages, last.Private = lid("100"), []types.MessageID{"D"}, true
	require.Equal(t, []outbox.SendReceipt{last}, b.readOnMatrix(inbox.ReadOnMatrix{Portal: group.ID, User: dispatchtest.Alice, Event: "$d", Private: true}))
}

func TestLongReceiptsAreSplit(t *testing.T) {
	t.Parallel()
	b := reader(t)
	group := b.group()
	var last id.EventID
	for n := range receiptSize + 1 {
		name := "M" + string(rune('A'+n/26)) + string(rune('A'+n%26))
		last = id.EventID("$" + name)
		b.heard(lid("200"), name, last)
	}
	list := b.readOnMatrix(inbox.ReadOnMatrix{Portal: group.ID, User: dispatchtest.Alice, Event: last})
	require.Len(t, list, 2)
	require.Len(t, list[0].Messages, receiptSize)
	require.Len(t, list[1].Messages, 1)
}

func TestReadReceiptsCanBeOff(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	group := b.group()
	b.heard(lid("200"), "A", "$a")
	require.Empty(t, b.readOnMatrix(inbox.ReadOnMatrix{Portal: group.ID, User: dispatchtest.Alice, Event: "$a"}))
	require.Empty(t, b.readOnWhatsApp(group, lid("100"), "A"))
}

func (b bed) readOnWhatsApp(p database.Portal, reader types.JID, messages ...types.MessageID) dispatchtest.Actions {
	b.t.Helper()
	return b.do(func(ctx context.Context) error {
		return b.p.ReadOnWhatsApp(ctx, inbox.ReadOnWhatsApp{Login: aliceLogin, Portal: p.ID, Reader: reader, Messages: messages})
	})
}

// The reader's ghost shows it, on the newest message that is in the room.
func TestReadOnWhatsAppIsShown(t *testing.T) {
	t.Parallel()
	b := reader(t)
	group := b.group()
	first := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "one")))
	second := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$2", "two")))
	shown := dispatchtest.Only[outbox.MarkRead](t, b.readOnWhatsApp(group, lid("100"), "UNKNOWN", first.Message.ID, second.Message.ID), outbox.KindMarkRead)
	require.Equal(t, outbox.MarkRead{Room: room, Event: "$2", As: ghost("lid-100")}, shown)
	b.readOnWhatsApp(group, lid("100"), "UNKNOWN").Expect(t, "")
	b.readOnWhatsApp(group, lid("100"), "A#B", "\x00").Expect(t, "")
	// What the phone said is shown by a ghost, and may not be there yet.
	unsettled := b.arrive(arrivalText(aliceLogin, "PHONE", types.MessageSource{Chat: friends(), Sender: lid("91555"), IsGroup: true, IsFromMe: true}))
	key := dispatchtest.Only[outbox.SendEvent](t, unsettled, outbox.KindSendEvent).Message
	list := b.readOnWhatsApp(group, lid("100"), "PHONE")
	require.Equal(t, outbox.MarkRead{Room: room, As: ghost("lid-100"), Message: key}, dispatchtest.Only[outbox.MarkRead](t, list, outbox.KindMarkRead))
	require.Equal(t, unsettled[len(unsettled)-1].Lane, list[0].Lane, "it waits behind the message")
}
