package portal

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/dispatch/dispatchtest"
	"causeway/outbox"
)

func live(latitude float64, since time.Duration) *waE2E.Message {
	return &waE2E.Message{LiveLocationMessage: &waE2E.LiveLocationMessage{DegreesLatitude: &latitude, DegreesLongitude: proto.Float64(2),
		TimeOffset: proto.Uint32(uint32(since.Seconds()))}}
}

// Fields that mautrix knows nothing of, in an event or in what it says in place of another.
func fields(t *testing.T, a outbox.SendEvent) map[string]any {
	t.Helper()
	content := map[string]any{}
	if err := json.Unmarshal(a.Content, &content); err != nil {
		t.Fatal(err)
	}
	if inner, ok := content["m.new_content"].(map[string]any); ok {
		return inner
	}
	return content
}

func geo(t *testing.T, a outbox.SendEvent) string {
	t.Helper()
	where, _ := fields(t, a)["org.matrix.msc3488.location"].(map[string]any)
	uri, _ := where["uri"].(string)
	if uri != fields(t, a)["geo_uri"] {
		t.Errorf("got %v", fields(t, a))
	}
	return uri
}

func TestLiveLocationFromWhatsApp(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	first := shown(t, b.arrive(arrival(aliceLogin, "L1", fromAnn(), live(1, 0))).Expect(t, "send_event"))
	if got := geo(t, first); got != "geo:1,2" || fields(t, first)["m.ts"] != float64(at().UnixMilli()) {
		t.Errorf("got %s", got)
	}
	move := func(id string, latitude float64, since time.Duration) dispatchtest.Actions {
		return b.arrive(later(arrival(aliceLogin, id, fromAnn(), live(latitude, since)), since))
	}
	moved := shown(t, move("L2", 3, time.Minute).Expect(t, "send_event"))
	if !replaces(t, moved, first) || geo(t, moved) != "geo:3,2" {
		t.Errorf("got %+v", moved)
	}
	move("L2", 3, time.Minute).Expect(t, "")
	move("L3", 4, time.Minute+livePause-time.Second).Expect(t, "") // too soon
	if again := shown(t, move("L4", 5, 2*time.Minute).Expect(t, "send_event")); !replaces(t, again, first) {
		t.Errorf("got %+v", again)
	}
	// One whose start the bridge has not seen is a place of its own, and so is a new one.
	if other := shown(t, b.arrive(later(arrival(aliceLogin, "L5", fromAnn(), live(6, time.Minute)), time.Hour)).Expect(t, "send_event")); other.About != nil {
		t.Errorf("got %+v", other)
	}
}

func beacon(t *testing.T, sender id.UserID, evt, info id.EventID, uri string, since time.Duration) *event.Event {
	t.Helper()
	made := dispatchtest.Event(t, room, sender, evt, event.Type{Type: "org.matrix.msc3672.beacon", Class: event.MessageEventType}, fmt.Sprintf(
		`{"m.relates_to":{"rel_type":"m.reference","event_id":%q},"org.matrix.msc3488.location":{"uri":%q}}`, info, uri))
	return after(made, since)
}

func beaconInfo(t *testing.T, evt id.EventID, isLive bool, since time.Duration) *event.Event {
	t.Helper()
	made := dispatchtest.Event(t, room, dispatchtest.Alice, evt, event.Type{Type: "org.matrix.msc3672.beacon_info", Class: event.StateEventType},
		fmt.Sprintf(`{"live":%t,"description":"a walk","timeout":3600000}`, isLive))
	key := dispatchtest.Alice.String()
	made.StateKey = &key
	return after(made, since)
}

func TestLiveLocationFromMatrix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	b.refuse("unknown_message", beacon(t, dispatchtest.Alice, "$b0", "$i1", "geo:1,2", 0))
	b.say(beaconInfo(t, "$i1", true, 0)).Expect(t, "")
	first := sent(t, b.say(beacon(t, dispatchtest.Alice, "$b1", "$i1", "geo:1,2;u=5", time.Minute)))
	place := protobuf(t, first).GetLocationMessage()
	if place.GetName() != "Live location: a walk" || place.GetDegreesLatitude() != 1 || place.GetAccuracyInMeters() != 5 || place.GetContextInfo() != nil {
		t.Errorf("got %v", place)
	}
	b.say(beacon(t, dispatchtest.Alice, "$b2", "$i1", "geo:2,2", 2*time.Minute)).Expect(t, "") // too soon
	next := protobuf(t, sent(t, b.say(beacon(t, dispatchtest.Alice, "$b3", "$i1", "geo:3,2", 6*time.Minute)))).GetLocationMessage()
	if next.GetDegreesLatitude() != 3 || next.GetContextInfo().GetStanzaID() != first.Message.ID {
		t.Errorf("got %v", next)
	}
	b.refuse("no_place", beacon(t, dispatchtest.Alice, "$b4", "$i1", "nowhere", 20*time.Minute))
	b.refuse("unknown_message", beacon(t, dispatchtest.Alice, "$b5", "$i1", "geo:1,2", 2*time.Hour))
	b.refuse("not_logged_in", beacon(t, dispatchtest.Bob, "$b6", "$i1", "geo:1,2", time.Minute))
	end := protobuf(t, sent(t, b.say(beaconInfo(t, "$i2", false, time.Hour)))).GetExtendedTextMessage()
	if end.GetText() != textLiveEnded || end.GetContextInfo().GetStanzaID() != first.Message.ID {
		t.Errorf("got %v", end)
	}
	b.say(beaconInfo(t, "$i3", false, time.Hour)).Expect(t, "")
}

// What the bridge can only name is kept for one that knows more.
func TestUnknownKindIsKept(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.direct()
	odd := &waE2E.Message{CallLogMesssage: &waE2E.CallLogMessage{IsVideo: proto.Bool(true)}}
	a := shown(t, b.arrive(arrival(aliceLogin, "U", fromAnn(), odd)).Expect(t, "send_event"))
	if kept, _ := fields(t, a)["chat.causeway.message"].(string); kept == "" || !strings.Contains(words(t, a), "open WhatsApp") {
		t.Errorf("got %s", a.Content)
	}
}
