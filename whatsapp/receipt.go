package whatsapp

import (
	"context"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// Receipts are the kinds of receipts that are of use to the bridge.
type Receipts struct {
	Delivered bool // that a message has reached a device of the other person in a direct chat
	Read      bool // that messages were read or played
}

// receipt journals what others did with messages: that they have reached the other person in a direct chat, and that
// somebody has read or played them.
func (s *session) receipt(ctx context.Context, e *events.Receipt) error {
	if e.IsFromMe {
		return nil
	}
	delivered, read := false, false
	switch e.Type {
	case types.ReceiptTypeDelivered:
		delivered = s.edge.receipts.Delivered && !e.IsGroup
	case types.ReceiptTypeRead, types.ReceiptTypePlayed:
		read = s.edge.receipts.Read
	}
	if !delivered && !read {
		return nil
	}
	source := e.MessageSource
	if err := s.completeNames(ctx, &source); err != nil {
		return err
	}
	names := inbox.ChatNames(types.MessageInfo{MessageSource: source})
	if delivered {
		return s.edge.in.AddDelivered(ctx, inbox.DeliveryReceipt{Login: s.login, Chats: names, Messages: e.MessageIDs})
	}
	return s.edge.in.AddReadOnWhatsApp(ctx, inbox.ReadReceipt{Login: s.login, Chats: names, Reader: e.Sender, Messages: e.MessageIDs})
}

// sendReceipt tells WhatsApp what the user has read. It is a courtesy: what cannot be told in time is not told.
func (s *Sender) sendReceipt(ctx context.Context, e queue.Entry, a outbox.SendReceipt) (queue.Settle, error) {
	live, err := s.connected(ctx, e, a.Login, s.timing().MaxAge)
	if err != nil {
		return nil, err
	}
	kind := types.ReceiptTypeRead
	if a.Private {
		kind = types.ReceiptTypeReadSelf
	}
	err = live.client.MarkRead(ctx, a.Messages, a.At, a.Chat.ToNonAD(), a.Sender.ToNonAD(), kind)
	if isDisconnect(err) {
		return nil, &queue.Park{Name: outbox.ConnectionOf(a.Login), Limit: s.timing().MaxAge + parkMargin}
	}
	return nil, askError(err)
}
