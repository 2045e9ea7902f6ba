package portal

import (
	"context"
	"errors"
	"slices"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
)

// GroupFromWhatsApp decides about what a login learned of a group: all of it, or what has changed.
func (p *Portals) GroupFromWhatsApp(ctx context.Context, in inbox.GroupChanged) error {
	login, ok, err := p.login(ctx, in.Login)
	if err != nil || !ok {
		return err
	}
	portal, err := p.db.EnsurePortal(ctx, "", in.Group)
	if err != nil {
		return err
	}
	switch {
	case in.Whole != nil:
		if err := p.enter(ctx, portal, login, in.Key); err != nil {
			return err
		}
		return p.groupWhole(ctx, portal, in)
	case in.Reason != "":
		return p.groupUnknown(ctx, portal)
	case !portal.HasDetails:
		return nil // all of it will be asked for when there is something to show
	}
	return p.groupDelta(ctx, portal, in)
}

// groupWhole brings the rows in line with the state of a group, and makes its room.
func (p *Portals) groupWhole(ctx context.Context, portal database.Portal, in inbox.GroupChanged) error {
	if err := p.groupTimer(ctx, portal, in); err != nil {
		return err
	}
	if err := p.details(ctx, portal, in.Whole.Name, in.Whole.Topic); err != nil {
		return err
	}
	before, err := p.db.Members(ctx, portal.ID)
	if err != nil {
		return err
	}
	gone := make(map[database.PuppetID]database.Puppet, len(before))
	for _, puppet := range before {
		gone[puppet.ID] = puppet
	}
	for _, member := range named(in.Whole.Members) {
		puppet, err := p.join(ctx, portal, member, in.Key)
		if err != nil {
			return err
		}
		delete(gone, puppet.ID)
	}
	for _, puppet := range before {
		if _, left := gone[puppet.ID]; left {
			if err := p.leave(ctx, portal, puppet, in.Key); err != nil {
				return err
			}
		}
	}
	return p.ensureRoom(ctx, portal)
}

// groupUnknown lets a room be made without details when WhatsApp does not tell them, as after leaving the group.
func (p *Portals) groupUnknown(ctx context.Context, portal database.Portal) error {
	if portal.HasDetails {
		return nil
	}
	return p.details(ctx, portal, "WhatsApp group", "")
}

func (p *Portals) groupDelta(ctx context.Context, portal database.Portal, in inbox.GroupChanged) error {
	name, topic := portal.Name, portal.Topic
	if in.Name != nil {
		name = *in.Name
	}
	if in.Topic != nil {
		topic = *in.Topic
	}
	if err := p.groupTimer(ctx, portal, in); err != nil {
		return err
	}
	if err := p.details(ctx, portal, name, topic); err != nil {
		return err
	}
	for _, member := range named(in.Join) {
		if _, err := p.join(ctx, portal, member, in.Key); err != nil {
			return err
		}
	}
	for _, member := range named(in.Leave) {
		puppet, err := p.people.Ensure(ctx, member.LID, member.PN, "")
		if err != nil {
			return err
		}
		if err := p.leave(ctx, portal, puppet, in.Key); err != nil {
			return err
		}
	}
	return nil
}

// named leaves out members whom WhatsApp names by nothing that stands for a person.
func named(members []inbox.GroupMember) []inbox.GroupMember {
	return slices.DeleteFunc(slices.Clone(members), func(m inbox.GroupMember) bool { return m.LID.IsEmpty() && m.PN.IsEmpty() })
}

// memberOf is a person by one name.
func memberOf(jid types.JID) inbox.GroupMember {
	switch jid.Server {
	case types.HiddenUserServer:
		return inbox.GroupMember{LID: jid.ToNonAD()}
	case types.DefaultUserServer:
		return inbox.GroupMember{PN: jid.ToNonAD()}
	}
	return inbox.GroupMember{}
}

// join notes that a person is in a group; their ghost, and the Matrix user whose account it is, are asked in.
func (p *Portals) join(ctx context.Context, portal database.Portal, member inbox.GroupMember, occasion string) (database.Puppet, error) {
	puppet, err := p.people.Ensure(ctx, member.LID, member.PN, "")
	if err != nil {
		return puppet, err
	}
	isNew, err := p.db.PutMember(ctx, database.Member{Portal: portal.ID, Puppet: puppet.ID, Role: member.Role})
	if err != nil || !isNew {
		return puppet, err
	}
	if err := p.out.JoinRoom(ctx, occasion, outbox.JoinRoom{Portal: portal.ID, As: puppet.UserID}); err != nil {
		return puppet, err
	}
	login, err := p.db.LoginByPuppet(ctx, puppet.ID)
	if errors.Is(err, database.ErrNotFound) {
		return puppet, nil
	} else if err != nil {
		return puppet, err
	}
	return puppet, p.enter(ctx, portal, login, occasion)
}

