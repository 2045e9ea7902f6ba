// Package command understands the commands that people write to the bot, and answers them.
//
// A command is a row in the table of commands and a method in a file of its own.
package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
)

// Permissions says who may do what. The configuration has it.
type Permissions interface {
	// MayTalk reports whether the bot listens to a user at all.
	MayTalk(user id.UserID) bool
	// MayLogIn reports whether a user may link WhatsApp accounts.
	MayLogIn(user id.UserID) bool
	// IsAdmin reports whether a user may look after the bridge.
	IsAdmin(user id.UserID) bool
}

// About is what the bot says about itself.
type About struct {
	Version string // of the bridge
	Prefix  string // of commands outside management rooms, such as "!wa"
}

// Commands decides about commands. It keeps no state of its own.
type Commands struct {
	db     *database.DB
	in     *inbox.Inbox
	out    *outbox.Outbox
	permit Permissions
	about  About
}

// New returns the decider.
func New(db *database.DB, in *inbox.Inbox, out *outbox.Outbox, permit Permissions, about About) *Commands {
	return &Commands{db: db, in: in, out: out, permit: permit, about: about}
}

// call is one command that somebody wrote.
type call struct {
	user  id.UserID
	room  id.RoomID
	event id.EventID
	args  []string
	// answers is the event that the command is an answer to, if any.
	answers id.EventID
}

// spec describes a command.
type spec struct {
	name, args, help string
	needsLogin       bool // whether only people who may link accounts may use it
	run              func(c *Commands, ctx context.Context, in call) error
}

// specs lists the commands in the order in which help shows them.
func specs() []spec {
	return []spec{
		{"help", "", "Show this list.", false, (*Commands).help},
		{"version", "", "Show the version of the bridge.", false, (*Commands).version},
		{"login", "qr | phone <number>", "Link your WhatsApp account: with a QR code, or with a code to type on the phone.", true, (*Commands).login},
		{"cancel", "", "Stop the login that is under way.", true, (*Commands).cancel},
		{"logout", "[number]", "Unlink your WhatsApp account.", true, (*Commands).logout},
		{"list-logins", "", "Show your linked WhatsApp accounts.", true, (*Commands).listLogins},
		{"ping", "", "Show how your connections and the queues are.", true, (*Commands).ping},
		{"queue", "[all | show <number> | retry <number> | drop <number>]", "Show what of yours waits or was given up. What stands in brackets is for administrators: everybody's, and one dead letter shown, tried again or dropped.", true, (*Commands).queue},
		{"accept", "", "In reply to an invitation to a group: join the group.", true, (*Commands).accept},
		{"start-chat", "<number>", "Open the chat with a phone number.", true, (*Commands).startChat},
		{"retry-media", "", "As an answer to the notice that stands in the place of a file: ask your phone for the file.", true, (*Commands).retryMedia},
	}
}

// Text returns the command in a message, without the prefix, and whether there is one. In a management room the prefix
// is not needed.
func (c *Commands) Text(content *event.MessageEventContent, management bool) (string, bool) {
	if content.MsgType != event.MsgText || content.RelatesTo.GetReplaceID() != "" {
		return "", false
	}
	body := content.Body
	if content.RelatesTo.GetReplyTo() != "" {
		body = event.TrimReplyFallbackText(body)
	}
	body = strings.TrimSpace(body)
	if rest, ok := c.cutPrefix(body); ok {
		return rest, true
	}
	return body, management && body != ""
}

// cutPrefix takes the prefix off a command. A phone may have written it with a capital letter.
func (c *Commands) cutPrefix(body string) (string, bool) {
	prefix := c.about.Prefix
	if prefix == "" || len(body) < len(prefix) || !strings.EqualFold(body[:len(prefix)], prefix) {
		return "", false
	}
	rest := body[len(prefix):]
	trimmed := strings.TrimSpace(rest)
	return trimmed, trimmed == "" || len(trimmed) < len(rest)
}

// Run decides about a command.
func (c *Commands) Run(ctx context.Context, evt *event.Event, text string) error {
	in := call{user: evt.Sender, room: evt.RoomID, event: evt.ID, answers: evt.Content.AsMessage().RelatesTo.GetReplyTo()}
	if !c.permit.MayTalk(in.user) {
		return c.reply(ctx, in, "You are not allowed to use this bridge. Ask its administrator to add you to \"bridge.permissions\" in its configuration.")
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		words = []string{"help"}
	}
	name := strings.ToLower(words[0])
	all := specs()
	i := slices.IndexFunc(all, func(s spec) bool { return s.name == name })
	if i < 0 {
		return c.reply(ctx, in, fmt.Sprintf("I do not know the command %q.%s Write \"help\" to see what I can do.", clip(words[0]), similar(name)))
	}
	if all[i].needsLogin && !c.permit.MayLogIn(in.user) {
		return c.reply(ctx, in, "You may not link WhatsApp accounts on this bridge. Ask its administrator for the level \"user\" in \"bridge.permissions\".")
	}
	in.args = words[1:]
	return all[i].run(c, ctx, in)
}

// reply answers in the room of the command.
func (c *Commands) reply(ctx context.Context, in call, text string) error {
	return c.out.SendNotice(ctx, outbox.SendNotice{Room: in.room, Txn: "reply-" + in.event.String(), Text: text, ReplyTo: in.event})
}

// similar suggests a command that begins like name, or contains it.
func similar(name string) string {
	for _, s := range specs() {
		if len(name) > 1 && (strings.HasPrefix(s.name, name[:2]) || strings.Contains(s.name, name)) {
			return fmt.Sprintf(" Did you mean %q?", s.name)
		}
	}
	return ""
}

func clip(word string) string {
	if runes := []rune(word); len(runes) > 30 {
		return string(runes[:30]) + "…"
	}
	return word
}
