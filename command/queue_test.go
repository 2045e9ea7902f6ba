package command

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// chats links accounts of Alice and Carol, each with a chat with Ann, and a message of each on its way.
func (b *bed) chats() (alices, carols outbox.SendWhatsApp) {
	b.t.Helper()
	b.link("1555", dispatchtest.Alice, database.StateDisconnected)
	b.link("1888", carol, database.StateConnected)
	made := map[database.LoginID]outbox.SendWhatsApp{}
	b.Do(func(ctx context.Context) error {
		ann := types.NewJID("15550100", types.DefaultUserServer)
		puppet, err := b.DB.AddPuppet(ctx, database.Puppet{UserID: "@whatsapp_15550100:example.com", PN: ann, Name: "Ann"})
		if err != nil {
			return err
		}
		for _, login := range []database.LoginID{"1555", "1888"} {
			portal, err := b.DB.EnsurePortal(ctx, login, ann)
			if err != nil {
				return err
			}
			if err := b.DB.SetPortalOther(ctx, portal.ID, puppet.ID); err != nil {
				return err
			}
			made[login] = outbox.SendWhatsApp{Login: login, Chat: ann, Message: database.MessageKey{Portal: portal.ID, ID: "A" + string(login)},
				Content: []byte("a secret")}
			if err := b.Out.SendWhatsApp(ctx, made[login]); err != nil {
				return err
			}
		}
		return nil
	})
	return made["1555"], made["1888"]
}

// set changes an entry of the outbox, as its worker does.
func (b *bed) set(a outbox.SendWhatsApp, what string, args ...any) (number string) {
	b.t.Helper()
	var n int64
	args = append([]any{a.Key()}, args...)
	if err := b.DB.QueryRow(b.t.Context(), `UPDATE queue_entry SET `+what+` WHERE dedup_key=$1 RETURNING id`, args...).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return strconv.FormatInt(n, 10)
}

func (b *bed) bury(a outbox.SendWhatsApp) (number string) {
	return b.set(a, `state=2, attempts=3, closed_at=1700000000000, last_error='it broke'`)
}

func TestQueueOfAUser(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.says(b.run("queue"), "Nothing waits.\n\nNothing was given up.")
	alices, carols := b.chats()
	b.set(alices, `attempts=4, parked_for='connection/1555', last_error='waits for connection/1555'`)
	got := b.reply(b.run("queue")).Text
	for _, words := range []string{"Waiting (1):", `in the chat "Ann": a message to WhatsApp, since `, "waits until +1555 is connected to WhatsApp", "Nothing was given up."} {
		if !strings.Contains(got, words) {
			t.Errorf("expected %q in %q", words, got)
		}
	}
	b.set(alices, `parked_for='', last_error='dial tcp 10.0.0.7: refused'`)
	b.says(b.run("queue"), "tried 4 times without success")
	number := b.bury(alices)
	b.bury(carols)
	got = b.reply(b.run("queue")).Text
	for _, words := range []string{"Nothing waits.", "Given up (1):", `in the chat "Ann": number ` + number + ", a message to WhatsApp, since 14 November 22:13:20 UTC"} {
		if !strings.Contains(got, words) {
			t.Errorf("expected %q in %q", words, got)
		}
	}
	if strings.Contains(got, "it broke") || strings.Contains(got, "secret") {
		t.Errorf("causes are for administrators, and contents for nobody: %q", got)
	}
	for _, text := range []string{"queue all", "queue show " + number, "queue retry " + number, "queue drop all", "queue what"} {
		b.says(b.run(text), "Only administrators")
	}
	if c, err := b.Out.Counts(t.Context()); err != nil || c.Dead != 2 {
		t.Errorf("a user has changed the queue: %+v, %v", c, err)
	}
}

