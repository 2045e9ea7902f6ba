package whatsapp

import (
	"context"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"causeway/inbox"
)

// receipt journals that messages have reached the other person in a direct chat.
func (s *session) receipt(ctx context.Context, e *events.Receipt) error {
	if !s.edge.receipts || e.Type != types.ReceiptTypeDelivered || e.IsFromMe || e.IsGroup {
		return nil
	}
	source := e.MessageSource
	if err := s.completeNames(ctx, &source); err != nil {
		return err
	}
	names := inbox.ChatNames(types.MessageInfo{MessageSource: source})
	return s.edge.in.AddDelivered(ctx, inbox.DeliveryReceipt{Login: s.login, Chats: names, Messages: e.MessageIDs})
}
