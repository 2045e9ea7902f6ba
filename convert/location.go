package convert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// maxAccuracy is how uncertain a place may be, in meters: half the way around the earth.
const maxAccuracy = 20_000_000

// Place is where something is.
type Place struct {
	Latitude, Longitude float64
	Accuracy            int // in meters; 0 when it is not said
	// Name and Address say what is there, URL where to read about it, Comment what its sender says of it.
	Name, Address, URL, Comment string
	// Live says that it is the sender's own place, which may change.
	Live bool
	// Thumbnail is a small map as JPEG.
	Thumbnail []byte
}

// PlaceFromWhatsApp reads a location; it reports false when there is none, or one that is nowhere.
func PlaceFromWhatsApp(msg *waE2E.Message) (Place, bool) {
	msg = unwrap(msg)
	if live := msg.GetLiveLocationMessage(); live != nil {
		p := Place{Latitude: live.GetDegreesLatitude(), Longitude: live.GetDegreesLongitude(), Live: true,
			Accuracy: int(min(live.GetAccuracyInMeters(), maxAccuracy)), Comment: clip(clean(live.GetCaption()), maxShownText), Thumbnail: live.GetJPEGThumbnail()}
		return p, p.isOnEarth() && live.DegreesLatitude != nil && live.DegreesLongitude != nil
	}
	at := msg.GetLocationMessage()
	if at == nil || at.DegreesLatitude == nil || at.DegreesLongitude == nil {
		return Place{}, false
	}
	p := Place{Latitude: at.GetDegreesLatitude(), Longitude: at.GetDegreesLongitude(), Live: at.GetIsLive(),
		Accuracy: int(min(at.GetAccuracyInMeters(), maxAccuracy)), Name: clip(oneLine(at.GetName()), maxShownText),
		Address: clip(oneLine(at.GetAddress()), maxShownText), Comment: clip(clean(at.GetComment()), maxShownText), Thumbnail: at.GetJPEGThumbnail()}
	if link, err := url.Parse(at.GetURL()); err == nil && (link.Scheme == "https" || link.Scheme == "http") && len(at.GetURL()) <= maxShownText {
		p.URL = link.String()
	}
	return p, p.isOnEarth()
}

func (p Place) isOnEarth() bool {
	return math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180 // not a number is neither
}

