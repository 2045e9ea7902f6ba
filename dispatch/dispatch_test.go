package dispatch_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/command"
	"causeway/database"
	"causeway/dispatch"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/portal"
	"causeway/puppet"
	"causeway/queue"
	"causeway/user"
)

const (
	talk = id.RoomID("!talk:example.com")
	chat = id.RoomID("!chat:example.com")
)

func lid(user string) types.JID { return types.NewJID(user, types.HiddenUserServer) }
func pn(user string) types.JID  { return types.NewJID(user, types.DefaultUserServer) }

// bed has all deciders behind the real queue.
type bed struct {
	*dispatchtest.Bed
	t *testing.T
	n int
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := dispatchtest.New(t)
	permit := dispatchtest.Permissions{}
	people := puppet.New(b.DB, b.Out, func(pushName, phone string) string { return cmp.Or(pushName, phone) }, "whatsapp_", dispatchtest.Domain)
	chats := portal.New(b.DB, b.In, b.Out, people, portal.Config{Bot: dispatchtest.Bot, Feedback: portal.Feedback{Notices: true}}, permit)
	d := dispatch.New(b.DB, dispatchtest.Bot, dispatch.Deciders{
		Chats: chats, Life: chats, Rooms: chats, Feedback: chats, People: people,
		Users:    user.New(b.DB, b.In, b.Out, permit, people),
		Commands: command.New(b.DB, b.In, b.Out, permit, command.About{Version: "1", Prefix: "!wa"}),
	})
	worker := queue.NewWorker(b.DB, b.In.Queue, queue.Options{
		Handle: d.Handle, Rejected: d.Rejected, Buried: d.Buried, Burst: 8, Lanes: 4, Poll: time.Hour,
		Backoff: queue.Backoff{First: time.Hour, Most: time.Hour}, // what fails for a while fails the test
	}, zerolog.Nop())
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = worker.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return &bed{b, t, 0}
}

// decided waits until everything that arrived is decided, and returns the actions but those about profiles.
func (b *bed) decided() dispatchtest.Actions {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		counts, err := b.In.Counts(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		if counts.Open == 0 {
			return slices.DeleteFunc(b.Actions(), func(a dispatchtest.Action) bool { return a.Kind == outbox.KindSetProfile })
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("%d arrivals are still undecided", counts.Open)
		}
	}
}

// push hands over events as the homeserver does.
func (b *bed) push(events ...string) dispatchtest.Actions {
	b.t.Helper()
	raw := make([]json.RawMessage, len(events))
	for i, evt := range events {
		raw[i] = json.RawMessage(evt)
	}
	if err := b.In.AddMatrix(b.t.Context(), raw, nil); err != nil {
		b.t.Fatal(err)
	}
	return b.decided()
}

// evt writes an event; extra fields come behind the content.
func (b *bed) evt(room id.RoomID, sender id.UserID, kind, content string, extra ...string) string {
	b.n++
	return fmt.Sprintf(`{"event_id":"$%d","room_id":%q,"sender":%q,"type":%q,"origin_server_ts":1700000000000,"content":%s%s}`,
		b.n, room, sender, kind, content, strings.Join(append([]string{""}, extra...), ","))
}

func (b *bed) text(room id.RoomID, sender id.UserID, body string) string {
	return b.evt(room, sender, "m.room.message", fmt.Sprintf(`{"msgtype":"m.text","body":%q}`, body))
}

func (b *bed) member(room id.RoomID, sender, who id.UserID, content string) string {
	return b.evt(room, sender, "m.room.member", content, fmt.Sprintf(`"state_key":%q`, who))
}

func (b *bed) dead() []queue.Entry {
	b.t.Helper()
	list, err := b.In.DeadLetters(b.t.Context(), 100)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := range list {
		if list[i], _, err = b.In.DeadLetter(b.t.Context(), list[i].ID); err != nil {
			b.t.Fatal(err)
		}
	}
	return list
}

