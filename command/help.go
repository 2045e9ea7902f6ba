package command

import (
	"context"
	"html"
	"strings"

	"causeway/outbox"
)

func (c *Commands) help(ctx context.Context, in call) error {
	var text, markup strings.Builder
	text.WriteString("Commands (in other rooms than this one, begin them with \"" + c.about.Prefix + "\"):\n")
	markup.WriteString("<p>Commands (in other rooms than this one, begin them with <code>" + html.EscapeString(c.about.Prefix) + "</code>):</p><ul>")
	for _, s := range specs() {
		usage := strings.TrimSpace(s.name + " " + s.args)
		text.WriteString("\n" + usage + " - " + s.help)
		markup.WriteString("<li><code>" + html.EscapeString(usage) + "</code> – " + html.EscapeString(s.help) + "</li>")
	}
	markup.WriteString("</ul>")
	return c.out.SendNotice(ctx, outbox.SendNotice{
		Room: in.room, Txn: "reply-" + in.event.String(), Text: text.String(), HTML: markup.String(), ReplyTo: in.event,
	})
}

func (c *Commands) version(ctx context.Context, in call) error {
	return c.reply(ctx, in, "Causeway "+c.about.Version)
}
