package server

import (
	"fmt"
	"strconv"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

// invite lets one account join a group for a while.
type invite struct {
	by, to  *account.Account
	expires int64
}

// Invitation is what a GroupInviteMessage needs to have in it. Expires is in Unix seconds.
type Invitation struct {
	Code    string
	Expires int64
}

// statusGone is the code of what has expired.
const statusGone = 410

// Invite lets an admin of a group make an invitation for somebody who is not in it.
func (s *Server) Invite(jid types.JID, by, to string, lasts time.Duration) (Invitation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, inviter, err := s.groupBy(jid, by)
	if err != nil {
		return Invitation{}, err
	}
	invited, err := s.find(to)
	if err != nil {
		return Invitation{}, err
	}
	if !g.isAdmin(inviter) || g.has(invited) {
		return Invitation{}, fmt.Errorf("invite %s to %s: %w", to, jid, account.ErrRefused)
	}
	made := Invitation{Code: newID("i"), Expires: time.Now().Add(lasts).Unix()}
	if g.invites == nil {
		g.invites = map[string]invite{}
	}
	g.invites[made.Code] = invite{inviter, invited, made.Expires}
	return made, nil
}

// acceptInvite lets a companion join by an invitation.
func (s *Server) acceptInvite(c *session, n *wire.Node) {
	part := n.GetChildByTag("accept")
	g := s.state.groups[wire.JID(n, "to")]
	if g == nil {
		c.fail(n, statusNotFound)
		return
	}
	made, ok := g.invites[wire.Text(&part, "code")]
	expires, _ := strconv.ParseInt(wire.Text(&part, "expiration"), 10, 64)
	admin := wire.JID(&part, "admin")
	switch {
	case !ok || made.to != c.device.Account || admin != made.by.LID && admin != made.by.PN || expires != made.expires:
		c.fail(n, statusNotFound)
	case time.Now().Unix() > made.expires:
		c.fail(n, statusGone)
	case g.has(made.to):
		c.fail(n, statusConflict)
	default:
		c.result(n)
		s.change(g, made.by, "add", []*account.Account{made.to})
	}
}
