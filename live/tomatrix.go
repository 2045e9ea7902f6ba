package live

import (
	"context"
	"errors"
	"time"

	"causeway/database"
	"causeway/inbox"
)

// showOnMatrix shows what people on WhatsApp do.
func (s *Signs) showOnMatrix(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case sign := <-s.toMatrix:
			s.dropped(ctx, s.show(ctx, sign))
		}
	}
}

// show shows a sign in the room of its chat, if there is one and the person is known.
func (s *Signs) show(ctx context.Context, sign OnWhatsApp) error {
	ctx, cancel := context.WithTimeout(ctx, deliverTime)
	defer cancel()
	portal, err := s.portal(ctx, sign)
	if err != nil || portal.RoomID == "" {
		return unlessUnknown(err)
	}
	person, err := s.db.PuppetByJID(ctx, sign.Sender.ToNonAD())
	if err != nil {
		return unlessUnknown(err)
	}
	shown := time.Duration(0)
	if sign.Typing {
		shown = shownTime
	}
	return s.matrix.Typing(ctx, portal.RoomID, person.UserID, shown)
}

// portal finds the portal of a sign's chat by whichever of its names is known: a direct chat is its login's own.
func (s *Signs) portal(ctx context.Context, sign OnWhatsApp) (database.Portal, error) {
	for _, name := range sign.Chats {
		portal, err := s.db.PortalByChat(ctx, inbox.Receiver(sign.Login, name), name)
		if !errors.Is(err, database.ErrNotFound) {
			return portal, err
		}
	}
	return database.Portal{}, database.ErrNotFound
}

func unlessUnknown(err error) error {
	if errors.Is(err, database.ErrNotFound) {
		return nil
	}
	return err
}
