package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"

	"causeway/inbox"
)

// unsealed opens an edit of a text, an event or a poll that is encrypted a second time, with a secret which came with the message that it changes:
// later nobody has both at hand. What cannot be opened stays as it is, and is named in the room.
func (s *session) unsealed(ctx context.Context, e *events.Message) (*waE2E.Message, error) {
	sealed := e.Message.GetSecretEncryptedMessage()
	switch sealed.GetSecretEncType() {
	case waE2E.SecretEncryptedMessage_MESSAGE_EDIT, waE2E.SecretEncryptedMessage_EVENT_EDIT, waE2E.SecretEncryptedMessage_POLL_EDIT:
	default:
		return s.fromCommunity(ctx, e)
	}
	opened, err := s.client.DecryptSecretEncryptedMessage(ctx, e)
	switch {
	case err == nil && opened.GetProtocolMessage().GetType() == waE2E.ProtocolMessage_MESSAGE_EDIT:
		return opened, nil
	case err == nil: // only the new content
		return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
			Key: sealed.GetTargetMessageKey(), Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), EditedMessage: opened,
		}}, nil
	case strings.Contains(err.Error(), "failed to get original message secret key"): // the database
		return nil, fmt.Errorf("open edit %s: %w", e.Info.ID, err)
	}
	if !errors.Is(err, whatsmeow.ErrOriginalMessageSecretNotFound) {
		s.log.Warn().Err(err).Str("message", e.Info.ID).Msg("An edit cannot be opened")
	}
	return e.Message, nil
}

// deletedForMe journals that the account's owner has deleted a message for themselves. It will not be told again.
func (s *session) deletedForMe(ctx context.Context, e *events.DeleteForMe) {
	if e.FromFullSync {
		return // long ago
	}
	_ = retry(ctx, s.log, "A deletion cannot be recorded; trying again", func() error {
		return s.edge.in.AddDeletedForMe(ctx, inbox.DeletedForMe{
			Login: s.login, Chat: e.ChatJID.ToNonAD(), Sender: e.SenderJID.ToNonAD(), FromMe: e.IsFromMe, Message: e.MessageID, At: e.Timestamp,
		})
	})
}
