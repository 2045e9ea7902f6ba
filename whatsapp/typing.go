package whatsapp

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"causeway/database"
	"causeway/inbox"
)

// Typing is a sign that somebody types, or records a voice message, or has stopped to.
type Typing struct {
	Login  database.LoginID
	Chats  []types.JID // the names that the chat goes by
	Sender types.JID
	Typing bool
}

// Typing tells a chat that a login's user is typing, or not any more (whatsmeow, SendChatPresence). Without a connection it
// does nothing.
func (s *Sessions) Typing(ctx context.Context, login database.LoginID, chat types.JID, typing bool) error {
	live := s.get(login)
	if live == nil || !live.ready.Load() {
		return nil
	}
	state := types.ChatPresencePaused
	if typing {
		state = types.ChatPresenceComposing
	}
	if err := live.client.SendChatPresence(ctx, chat.ToNonAD(), state, types.ChatPresenceMediaText); err != nil {
		return fmt.Errorf("tell %s who is typing: %w", chat, err)
	}
	return nil
}

// typing hands on who is typing.
func (s *session) typing(e *events.ChatPresence) {
	if s.edge.typing == nil || e.IsFromMe {
		return
	}
	s.edge.typing(Typing{
		Login: s.login, Chats: inbox.ChatNames(types.MessageInfo{MessageSource: e.MessageSource}), Sender: e.Sender,
		Typing: e.State == types.ChatPresenceComposing,
	})
}
