package whatsapp

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waMmsRetry"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// requestFile asks the account's phone to put a file on WhatsApp again, and plans the next question: the phone may be off
// for days.
func (s *Sender) requestFile(ctx context.Context, e queue.Entry, a outbox.RequestFile) (queue.Settle, error) {
	lost, err := s.sessions.edge.db.LostFileByKey(ctx, a.Message)
	if errors.Is(err, database.ErrNotFound) || err == nil && (lost.State != database.LostAsked || lost.Tries != a.Round) {
		return nil, nil // it is there, or nobody waits for it
	} else if err != nil {
		return nil, err
	}
	if a.Try >= len(s.timing().Requests) {
		return s.silent(a), nil
	}
	live, err := s.connected(ctx, e, a.Login, requestLimit)
	if _, refused := errors.AsType[*queue.Reject](err); refused {
		return s.silent(a), nil
	} else if err != nil {
		return nil, err
	}
	err = live.client.SendMediaRetryReceipt(ctx, &types.MessageInfo{ID: a.Message.ID, MessageSource: types.MessageSource{
		Chat: a.Chat, Sender: a.Sender, IsFromMe: a.FromMe, IsGroup: a.Chat.Server == types.GroupServer,
	}}, a.Key)
	if isDisconnect(err) {
		return nil, &queue.Park{Name: outbox.ConnectionOf(a.Login), Limit: requestLimit}
	} else if err != nil {
		s.sessions.log.Info().Err(err).Str("login", string(a.Login)).Int("try", a.Try).Msg("The phone could not be asked for a file; asking again later")
	}
	next := a
	next.Try++
	return func(ctx context.Context) error {
		return s.sessions.edge.out.RequestFile(ctx, time.Now().Add(s.timing().Requests[a.Try]), next)
	}, nil
}

// silent says that the phone has not answered.
func (s *Sender) silent(a outbox.RequestFile) queue.Settle {
	return func(ctx context.Context) error {
		return s.sessions.edge.in.AddFileAnswered(ctx, inbox.FileAnswered{Message: a.Message, Silent: true, At: time.Now()})
	}
}

// fileAnswered journals what the phone says about a file. It is encrypted with the file's own key, which the row has.
// An answer that cannot be journaled comes again: the question is asked again.
func (s *session) fileAnswered(ctx context.Context, e *events.MediaRetry) {
	portal, err := s.edge.db.PortalByChat(ctx, inbox.Receiver(s.login, e.ChatID), e.ChatID)
	if err == nil {
		err = s.answeredIn(ctx, portal.ID, e)
	}
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		s.log.Warn().Err(err).Str("message", e.MessageID).Msg("The phone's answer about a file could not be taken; the phone is asked again later")
	}
}

func (s *session) answeredIn(ctx context.Context, portal database.PortalID, e *events.MediaRetry) error {
	files, err := s.edge.db.LostFilesByID(ctx, portal, e.MessageID)
	if err != nil {
		return err
	}
	for _, lost := range files {
		answer := inbox.FileAnswered{Message: lost.MessageKey, At: e.Timestamp}
		plan, err := outbox.ReadLostPlan(lost.Plan)
		if err != nil {
			return err
		}
		said, err := whatsmeow.DecryptMediaRetryNotification(e, plan.Event.File.Key)
		switch {
		case errors.Is(err, whatsmeow.ErrMediaNotAvailableOnPhone):
			answer.Missing = true
		case errors.Is(err, whatsmeow.ErrUnknownMediaRetryError):
		case err != nil:
			s.log.Warn().Err(err).Str("message", e.MessageID).Msg("The phone's answer about a file cannot be read")
			continue // it is about a message of the same ID, or forged
		case said.GetResult() == waMmsRetry.MediaRetryNotification_SUCCESS && said.GetStanzaID() == e.MessageID:
			answer.Path = said.GetDirectPath()
		case said.GetResult() == waMmsRetry.MediaRetryNotification_NOT_FOUND:
			answer.Missing = true
		}
		if err := s.edge.in.AddFileAnswered(ctx, answer); err != nil {
			return err
		}
	}
	return nil
}
