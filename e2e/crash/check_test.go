package crash

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/simulator/homeserver"
)

// deed makes the next line of a speaker in the chat "c".
func deed(t *testing.T, l *ledger, who string, what Deed, of Line) Line {
	t.Helper()
	line := l.next("c", who)
	if what != Says {
		var may bool
		line, may = l.about(line, of, what)
		require.True(t, may)
	}
	l.note(line)
	return line
}

// talkOfMany is a chat in which everything is done once.
func talkOfMany(t *testing.T) (*ledger, []Line) {
	l := &ledger{}
	first := deed(t, l, "1", Says, Line{})
	second := deed(t, l, "1", Says, Line{})
	lines := []Line{
		first, second,
		deed(t, l, "1", Edits, first), deed(t, l, "1", Edits, first),
		deed(t, l, "2", Reacts, first), deed(t, l, "2", Reacts, first), deed(t, l, "2", TakesBack, first),
		deed(t, l, "1", Removes, second),
	}
	return l, lines
}

// viewOf shows lines as they were said, and a replaced reaction's removal as a room does.
func viewOf(lines []Line) View {
	said := newScript(lines)
	view := View{Where: "a room", Chat: "c", Last: said.last, By: func(line Line) string { return line.Speaker }}
	for _, line := range lines {
		view.Heard = append(view.Heard, Heard{line.Mark(), line.Speaker})
	}
	for mark := range said.replaced {
		view.Heard = append(view.Heard, Heard{mark, "the bot"})
	}
	return view
}

func TestCompare(t *testing.T) {
	t.Parallel()
	_, lines := talkOfMany(t)
	report := compare(lines, []View{viewOf(lines)})
	require.True(t, report.Faultless(), "%+v", report)
	require.Equal(t, 6, report.Changes)

	find := func(v View, mark string) int {
		i := slices.IndexFunc(v.Heard, func(h Heard) bool { return h.Text == mark })
		require.GreaterOrEqual(t, i, 0, "%s in %v", mark, v.Heard)
		return i
	}
	for name, broken := range map[string]struct {
		spoil func(v *View)
		want  Report
	}{
		"an edit is lost":         {func(v *View) { i := find(*v, "c 1 #3 instead of 1#1"); v.Heard = slices.Delete(v.Heard, i, i+1) }, Report{Lost: 1}},
		"an edit of another line": {func(v *View) { v.Heard[find(*v, "c 1 #3 instead of 1#1")].Text = "c 1 #3 instead of 1#2" }, Report{Lost: 1}},
		"edits change places": {func(v *View) {
			a, b := find(*v, "c 1 #3 instead of 1#1"), find(*v, "c 1 #4 instead of 1#1")
			v.Heard[a], v.Heard[b] = v.Heard[b], v.Heard[a]
		}, Report{Disordered: 1}},
		"a reaction comes twice":          {func(v *View) { v.Heard = append(v.Heard, Heard{"👍2 on 1#1", "2"}) }, Report{Doubled: 1}},
		"a reaction of another":           {func(v *View) { v.Heard[find(*v, "👍2 on 1#1")].From = "1" }, Report{}},
		"a reaction to another line":      {func(v *View) { v.Heard[find(*v, "👍2 on 1#1")].Text = "👍2 on 1#2" }, Report{Lost: 1}},
		"a reaction stays":                {func(v *View) { i := find(*v, "no more 👍2 on 1#1"); v.Heard = slices.Delete(v.Heard, i, i+1) }, Report{Lost: 1}},
		"what is replaced vanishes twice": {func(v *View) { v.Heard = append(v.Heard, Heard{"no more 👍1 on 1#1", "2"}) }, Report{Doubled: 1}},
		"a removal is lost":               {func(v *View) { i := find(*v, "1#2 removed"); v.Heard = slices.Delete(v.Heard, i, i+1) }, Report{Lost: 1}},
		"a removal comes twice":           {func(v *View) { v.Heard = append(v.Heard, Heard{"1#2 removed", "1"}) }, Report{Doubled: 1}},
		"it looks otherwise in the end":   {func(v *View) { v.Last = map[string]string{"1#1": "c 1 #4 👍1", "1#2": ""} }, Report{}},
	} {
		view := viewOf(lines)
		broken.spoil(&view)
		report := compare(lines, []View{viewOf(lines), view})
		require.False(t, report.Faultless(), name)
		require.NotEmpty(t, report.Problems, name)
		require.Equal(t, [3]int{broken.want.Lost, broken.want.Doubled, broken.want.Disordered}, [3]int{report.Lost, report.Doubled, report.Disordered}, name)
	}
}