// story lets Alice invite the bot, link an account and get a chat with Ann.
func (b *bed) story() {
	b.t.Helper()
	b.push(b.member(talk, dispatchtest.Alice, dispatchtest.Bot, `{"membership":"invite","is_direct":true}`)).Expect(b.t, "join_room send_notice")
	flow := dispatchtest.Only[outbox.Pair](b.t, b.push(b.text(talk, dispatchtest.Alice, "login qr")).Expect(b.t, "pair send_notice"), outbox.KindPair).Flow
	pairing := inbox.Pairing{User: dispatchtest.Alice, Flow: flow, Serial: 1, Step: inbox.PairingQR, Code: "2@code", Expires: time.Now().Add(time.Minute)}
	b.add(b.In.AddPairing(b.t.Context(), pairing)).Expect(b.t, "send_notice")
	pairing.Serial, pairing.Step, pairing.Account = 2, inbox.PairingDone, &inbox.Account{Login: "1555", Device: pn("1555"), LID: lid("91555"), PN: pn("1555")}
	b.add(b.In.AddPairing(b.t.Context(), pairing)).Expect(b.t, "remove_notice send_notice")
	b.add(b.In.AddLoginChanged(b.t.Context(), inbox.LoginChanged{Login: "1555", State: database.StateConnected, At: time.Now()})).Expect(b.t, "")
	made := dispatchtest.Only[outbox.CreateRoom](b.t, b.whatsapp("FIRST", "Hello").Expect(b.t, "create_room send_event"), outbox.KindCreateRoom)
	b.push(fmt.Sprintf(`{"event_id":"$create","room_id":%q,"sender":%q,"type":"m.room.create","state_key":"","content":%s}`,
		chat, dispatchtest.Bot, b.creation(made.Portal))).Expect(b.t, "")
	// Whatever the room's own create event must say to be believed, from here on the room is the chat's.
	if _, err := b.DB.SetPortalRoom(b.t.Context(), made.Portal, chat); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) creation(portal database.PortalID) string {
	return fmt.Sprintf(`{%q:%d}`, inbox.PortalField, portal)
}

func (b *bed) add(err error) dispatchtest.Actions {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return b.decided()
}

func (b *bed) whatsapp(message, text string) dispatchtest.Actions {
	b.t.Helper()
	raw, err := proto.Marshal(&waE2E.Message{Conversation: &text})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.add(b.In.AddWhatsApp(b.t.Context(), inbox.WhatsAppMessage{Login: "1555", Message: raw, Info: types.MessageInfo{
		MessageSource: types.MessageSource{Chat: lid("100"), Sender: lid("100"), SenderAlt: pn("15550100")},
		ID:            message, PushName: "Ann", Timestamp: time.UnixMilli(1_700_000_000_000),
	}}))
}

func TestStory(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.story()
	b.push(b.text(chat, dispatchtest.Alice, "Hi Ann")).Expect(t, "send_whatsapp")
	b.whatsapp("SECOND", "How are you?").Expect(t, "send_event")
	send := dispatchtest.Only[outbox.SendWhatsApp](t, b.push(b.text(chat, dispatchtest.Alice, "Fine")), outbox.KindSendWhatsApp)
	b.add(b.In.AddSendFailed(t.Context(), inbox.SendFailed{Message: send.Message, Code: "refused", Text: "No."})).Expect(t, "send_notice remove_notice")
	b.push(b.text(chat, dispatchtest.Alice, "!wa version")).Expect(t, "send_notice")
	b.push(b.text(chat, dispatchtest.Alice, "version")).Expect(t, "send_whatsapp") // in a chat only the prefix makes a command
	b.push(b.text(talk, dispatchtest.Alice, "start-chat +4915112345678")).Expect(t, "look_up_number")
	b.add(b.In.AddNumberLookedUp(t.Context(), inbox.NumberLookedUp{User: dispatchtest.Alice, Login: "1555", Room: talk, Key: "$n",
		Number: "4915112345678", Found: true, PN: pn("4915112345678")})).Expect(t, "create_room send_notice")
	b.add(b.In.AddContactChanged(t.Context(), "1555", "c1", inbox.ContactChanged{LID: lid("100"), PushName: "Anna"})).Expect(t, "set_state")
	b.add(b.In.AddGroupChanged(t.Context(), inbox.GroupChanged{Login: "1555", Group: types.NewJID("1", types.GroupServer), Key: "g",
		Whole: &inbox.Group{Name: "Group", Members: []inbox.GroupMember{{PN: pn("1555")}}}})).Expect(t, "join_room create_room")
	if dead := b.dead(); len(dead) > 0 {
		t.Errorf("dead letters: %+v", dead)
	}
}

func TestManyAtOnceKeepTheirOrder(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.story()
	var events []string
	for n := range 60 {
		if n%7 == 3 {
			events = append(events, b.evt(chat, dispatchtest.Alice, "m.room.message", `{"msgtype":"m.image","body":"x"}`))
			continue
		}
		events = append(events, b.text(chat, dispatchtest.Alice, fmt.Sprint(n)))
	}
	list := b.push(append(events, events...)...)
	last := -1
	for _, send := range dispatchtest.All[outbox.SendWhatsApp](t, list, outbox.KindSendWhatsApp) {
		msg, n := &waE2E.Message{}, 0
		if err := proto.Unmarshal(send.Content, msg); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(msg.GetConversation(), &n); err != nil || n <= last {
			t.Errorf("%d after %d, %v", n, last, err)
		}
		last = n
	}
	if len(list) != 60 || last != 58 { // the last one is an image
		t.Errorf("%d actions, the last is %d", len(list), last)
	}
	b.push(events...).Expect(t, "")
}

