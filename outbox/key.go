package outbox

import (
	"fmt"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/types"

	"causeway/database"
)

// FormatKey writes a message's key as it stands in the content of its event, under KeyField.
func FormatKey(key database.MessageKey) string {
	return fmt.Sprintf("%d/%d/%s", key.Portal, key.Sender, key.ID)
}

// ParseKey reads what FormatKey wrote. It reports false for anything else: anybody can put a KeyField into an event.
func ParseKey(s string) (database.MessageKey, bool) {
	portal, rest, _ := strings.Cut(s, "/")
	sender, message, _ := strings.Cut(rest, "/")
	p, portalErr := strconv.ParseInt(portal, 10, 64)
	u, senderErr := strconv.ParseInt(sender, 10, 64)
	if portalErr != nil || senderErr != nil || message == "" {
		return database.MessageKey{}, false
	}
	return database.MessageKey{Portal: database.PortalID(p), Sender: database.PuppetID(u), ID: types.MessageID(message)}, true
}