// TestLedger: nothing is done on which two sides that are apart could honestly disagree.
func TestLedger(t *testing.T) {
	t.Parallel()
	l, lines := talkOfMany(t)
	first, second := lines[0], lines[1]
	third := deed(t, l, "1", Says, Line{})
	for _, no := range []struct {
		who  string
		deed Deed
		of   Line
	}{
		{"2", Edits, first}, {"2", Removes, third}, {"1", Removes, first}, {"1", Edits, second}, {"2", Reacts, second},
		{"3", Reacts, first}, {"2", Reacts, first}, {"2", TakesBack, first}, {"2", TakesBack, third},
	} {
		_, may := l.about(l.next("c", no.who), no.of, no.deed)
		require.False(t, may, "%+v", no)
	}
}

// TestRoomPage: a room is read as a client shows it.
func TestRoomPage(t *testing.T) {
	t.Parallel()
	about := func(kind, event, key string) map[string]any {
		return map[string]any{"rel_type": kind, "event_id": event, "key": key}
	}
	shown := newPage()
	shown.digest = func(address string) []byte { return []byte(address) }
	for _, e := range []homeserver.Event{
		{ID: "$1", Type: "m.room.message", Sender: "@a", Content: map[string]any{"body": "c 1 #1"}},
		{ID: "$2", Type: "m.room.message", Sender: "@bot", Content: map[string]any{"body": "a word of the bot"}},
		{ID: "$3", Type: "m.room.message", Sender: "@a", Content: map[string]any{
			"body": "* c 1 #2", "m.new_content": map[string]any{"body": "c 1 #2"}, "m.relates_to": about("m.replace", "$1", "")}},
		{ID: "$4", Type: "m.reaction", Sender: "@b", Content: map[string]any{"m.relates_to": about("m.annotation", "$1", "👍\ufe0f1")}},
		{ID: "$5", Type: "m.reaction", Sender: "@b", Content: map[string]any{"m.relates_to": about("m.annotation", "$1", "👍2")}},
		{ID: "$6", Type: "m.room.redaction", Sender: "@b", Redacts: "$4"},
		{ID: "$7", Type: "m.room.message", Sender: "@a", Content: map[string]any{"body": "c 1 #3"}},
		{ID: "$8", Type: "m.room.redaction", Sender: "@a", Content: map[string]any{"redacts": "$7"}},
		{ID: "$11", Type: "m.room.redaction", Sender: "@bot", Redacts: "$2"},
		{ID: "$10", Type: "m.room.message", Sender: "@a", Content: map[string]any{"msgtype": "m.file", "body": "c 1 #4", "url": "mxc"}},
		{ID: "$9", Type: "m.reaction", Sender: "@b", Content: map[string]any{"m.relates_to": about("m.annotation", "$2", "👍4")}},
	} {
		shown.addEvent(e)
	}
	require.Equal(t, []Heard{
		{"c 1 #1", "@a"}, {"c 1 #2 instead of 1#1", "@a"}, {"👍1 on 1#1", "@b"}, {"👍2 on 1#1", "@b"}, {"no more 👍1 on 1#1", "@b"},
		{"c 1 #3", "@a"}, {"1#3 removed", "@a"}, {"c 1 #4 with 6d7863", "@a"}, {"👍4 on what is not there", "@b"},
	}, shown.heard)
	require.Equal(t, map[string]string{"1#1": "c 1 #2 👍2", "1#3": "", "1#4": "c 1 #4"}, shown.last())
}
