package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
)

// bot returns a client that acts as the bridge's own user.
func (s *Sender) bot() *mautrix.Client { return s.clients.as(s.cfg.Bot) }

// ensureGhost makes sure that a user of the bridge is there and, being a ghost, has its display name, so that nobody
// ever sees it join under its bare user name.
func (s *Sender) ensureGhost(ctx context.Context, user id.UserID) error {
	if s.clients.ready.has(string(user)) {
		return nil
	}
	if err := s.clients.register(ctx, user); err != nil {
		return err
	}
	if s.cfg.IsGhost(user) {
		puppet, err := s.db.PuppetByUserID(ctx, user)
		if err == nil {
			err = s.clients.ensureName(ctx, user, puppet.Name)
		}
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return err
		}
	}
	s.clients.ready.add(string(user))
	return nil
}

// register adds a user to the homeserver, if it is not there (Application Service API, "Server admin style
// permissions"). It must not log in: with MSC4190 Synapse refuses that.
func (c *clients) register(ctx context.Context, user id.UserID) error {
	localpart, _, err := user.Parse()
	if err != nil {
		return fmt.Errorf("register %s: %w", user, err)
	}
	_, _, err = c.as("").Register(ctx, &mautrix.ReqRegister[any]{
		Username: localpart, Type: mautrix.AuthTypeAppservice, InhibitLogin: true,
	})
	if err != nil && !errors.Is(err, mautrix.MUserInUse) {
		return fmt.Errorf("register %s: %w", user, err)
	}
	return nil
}

// ensureName sets a user's display name, unless it has that already: a homeserver tells every room of a name that is
// set, so it is read first.
func (c *clients) ensureName(ctx context.Context, user id.UserID, name string) error {
	if name == "" {
		return nil
	}
	client := c.as(user)
	// Whatever goes wrong with the reading, setting is right. Dendrite answers 500 for a user without a profile.
	if has, err := client.GetOwnDisplayName(ctx); err == nil && has != nil && has.DisplayName == name {
		return nil
	}
	if err := client.SetDisplayName(ctx, name); err != nil {
		return fmt.Errorf("name %s: %w", user, err)
	}
	return nil
}

// ensureJoined brings a ghost into the room of a portal: the bot invites it and it joins. Both are harmless when it is
// in. Where the bot is not in the room, because a user has made it for a contact, that contact's ghost invites.
func (s *Sender) ensureJoined(ctx context.Context, p database.Portal, ghost id.UserID) error {
	if err := s.ensureGhost(ctx, ghost); err != nil {
		return err
	}
	if err := s.ask(ctx, p.RoomID, s.cfg.Bot, ghost); err != nil {
		return err
	}
	err := s.join(ctx, p.RoomID, ghost)
	if !errors.Is(err, mautrix.MForbidden) || p.Other == 0 {
		return err
	}
	other, lookErr := s.db.PuppetByID(ctx, p.Other)
	if lookErr != nil || other.UserID == ghost {
		return err
	}
	if err := s.ask(ctx, p.RoomID, other.UserID, ghost); err != nil {
		return err
	}
	return s.join(ctx, p.RoomID, ghost)
}

// ask invites a user of the bridge to a room. A refusal is passed over: it is also what is said of those who are in the
// room already. Whether it mattered, joining shows.
func (s *Sender) ask(ctx context.Context, room id.RoomID, by, user id.UserID) error {
	_, err := s.clients.as(by).InviteUser(ctx, room, &mautrix.ReqInviteUser{UserID: user})
	if err != nil && !errors.Is(err, mautrix.MForbidden) {
		return fmt.Errorf("invite %s to %s as %s: %w", user, room, by, err)
	}
	return nil
}

// join accepts an invitation. It changes nothing when the user is in the room.
func (s *Sender) join(ctx context.Context, room id.RoomID, user id.UserID) error {
	_, err := s.clients.as(user).JoinRoomByID(ctx, room)
	if err != nil && errors.Is(err, mautrix.MForbidden) {
		s.clients.ready.remove(string(user)) // it may have been removed from the homeserver
	}
	if err != nil {
		return fmt.Errorf("let %s join %s: %w", user, room, err)
	}
	return nil
}

// membership returns how a user stands to a room; empty when they never had to do with it, or when nobody who is asked
// may look into the room.
func (s *Sender) membership(ctx context.Context, room id.RoomID, user id.UserID, viewers ...id.UserID) (event.Membership, error) {
	for _, viewer := range viewers {
		var member event.MemberEventContent
		client := s.clients.as(viewer)
		_, err := client.MakeRequest(ctx, http.MethodGet, client.BuildClientURL("v3", "rooms", room, "state", "m.room.member", user), nil, &member)
		switch {
		case err == nil:
			return member.Membership, nil
		case errors.Is(err, mautrix.MNotFound):
			return "", nil
		case !refused(err):
			return "", fmt.Errorf("look for %s in %s: %w", user, room, err)
		}
	}
	return "", nil
}
