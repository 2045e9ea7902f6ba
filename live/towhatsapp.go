package live

import (
	"context"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
)

// typist is a login whose user types in a room.
type typist struct {
	room  id.RoomID
	login database.LoginID
}

// typing is since when, and where.
type typing struct {
	since time.Time
	chat  types.JID
}

// showOnWhatsApp tells WhatsApp who begins and who stops to type, and that they still do.
func (s *Signs) showOnWhatsApp(ctx context.Context) {
	now := make(map[typist]typing)
	repeat := time.NewTicker(repeatEvery)
	defer repeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case sign := <-s.toWhatsApp:
			s.dropped(ctx, s.follow(ctx, now, sign))
		case <-repeat.C:
			s.again(ctx, now)
		}
	}
}

// again tells WhatsApp who still types.
func (s *Signs) again(ctx context.Context, now map[typist]typing) {
	for who, what := range now {
		if time.Since(what.since) > mostTyping {
			delete(now, who)
			continue
		}
		s.dropped(ctx, s.tell(ctx, who, what, true))
	}
}

// follow compares who types in a room with who did before.
func (s *Signs) follow(ctx context.Context, now map[typist]typing, sign onMatrix) error {
	ctx, cancel := context.WithTimeout(ctx, deliverTime)
	defer cancel()
	portal, err := s.db.PortalByRoom(ctx, sign.room)
	if err != nil {
		return unlessUnknown(err)
	}
	logins, err := s.db.PortalLogins(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, login := range logins {
		who := typist{sign.room, login.ID}
		before, was := now[who]
		switch is := slices.Contains(sign.users, login.User); {
		case is && !was:
			now[who] = typing{since: time.Now(), chat: portal.Chat}
			s.dropped(ctx, s.tell(ctx, who, now[who], true))
		case was && !is:
			delete(now, who)
			s.dropped(ctx, s.tell(ctx, who, before, false))
		}
	}
	return nil
}

func (s *Signs) tell(ctx context.Context, who typist, what typing, begins bool) error {
	ctx, cancel := context.WithTimeout(ctx, deliverTime)
	defer cancel()
	return s.whatsapp.Typing(ctx, who.login, what.chat, begins)
}
