package convert

import (
	"encoding/json"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// LiveUpdateFromWhatsApp reports how long after the start of a live location a message was sent that is about the same,
// and false for any other, the start itself included.
func LiveUpdateFromWhatsApp(msg *waE2E.Message) (time.Duration, bool) {
	offset := unwrap(msg).GetLiveLocationMessage().GetTimeOffset()
	return time.Duration(offset) * time.Second, offset > 0
}

// Types of Matrix's live locations: the state event that begins and ends one, and each place (MSC3672, which clients know
// by the number of its text; MSC3489).
const (
	TypeBeaconInfo     = "m.beacon_info"
	TypeBeacon         = "m.beacon"
	UnstableBeaconInfo = "org.matrix.msc3672.beacon_info"
	UnstableBeacon     = "org.matrix.msc3672.beacon"
	maxBeacon          = 24 * time.Hour
)

// IsBeacon reports whether a type of event is one of a live location.
func IsBeacon(kind string) bool {
	return kind == TypeBeaconInfo || kind == UnstableBeaconInfo || kind == TypeBeacon || kind == UnstableBeacon
}

// Beacon is the start or the end of a live location.
type Beacon struct {
	Live        bool
	Description string
	Until       time.Time
}

// BeaconInfoFromMatrix reads a state event of a live location, which was sent at a time.
func BeaconInfoFromMatrix(raw []byte, sent time.Time) Beacon {
	var content struct {
		Live        bool   `json:"live"`
		Description string `json:"description"`
		Timeout     int64  `json:"timeout"`
	}
	if json.Unmarshal(raw, &content) != nil {
		return Beacon{}
	}
	lasts := maxBeacon
	if ms := content.Timeout; ms > 0 && ms < maxBeacon.Milliseconds() {
		lasts = time.Duration(ms) * time.Millisecond
	}
	return Beacon{Live: content.Live, Description: clip(oneLine(content.Description), maxShownText), Until: sent.Add(lasts)}
}

// BeaconFromMatrix reads one place of a live location, and the event that began it.
func BeaconFromMatrix(raw []byte) (Place, id.EventID, bool) {
	content := &event.MessageEventContent{MsgType: event.MsgLocation}
	FillPlace(content, raw)
	p, ok := ParseGeo(content.GeoURI)
	p.Live = true
	return p, PollReference(raw), ok
}

// BeaconToWhatsApp makes the message of one place of a live location: a plain one, because linked devices cannot move the
// live ones that they send.
func BeaconToWhatsApp(p Place, about string) *waE2E.Message {
	p.Name = "Live location"
	if about != "" {
		p.Name += ": " + about
	}
	return &waE2E.Message{LocationMessage: p.message()}
}
