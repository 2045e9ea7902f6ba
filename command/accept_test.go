package command

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/outbox"
)

// invited puts an invitation into a chat of Alice's, shown as an event.
func (b *bed) invited(evt id.EventID, kind database.QuestionKind, expires time.Time) types.JID {
	b.t.Helper()
	inviter := types.NewJID("77", types.HiddenUserServer)
	b.Do(func(ctx context.Context) error {
		portal, err := b.DB.EnsurePortal(ctx, "1555", inviter)
		if err != nil {
			return err
		}
		if _, err := b.DB.AddPortalLogin(ctx, portal.ID, "1555"); err != nil {
			return err
		}
		author, err := b.DB.AddPuppet(ctx, database.Puppet{UserID: id.UserID("@whatsapp_" + evt[1:].String() + ":example.com")})
		if err != nil {
			return err
		}
		key := database.MessageKey{Portal: portal.ID, ID: types.MessageID(evt), Sender: author.ID}
		if _, err := b.DB.AddMessage(ctx, database.Message{MessageKey: key, Event: evt, Sent: time.Now()}); err != nil {
			return err
		}
		return b.DB.PutQuestion(ctx, database.Question{MessageKey: key, Kind: kind, Author: inviter, Shown: key.ID,
			Content: fmt.Sprintf(`{"group":"5@g.us","code":"abc","name":"Club","expires":%d}`, expires.Unix())})
	})
	return inviter
}

func (b *bed) accepts(user id.UserID, to id.EventID) dispatchtest.Actions {
	b.t.Helper()
	b.n++
	content := &event.MessageEventContent{MsgType: event.MsgText, Body: "!wa accept"}
	if to != "" {
		content.RelatesTo = &event.RelatesTo{InReplyTo: &event.InReplyTo{EventID: to}}
	}
	evt := dispatchtest.Event(b.t, other, user, id.EventID(fmt.Sprintf("$accept%d", b.n)), event.EventMessage, content)
	return b.Do(func(ctx context.Context) error { return b.c.Run(ctx, evt, "accept") })
}

func TestAccept(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.link("1555", dispatchtest.Alice, database.StateConnected)
	b.link("1777", admin, database.StateConnected)
	inviter := b.invited("$i", database.QuestionInvite, time.Now().Add(time.Hour))
	b.invited("$old", database.QuestionInvite, time.Now().Add(-time.Hour))
	b.invited("$poll", database.QuestionPoll, time.Now().Add(time.Hour))
	a := dispatchtest.Only[outbox.AcceptInvite](t, b.accepts(dispatchtest.Alice, "$i").Expect(t, "accept_invite"), outbox.KindAcceptInvite)
	if a.Login != "1555" || a.Group != types.NewJID("5", types.GroupServer) || a.By != inviter || a.Code != "abc" || a.Name != "Club" || a.Room != other || a.Event == "" {
		t.Errorf("got %+v", a)
	}
	b.says(b.accepts(dispatchtest.Alice, ""), "in")
	b.says(b.accepts(dispatchtest.Alice, "$none"), "Reply with")
	b.says(b.accepts(dispatchtest.Alice, "$poll"), "no invitation")
	b.says(b.accepts(dispatchtest.Alice, "$old"), "expired")
	b.says(b.accepts(admin, "$i"), "somebody else")
}
