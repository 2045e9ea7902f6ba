package convert

import (
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/encoding/protojson"
)

func TestChoices(t *testing.T) {
	t.Parallel()
	to := Reply{ID: "M", Participant: types.NewJID("1", types.HiddenUserServer), Quote: "Choose"}
	for name, c := range map[string]struct {
		menu, text, want string
	}{
		"button":      {`{"buttonsMessage":{"contentText":"?","buttons":[{"buttonID":"y","buttonText":{"displayText":"Yes"}}]}}`, "1", `"selectedButtonID":"y"`},
		"by its text": {`{"buttonsMessage":{"contentText":"?","buttons":[{"buttonID":"y","buttonText":{"displayText":"Yes"}}]}}`, " yes. ", `"selectedDisplayText":"Yes"`},
		"row":         {`{"listMessage":{"sections":[{"rows":[{"title":"A","rowID":"a"}]},{"rows":[{"title":"B","rowID":"b","description":"bb"}]}]}}`, "2.", `"selectedRowID":"b"`},
		"template":    {`{"templateMessage":{"hydratedTemplate":{"hydratedButtons":[{"index":3,"quickReplyButton":{"displayText":"Go","ID":"g"}}]}}}`, "1", `"selectedIndex":3`},
		"interactive": {`{"interactiveMessage":{"nativeFlowMessage":{"buttons":[{"name":"quick_reply","buttonParamsJSON":"{\"display_text\":\"Go\",\"id\":\"g\"}"}]}}}`, "go",
			`"paramsJSON":"{\"display_text\":\"Go\",\"id\":\"g\"}"`},
	} {
		menu, ok := MenuFromWhatsApp(fromJSON(t, c.menu))
		if !ok {
			t.Fatalf("%s: no menu", name)
		}
		choice, ok := menu.Choose(c.text)
		if !ok {
			t.Fatalf("%s: no choice", name)
		}
		got := strings.ReplaceAll(protojson.Format(menu.ChoiceToWhatsApp(choice, to)), `": `, `":`)
		got = strings.ReplaceAll(got, `":  `, `":`)
		if !strings.Contains(strings.ReplaceAll(got, `: `, `:`), strings.ReplaceAll(c.want, `: `, `:`)) || !strings.Contains(got, `"stanzaID"`) {
			t.Errorf("%s: got %s", name, got)
		}
		for _, text := range []string{"0", "9", "-1", "", "maybe"} {
			if choice, ok := menu.Choose(text); ok {
				t.Errorf("%s: %q chose %+v", name, text, choice)
			}
		}
	}
}

func TestAttendance(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Attendance{"✅": Going, "✔️": Going, "👍": Going, "Yes.": Going, "❌": NotGoing, "no": NotGoing, "❓": Maybe, "maybe": Maybe, "3": Maybe, "hello": "", "": ""} {
		if got, ok := AttendanceOf(text); got != want || ok != (want != "") {
			t.Errorf("%q: got %q", text, got)
		}
	}
	author, by := types.NewJID("1", types.HiddenUserServer), types.NewJID("2", types.HiddenUserServer)
	seal := Seal{Purpose: PurposeEvent, Secret: secret(), ID: "E", Author: author, By: by}
	at := time.UnixMilli(1_700_000_000_123)
	msg, err := AttendanceToWhatsApp(types.NewJID("9", types.GroupServer), Target{ID: "E", Participant: author}, seal, "$1", Maybe, at)
	if err != nil {
		t.Fatal(err)
	}
	answer, ok := AttendanceFromWhatsApp(msg)
	if !ok || answer.Target.ID != "E" {
		t.Fatalf("got %+v", answer)
	}
	plain, err := seal.Open(answer.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	if text, when, err := AttendanceText(plain); text != "❓ Maybe I am going." || !when.Equal(at) || err != nil {
		t.Errorf("got %s, %s, %v", text, when, err)
	}
	if text, _, _ := AttendanceText([]byte{8, 1, 24, 2}); text != "✅ I am going, with 2 more." {
		t.Errorf("got %s", text)
	}
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	i, ok := InvitationFromWhatsApp(fromJSON(t, `{"groupInviteMessage":{"groupJID":"1@g.us","inviteCode":"c","inviteExpiration":"100"}}`))
	if !ok || i.Group.User != "1" || !i.IsOver(time.Unix(101, 0)) || i.IsOver(time.Unix(99, 0)) {
		t.Errorf("got %+v", i)
	}
	for _, text := range []string{`{"groupInviteMessage":{"groupJID":"1@lid","inviteCode":"c"}}`, `{"groupInviteMessage":{"groupJID":"1@g.us"}}`, `{"conversation":"x"}`} {
		if i, ok := InvitationFromWhatsApp(fromJSON(t, text)); ok {
			t.Errorf("%s: got %+v", text, i)
		}
	}
}
