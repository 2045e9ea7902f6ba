package whatsapp

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"causeway/database"
	"causeway/inbox"
)

// Roles of a member, as in inbox.GroupMember.
const (
	roleAdmin      = "admin"
	roleSuperAdmin = "superadmin"
)

// wholeGroup converts the state of a group.
func wholeGroup(info types.GroupInfo) *inbox.Group {
	group := &inbox.Group{Name: info.Name, Topic: info.Topic, Timer: info.DisappearingTimer, Members: make([]inbox.GroupMember, 0, len(info.Participants))}
	for _, p := range info.Participants {
		m := member(p.JID, p.LID, p.PhoneNumber)
		switch {
		case p.IsSuperAdmin:
			m.Role = roleSuperAdmin
		case p.IsAdmin:
			m.Role = roleAdmin
		}
		group.Members = append(group.Members, m)
	}
	return group
}

// member sorts a person's names by kind.
func member(names ...types.JID) inbox.GroupMember {
	var m inbox.GroupMember
	for _, jid := range names {
		switch jid.Server {
		case types.HiddenUserServer:
			m.LID = jid.ToNonAD()
		case types.DefaultUserServer:
			m.PN = jid.ToNonAD()
		}
	}
	return m
}

func joinedGroup(login database.LoginID, e *events.JoinedGroup) inbox.GroupChanged {
	changed := inbox.GroupChanged{Login: login, Group: e.JID, Whole: wholeGroup(e.GroupInfo)}
	if e.Sender != nil {
		changed.By = e.Sender.ToNonAD()
	}
	changed.Key = occasion(e.GroupInfo, e.GroupCreated)
	return changed
}

// groupChanged converts a change of a group, and reports false when there is nothing in it that the bridge shows.
func (s *session) groupChanged(ctx context.Context, e *events.GroupInfo) (inbox.GroupChanged, bool) {
	changed := inbox.GroupChanged{Login: s.login, Group: e.JID}
	if e.Name != nil {
		changed.Name = &e.Name.Name
	}
	if e.Topic != nil {
		changed.Topic = &e.Topic.Topic
	}
	if e.Ephemeral != nil {
		changed.Timer = &e.Ephemeral.DisappearingTimer
	}
	changed.Join = append(changed.Join, s.members(ctx, e.Join, "")...)
	changed.Leave = s.members(ctx, e.Leave, "")
	// A new role is told as a join of somebody who is in the group already.
	changed.Join = append(changed.Join, s.members(ctx, e.Promote, roleAdmin)...)
	changed.Join = append(changed.Join, s.members(ctx, e.Demote, "")...)
	if changed.Name == nil && changed.Topic == nil && changed.Timer == nil && len(changed.Join) == 0 && len(changed.Leave) == 0 {
		return changed, false
	}
	if e.Sender != nil {
		changed.By = e.Sender.ToNonAD()
	}
	changed.Key, changed.At = occasion(e, e.Timestamp), e.Timestamp
	return changed, true
}

func (s *session) members(ctx context.Context, jids []types.JID, role string) []inbox.GroupMember {
	list := make([]inbox.GroupMember, 0, len(jids))
	for _, jid := range jids {
		alt, err := s.client.Store.GetAltJID(ctx, jid.ToNonAD())
		if err != nil {
			alt = types.EmptyJID // one name is enough
		}
		m := member(jid, alt)
		m.Role = role
		list = append(list, m)
	}
	return list
}

// occasion names a notification by its content, since whatsmeow does not hand over its ID: one that is delivered again
// is the same.
func occasion(notification any, at time.Time) string {
	raw, err := json.Marshal(notification)
	if err != nil {
		return fmt.Sprint(at.UnixNano())
	}
	sum := sha256.Sum256(raw)
	return fmt.Sprintf("%d/%x", at.Unix(), sum[:12])
}
