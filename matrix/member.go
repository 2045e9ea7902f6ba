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
	"causeway/outbox"
	"causeway/queue"
)

// portalRoom finds the portal of an action, and parks the action while there is no room.
func (s *Sender) portalRoom(ctx context.Context, portal database.PortalID) (database.Portal, error) {
	p, err := s.portal(ctx, portal)
	if err == nil && p.RoomID == "" {
		err = &queue.Park{Name: outbox.RoomOf(portal), Limit: roomLimit}
	}
	return p, err
}

// portal finds the portal of an action. One that has been removed makes the action pointless.
func (s *Sender) portal(ctx context.Context, portal database.PortalID) (database.Portal, error) {
	p, err := s.db.PortalByID(ctx, portal)
	if errors.Is(err, database.ErrNotFound) {
		return p, queue.Dead(fmt.Errorf("find portal %d: %w", portal, err))
	}
	return p, err
}

// maxJoinTries is how often the homeserver may fail to join a room by its own fault. A room of another server may be
// gone for good, which Dendrite reports as 500.
const maxJoinTries = 20

// joinRoom lets the bot or a ghost join: the room of a portal by the bot's invitation, any other by the one it has.
func (s *Sender) joinRoom(ctx context.Context, a outbox.JoinRoom, tries int) (queue.Settle, error) {
	if a.Portal != 0 {
		p, err := s.portalRoom(ctx, a.Portal)
		if err != nil {
			return nil, err
		}
		return nil, s.ensureJoined(ctx, p, a.As)
	}
	if err := s.ensureGhost(ctx, a.As); err != nil {
		return nil, err
	}
	if a.By != "" {
		if err := s.ask(ctx, a.Room, a.By, a.As); err != nil {
			return nil, err
		}
	}
	err := s.join(ctx, a.Room, a.As)
	if tries >= maxJoinTries && hasStatus(err, http.StatusInternalServerError) {
		err = queue.Dead(err)
	}
	return nil, err
}

// leaveRoom takes somebody out of a portal's room. Who is not in it, or whose room is not there, has left already.
func (s *Sender) leaveRoom(ctx context.Context, a outbox.LeaveRoom) (queue.Settle, error) {
	p, err := s.portal(ctx, a.Portal)
	if err != nil || p.RoomID == "" {
		return nil, err
	}
	if s.cfg.IsGhost(a.User) {
		return nil, s.leave(ctx, p.RoomID, a)
	}
	membership, err := s.membership(ctx, p.RoomID, a.User, s.cfg.Bot)
	if err != nil || (membership != event.MembershipJoin && membership != event.MembershipInvite) {
		return nil, err
	}
	if _, err := s.bot().KickUser(ctx, p.RoomID, &mautrix.ReqKickUser{UserID: a.User, Reason: a.Reason}); err != nil {
		return nil, fmt.Errorf("take %s out of %s: %w", a.User, p.RoomID, err)
	}
	return nil, nil
}

// leave lets a ghost leave a room. It is told apart by trying, since only those who are in a room may look into it.
func (s *Sender) leave(ctx context.Context, room id.RoomID, a outbox.LeaveRoom) error {
	_, err := s.clients.as(a.User).LeaveRoom(ctx, room, &mautrix.ReqLeave{Reason: a.Reason})
	if err == nil || refused(err) || hasStatus(err, http.StatusBadRequest) { // 400 is Dendrite's "is not in the room"
		return nil
	}
	return fmt.Errorf("let %s leave %s: %w", a.User, room, err)
}

// invite invites a user of the bridge to the room of a portal.
func (s *Sender) invite(ctx context.Context, a outbox.Invite) (queue.Settle, error) {
	p, err := s.portalRoom(ctx, a.Portal)
	if err != nil {
		return nil, err
	}
	return nil, s.inviteUser(ctx, p, a.User)
}

// inviteUser invites a user, unless they are in the room or invited. To a direct chat they are invited by the contact's
// ghost, with the mark by which their client files the room under that contact (Client-Server API, "Direct Messaging").
func (s *Sender) inviteUser(ctx context.Context, p database.Portal, user id.UserID) error {
	var other database.Puppet
	viewers := []id.UserID{s.cfg.Bot}
	if p.IsDirect() && p.Other != 0 {
		var err error
		if other, err = s.db.PuppetByID(ctx, p.Other); err != nil {
			return fmt.Errorf("find the contact of portal %d: %w", p.ID, err)
		}
		viewers = append(viewers, other.UserID)
	}
	membership, err := s.membership(ctx, p.RoomID, user, viewers...)
	if err != nil || membership == event.MembershipJoin || membership == event.MembershipInvite {
		return err
	}
	if other.UserID != "" {
		if err := s.inviteDirect(ctx, p.RoomID, other.UserID, user); !refused(err) {
			return err
		}
		// The ghost is not allowed to: a plain invitation is better than none.
	}
	if _, err := s.bot().InviteUser(ctx, p.RoomID, &mautrix.ReqInviteUser{UserID: user}); err != nil {
		return fmt.Errorf("invite %s to %s: %w", user, p.RoomID, err)
	}
	return nil
}

// inviteDirect sends the invitation as a state event, since /invite cannot say is_direct.
func (s *Sender) inviteDirect(ctx context.Context, room id.RoomID, ghost, user id.UserID) error {
	client := s.clients.as(ghost)
	content := map[string]any{"membership": event.MembershipInvite, "is_direct": true}
	_, err := client.MakeRequest(ctx, http.MethodPut,
		client.BuildClientURL("v3", "rooms", room, "state", "m.room.member", user), content, nil)
	if err != nil {
		return fmt.Errorf("invite %s to %s as %s: %w", user, room, ghost, err)
	}
	return nil
}