func TestRefusalsAreTold(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.story()
	for name, evt := range map[string]string{
		"image":     b.evt(chat, dispatchtest.Alice, "m.room.message", `{"msgtype":"m.image","body":"x"}`),
		"sticker":   b.evt(chat, dispatchtest.Alice, "m.sticker", `{"body":"x","info":{}}`),
		"poll":      b.evt(chat, dispatchtest.Alice, "org.matrix.msc3381.poll.start", `{"x":1}`),
		"encrypted": b.evt(chat, dispatchtest.Alice, "m.room.encrypted", `{"algorithm":"x"}`),
		"stranger":  b.text(chat, dispatchtest.Bob, "May I?"),
	} {
		notice := dispatchtest.Only[outbox.SendNotice](t, b.push(evt).Expect(t, "send_notice"), outbox.KindSendNotice)
		if notice.Room != chat || notice.ReplyTo == "" || !strings.Contains(notice.Text, "not sent to WhatsApp") {
			t.Errorf("%s: got %+v", name, notice)
		}
	}
	if dead := b.dead(); len(dead) > 0 {
		t.Errorf("dead letters: %+v", dead)
	}
}

func TestWithoutMeaning(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.story()
	ann := id.UserID("@whatsapp_15550100:example.com")
	b.push(
		b.evt(talk, dispatchtest.Alice, "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$1","key":"x"}}`),
		b.evt(talk, dispatchtest.Alice, "m.room.redaction", `{}`, `"redacts":"$1"`),
		b.evt(chat, dispatchtest.Alice, "m.room.redaction", `{}`, `"redacts":"$unknown"`),
		b.evt(chat, dispatchtest.Alice, "m.room.topic", `{"topic":7}`, `"state_key":""`),
		b.evt(chat, dispatchtest.Alice, "m.room.power_levels", `{"users":[]}`, `"state_key":""`),
		b.evt(chat, dispatchtest.Alice, "org.example.thing", `"text"`),
		b.evt(chat, dispatchtest.Alice, "m.room.message", `{"msgtype":"m.text","body":"as state"}`, `"state_key":""`),
		b.evt(chat, dispatchtest.Alice, "m.room.member", `{"membership":"join"}`), // without a state key
		b.evt(chat, dispatchtest.Alice, "m.room.message", `{}`),                   // removed
		b.member(chat, dispatchtest.Alice, dispatchtest.Alice, `{"membership":"join","displayname":"A."}`),
		b.member(chat, dispatchtest.Alice, dispatchtest.Bob, `{"membership":"invite"}`),
		b.member(chat, dispatchtest.Bot, ann, `{"membership":"invite"}`),
		b.member(chat, ann, ann, `{"membership":"join"}`),
		b.member("!adopted:example.com", ann, dispatchtest.Bot, `{"membership":"invite","is_direct":true}`), // as the bot asks it to
		b.member(chat, ann, ann, `{"membership":"leave"}`),
		b.text("!elsewhere:example.com", dispatchtest.Alice, "help"),
		b.text("!elsewhere:example.com", ann, "!wa help"),
		b.text(talk, dispatchtest.Bot, "help"),
		b.text(talk, dispatchtest.Bob, "help"), // it is not their management room
		b.evt(talk, dispatchtest.Alice, "m.room.message", `{"msgtype":"m.notice","body":"help"}`),
		b.evt(talk, dispatchtest.Alice, "m.sticker", `{"body":"x"}`),
		b.evt(talk, dispatchtest.Bot, "m.room.encrypted", `{"algorithm":"x"}`),
	).Expect(t, "")
	if dead := b.dead(); len(dead) > 0 {
		t.Errorf("dead letters: %+v", dead)
	}
}

func TestMalformedEventsAreDeadLetters(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.story()
	events := []string{
		b.evt(chat, dispatchtest.Alice, "m.room.message", `{"msgtype":"m.text","body":7}`),
		b.evt(chat, dispatchtest.Alice, "m.room.message", `{"msgtype":{},"body":"x"}`),
		b.evt(chat, dispatchtest.Alice, "m.room.message", `{"msgtype":"m.text","body":"x","m.relates_to":"x"}`),
		b.evt(chat, dispatchtest.Alice, "m.room.message", `null`),
		b.evt(chat, dispatchtest.Alice, "m.room.message", `"text"`),
		b.evt(chat, dispatchtest.Alice, "m.room.encrypted", `[]`),
		b.member(chat, dispatchtest.Alice, dispatchtest.Bot, `{"membership":["invite"]}`),
		b.member(talk, dispatchtest.Alice, dispatchtest.Bot, `{"membership":"invite","is_direct":"yes"}`),
		strings.Replace(b.text(chat, dispatchtest.Alice, "x"), `"content":`, `"content_":`, 1),
		strings.Replace(b.text(chat, dispatchtest.Alice, "x"), `1700000000000`, `"now"`, 1),
		`{"event_id":7}`, `[]`, `"text"`,
	}
	// Who wrote them is told, as far as that can be read.
	told := dispatchtest.All[outbox.SendNotice](t, b.push(events...), outbox.KindSendNotice)
	if len(told) != 8 {
		t.Errorf("%d of the 8 messages were answered", len(told))
	}
	for _, notice := range told {
		if notice.Room != chat || notice.ReplyTo == "" || !strings.Contains(notice.Text, "dead letter") {
			t.Errorf("got %+v", notice)
		}
	}
	dead := b.dead()
	if len(dead) != len(events) {
		t.Errorf("%d dead letters of %d", len(dead), len(events))
	}
	for _, e := range dead {
		if e.Error == "" || len(e.Payload) == 0 {
			t.Errorf("a dead letter that says nothing: %+v", e)
		}
	}
	b.push(b.text(chat, dispatchtest.Alice, "and on it goes")).Expect(t, "send_whatsapp")
}

func TestUnreadableArrivalsAreDeadLetters(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	kinds := []string{"of_tomorrow", inbox.KindMatrixEvent, inbox.KindWhatsAppMessage, inbox.KindGroupChanged, inbox.KindContactChanged, inbox.KindLoginChanged,
		inbox.KindPairing, inbox.KindNumberLookedUp, inbox.KindSendFailed, inbox.KindSentOtherwise, inbox.KindSendDelayed, inbox.KindShowFailed, inbox.KindDelivered,
		inbox.KindTimerDue, inbox.KindFileLost, inbox.KindFileAnswered, inbox.KindFileWanted, inbox.KindDeletedForMe}
	for _, kind := range kinds {
		if err := b.In.Add(t.Context(), queue.Entry{Lane: "login/x", Key: kind, Kind: kind, Payload: []byte(`[7]`)}); err != nil {
			t.Fatal(err)
		}
	}
	b.decided().Expect(t, "")
	if dead := b.dead(); len(dead) != len(kinds) {
		t.Errorf("got %d dead letters", len(dead))
	}
}

func TestMembership(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.story()
	ann := id.UserID("@whatsapp_15550100:example.com")
	b.push(b.member("!dm:example.com", dispatchtest.Alice, ann, `{"membership":"invite","is_direct":true}`)).Expect(t, "invite send_notice") // there is a room

	// The user leaves the chat's room, and is asked in again by what is said next.
	b.push(b.member(chat, dispatchtest.Alice, dispatchtest.Alice, `{"membership":"leave"}`)).Expect(t, "")
	b.whatsapp("AFTER", "Where are you?").Expect(t, "invite send_event")

	// The bot is sent out of the management room: the next room with it takes its place.
	b.push(b.member(talk, dispatchtest.Alice, dispatchtest.Bot, `{"membership":"ban"}`)).Expect(t, "")
	b.push(b.text(talk, dispatchtest.Alice, "help")).Expect(t, "")
	b.push(b.member("!next:example.com", dispatchtest.Alice, dispatchtest.Bot, `{"membership":"invite"}`)).Expect(t, "join_room send_notice")
	b.push(b.text("!next:example.com", dispatchtest.Alice, "help")).Expect(t, "send_notice")

	// So does the user who leaves it themselves.
	b.push(b.member("!next:example.com", dispatchtest.Alice, dispatchtest.Alice, `{"membership":"leave"}`)).Expect(t, "")
	b.push(b.text("!next:example.com", dispatchtest.Alice, "help")).Expect(t, "")
}

func TestChatInAManagementRoom(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.story()
	if err := b.DB.PutManagementRoom(t.Context(), database.User{ID: dispatchtest.Alice, ManagementRoom: chat}); err != nil {
		t.Fatal(err)
	}
	b.push(b.text(chat, dispatchtest.Alice, "help")).Expect(t, "send_whatsapp") // said to Ann, not to the bot
}

func TestSealedRoom(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.push(b.evt("!dark:example.com", dispatchtest.Alice, "m.room.encrypted", `{"algorithm":"x"}`)).Expect(t, "send_notice")
	b.push(b.evt("!dark:example.com", dispatchtest.Alice, "m.room.encrypted", `{"algorithm":"x"}`)).Expect(t, "")
}

func TestEventTypesAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	if event.EventUnstablePollStart.Type != "org.matrix.msc3381.poll.start" || event.EventSticker.Type != "m.sticker" {
		t.Error("the library has renamed a type that the tests name by hand")
	}
}