func TestQueueForAdministrators(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	run := func(text string) string { return b.reply(b.runIn(other, admin, text)).Text }
	has := func(got string, all ...string) {
		t.Helper()
		for _, words := range all {
			if !strings.Contains(got, words) {
				t.Errorf("expected %q in %q", words, got)
			}
		}
		if strings.Contains(got, "secret") {
			t.Errorf("it shows what people wrote: %q", got)
		}
	}
	has(run("queue retry all"), "There are no dead letters.")
	alices, carols := b.chats()
	first, second := b.bury(alices), b.bury(carols)
	has(run("queue"), "Nothing was given up.")
	has(run("queue all"), "Given up (2):", "outbox whatsapp/1555/1: number "+first, "number "+second, "it broke")
	has(run("queue show "+first), "Dead letter "+first+": a message to WhatsApp", "outbox, whatsapp/1555/1", alices.Key(), "it broke", "Attempts: 3")
	has(run("queue show 999999"), "no dead letter 999999")
	for _, text := range []string{"queue bad", "queue show", "queue all all", "queue show all x", "queue retry"} {
		has(run(text), "queue retry all")
	}
	has(run("queue retry x"), "not the number", "queue retry 12")
	has(run("queue retry #"+first), "Dead letter "+first+" is tried again.")
	has(run("queue retry "+first), "no dead letter")
	if open, err := b.Out.IsOpen(t.Context(), alices.Key()); err != nil || !open {
		t.Error("it is not open again")
	}
	has(run("queue drop "+second), "Dead letter "+second+" was dropped.")
	var state int
	var remark string
	if err := b.DB.QueryRow(t.Context(), `SELECT state, last_error FROM queue_entry WHERE id=$1 AND payload IS NULL`, second).Scan(&state, &remark); err != nil ||
		state != 1 || !strings.Contains(remark, admin.String()) {
		t.Errorf("dropped as %d, %q: %v", state, remark, err)
	}
	b.bury(alices)
	if err := b.In.AddDead(t.Context(), "unreadable", entryOf("x")); err != nil {
		t.Fatal(err)
	}
	has(run("queue drop all"), "2 dead letters: each was dropped.")
	has(run("queue all"), "Nothing was given up.")
}

// What concerns somebody else is not shown, whichever lane it is on.
func TestQueueShowsOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	alices, carols := b.chats()
	mine, err := b.c.belongings(t.Context(), call{user: dispatchtest.Alice, room: room}, false)
	if err != nil {
		t.Fatal(err)
	}
	group := outbox.SendWhatsApp{Login: "1888", Message: database.MessageKey{Portal: alices.Message.Portal}}
	for _, c := range []struct {
		lane string
		want bool
	}{
		{"outbox whatsapp/1555/1", true}, {"outbox whatsapp/1888/2", false}, {"outbox whatsapp/" + string(group.Login) + "/1", false},
		{"outbox room/1", true}, {"outbox room/2", false}, {"inbox chat/1", true}, {"inbox chat/2", false},
		{"inbox user/@alice:example.com", true}, {"inbox user/@carol:example.com", false}, {"inbox login/1555", true}, {"inbox login/1888", false},
		{"outbox bot/" + room.String(), true}, {"outbox bot/" + other.String(), false}, {"outbox ghost/@whatsapp_1:example.com", false},
		{"outbox ask/1555", true}, {"outbox ask/1888", false}, {"inbox room/" + room.String(), true}, {"outbox elsewhere", false},
	} {
		name, lane, _ := strings.Cut(c.lane, " ")
		if got := mine.has(name, laneOf(lane)); got != c.want {
			t.Errorf("%s: %t", c.lane, got)
		}
	}
	_ = carols
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for i := range 40 {
		e := entryOf(strconv.Itoa(i))
		if err := b.In.AddDead(t.Context(), strings.Repeat("long ", 300), e); err != nil {
			t.Fatal(err)
		}
	}
	n := dispatchtest.Only[outbox.SendNotice](t, b.runIn(other, admin, "queue all"), outbox.KindSendNotice)
	if !strings.Contains(n.Text, "and 28 more") || len(n.Text) > 8000 {
		t.Errorf("%d bytes: %q", len(n.Text), n.Text)
	}
}

func TestPingShowsStuckLanes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	alices, carols := b.chats()
	b.set(carols, `attempts=50`)
	if got := b.reply(b.run("ping")).Text; strings.Contains(strings.ToLower(got), "stuck") {
		t.Errorf("not hers: %q", got)
	}
	b.set(alices, `attempts=50, parked_for='connection/1555'`)
	b.says(b.run("ping"), "Stuck (1):\n- in the chat \"Ann\": a message to WhatsApp")
	b.says(b.runIn(other, admin, "ping"), "Stuck lanes of the whole bridge: 2.")
}

func TestKindsAndReasonsAreWords(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		inbox.KindMatrixEvent: "an event from Matrix", inbox.KindWhatsAppMessage: "a message from WhatsApp", outbox.KindSendEvent: "a message to a room",
		outbox.KindSendNotice: "a notice of the bot", outbox.KindCreateRoom: "create room",
	} {
		if got := kindText(kind); got != want {
			t.Errorf("%s: %q", kind, got)
		}
	}
	for name, want := range map[string]string{
		"": "", "room/7": "waits until its room is made", "details/7": "waits until WhatsApp tells the group's name and members",
		"login/1555": "waits until +1555 is linked", "other/1": "waits for other/1",
	} {
		if got := waitText(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func laneOf(text string) queue.Lane { return queue.Lane(text) }

func entryOf(name string) queue.Entry {
	return queue.Entry{Lane: "chat/99", Key: "test/" + name, Kind: inbox.KindMatrixEvent, Payload: []byte(`"a secret"`)}
}
