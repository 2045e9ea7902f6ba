package outbox

import (
	"fmt"
	"strconv"
	"strings"

	"causeway/database"
)

// FormatKey writes the key of a message as it stands in an event's content under KeyField.
func FormatKey(key database.MessageKey) string {
	return fmt.Sprintf("%d/%d/%s", key.Portal, key.Sender, key.ID)
}

// ParseKey reads what FormatKey wrote. It reports false for anything else.
func ParseKey(text string) (database.MessageKey, bool) {
	portal, rest, ok := strings.Cut(text, "/")
	sender, message, ok2 := strings.Cut(rest, "/")
	p, err := strconv.ParseInt(portal, 10, 64)
	s, err2 := strconv.ParseInt(sender, 10, 64)
	if !ok || !ok2 || err != nil || err2 != nil || message == "" {
		return database.MessageKey{}, false
	}
	return database.MessageKey{Portal: database.PortalID(p), Sender: database.PuppetID(s), ID: message}, true
}
