package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/queue"
)

// FileOnWhatsApp is a file that must be brought to the homeserver before the event that shows it can be sent. Its
// address there is then put into the content.
type FileOnWhatsApp struct {
	Login database.LoginID `json:"login"` // by whose connection, if that is there
	// Class decides what its keys are derived for: image, video, audio or document. Without one there is only the thumbnail.
	Class     string `json:"class"`
	Path      string `json:"path"` // on WhatsApp's media hosts
	Key       []byte `json:"key"`
	SHA256    []byte `json:"sha256"`     // of the content
	EncSHA256 []byte `json:"enc_sha256"` // of the encrypted file
	// Size in bytes, MIME and Thumbnail (a small JPEG) are what the sender says of it.
	Size      uint64 `json:"size,omitempty"`
	MIME      string `json:"mime,omitempty"`
	Thumbnail []byte `json:"thumbnail,omitempty"`
	Name      string `json:"name"` // of the file
	Kind      string `json:"kind"` // for people: "image", "voice message"
	// Data is the file itself, where it came with the message.
	Data []byte `json:"data,omitempty"`
}

// OnlyThumbnail reports whether there is no file but a thumbnail: the event can be shown without.
func (f FileOnWhatsApp) OnlyThumbnail() bool {
	return f.Class == "" && len(f.Data) == 0 && len(f.Thumbnail) > 0
}

// FileOnMatrix is a file that must be brought to WhatsApp before the message that shows it can be sent. What WhatsApp
// says of it is then put into the message.
type FileOnMatrix struct {
	URL id.ContentURIString `json:"url"`
	// MIME is what the sender says of it; Thumbnail, if any, is the address of a smaller picture.
	MIME      string              `json:"mime,omitempty"`
	Thumbnail id.ContentURIString `json:"thumbnail,omitempty"`
	Name      string              `json:"name"` // of the file
}

// PreviewOnMatrix is what is to be had for the preview of a page before the message that shows it is sent. What cannot be
// had is left out.
type PreviewOnMatrix struct {
	// Address is that of a page of which the homeserver is to be asked; empty when all but the picture is known.
	Address string `json:"address,omitempty"`
	// Picture is where the picture is, if it is known.
	Picture id.ContentURIString `json:"picture,omitempty"`
}

// LostPlan is what is shown when a file that was lost is found (database.LostFile).
type LostPlan struct {
	Event SendEvent `json:"event"`
}

// ReadLostPlan reads that. There is a file in it.
func ReadLostPlan(raw []byte) (LostPlan, error) {
	var plan LostPlan
	if err := json.Unmarshal(raw, &plan); err != nil || plan.Event.File == nil {
		return plan, fmt.Errorf("read what is to be shown: %w", errors.Join(ErrUnreadable, err))
	}
	return plan, nil
}

// Progress writes down what has been done of an action, so that a repeat goes on from there: v is the action as it is
// then to be carried out.
func (o *Outbox) Progress(ctx context.Context, e queue.Entry, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", e.Kind, err)
	}
	return o.Rewrite(ctx, e, payload)
}
