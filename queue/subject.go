package queue

import (
	"strconv"

	"causeway/database"
)

// Subject is what the entries of a lane are about. The inbox and the outbox know it of their own lanes; what does not
// apply is empty.
type Subject struct {
	Portal database.PortalID
	Login  database.LoginID
	Room   string // a Matrix room that need not be a portal's
	User   string // a Matrix user
}

// ParsePortal reads a portal's ID as it stands in the name of a lane, or returns 0.
func ParsePortal(text string) database.PortalID {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return database.PortalID(n)
}
