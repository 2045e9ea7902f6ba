package convert

import (
	"encoding/json"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"
)

// IsViewOnce reports whether a file may be seen only once, as its message or one of its envelopes says.
func IsViewOnce(msg *waE2E.Message) bool {
	for _, layer := range []*waE2E.Message{msg, msg.GetDeviceSentMessage().GetMessage(), msg.GetEphemeralMessage().GetMessage()} {
		if layer.GetViewOnceMessage().GetMessage() != nil || layer.GetViewOnceMessageV2().GetMessage() != nil || layer.GetViewOnceMessageV2Extension().GetMessage() != nil {
			return true
		}
	}
	msg = unwrap(msg)
	return msg.GetImageMessage().GetViewOnce() || msg.GetVideoMessage().GetViewOnce() || msg.GetAudioMessage().GetViewOnce() ||
		msg.GetPtvMessage().GetViewOnce() || msg.GetExtendedTextMessage().GetViewOnce()
}

// viewOnceMark stands before the words of a file that may be seen only once.
const viewOnceMark = "👁 To be seen only once"

// MarkViewOnce says of a file in words that it was to be seen only once.
func MarkViewOnce(content *event.MessageEventContent) *event.MessageEventContent {
	marked := *content
	marked.Body = viewOnceMark
	if content.FileName != "" && content.FileName != content.Body {
		marked.Body += ": " + content.Body
	}
	marked.Format, marked.FormattedBody = "", ""
	return &marked
}

// ViewOnceNotice stands in the place of a file that may be seen only once.
func ViewOnceNotice(text string) *event.MessageEventContent {
	return &event.MessageEventContent{MsgType: event.MsgNotice, Body: text, Mentions: &event.Mentions{}}
}

// readContent reads the content of a message from JSON that was parsed already.
func readContent(fields map[string]any) (*event.MessageEventContent, bool) {
	raw, err := json.Marshal(fields)
	if err != nil {
		return nil, false
	}
	content := &event.MessageEventContent{}
	return content, json.Unmarshal(raw, content) == nil
}
