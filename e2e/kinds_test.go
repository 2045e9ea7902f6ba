package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/e2e/rig"
	"causeway/simulator/control/api"
)

// TestKinds: places and business cards, both ways.
func TestKinds(t *testing.T) {
	t.Parallel()
	s := linked(t, rig.SQLite)
	s.placesFromWhatsApp()
	s.placesFromMatrix()
	s.liveFromWhatsApp()
	s.liveFromMatrix()
	s.contactsFromWhatsApp()
	s.contactsFromMatrix()
	s.talkAfter()
}

// carolSends lets Carol send Alice any message and returns it, and how many events Alice had seen before.
func (s *story) carolSends(message string) (api.Sent, int) {
	s.Helper()
	mark := s.alice.Mark()
	return s.does(carolNumber, api.Send{Chat: aliceNumber, Message: json.RawMessage(message)}), mark
}

// carolShows waits for an event of Carol's of a msgtype that fits.
func (s *story) carolShows(mark int, kind event.MessageType, fits func(e person.Seen, m *event.MessageEventContent) bool) person.Seen {
	s.Helper()
	seen, err := s.alice.WaitAfter(s.ctx, mark, "Carol's "+string(kind), func(e person.Seen) bool {
		m := e.Message()
		return e.RoomID == s.direct && e.Sender == rig.Ghost(carolNumber) && m != nil && m.MsgType == kind && fits(e, m)
	})
	require.NoError(s, err)
	return seen
}

func anyMessage(person.Seen, *event.MessageEventContent) bool { return true }

// aliceSends lets Alice send an event of any type, or a state event, in her chat with Carol.
func (s *story) aliceSends(kind, content string, state ...string) id.EventID {
	s.Helper()
	if len(state) > 0 {
		sent, err := s.alice.Client.SendStateEvent(s.ctx, s.direct, event.Type{Type: kind, Class: event.StateEventType}, state[0], json.RawMessage(content))
		require.NoError(s, err)
		return sent.EventID
	}
	sent, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.Type{Type: kind, Class: event.MessageEventType}, json.RawMessage(content))
	require.NoError(s, err)
	return sent.EventID
}

// carolGets waits for what a message of Alice's is on Carol's phone: one whose JSON has all these parts.
func (s *story) carolGets(parts ...string) api.Message {
	s.Helper()
	return s.onPhone(carolNumber, func(m api.Message) bool {
		raw := strings.ReplaceAll(string(m.Message), `": `, `":`)
		for _, part := range parts {
			if !strings.Contains(raw, part) {
				return false
			}
		}
		return m.Device != 0
	})
}

func (s *story) placesFromWhatsApp() {
	s.step("places from WhatsApp")
	_, mark := s.carolSends(`{"locationMessage":{"degreesLatitude":52.52,"degreesLongitude":13.405,"name":"Tower","address":"Square 1","accuracyInMeters":20}}`)
	seen := s.carolShows(mark, event.MsgLocation, anyMessage)
	require.Equal(s, "geo:52.52,13.405;u=20", seen.Message().GeoURI)
	require.True(s, strings.HasPrefix(seen.Message().Body, "📍 Tower, Square 1 (± 20 m)\nhttps://"), seen.Message().Body)
	require.Equal(s, map[string]any{"uri": "geo:52.52,13.405;u=20", "description": "Tower, Square 1"}, seen.Content.Raw["org.matrix.msc3488.location"])
	require.Equal(s, map[string]any{"type": "m.pin"}, seen.Content.Raw["org.matrix.msc3488.asset"])

	thumbnail, err := json.Marshal(drawing(s, asJPEG))
	require.NoError(s, err)
	_, mark = s.carolSends(`{"locationMessage":{"degreesLatitude":-1,"degreesLongitude":0,"JPEGThumbnail":` + string(thumbnail) + `}}`)
	seen = s.carolShows(mark, event.MsgLocation, anyMessage)
	require.Equal(s, "geo:-1,0", seen.Message().GeoURI)
	require.Equal(s, drawing(s, asJPEG), s.download(seen.Message().Info.ThumbnailURL))
}

func (s *story) placesFromMatrix() {
	s.step("places from Matrix")
	s.aliceSends("m.room.message", `{"msgtype":"m.location","body":"Location geo:51.5,0.12;u=35 at 2023","geo_uri":"geo:51.5,0.12;u=35",
		"org.matrix.msc3488.location":{"uri":"geo:51.5,0.12;u=35","description":"The clock"},"org.matrix.msc3488.asset":{"type":"m.pin"}}`)
	s.carolGets(`"locationMessage":{`, `"degreesLatitude":51.5,`, `"degreesLongitude":0.12,`, `"name":"The clock"`, `"accuracyInMeters":35`)
	nowhere := s.aliceSends("m.room.message", `{"msgtype":"m.location","body":"somewhere","geo_uri":"here"}`)
	s.notice(s.direct, nowhere, "does not say where it is")
}

