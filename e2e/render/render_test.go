package render

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/e2e/provision"
)

// What earlier events of the test room say.
const (
	text     = `{"msgtype":"m.text","body":"hello"}`
	question = `{"org.matrix.msc1767.text":"lunch? yes, no","org.matrix.msc3381.poll.start":{"kind":"org.matrix.msc3381.poll.disclosed","max_selections":1,` +
		`"question":{"org.matrix.msc1767.text":"lunch?"},"answers":[{"id":"y","org.matrix.msc1767.text":"yes"},{"id":"n","org.matrix.msc1767.text":"no"}]}}`
	pollStart = "org.matrix.msc3381.poll.start"
)

// judged is an event of the bridge and what must be found wrong with it; "" for nothing.
type judged struct{ kind, content, fault string }

func cases() []judged {
	message := func(content, fault string) judged { return judged{"m.room.message", content, fault} }
	related := func(relation, fault string) judged {
		return message(`{"msgtype":"m.text","body":"x","m.relates_to":`+relation+`}`, fault)
	}
	edit := func(target, content, fault string) judged {
		return message(`{"msgtype":"m.text","body":"* x","m.new_content":`+content+`,"m.relates_to":{"rel_type":"m.replace","event_id":"`+target+`"}}`, fault)
	}
	return []judged{
		message(text, ""),
		message(`{"msgtype":"m.notice","body":"x","format":"org.matrix.custom.html","formatted_body":"<b>x</b>","m.mentions":{"user_ids":["@a:b"],"room":true}}`, ""),
		message(`{"body":"x"}`, "has no msgtype"),
		message(`{"msgtype":"x.y","body":"x"}`, "which the SDK does not know"),
		message(`{"msgtype":"m.text","body":" "}`, "has an empty body"),
		message(`{"msgtype":"m.text","body":7}`, "has an empty body"),
		message(`{"msgtype":"m.text","body":"x","formatted_body":"x"}`, "has a format that is none"),
		message(`{"msgtype":"m.text","body":"x","format":"org.matrix.custom.html"}`, "has an empty formatted_body"),
		message(`{"msgtype":"m.text","body":"x","m.mentions":[]}`, "m.mentions is no object"),
		message(`{"msgtype":"m.text","body":"x","m.mentions":{"user_ids":["a"]}}`, "are no users"),
		message(`{"msgtype":"m.text","body":"x","m.mentions":{"room":"yes"}}`, "is no boolean"),
		message(`{"msgtype":"m.image","body":"x.jpg","url":"mxc://a/b","info":{"w":1,"h":2,"size":3,"mimetype":"image/jpeg","thumbnail_url":"mxc://a/c"}}`, ""),
		message(`{"msgtype":"m.image","body":"x.jpg"}`, "has no address of its file"),
		message(`{"msgtype":"m.image","body":"x.jpg","url":"https://a/b"}`, "has no address of its file"),
		message(`{"msgtype":"m.audio","body":"x","url":"mxc://a/b","info":{"duration":1.5}}`, "info.duration is no whole number"),
		message(`{"msgtype":"m.file","body":"x","url":"mxc://a/b","info":{"mimetype":"pdf"}}`, "is no MIME type"),
		message(`{"msgtype":"m.video","body":"x","url":"mxc://a/b","info":{"thumbnail_url":""}}`, "info.thumbnail_url is no address"),
		message(`{"msgtype":"m.video","body":"x","url":"mxc://a/b","filename":""}`, "filename is empty"),
		message(`{"msgtype":"m.location","body":"x","geo_uri":"geo:50.1,8.2"}`, ""),
		message(`{"msgtype":"m.location","body":"x","geo_uri":"50.1,8.2"}`, "has no geo_uri"),

		related(`{"m.in_reply_to":{"event_id":"$text"}}`, ""),
		related(`[]`, "m.relates_to is no object"),
		related(`{}`, "says nothing"),
		related(`{"m.in_reply_to":{"event_id":""}}`, "names no event"),
		related(`{"rel_type":"m.thread","event_id":"$text","is_falling_back":true,"m.in_reply_to":{"event_id":"$text"}}`, ""),
		related(`{"rel_type":"m.cousin","event_id":"$text"}`, "which the SDK does not know"),
		related(`{"rel_type":"m.reference"}`, "names no event"),

		edit("$edited", `{"msgtype":"m.text","body":"changed"}`, ""),
		edit("$text", `"x"`, "is an edit without m.new_content"),
		edit("$text", `{"msgtype":"m.text","body":""}`, "has an empty body"),
		edit("$text", `{"msgtype":"m.text","body":"x","m.relates_to":{}}`, "has a relation of its own"),
		edit("$others", text, "edits what another has said"),
		edit("$sticker", text, "edits an event of the type m.sticker"),

		{"m.sticker", `{"body":"cat","url":"mxc://a/b","info":{}}`, ""},
		{"m.sticker", `{"body":"","url":"mxc://a/b","info":{}}`, "has an empty body"},
		{"m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$text","key":"👍"}}`, ""},
		{"m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$text","key":""}}`, "reacts with nothing"},
		{"m.reaction", `{}`, "is a reaction to nothing"},
		{"m.room.redaction", `{"redacts":"$removed"}`, ""},
		{"m.room.redaction", `{}`, "removes nothing"},

		{pollStart, question, ""},
		{pollStart, `{"org.matrix.msc3381.poll.start":{"answers":[]}}`, "A question is required"},
		{pollStart, `{"org.matrix.msc3381.poll.start":{"question":{"org.matrix.msc1767.text":"x"},"answers":[{"id":"y","org.matrix.msc1767.text":"y"},{"id":"y","org.matrix.msc1767.text":"n"}]}}`,
			"has an answer twice"},
		{pollStart, `{"org.matrix.msc3381.poll.start":{"question":{"org.matrix.msc1767.text":"x"},"answers":[{"id":"y","org.matrix.msc1767.text":""}]}}`, "Missing textual representation"},
		{"org.matrix.msc3381.poll.response", `{"org.matrix.msc3381.poll.response":{"answers":["y"]},"m.relates_to":{"rel_type":"m.reference","event_id":"$poll"}}`, ""},
		{"org.matrix.msc3381.poll.response", `{"org.matrix.msc3381.poll.response":{"answers":[]},"m.relates_to":{"rel_type":"m.reference","event_id":"$poll"}}`, ""},
		{"org.matrix.msc3381.poll.response", `{"org.matrix.msc3381.poll.response":{"answers":["maybe"]},"m.relates_to":{"rel_type":"m.reference","event_id":"$poll"}}`, "votes for what is no answer"},
		{"org.matrix.msc3381.poll.response", `{"org.matrix.msc3381.poll.response":{"answers":["y"]},"m.relates_to":{"rel_type":"m.reference","event_id":"$stable"}}`, ""},
		{"org.matrix.msc3381.poll.end", `{"org.matrix.msc3381.poll.end":{},"org.matrix.msc1767.text":"over","m.relates_to":{"rel_type":"m.reference","event_id":"$poll"}}`, ""},
		{"org.matrix.msc3381.poll.end", `{}`, "must be a reference"},
		{"org.matrix.msc3672.beacon", `{"org.matrix.msc3488.location":{"uri":"geo:1,2"},"org.matrix.msc3488.ts":5,"m.relates_to":{"rel_type":"m.reference","event_id":"$text"}}`, ""},
		{"org.matrix.msc3672.beacon", `{"m.relates_to":{"rel_type":"m.reference","event_id":"$text"}}`, "is no place at a time"},
		{"com.beeper.message_send_status", `{"status":"SUCCESS","m.relates_to":{"rel_type":"m.reference","event_id":"$text"}}`, ""},
		{"x.unheard.of", text, "which clients do not show"},
	}
}

