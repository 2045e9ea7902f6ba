package portal

import (
	"encoding/json"
	"maps"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/outbox"
)

// preview is the picture of the page that a text shows a preview of, if any.
func (s said) preview() []byte { return convert.PreviewPicture(s.msg) }

// extra is what programs are told about a message besides what people see.
func (s said) extra() map[string]any {
	if s.hidden {
		return s.fields
	}
	fields := convert.Extra(s.msg, s.at())
	if fields == nil {
		fields = map[string]any{}
	}
	if times := convert.Forwarded(s.msg); times > 0 {
		fields[convert.ForwardedField] = map[string]any{"times": times}
	}
	maps.Copy(fields, s.fields)
	return fields
}

// marked says in a content what people see of a message besides its text: that it was passed on.
func (s said) marked(content *event.MessageEventContent) *event.MessageEventContent {
	return convert.MarkForwarded(content, convert.Forwarded(s.msg))
}

// withFields encodes a content with further fields, which an edit has in its new content too.
func withFields(content any, extra map[string]any) (json.RawMessage, error) {
	raw, err := json.Marshal(content)
	if err != nil || len(extra) == 0 {
		return raw, err
	}
	fields := map[string]any{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	inner, _ := fields["m.new_content"].(map[string]any)
	for field, value := range extra {
		fields[field] = value
		if inner != nil {
			inner[field] = value
		}
	}
	return json.Marshal(fields)
}

// previewFor is what is still to be had for the preview of a page in a message to WhatsApp.
func (p *Portals) previewFor(content *event.MessageEventContent, msg *waE2E.Message) *outbox.PreviewOnMatrix {
	preview, ok := convert.PreviewOnMatrix(content, msg)
	if !ok || preview.Address != "" && !p.cfg.AskPreviews {
		return nil
	}
	return &outbox.PreviewOnMatrix{Address: preview.Address, Picture: preview.Picture}
}
