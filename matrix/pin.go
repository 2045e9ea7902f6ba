package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
)

// pin adds the event that shows a message to what is pinned in a room, or takes it out of that (Client-Server API,
// "m.room.pinned_events"). What else is pinned stays. The bot does it: ghosts have no power over rooms.
func (s *Sender) pin(ctx context.Context, a outbox.Pin) (queue.Settle, error) {
	p, err := s.portalRoom(ctx, a.Portal)
	if err != nil {
		return nil, err
	}
	row, err := s.db.MessageByKey(ctx, a.Message)
	if errors.Is(err, database.ErrNotFound) || err == nil && row.Event == "" {
		return nil, nil // no event shows it
	} else if err != nil {
		return nil, err
	}
	client := s.bot()
	address := client.BuildClientURL("v3", "rooms", p.RoomID, "state", event.StatePinnedEvents.Type, "")
	content := map[string]any{}
	_, err = client.MakeRequest(ctx, http.MethodGet, address, nil, &content)
	if err != nil && !errors.Is(err, mautrix.MNotFound) {
		return nil, s.unlessForbidden(err, p)
	}
	list, _ := content["pinned"].([]any)
	at := slices.Index(list, any(row.Event.String()))
	switch {
	case a.On == (at >= 0):
		return nil, nil
	case a.On:
		list = append(list, row.Event.String())
	default:
		list = slices.Delete(list, at, at+1)
	}
	if content == nil {
		content = map[string]any{}
	}
	content["pinned"] = list
	if _, err := client.MakeRequest(ctx, http.MethodPut, address, content, nil); err != nil {
		return nil, s.unlessForbidden(err, p)
	}
	return nil, nil
}

// unlessForbidden passes an error on, unless the bot has no power over what is pinned in a room: then that is for those
// who run it to choose.
func (s *Sender) unlessForbidden(err error, p database.Portal) error {
	if errors.Is(err, mautrix.MForbidden) {
		s.log.Info().Err(err).Stringer("room", p.RoomID).Msg("The bot may not pin anything in a room; leaving it to those who run it")
		return nil
	}
	return fmt.Errorf("pin a message in %s: %w", p.RoomID, err)
}
