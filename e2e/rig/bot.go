package rig

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/person"
	"causeway/simulator/control/client"
)

// code is a pairing code as WhatsApp shows it.
var code = regexp.MustCompile(`\b[0-9A-Z]{4}-[0-9A-Z]{4}\b`)

// Chat is a person's direct chat with the bridge's bot.
type Chat struct {
	Person *person.Person
	Room   id.RoomID
	// Scanned, if set, is told the text of each QR code before the phone scans it.
	Scanned func(text string)

	network *Network
}

// OpenChat starts a person's direct chat with the bot and waits until the bot has said hello.
func (r *Rig) OpenChat(ctx context.Context, p *person.Person) (*Chat, error) {
	room, err := p.StartDirect(ctx, Bot)
	if err != nil {
		return nil, err
	}
	c := &Chat{Person: p, Room: room, network: r.Network}
	_, err = c.Hear(ctx, 0, "Hello!")
	return c, err
}

// Hear waits for a message of the bot, after a mark, that contains a text.
func (c *Chat) Hear(ctx context.Context, mark int, part string) (person.Seen, error) {
	return c.Person.WaitAfter(ctx, mark, fmt.Sprintf("the bot to say %q", part), func(s person.Seen) bool {
		return c.fromBot(s) && strings.Contains(s.Text(), part)
	})
}

func (c *Chat) fromBot(s person.Seen) bool { return s.RoomID == c.Room && s.Sender == Bot }

// Ask gives the bot a command and returns its reply to it.
func (c *Chat) Ask(ctx context.Context, command string) (string, error) {
	sent, err := c.Person.Send(ctx, c.Room, command)
	if err != nil {
		return "", err
	}
	answer, err := c.Person.WaitEvent(ctx, fmt.Sprintf("the reply to %q", command), func(s person.Seen) bool {
		m := s.Message()
		return c.fromBot(s) && m != nil && m.RelatesTo.GetReplyTo() == sent
	})
	if err != nil {
		return "", err
	}
	return answer.Text(), nil
}

// LogInByQR links the account of a simulated phone, which scans the code that the bot shows. It ends when the bot has confirmed.
func (c *Chat) LogInByQR(ctx context.Context, phone string) (picture id.EventID, err error) {
	mark := c.Person.Mark()
	if _, err := c.Person.Send(ctx, c.Room, "login qr"); err != nil {
		return "", err
	}
	for {
		shown, err := c.Person.WaitAfter(ctx, mark, "a QR code", func(s person.Seen) bool {
			m := s.Message()
			return c.fromBot(s) && m != nil && (m.MsgType == event.MsgImage || m.NewContent != nil && m.NewContent.MsgType == event.MsgImage)
		})
		if err != nil {
			return "", err
		}
		if picture == "" {
			picture = shown.ID
		}
		text, err := c.Person.Scan(ctx, shown.Message())
		if err != nil {
			return "", err
		}
		if c.Scanned != nil {
			c.Scanned(text)
		}
		next := c.Person.Mark()
		_, err = c.network.ScanQR(ctx, phone, text)
		var refused *client.Refusal
		if errors.As(err, &refused) && next > mark+1 {
			mark = next // it had changed meanwhile; the next one comes by itself
			continue
		}
		if err != nil {
			return "", fmt.Errorf("scan the code %.20q...: %w", text, err)
		}
		_, err = c.Hear(ctx, mark, "is linked")
		return picture, err
	}
}

// LogInByCode links the account of a simulated phone, on which the code that the bot shows is typed.
func (c *Chat) LogInByCode(ctx context.Context, phone string) error {
	mark := c.Person.Mark()
	if _, err := c.Person.Send(ctx, c.Room, "login phone +"+phone); err != nil {
		return err
	}
	shown, err := c.Person.WaitAfter(ctx, mark, "a pairing code", func(s person.Seen) bool {
		return c.fromBot(s) && code.MatchString(s.Text())
	})
	if err != nil {
		return err
	}
	if _, err := c.network.EnterCode(ctx, phone, code.FindString(shown.Text())); err != nil {
		return fmt.Errorf("type the code: %w", err)
	}
	_, err = c.Hear(ctx, mark, "is linked")
	return err
}

// Ghost is the Matrix user that stands for the account of a phone number.
func Ghost(phone string) id.UserID { return id.UserID("@whatsapp_" + phone + ":" + Domain) }