func (s *story) liveFromWhatsApp() {
	s.step("a live location from WhatsApp")
	first, mark := s.carolSends(`{"liveLocationMessage":{"degreesLatitude":1,"degreesLongitude":2,"caption":"on my way"}}`)
	seen := s.carolShows(mark, event.MsgLocation, anyMessage)
	require.Equal(s, map[string]any{"type": "m.self"}, seen.Content.Raw["org.matrix.msc3488.asset"])
	s.does(carolNumber, api.Send{Chat: aliceNumber, Message: json.RawMessage(`{"liveLocationMessage":{"degreesLatitude":1.5,"degreesLongitude":2,"timeOffset":60}}`), Timestamp: first.Timestamp + 60})
	isMove := func(uri string) func(e person.Seen, m *event.MessageEventContent) bool {
		return func(_ person.Seen, m *event.MessageEventContent) bool {
			return m.RelatesTo.GetReplaceID() == seen.ID && m.NewContent.GeoURI == uri
		}
	}
	s.carolShows(mark, event.MsgLocation, isMove("geo:1.5,2"))
	// The other form: an edit, the last one with a place that does not move any more.
	s.does(carolNumber, api.Send{Chat: aliceNumber, Edit: first.ID, Message: json.RawMessage(`{"locationMessage":{"degreesLatitude":3,"degreesLongitude":2}}`), Timestamp: first.Timestamp + 120})
	s.carolShows(mark, event.MsgLocation, isMove("geo:3,2"))
}

func (s *story) liveFromMatrix() {
	s.step("a live location from Matrix")
	info := s.aliceSends("org.matrix.msc3672.beacon_info", `{"description":"a walk","live":true,"timeout":3600000,"org.matrix.msc3488.asset":{"type":"m.self"}}`, s.alice.ID.String())
	s.aliceSends("org.matrix.msc3672.beacon", fmt.Sprintf(`{"m.relates_to":{"rel_type":"m.reference","event_id":%q},"org.matrix.msc3488.location":{"uri":"geo:7,8;u=3"}}`, info))
	place := s.carolGets(`"locationMessage":{`, `"degreesLatitude":7,`, `"name":"Live location: a walk"`)
	s.aliceSends("org.matrix.msc3672.beacon_info", `{"description":"a walk","live":false,"timeout":3600000}`, s.alice.ID.String())
	s.carolGets("My live location has ended", `"stanzaID":"`+place.ID+`"`)
}

const annCard = "BEGIN:VCARD\nVERSION:3.0\nFN:Ann Miller\nTEL;waid=15550100:+1 555-0100\nEND:VCARD\n"

func (s *story) contactsFromWhatsApp() {
	s.step("contacts from WhatsApp")
	card, err := json.Marshal(annCard)
	require.NoError(s, err)
	_, mark := s.carolSends(`{"contactMessage":{"displayName":"Ann","vcard":` + string(card) + `}}`)
	seen := s.carolShows(mark, event.MsgFile, anyMessage)
	require.Equal(s, []string{"👤 Ann\n+1 555-0100", "Ann.vcf", "text/vcard"}, []string{seen.Message().Body, seen.Message().FileName, seen.Message().Info.MimeType})
	require.Equal(s, annCard, string(s.download(seen.Message().URL)))
	_, mark = s.carolSends(`{"contactsArrayMessage":{"displayName":"2","contacts":[{"displayName":"Ann","vcard":` + string(card) + `},{"vcard":` + string(card) + `}]}}`)
	seen = s.carolShows(mark, event.MsgFile, anyMessage)
	require.Equal(s, "2 contacts.vcf", seen.Message().FileName)
	require.Equal(s, annCard+annCard, string(s.download(seen.Message().URL)))
}

func (s *story) contactsFromMatrix() {
	s.step("contacts from Matrix")
	sends := func(name, content string) {
		s.Helper()
		_, err := s.alice.Client.SendMessageEvent(s.ctx, s.direct, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgFile, Body: name,
			URL: s.uploads([]byte(content), "text/vcard"), Info: &event.FileInfo{MimeType: "text/vcard"}})
		require.NoError(s, err)
	}
	sends("ann.vcf", annCard)
	s.carolGets(`"contactMessage":{`, `"displayName":"Ann Miller"`, `FN:Ann Miller`)
	sends("both.vcf", annCard+strings.ReplaceAll(annCard, "Ann", "Bea"))
	s.carolGets(`"contactsArrayMessage":{`, `"displayName":"2 contacts"`, `FN:Bea Miller`)
	sends("none.vcf", "no card")
	s.carolGets(`"documentMessage":{`, `"fileName":"none.vcf"`)
}
