package command

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

const (
	room  = id.RoomID("!talk:example.com")
	other = id.RoomID("!other:example.com")
	carol = id.UserID("@carol:example.com") // may only relay
	admin = id.UserID("@admin:example.com")
)

type bed struct {
	*dispatchtest.Bed
	t *testing.T
	c *Commands
	n int
}

// newBed returns a bed in which Alice, Bob and Carol talk to the bot in one room. Bob is blocked.
func newBed(t *testing.T) *bed {
	t.Helper()
	b := dispatchtest.New(t)
	permit := dispatchtest.Permissions{Admins: []id.UserID{admin}, Blocked: []id.UserID{dispatchtest.Bob}, Relays: []id.UserID{carol}}
	b.Do(func(ctx context.Context) error {
		return b.DB.PutManagementRoom(ctx, database.User{ID: dispatchtest.Alice, ManagementRoom: room})
	})
	return &bed{b, t, New(b.DB, b.In, b.Out, permit, About{Version: "1.2.3", Prefix: "!wa"}), 0}
}

func (b *bed) link(login database.LoginID, user id.UserID, state database.LoginState) {
	b.t.Helper()
	b.Do(func(ctx context.Context) error {
		jid := types.NewJID(string(login), types.DefaultUserServer)
		own, err := b.DB.AddPuppet(ctx, database.Puppet{UserID: id.UserID("@whatsapp_" + string(login) + ":example.com"), PN: jid})
		if err != nil {
			return err
		}
		return b.DB.PutLogin(ctx, database.Login{ID: login, User: user, Puppet: own.ID, Device: jid, State: state,
			StateSince: time.Date(2026, 5, 6, 7, 8, 0, 0, time.UTC)})
	})
}

func (b *bed) runIn(where id.RoomID, user id.UserID, text string) dispatchtest.Actions {
	b.t.Helper()
	b.n++
	evt := dispatchtest.Text(b.t, where, user, id.EventID("$"+strings.Repeat("x", b.n)), text)
	return b.Do(func(ctx context.Context) error { return b.c.Run(ctx, evt, text) })
}

func (b *bed) run(text string) dispatchtest.Actions {
	b.t.Helper()
	return b.runIn(room, dispatchtest.Alice, text)
}

// reply returns the answer among some actions.
func (b *bed) reply(list dispatchtest.Actions) outbox.SendNotice {
	b.t.Helper()
	n := dispatchtest.Only[outbox.SendNotice](b.t, list, outbox.KindSendNotice)
	if n.ReplyTo == "" || n.Txn != "reply-"+n.ReplyTo.String() || n.Room == "" || len(n.Text) > 4000 {
		b.t.Errorf("got %+v", n)
	}
	return n
}

