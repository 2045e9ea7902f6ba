package portal

import (
	"cmp"
	"context"
	"slices"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/puppet"
)

// The accounts and rooms of the tests. Alice has one account, Bob another; Ann is a contact of both.
const (
	aliceLogin = database.LoginID("1555")
	bobLogin   = database.LoginID("1777")
	room       = id.RoomID("!room:example.com")
	otherRoom  = id.RoomID("!other:example.com")
)

func lid(user string) types.JID { return types.NewJID(user, types.HiddenUserServer) }
func pn(user string) types.JID  { return types.NewJID(user, types.DefaultUserServer) }
func friends() types.JID        { return types.NewJID("123", types.GroupServer) }

// at is when the messages of the tests were sent.
func at() time.Time { return time.UnixMilli(1_700_000_000_000) }

func ghost(user string) id.UserID { return id.UserID("@whatsapp_" + user + ":example.com") }

type bed struct {
	*dispatchtest.Bed
	t *testing.T
	p *Portals

	people *puppet.Puppets
}

// newBed returns a bed in which Alice and Bob have linked their accounts.
func newBed(t *testing.T) bed {
	t.Helper()
	b := newBedOf(t, dispatchtest.Permissions{})
	b.link(aliceLogin, dispatchtest.Alice)
	b.link(bobLogin, dispatchtest.Bob)
	return b
}

func newBedOf(t *testing.T, permit Permissions) bed {
	t.Helper()
	b := dispatchtest.New(t)
	people := puppet.New(b.DB, b.Out, func(pushName, phone string) string { return cmp.Or(pushName, phone) }, "whatsapp_", dispatchtest.Domain)
	return bed{b, t, New(b.DB, b.In, b.Out, people, Config{Bot: dispatchtest.Bot, Feedback: Feedback{Notices: true}}, permit), people}
}

// link writes down a login, as the user package does.
func (b bed) link(login database.LoginID, user id.UserID) {
	b.t.Helper()
	b.Do(func(ctx context.Context) error {
		own, err := b.people.Ensure(ctx, lid("9"+string(login)), pn(string(login)), "")
		if err != nil {
			return err
		}
		row := database.Login{ID: login, User: user, Puppet: own.ID, Device: pn(string(login)), State: database.StateConnected, StateSince: at()}
		return b.DB.PutLogin(ctx, row)
	})
}

// setState changes the state of Alice's login.
func (b bed) setState(state database.LoginState) {
	b.t.Helper()
	b.Do(func(ctx context.Context) error {
		return b.DB.SetLoginState(ctx, database.Login{ID: aliceLogin, State: state, StateSince: at()})
	})
}

// message makes a message as it arrives.
func message(login database.LoginID, messageID string, source types.MessageSource, text string) inbox.WhatsAppMessage {
	return arrival(login, messageID, source, &waE2E.Message{Conversation: &text})
}

func arrival(login database.LoginID, messageID string, source types.MessageSource, msg *waE2E.Message) inbox.WhatsAppMessage {
	raw, err := proto.Marshal(msg)
	if err != nil {
		panic(err)
	}
	return inbox.WhatsAppMessage{Login: login, Message: raw, Info: types.MessageInfo{
		MessageSource: source, ID: messageID, PushName: "Ann", Timestamp: at(),
	}}
}

// fromAnn is a direct message of hers, named as newer servers name it.
func fromAnn() types.MessageSource {
	return types.MessageSource{Chat: lid("100"), Sender: lid("100"), SenderAlt: pn("15550100")}
}

// inGroup is a message of somebody in the group.
func inGroup(sender types.JID) types.MessageSource {
	return types.MessageSource{Chat: friends(), Sender: sender, IsGroup: true}
}

func (b bed) arrive(in inbox.WhatsAppMessage) dispatchtest.Actions {
	b.t.Helper()
	return b.do(func(ctx context.Context) error { return b.p.MessageFromWhatsApp(ctx, in) })
}

func (b bed) changed(in inbox.GroupChanged) dispatchtest.Actions {
	b.t.Helper()
	return b.do(func(ctx context.Context) error { return b.p.GroupFromWhatsApp(ctx, in) })
}

// do leaves the profiles of ghosts out of the actions: they are the puppet package's, and its tests'.
func (b bed) do(decide func(ctx context.Context) error) dispatchtest.Actions {
	b.t.Helper()
	return slices.DeleteFunc(b.Do(decide), func(a dispatchtest.Action) bool { return a.Kind == outbox.KindSetProfile })
}

func (b bed) say(evt *event.Event) dispatchtest.Actions {
	b.t.Helper()
	return b.Do(func(ctx context.Context) error { return b.p.MessageFromMatrix(ctx, evt) })
}

func (b bed) refuse(code string, evt *event.Event) {
	b.t.Helper()
	b.Rejected(code, func(ctx context.Context) error { return b.p.MessageFromMatrix(ctx, evt) })
}

// chat returns the portal of a chat, for which nothing is made.
func (b bed) chat(receiver database.LoginID, chat types.JID) database.Portal {
	b.t.Helper()
	portal, err := b.DB.PortalByChat(b.t.Context(), receiver, chat)
	if err != nil {
		b.t.Fatal(err)
	}
	return portal
}

// made records the room of a portal, as the Matrix side does once it is there.
func (b bed) made(portal database.PortalID) {
	b.t.Helper()
	b.Do(func(ctx context.Context) error {
		_, err := b.DB.SetPortalRoom(ctx, portal, room)
		return err
	})
}

// direct is Alice's chat with Ann, with a room and one message in it.
func (b bed) direct() database.Portal {
	b.t.Helper()
	b.arrive(message(aliceLogin, "FIRST", fromAnn(), "first"))
	b.made(b.chat(aliceLogin, lid("100")).ID)
	return b.chat(aliceLogin, lid("100"))
}

// group is a group of Alice and Ann, with a room and one message in it.
func (b bed) group() database.Portal {
	b.t.Helper()
	b.arrive(message(aliceLogin, "FIRST", inGroup(lid("100")), "first"))
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "whole", Whole: &inbox.Group{
		Name: "Friends", Topic: "Tea", Members: []inbox.GroupMember{{LID: lid("100"), Role: "admin"}, {LID: lid("91555"), PN: pn("1555")}},
	}})
	b.made(b.chat("", friends()).ID)
	return b.chat("", friends())
}

func sent(t *testing.T, list dispatchtest.Actions) outbox.SendWhatsApp {
	t.Helper()
	return dispatchtest.Only[outbox.SendWhatsApp](t, list.Expect(t, outbox.KindSendWhatsApp), outbox.KindSendWhatsApp)
}

func shown(t *testing.T, list dispatchtest.Actions) outbox.SendEvent {
	t.Helper()
	return dispatchtest.Only[outbox.SendEvent](t, list, outbox.KindSendEvent)
}