// leave notes that a person is no longer in a group, and takes their ghost, and the Matrix user whose account it is,
// out of the room.
func (p *Portals) leave(ctx context.Context, portal database.Portal, puppet database.Puppet, occasion string) error {
	if _, err := p.db.RemoveMember(ctx, portal.ID, puppet.ID); err != nil {
		return err
	}
	if err := p.out.LeaveRoom(ctx, occasion, outbox.LeaveRoom{Portal: portal.ID, User: puppet.UserID}); err != nil {
		return err
	}
	login, err := p.db.LoginByPuppet(ctx, puppet.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := p.db.RemovePortalLogin(ctx, portal.ID, login.ID); err != nil {
		return err
	}
	others, err := p.db.PortalLogins(ctx, portal.ID)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.User == login.User {
			return nil // still there by another account
		}
	}
	return p.out.LeaveRoom(ctx, occasion, outbox.LeaveRoom{Portal: portal.ID, User: login.User, Reason: "No longer in the WhatsApp group"})
}

// GhostInvited decides about a Matrix user who asks a ghost into a room: a new direct room with it is the chat with
// that person. Any other room is not: everybody in it would read the chat.
func (p *Portals) GhostInvited(ctx context.Context, evt *event.Event) error {
	if !p.permit.MayLogIn(evt.Sender) {
		return nil
	}
	ghost, err := p.db.PuppetByUserID(ctx, guest(evt))
	if errors.Is(err, database.ErrNotFound) {
		return p.declineUnknown(ctx, evt)
	} else if err != nil {
		return err
	}
	if _, err := p.db.PortalByRoom(ctx, evt.RoomID); !errors.Is(err, database.ErrNotFound) {
		return err // a portal's own room: the bridge itself asks its ghosts in
	}
	if _, err := p.db.UserByManagementRoom(ctx, evt.RoomID); !errors.Is(err, database.ErrNotFound) || !evt.Content.AsMember().IsDirect {
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return err
		}
		return p.tell(ctx, evt, "not_direct", "To chat with "+ghost.Name+", start a direct chat with them, or write \"start-chat\" and the number here.")
	}
	logins, err := p.db.LoginsOf(ctx, evt.Sender)
	if err != nil {
		return err
	}
	usable := slices.IndexFunc(logins, func(l database.Login) bool { return l.State != database.StateLoggedOut })
	if usable < 0 {
		return p.tell(ctx, evt, "no_login", "To chat with "+ghost.Name+", link your WhatsApp account first: write \"login qr\" here.")
	}
	if ghost.LID.IsEmpty() && ghost.PN.IsEmpty() {
		return p.declineUnknown(ctx, evt) // another ghost has taken this one's place
	}
	portal, err := p.EnsureDirect(ctx, logins[usable], ghost)
	if err != nil {
		return err
	}
	adopted, err := p.db.SetPortalRoom(ctx, portal.ID, evt.RoomID)
	if err != nil {
		return err
	}
	if !adopted {
		return p.hasRoom(ctx, evt, portal.ID, ghost)
	}
	return p.adopt(ctx, evt, portal, ghost)
}

// hasRoom leads a user to the room that a chat has already.
func (p *Portals) hasRoom(ctx context.Context, evt *event.Event, chat database.PortalID, ghost database.Puppet) error {
	portal, err := p.db.PortalByID(ctx, chat)
	if err != nil {
		return err
	}
	if err := p.out.Invite(ctx, evt.ID.String(), outbox.Invite{Portal: chat, User: evt.Sender}); err != nil {
		return err
	}
	return p.tell(ctx, evt, "has_room", "You have a room with "+ghost.Name+" already: "+link(portal.RoomID))
}

// Left decides about a Matrix user who has left the room of a direct chat of theirs: the next message from WhatsApp asks
// them in again, so that they do not miss it. An invitation that was declined is not repeated for each message.
func (p *Portals) Left(ctx context.Context, evt *event.Event) error {
	if previous := evt.Unsigned.PrevContent; previous != nil && previous.Raw["membership"] != string(event.MembershipJoin) {
		return nil
	}
	portal, err := p.db.PortalByRoom(ctx, evt.RoomID)
	if err == nil && portal.IsDirect() {
		var login database.Login
		if login, err = p.db.LoginByID(ctx, portal.Receiver); err == nil && login.User == guest(evt) {
			_, err = p.db.RemovePortalLogin(ctx, portal.ID, login.ID)
		}
	}
	if errors.Is(err, database.ErrNotFound) {
		return nil
	}
	return err
}
