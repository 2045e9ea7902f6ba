package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"
)

// fromCommunity opens a comment or a reaction in a community's announcements, which is encrypted a second time, with a
// secret that came with the message that it is about: later nobody has both at hand. What cannot be opened stays as it is,
// and is named in the room.
func (s *session) fromCommunity(ctx context.Context, e *events.Message) (*waE2E.Message, error) {
	var opened *waE2E.Message
	var err error
	switch comment, reaction := e.Message.GetEncCommentMessage(), e.Message.GetEncReactionMessage(); {
	case comment != nil:
		var said *waE2E.Message
		said, err = s.client.DecryptComment(ctx, e)
		opened = &waE2E.Message{CommentMessage: &waE2E.CommentMessage{Message: said, TargetMessageKey: comment.GetTargetMessageKey()}}
	case reaction != nil:
		var thought *waE2E.ReactionMessage
		if thought, err = s.client.DecryptReaction(ctx, e); err == nil && thought.Key == nil {
			thought.Key = reaction.GetTargetMessageKey()
		}
		opened = &waE2E.Message{ReactionMessage: thought}
	default:
		return e.Message, nil
	}
	switch {
	case err == nil:
		return opened, nil
	case strings.Contains(err.Error(), "failed to get original message secret key"): // the database
		return nil, fmt.Errorf("open message %s: %w", e.Info.ID, err)
	case !errors.Is(err, whatsmeow.ErrOriginalMessageSecretNotFound):
		s.log.Warn().Err(err).Str("message", e.Info.ID).Msg("A comment or reaction in a community cannot be opened")
	}
	return e.Message, nil
}