// degrees writes an angle with as many digits as say something: the seventh is a centimeter.
func degrees(angle float64) string {
	const centimeter = 1e7
	rounded := math.Round(angle*centimeter) / centimeter
	if rounded == 0 {
		return "0"
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// geo is the place as a URI (RFC 5870).
func (p Place) geo() string {
	uri := "geo:" + degrees(p.Latitude) + "," + degrees(p.Longitude)
	if p.Accuracy > 0 {
		uri += ";u=" + strconv.Itoa(p.Accuracy)
	}
	return uri
}

// description says what is there, in a line.
func (p Place) description() string {
	var parts []string
	for _, part := range []string{p.Name, p.Address, oneLine(p.Comment)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// text is the place for where there are no maps.
func (p Place) text() string {
	head := cmp.Or(p.description(), "A location")
	if p.Live {
		head = "Live location"
		if p.description() != "" {
			head += ": " + p.description()
		}
	}
	link := p.URL
	if link == "" {
		link = fmt.Sprintf("https://www.openstreetmap.org/?mlat=%[1]s&mlon=%[2]s#map=16/%[1]s/%[2]s", degrees(p.Latitude), degrees(p.Longitude))
	}
	text := "📍 " + head
	if p.Accuracy > 0 {
		text += fmt.Sprintf(" (± %d m)", p.Accuracy)
	}
	return text + "\n" + link
}

// locationToMatrix shows a place. Of a live one WhatsApp gives only phones the way; who edits it moves it.
func locationToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	p, ok := PlaceFromWhatsApp(msg)
	if !ok {
		return nil
	}
	return &event.MessageEventContent{MsgType: event.MsgLocation, Body: p.text(), GeoURI: p.geo(), Mentions: &event.Mentions{}}
}

// locationFields are the further fields by which newer clients know a place (MSC3488), by their names in the proposal and
// in the specification.
func locationFields(p Place, at time.Time) map[string]any {
	where := map[string]any{"uri": p.geo()}
	if about := p.description(); about != "" {
		where["description"] = about
	}
	asset := map[string]any{"type": "m.pin"}
	if p.Live {
		asset["type"] = "m.self"
	}
	fields := map[string]any{"org.matrix.msc1767.text": p.text()}
	for _, prefix := range []string{"org.matrix.msc3488.", "m."} {
		fields[prefix+"location"], fields[prefix+"asset"], fields[prefix+"ts"] = where, asset, at.UnixMilli()
	}
	return fields
}

// thumbnailOfPlace is the small map of a place, as a file of which only the thumbnail is there.
func thumbnailOfPlace(p Place) (FileOnWhatsApp, bool) {
	usable := len(p.Thumbnail) > 0 && len(p.Thumbnail) <= maxThumbnail
	return FileOnWhatsApp{Kind: "map", Name: "map.jpg", Thumbnail: p.Thumbnail}, usable
}

// FillPlace completes the content of a location that says where it is only in the fields of newer clients (MSC3488).
func FillPlace(content *event.MessageEventContent, raw []byte) {
	var where struct {
		URI         string `json:"uri"`
		Description string `json:"description"`
	}
	if content.MsgType != event.MsgLocation || json.Unmarshal(field(raw, "m.location", "org.matrix.msc3488.location"), &where) != nil {
		return
	}
	content.GeoURI = cmp.Or(content.GeoURI, where.URI)
	if where.Description != "" {
		content.Body = where.Description
	}
}

// ParseGeo reads a URI of a place (RFC 5870).
func ParseGeo(uri string) (Place, bool) {
	rest, ok := strings.CutPrefix(strings.ToLower(uri), "geo:")
	if !ok || len(uri) > 255 {
		return Place{}, false
	}
	parts := strings.Split(rest, ";")
	numbers := strings.Split(parts[0], ",")
	if len(numbers) < 2 || len(numbers) > 3 {
		return Place{}, false
	}
	latitude, latErr := strconv.ParseFloat(numbers[0], 64)
	longitude, lonErr := strconv.ParseFloat(numbers[1], 64)
	p := Place{Latitude: latitude, Longitude: longitude}
	for _, param := range parts[1:] {
		name, value, _ := strings.Cut(param, "=")
		switch accuracy, err := strconv.ParseFloat(value, 64); {
		case name == "crs" && value != "wgs84":
			return Place{}, false // other than this nobody has ever used
		case name == "u" && err == nil && accuracy > 0:
			p.Accuracy = int(math.Ceil(min(accuracy, maxAccuracy)))
		}
	}
	return p, latErr == nil && lonErr == nil && p.isOnEarth()
}

// locationToWhatsApp sends a place. What clients write as its text when its sender said nothing is left out: it has the
// address in it.
func locationToWhatsApp(content *event.MessageEventContent) (*waE2E.Message, error) {
	p, ok := ParseGeo(content.GeoURI)
	if !ok {
		return nil, Refusal{"no_place", "This was not sent to WhatsApp: it does not say where it is in a way that the bridge understands. Send the location again."}
	}
	if !strings.Contains(content.Body, "geo:") {
		p.Name = clip(oneLine(content.Body), maxShownText)
	}
	return &waE2E.Message{LocationMessage: p.message()}, nil
}

func (p Place) message() *waE2E.LocationMessage {
	made := &waE2E.LocationMessage{DegreesLatitude: proto.Float64(p.Latitude), DegreesLongitude: proto.Float64(p.Longitude)}
	if p.Name != "" {
		made.Name = proto.String(p.Name)
	}
	if p.Accuracy > 0 {
		made.AccuracyInMeters = proto.Uint32(uint32(p.Accuracy))
	}
	return made
}
