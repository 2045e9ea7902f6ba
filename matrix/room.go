package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"causeway/crashpoint"
	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// createRoom makes the room of a portal and brings in the people who must be there from the start. The room may be
// known already although nobody is in it: the room's own create event may have come back before the answer was seen.
func (s *Sender) createRoom(ctx context.Context, a outbox.CreateRoom) (queue.Settle, error) {
	p, err := s.portal(ctx, a.Portal)
	if err != nil {
		return nil, err
	}
	if !p.HasDetails {
		return nil, &queue.Park{Name: outbox.DetailsOf(p.ID), Limit: roomLimit}
	}
	users, err := s.peopleOf(ctx, p)
	if err != nil {
		return nil, err
	}
	if p.RoomID == "" {
		if p.RoomID, err = s.makeRoom(ctx, p, users); err != nil {
			return nil, err
		}
		crashpoint.Pass(crashpoint.RoomCreated)
	}
	if users.other.UserID != "" {
		if err := s.ensureJoined(ctx, p, users.other.UserID); err != nil {
			return nil, err
		}
	}
	for _, user := range users.matrix {
		err := s.inviteUser(ctx, p, user)
		if refused(err) {
			// Somebody who cannot be invited, perhaps because they block it, must not keep the others from their chat.
			s.log.Warn().Err(err).Stringer("user", user).Int64("portal", int64(p.ID)).Msg("The user cannot be invited")
		} else if err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		if _, err := s.db.SetPortalRoom(ctx, p.ID, p.RoomID); err != nil {
			return err
		}
		return s.out.Provide(ctx, outbox.RoomOf(p.ID))
	}, nil
}

// people are those whom a room is made for.
type people struct {
	matrix []id.UserID     // the users whose logins are in the chat
	own    []id.UserID     // the ghosts of those users' own accounts
	other  database.Puppet // the contact, if it is a direct chat
}

func (s *Sender) peopleOf(ctx context.Context, p database.Portal) (people, error) {
	var users people
	logins, err := s.db.PortalLogins(ctx, p.ID)
	if err != nil {
		return users, err
	}
	if p.IsDirect() {
		login, err := s.db.LoginByID(ctx, p.Receiver)
		if err == nil {
			logins = append(logins, login)
		} else if !errors.Is(err, database.ErrNotFound) {
			return users, err
		}
	}
	for _, login := range logins {
		if slices.Contains(users.matrix, login.User) {
			continue
		}
		users.matrix = append(users.matrix, login.User)
		own, err := s.db.PuppetByID(ctx, login.Puppet)
		if err != nil {
			return users, fmt.Errorf("find the ghost of login %s: %w", login.ID, err)
		}
		users.own = append(users.own, own.UserID)
	}
	if p.Other != 0 {
		users.other, err = s.db.PuppetByID(ctx, p.Other)
		if err != nil {
			return users, fmt.Errorf("find the contact of portal %d: %w", p.ID, err)
		}
	}
	return users, nil
}

// makeRoom makes the room under the portal's alias, or finds the one that an earlier try made.
func (s *Sender) makeRoom(ctx context.Context, p database.Portal, users people) (id.RoomID, error) {
	request := s.newRoom(p, users)
	room, err := s.requestRoom(ctx, p, request)
	if !errors.Is(err, mautrix.MRoomInUse) {
		return room, err
	}
	alias := id.NewRoomAlias(request.RoomAliasName, s.cfg.Domain)
	found, err := s.bot().ResolveAlias(ctx, alias)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", alias, err)
	}
	ours, err := s.isRoomOf(ctx, found.RoomID, p)
	if err != nil {
		return "", err
	} else if ours {
		return found.RoomID, nil
	}
	s.log.Warn().Stringer("alias", alias).Stringer("room", found.RoomID).Int64("portal", int64(p.ID)).
		Msg("The portal's alias belongs to a room of another chat, made with an earlier database; a new room takes it over")
	if _, err := s.bot().DeleteAlias(ctx, alias); err != nil && !errors.Is(err, mautrix.MNotFound) {
		return "", fmt.Errorf("free %s: %w", alias, err)
	}
	return s.requestRoom(ctx, p, request)
}

func (s *Sender) requestRoom(ctx context.Context, p database.Portal, request *mautrix.ReqCreateRoom) (id.RoomID, error) {
	made, err := s.bot().CreateRoom(ctx, request)
	if err != nil {
		return "", fmt.Errorf("create the room of portal %d: %w", p.ID, err)
	} else if made.RoomID == "" {
		return "", fmt.Errorf("create the room of portal %d: the homeserver's answer has no room_id", p.ID)
	}
	return made.RoomID, nil
}

// isRoomOf reports whether the bot is in a room and made it for the portal.
func (s *Sender) isRoomOf(ctx context.Context, room id.RoomID, p database.Portal) (bool, error) {
	var content map[string]any
	client := s.bot()
	_, err := client.MakeRequest(ctx, http.MethodGet, client.BuildClientURL("v3", "rooms", room, "state", "m.room.create", ""), nil, &content)
	if refused(err) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("read the creation of %s: %w", room, err)
	}
	portal, _ := content[inbox.PortalField].(float64)
	return database.PortalID(portal) == p.ID && content[inbox.ChatField] == inbox.ChatOf(p), nil
}

// aliasOf is the localpart of a portal's alias: the key by which a repeat finds the room of the first try.
func (s *Sender) aliasOf(p database.PortalID) string {
	return s.cfg.GhostPrefix + "portal_" + strconv.FormatInt(int64(p), 10)
}

// setState sets a state event in the room of a portal, as the bot. A room that is not there is made with what the rows
// say.
func (s *Sender) setState(ctx context.Context, a outbox.SetState) (queue.Settle, error) {
	p, err := s.portal(ctx, a.Portal)
	if err != nil || p.RoomID == "" {
		return nil, err
	}
	client := s.bot()
	_, err = client.MakeRequest(ctx, http.MethodPut, client.BuildClientURL("v3", "rooms", p.RoomID, "state", a.Type, a.Key), a.Content, nil)
	if errors.Is(err, mautrix.MForbidden) {
		// Whoever runs the room has given the bot no power over it, as in one that was there before: then this is theirs to choose.
		s.log.Info().Err(err).Str("type", a.Type).Stringer("room", p.RoomID).Msg("The bot may not change this in a room; leaving it to those who run it")
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("set %s of %s: %w", a.Type, p.RoomID, err)
	}
	return nil, nil
}