func (b *bed) says(list dispatchtest.Actions, words string) {
	b.t.Helper()
	if n := b.reply(list); !strings.Contains(n.Text, words) {
		b.t.Errorf("expected %q in %q", words, n.Text)
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	for text, words := range map[string]string{
		"help": "login qr | phone", "HELP": "login qr | phone", "": "login qr | phone", "help me": "login qr | phone",
		"version": "Causeway 1.2.3", "ping": "no linked WhatsApp account", "list-logins": "no linked WhatsApp account",
		"logout": "no linked WhatsApp account", "logout 4915112345678": "no linked WhatsApp account",
		"cancel": "nothing to cancel", "login": "login phone +49", "login telepathy": "login phone +49", "login qr now": "login phone +49",
		"login phone": "login phone +49", "login phone 0151 123": "no country code", "login phone alice": "is not a phone number",
		"start-chat": "Say with whom", "start-chat nobody": "is not a phone number", "start-chat 0151 12345": "no country code",
		"start-chat +49 151 12345678": "link your WhatsApp account first",
		"hello":                       `Did you mean "help"?`, "start": `Did you mean "start-chat"?`, "chat": `Did you mean "start-chat"?`, "List": `Did you mean "list-logins"?`,
		"x": `I do not know the command "x". Write`, "👩‍👧 é": "I do not know", "\xff\xfe\xfd": "I do not know",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.says(b.run(text).Expect(t, "send_notice"), words)
		})
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	for _, s := range specs() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.says(b.runIn(room, dispatchtest.Bob, s.name).Expect(t, "send_notice"), "not allowed to use this bridge")
			text := b.reply(b.runIn(room, carol, s.name)).Text
			if refused := strings.Contains(text, "may not link"); refused != s.needsLogin {
				t.Errorf("Carol reads %q", text)
			}
			if text := b.reply(b.runIn(room, dispatchtest.Alice, s.name)).Text; strings.Contains(text, "may not") || strings.Contains(text, "not allowed") {
				t.Errorf("Alice reads %q", text)
			}
		})
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for _, c := range []struct {
		body               string
		text               string
		anywhere, talkRoom bool // whether it is a command in any room, in the management room
	}{
		{"!wa help", "help", true, true}, {"!wa", "", true, true}, {"  !wa \n ", "", true, true}, {"!WA Help", "Help", true, true}, {"!Wa help", "help", true, true},
		{"!wa\thelp", "help", true, true}, {"!wa\nhelp", "help", true, true}, {"!wa\u00a0help", "help", true, true}, {"!wa  login  qr ", "login  qr", true, true},
		{"!wahelp", "!wahelp", false, true}, {"!w", "!w", false, true}, {"say !wa help", "say !wa help", false, true}, {"! wa help", "! wa help", false, true},
		{"help", "help", false, true}, {"", "", false, false}, {"  ", "", false, false},
	} {
		for _, management := range []bool{false, true} {
			text, ok := b.c.Text(&event.MessageEventContent{MsgType: event.MsgText, Body: c.body}, management)
			if want := c.anywhere || management && c.talkRoom; ok != want || ok && text != c.text {
				t.Errorf("%q, management room %v: got %q, %v", c.body, management, text, ok)
			}
		}
	}
	for name, content := range map[string]*event.MessageEventContent{
		"notice": {MsgType: event.MsgNotice, Body: "!wa help"}, "emote": {MsgType: event.MsgEmote, Body: "!wa help"}, "image": {MsgType: event.MsgImage, Body: "!wa help"},
		"edit": {MsgType: event.MsgText, Body: "!wa help", RelatesTo: &event.RelatesTo{Type: event.RelReplace, EventID: "$1"}}, "nothing": {},
	} {
		if text, ok := b.c.Text(content, true); ok {
			t.Errorf("%s is the command %q", name, text)
		}
	}
	reply := &event.MessageEventContent{MsgType: event.MsgText, Body: "> <@bot:example.com> Scan this\n\ncancel", RelatesTo: (&event.RelatesTo{}).SetReplyTo("$1")}
	if text, ok := b.c.Text(reply, true); !ok || text != "cancel" {
		t.Errorf("a reply is %q, %v", text, ok)
	}
	bare := New(b.DB, b.In, b.Out, dispatchtest.Permissions{}, About{})
	if text, ok := bare.Text(&event.MessageEventContent{MsgType: event.MsgText, Body: "hello"}, false); ok {
		t.Errorf("without a prefix everything is a command: %q", text)
	}
}

func TestParseNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"+4915112345678": "4915112345678", "4915112345678": "4915112345678", "004915112345678": "4915112345678", "+49 151 12345678": "4915112345678",
		"+49 (0)151 12345678": "4915112345678", "+49-151/12345678": "4915112345678", "+1 (201) 555-0123": "12015550123", "\u200e+49 151 12345678": "4915112345678",
		"+٤٩١٥١١٢٣٤٥٦٧٨": "4915112345678", "+39 06 12345678": "390612345678", "+55 11 91234-5678": "5511912345678",
		"015112345678": "", "(0151) 12345678": "", "+": "", "00": "", "+49": "", "+49 151": "", "+999 1234567890": "", "+1 555": "",
		"+49151abcdef": "", "1-800-FLOWERS": "", "alice": "", "@alice:example.com": "", "<script>": "", "+४९१५११२३४५६७८": "",
		"+4915112345678 please": "", strings.Repeat("9", 5000): "", "+491511234567890123": "",
	} {
		got, problem := parseNumber(strings.Fields(text))
		if got != want || (problem == "") != (want != "") {
			t.Errorf("%q: got %q, %s", clip(text), got, problem)
		}
		if problem != "" && (len(problem) > 400 || !strings.HasSuffix(problem, ".")) {
			t.Errorf("%q: the user reads %q", clip(text), problem)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	list := b.run("login qr").Expect(t, "pair send_notice")
	pair := dispatchtest.Only[outbox.Pair](t, list, outbox.KindPair)
	flow, err := b.DB.LoginFlowOf(t.Context(), dispatchtest.Alice)
	if err != nil || pair.Flow != flow.ID || pair.User != dispatchtest.Alice || pair.Number != "" || flow.Room != room || flow.Method != "qr" {
		t.Errorf("got %+v, %+v, %v", pair, flow, err)
	}
	// Another attempt takes its place, and its code is removed.
	list = b.run("LOGIN Phone +49 151 12345678").Expect(t, "remove_notice pair send_notice")
	if removed := dispatchtest.Only[outbox.RemoveNotice](t, list, outbox.KindRemoveNotice); removed.Name != "login/"+flow.ID {
		t.Errorf("got %+v", removed)
	}
	if again := dispatchtest.Only[outbox.Pair](t, list, outbox.KindPair); again.Flow == flow.ID || again.Number != "4915112345678" {
		t.Errorf("got %+v", again)
	}
	list = b.run("cancel").Expect(t, "stop_pairing") // the answer comes when it has stopped
	if stop := dispatchtest.Only[outbox.StopPairing](t, list, outbox.KindStopPairing); stop.Flow == flow.ID || stop.User != dispatchtest.Alice {
		t.Errorf("got %+v", stop)
	}
}

func TestLoginOfANumberThatIsLinked(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.link("4915112345678", dispatchtest.Alice, database.StateConnected)
	b.says(b.run("login phone +4915112345678").Expect(t, "send_notice"), "is linked already")
	b.Do(func(ctx context.Context) error {
		return b.DB.SetLoginState(ctx, database.Login{ID: "4915112345678", State: database.StateLoggedOut, StateSince: time.Now()})
	})
	b.run("login phone +4915112345678").Expect(t, "pair send_notice")
	b.link("4915112345679", "@dora:example.com", database.StateConnected)
	b.run("login phone +4915112345679").Expect(t, "remove_notice pair send_notice") // whoever has the phone decides
}

func TestCodesAreShownInDirectChatsOnly(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.says(b.runIn(other, dispatchtest.Alice, "login qr").Expect(t, "send_notice"), room.String())
	b.says(b.runIn(other, "@dora:example.com", "login qr").Expect(t, "send_notice"), "direct chat")
	if _, err := b.DB.LoginFlowOf(t.Context(), dispatchtest.Alice); err == nil {
		t.Error("a login has begun")
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		gone  database.LoginID
		words string
	}{
		"logout": {"", "several"}, "logout 15550101": {"15550101", "+15550101 is no longer linked"}, "logout +1 555-0102": {"15550102", "is no longer linked"},
		"logout 0015550102": {"15550102", "is no longer linked"}, "logout 15550103": {"", "none of your linked accounts"}, "logout all": {"", "none of your linked accounts"},
		"logout " + strings.Repeat("9", 10_000): {"", "none of your linked accounts"},
	} {
		t.Run(clip(text), func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.link("15550101", dispatchtest.Alice, database.StateConnected)
			b.link("15550102", dispatchtest.Alice, database.StateConnected)
			b.link("15550103", "@dora:example.com", database.StateConnected)
			list := b.run(text)
			b.says(list, c.words)
			logins, err := b.DB.Logins(t.Context())
			if c.gone == "" {
				list.Expect(t, "send_notice")
				if err != nil || len(logins) != 3 {
					t.Errorf("left are %v, %v", logins, err)
				}
				return
			}
			out := dispatchtest.Only[outbox.LogOut](t, list.Expect(t, "log_out send_notice"), outbox.KindLogOut)
			if out.Login != c.gone || out.Device.User != string(c.gone) {
				t.Errorf("got %+v", out)
			}
			if _, err := b.DB.LoginByID(t.Context(), c.gone); err == nil || len(logins) != 2 {
				t.Errorf("left are %v", logins)
			}
			if by, err := b.DB.Setting(t.Context(), database.UnlinkedBy(c.gone)); err != nil || by != dispatchtest.Alice.String() {
				t.Errorf("unlinked by %q, %v", by, err)
			}
		})
	}
	t.Run("the only one", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.link("15550101", dispatchtest.Alice, database.StateLoggedOut)
		b.run("logout").Expect(t, "log_out send_notice")
	})
}

