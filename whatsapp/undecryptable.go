package whatsapp

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// peerCategory marks messages between the devices of one account, which are never for people.
const peerCategory = "peer"

// requestLimit is how old a planned question may be that waits for the login to be connected.
const requestLimit = 14 * 24 * time.Hour

// undecrypted journals that a message cannot be decrypted. whatsmeow has asked its sender and the account's phone for it
// and has acknowledged it before it says so: it is journaled however long that takes, for it will not come again by
// itself.
func (s *session) undecrypted(ctx context.Context, e *events.UndecryptableMessage) {
	s.undecryptable.Add(1)
	s.log.Warn().Str("message", e.Info.ID).Stringer("chat", e.Info.Chat).Bool("unavailable", e.IsUnavailable).
		Msg("A message cannot be decrypted; its sender was asked to send it again")
	if e.Info.Category == peerCategory || e.Info.Chat == types.StatusBroadcastJID {
		return
	}
	_ = retry(ctx, s.log, "A message that cannot be decrypted cannot be recorded; trying again", func() error {
		info := e.Info
		if err := s.completeNames(ctx, &info.MessageSource); err != nil {
			return err
		}
		return s.edge.in.AddUndecryptable(ctx, inbox.Undecryptable{Login: s.login, Info: info,
			ViewOnce: e.UnavailableType == events.UnavailableTypeViewOnce, Hidden: e.DecryptFailMode == events.DecryptFailHide})
	})
}

// requestMessage asks the account's phone for a message that is still awaited, and plans the next question. The phone
// may be off for days.
func (s *Sender) requestMessage(ctx context.Context, e queue.Entry, a outbox.RequestMessage) (queue.Settle, error) {
	_, err := s.sessions.edge.db.AwaitedByKey(ctx, a.Message)
	if errors.Is(err, database.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if a.Try >= len(s.timing().Requests) {
		return s.lost(a), nil
	}
	live, err := s.connected(ctx, e, a.Login, requestLimit)
	if _, refused := errors.AsType[*queue.Reject](err); refused {
		return s.lost(a), nil
	} else if err != nil {
		return nil, err
	}
	if err := live.request(ctx, a); isDisconnect(err) {
		return nil, &queue.Park{Name: outbox.ConnectionOf(a.Login), Limit: requestLimit}
	} else if err != nil {
		s.sessions.log.Info().Err(err).Str("login", string(a.Login)).Int("try", a.Try).Msg("The phone could not be asked for a message; asking again later")
	}
	next := a
	next.Try++
	return func(ctx context.Context) error {
		return s.sessions.edge.out.RequestMessage(ctx, time.Now().Add(s.timing().Requests[a.Try]), next)
	}, nil
}

// lost says that a message is not asked for any more.
func (s *Sender) lost(a outbox.RequestMessage) queue.Settle {
	return func(ctx context.Context) error {
		return s.sessions.edge.in.AddMessageLost(ctx, inbox.MessageLost{Message: a.Message})
	}
}

// request asks the account's phone for a message.
func (s *session) request(ctx context.Context, a outbox.RequestMessage) error {
	question := s.client.BuildUnavailableMessageRequest(a.Chat, a.Sender, a.Message.ID)
	extra := whatsmeow.SendRequestExtra{ID: s.client.GenerateMessageID(), Peer: true}
	return s.send(ctx, s.client.Store.GetJID().ToNonAD(), question, extra)
}
