package media

import "maunium.net/go/mautrix/id"

// Page is what a web page shows of itself.
type Page struct {
	Title, Description string
	// Picture is where the homeserver keeps it; empty when there is none.
	Picture id.ContentURIString
}