func TestStartChat(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.link("15550101", dispatchtest.Alice, database.StateLoggedOut)
	b.says(b.run("start-chat +4915112345678").Expect(t, "send_notice"), "link your WhatsApp account first")
	b.link("15550102", dispatchtest.Alice, database.StateConnected)
	look := dispatchtest.Only[outbox.LookUpNumber](t, b.run("start-chat +49 151 12345678").Expect(t, "look_up_number"), outbox.KindLookUpNumber)
	if look.User != dispatchtest.Alice || look.Login != "15550102" || look.Room != room || look.Number != "4915112345678" || look.Key == "" {
		t.Errorf("got %+v", look)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	for state, words := range map[database.LoginState]string{
		database.StateConnected: "connected since 6 May 07:08 UTC", database.StateConnecting: "connecting", database.StateDisconnected: "keeps trying",
		database.StateLoggedOut: "login qr", database.StateReplaced: "another program", database.StateBanned: "banned", database.StateOutdated: "newer version", "new": "new",
	} {
		b := newBed(t)
		b.link("15550101", dispatchtest.Alice, state)
		b.link("15550103", "@dora:example.com", state)
		for _, command := range []string{"list-logins", "ping"} {
			list := b.run(command)
			b.says(list, words)
			if text := b.reply(list).Text; strings.Contains(text, "15550103") {
				t.Errorf("%s tells of somebody else's account: %s", command, text)
			}
		}
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.link("15550101", dispatchtest.Alice, database.StateConnected)
	if text := b.reply(b.run("ping")).Text; !strings.Contains(text, "phone has not been seen yet") ||
		!strings.Contains(text, "arrived: 0 waiting.") || !strings.Contains(text, "to be sent: 0 waiting.") {
		t.Errorf("got %q", text)
	}
	seen := time.Date(2026, 7, 8, 9, 10, 0, 0, time.UTC)
	b.Do(func(ctx context.Context) error { return b.DB.SetPhoneSeen(ctx, "15550101", seen) })
	for n := range 3 { // one of them stands for the ping itself
		err := b.In.AddLoginChanged(t.Context(), inbox.LoginChanged{Login: "15550101", At: time.UnixMilli(int64(n))})
		if err != nil {
			t.Fatal(err)
		}
	}
	text := b.reply(b.run("ping")).Text
	if !strings.Contains(text, "last seen 8 July 09:10 UTC") || !strings.Contains(text, "arrived: 2 waiting, the oldest for ") || !strings.Contains(text, "to be sent: 1 waiting") {
		t.Errorf("got %q", text)
	}
	b.Do(func(ctx context.Context) error {
		_, err := b.DB.Exec(ctx, `UPDATE queue_entry SET state=2 WHERE queue='outbox'`)
		return err
	})
	if text := b.reply(b.run("ping")).Text; !strings.Contains(text, "2 given up.") {
		t.Errorf("got %q", text)
	}
}

func TestHelpIsEscaped(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.c = New(b.DB, b.In, b.Out, dispatchtest.Permissions{}, About{Prefix: "<b>&"})
	n := b.reply(b.run("help"))
	if strings.Contains(n.HTML, "<number>") || strings.Contains(n.HTML, "<b>") || !strings.Contains(n.HTML, "phone &lt;number&gt;") || !strings.Contains(n.Text, "phone <number>") {
		t.Errorf("got %q", n.HTML)
	}
	for _, s := range specs() {
		if !strings.Contains(n.Text, s.name) || !strings.Contains(n.HTML, "<code>"+s.name) || s.help == "" {
			t.Errorf("%s is not in the list", s.name)
		}
	}
}

func TestLongInputIsNotRepeated(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.link("15550101", dispatchtest.Alice, database.StateConnected)
	long := strings.Repeat("9ä", 30_000)
	for _, text := range []string{long, "login " + long, "login phone " + long, "start-chat " + long, "logout " + long, strings.Repeat("a ", 30_000)} {
		if n := b.reply(b.run(text)); len(n.Text) > 1000 {
			t.Errorf("%q: %d bytes", clip(text), len(n.Text))
		}
	}
}
