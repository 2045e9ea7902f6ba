package convert

import (
	"cmp"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
)

// Invitation is one to a group. Its JSON is kept with the message.
type Invitation struct {
	Group   types.JID `json:"group"`
	Code    string    `json:"code"`
	Name    string    `json:"name"`
	Expires int64     `json:"expires"` // in seconds since 1970, as WhatsApp gives it; 0 is never
	By      types.JID `json:"by,omitzero"`
}

// IsOver reports whether the invitation has expired at a time.
func (i Invitation) IsOver(at time.Time) bool {
	return i.Expires > 0 && at.After(unixTime(i.Expires))
}

// InvitationFromWhatsApp reads an invitation to a group; it reports false for anything else, and for one that nobody could
// accept.
func InvitationFromWhatsApp(msg *waE2E.Message) (Invitation, bool) {
	made := unwrap(msg).GetGroupInviteMessage()
	group, err := types.ParseJID(made.GetGroupJID())
	i := Invitation{Group: group, Code: made.GetInviteCode(), Name: clip(oneLine(made.GetGroupName()), maxShownText), Expires: made.GetInviteExpiration()}
	return i, err == nil && group.Server == types.GroupServer && isName(group.User) && isName(i.Code)
}

// invitationToMatrix shows an invitation to a group. How it is accepted is added by whoever knows how commands begin.
func invitationToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	made := msg.GetGroupInviteMessage()
	if made == nil {
		return nil
	}
	what := "group"
	if made.GetGroupType() == waE2E.GroupInviteMessage_PARENT {
		what = "community"
	}
	lines := []string{"✉️ Invitation to the WhatsApp " + what + " “" + cmp.Or(clip(oneLine(made.GetGroupName()), maxShownText), "without a name") + "”"}
	if caption := strings.TrimSpace(clean(made.GetCaption())); caption != "" {
		lines = append(lines, clip(caption, maxBody/4))
	}
	if expires := made.GetInviteExpiration(); expires > 0 {
		lines = append(lines, "It is valid until "+inUTC(unixTime(expires))+".")
	}
	return textToMatrix(strings.Join(lines, "\n"))
}
