package convert

import (
	"regexp"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// How much of a preview is shown, in bytes: more than clients do.
const (
	maxPreviewTitle = 300
	maxPreviewWords = 1000
	maxAddress      = 2000
)

// previewToMatrix is the preview of a web page that came with a text (MSC4095); nil when there is none. Its picture is
// still to be filled in.
func previewToMatrix(msg *waE2E.Message) []*event.BeeperLinkPreview {
	said := msg.GetExtendedTextMessage()
	address := clean(said.GetMatchedText())
	if address == "" || len(address) > maxAddress || !strings.Contains(textOf(msg), address) || said.GetTitle() == "" && said.GetDescription() == "" && len(said.GetJPEGThumbnail()) == 0 {
		return nil
	}
	canonical := address
	if !strings.Contains(canonical, "://") {
		canonical = "https://" + canonical
	}
	return []*event.BeeperLinkPreview{{MatchedURL: address, LinkPreview: event.LinkPreview{
		CanonicalURL: canonical, Title: previewText(said.GetTitle(), maxPreviewTitle), Description: previewText(said.GetDescription(), maxPreviewWords),
	}}}
}

func previewText(text string, limit int) string {
	return clip(oneLine(withoutTurns(text)), limit)
}

// PreviewPicture is the small JPEG of the preview that came with a text; nil when there is none.
func PreviewPicture(msg *waE2E.Message) []byte {
	msg = unwrap(msg)
	picture := msg.GetExtendedTextMessage().GetJPEGThumbnail()
	if previewToMatrix(msg) == nil || len(picture) > maxThumbnail {
		return nil
	}
	return picture
}

// previewToWhatsApp puts the preview that a client has sent with a text into its message; WhatsApp shows one.
func previewToWhatsApp(content *event.MessageEventContent, msg *waE2E.Message) *waE2E.Message {
	if len(content.BeeperLinkPreviews) == 0 || content.BeeperLinkPreviews[0] == nil {
		return msg
	}
	first := content.BeeperLinkPreviews[0]
	return SetPreview(msg, firstOf(first.MatchedURL, first.CanonicalURL), first.Title, first.Description)
}

// SetPreview puts the preview of a web page into a text, if that has the page's address in it.
func SetPreview(msg *waE2E.Message, address, title, description string) *waE2E.Message {
	text := wordsOf(msg)
	address = clean(address)
	title, description = previewText(title, maxPreviewTitle), previewText(description, maxPreviewWords)
	if !strings.Contains(text, address) || !webAddress.MatchString(address) || len(address) > maxAddress || title == "" && description == "" {
		return msg
	}
	about := contextOf(msg)
	return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
		Text: proto.String(text), ContextInfo: about, MatchedText: proto.String(address),
		Title: proto.String(title), Description: proto.String(description), PreviewType: waE2E.ExtendedTextMessage_NONE.Enum(),
	}}
}

// webAddress is an address that people mean when they write of a page.
var webAddress = regexp.MustCompile(`^https?://\S+$`)

// Preview is what is still to be had for the preview of a page that a text shows.
type Preview struct {
	// Address is that of a page of which nothing is known yet; empty when the client has sent what is.
	Address string
	// Picture is where the picture is.
	Picture id.ContentURIString
}

// PreviewOnMatrix reads what is still to be had for the preview of the first page in a text: its picture, or all of it if
// the client sent none. A client that sends an empty list wants none. It reports false when there is nothing to be had.
func PreviewOnMatrix(content *event.MessageEventContent, msg *waE2E.Message) (Preview, bool) {
	text := wordsOf(msg)
	if text == "" {
		return Preview{}, false
	}
	if content.BeeperLinkPreviews != nil {
		if msg.GetExtendedTextMessage().GetMatchedText() == "" {
			return Preview{}, false
		}
		first := content.BeeperLinkPreviews[0]
		return Preview{Picture: first.ImageURL}, first.ImageURL != "" && first.ImageEncryption == nil
	}
	for word := range strings.FieldsSeq(text) {
		word = strings.Trim(word, kinds+"`()[]<>.,;:!?\"'")
		if webAddress.MatchString(word) && len(word) <= maxAddress {
			return Preview{Address: word}, true
		}
	}
	return Preview{}, false
}