func install(t *testing.T) (context.Context, *SDK) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cache, err := provision.Open(func(line string) { t.Log(line) })
	require.NoError(t, err)
	sdk, err := Install(ctx, cache)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sdk.Close()) })
	return ctx, sdk
}

// TestFaults shows that what a client can show has no fault, and that each fault is found.
func TestFaults(t *testing.T) {
	t.Parallel()
	ctx, sdk := install(t)
	const bridge = "@ghost:b"
	event := func(id, sender, kind, content string) Event {
		return Event{Room: "!room:b", ID: id, Sender: sender, Type: kind, Content: json.RawMessage(content), Time: time.Now().UnixMilli()}
	}
	events := []Event{
		event("$text", bridge, "m.room.message", text), event("$edited", bridge, "m.room.message", text), event("$others", "@alice:b", "m.room.message", text),
		event("$removed", bridge, "m.room.message", text), event("$sticker", bridge, "m.sticker", `{"body":"cat","url":"mxc://a/b"}`), event("$poll", bridge, pollStart, question),
		event("$stable", "@alice:b", "m.poll.start", `{"m.text":[{"body":"lunch?"}],"m.poll":{"question":{"m.text":[{"body":"lunch?"}]},"answers":[{"m.id":"y","m.text":[{"body":"yes"}]}]}}`),
	}
	for n, c := range cases() {
		e := event(fmt.Sprintf("$case%d", n), bridge, c.kind, c.content)
		e.Ours = true
		if c.kind == "m.room.redaction" && c.fault == "" { // as in room versions before 11, and since
			e.Redacts = "$removed"
		}
		events = append(events, e)
	}
	for kind, content := range map[string]string{"m.room.name": `{"name":"x"}`, "m.bridge": `{}`, "x.state": `{}`, "m.room.pinned_events": `{"pinned":["x"]}`} {
		e := event("$"+kind, bridge, kind, content)
		e.Ours, e.StateKey = true, new(string)
		events = append(events, e)
	}
	faults, err := sdk.Faults(ctx, events)
	require.NoError(t, err)
	found := map[string]string{}
	for _, fault := range faults {
		found[fault.Event.ID] = fault.Why
	}
	for n, c := range cases() {
		why := found[fmt.Sprintf("$case%d", n)]
		if c.fault == "" {
			require.Empty(t, why, "%s %s", c.kind, c.content)
		} else {
			require.Contains(t, why, c.fault, "%s %s", c.kind, c.content)
		}
	}
	require.Empty(t, found["$m.room.name"]+found["$m.bridge"])
	require.Contains(t, found["$x.state"], "which clients do not know")
	require.Contains(t, found["$m.room.pinned_events"], "pins what is no event")
	require.NotEmpty(t, sdk.Version)
}

// TestReaderThatFails: no answer is no good answer.
func TestReaderThatFails(t *testing.T) {
	t.Parallel()
	ctx, sdk := install(t)
	event := Event{Room: "!room:b", ID: "$1", Sender: "@ghost:b", Type: "m.room.message", Content: json.RawMessage(text), Ours: true}
	_, err := sdk.Faults(ctx, []Event{event, event})
	require.ErrorContains(t, err, "twice")
	broken := *sdk
	broken.program += ".gone"
	_, err = broken.Faults(ctx, nil)
	require.ErrorContains(t, err, "read 0 events with matrix-js-sdk")
	broken = *sdk
	broken.node = "true"
	_, err = broken.Faults(ctx, []Event{event})
	require.ErrorContains(t, err, "has not judged all events")
}
