package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"causeway/database"
	"causeway/outbox"
)

const loginUsage = "Write \"login qr\" to get a QR code, or \"login phone\" and your number with its country code, as in \"login phone +491701234567\", to get a code that you type on your phone."

func (c *Commands) login(ctx context.Context, in call) error {
	if ok, err := c.mayShowCode(ctx, in); err != nil || !ok {
		return err
	}
	method := ""
	if len(in.args) > 0 {
		method = strings.ToLower(in.args[0])
	}
	flow := database.LoginFlow{User: in.user, ID: in.event.String(), Method: method, Room: in.room, Started: time.Now()}
	pair := outbox.Pair{User: in.user, Flow: flow.ID}
	switch {
	case method == "qr" && len(in.args) == 1:
	case method == "phone" && len(in.args) > 1:
		number, problem := parseNumber(in.args[1:])
		if problem != "" {
			return c.reply(ctx, in, problem)
		}
		known, err := c.db.LoginByID(ctx, database.LoginID(number))
		if err == nil && known.User == in.user && known.State != database.StateLoggedOut {
			return c.reply(ctx, in, fmt.Sprintf("+%s is linked already. To link it anew, write \"logout %s\" first.", number, number))
		} else if err != nil && !errors.Is(err, database.ErrNotFound) {
			return err
		}
		pair.Number = number
	default:
		return c.reply(ctx, in, loginUsage)
	}
	if err := c.endFlow(ctx, in); err != nil {
		return err
	}
	if err := c.db.PutLoginFlow(ctx, flow); err != nil {
		return err
	}
	if err := c.out.Pair(ctx, pair); err != nil {
		return err
	}
	return c.reply(ctx, in, "Asking WhatsApp for a code. This takes a few seconds.")
}

// mayShowCode reports whether a code may be shown in the room of a command, and tells the user if not. Others who read
// it could link an account of theirs to this user.
func (c *Commands) mayShowCode(ctx context.Context, in call) (bool, error) {
	row, err := c.db.UserByID(ctx, in.user)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return false, err
	}
	if row.ManagementRoom == in.room {
		return true, nil
	}
	where := "Start a direct chat with me and write \"login\" there."
	if row.ManagementRoom != "" {
		where = "Write it in our direct chat: https://matrix.to/#/" + row.ManagementRoom.String()
	}
	return false, c.reply(ctx, in, "Others in this room could use the code to link an account of theirs. "+where)
}

// endFlow stops an earlier attempt of the same user, whose code is of no use any more.
func (c *Commands) endFlow(ctx context.Context, in call) error {
	old, err := c.db.LoginFlowOf(ctx, in.user)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return c.out.RemoveNotice(ctx, old.Room, outbox.RemoveNotice{Name: "login/" + old.ID})
}

func (c *Commands) cancel(ctx context.Context, in call) error {
	flow, err := c.db.LoginFlowOf(ctx, in.user)
	if errors.Is(err, database.ErrNotFound) {
		return c.reply(ctx, in, "There is nothing to cancel.")
	} else if err != nil {
		return err
	}
	return c.out.StopPairing(ctx, outbox.StopPairing{User: in.user, Flow: flow.ID})
}

func (c *Commands) logout(ctx context.Context, in call) error {
	logins, err := c.db.LoginsOf(ctx, in.user)
	if err != nil {
		return err
	}
	if len(logins) == 0 {
		return c.reply(ctx, in, "You have no linked WhatsApp account.")
	}
	login := logins[0]
	switch {
	case len(in.args) > 0:
		number := strings.TrimPrefix(onlyDigits(strings.Join(in.args, "")), "00")
		found := false
		for _, l := range logins {
			if string(l.ID) == number {
				login, found = l, true
			}
		}
		if !found {
			return c.reply(ctx, in, fmt.Sprintf("%q is none of your linked accounts. They are: %s.", clip(in.args[0]), numbers(logins)))
		}
	case len(logins) > 1:
		return c.reply(ctx, in, "You have several linked accounts. Say which one, as in \"logout "+string(login.ID)+"\": "+numbers(logins)+".")
	}
	if err := c.db.RemoveLogin(ctx, login.ID); err != nil {
		return err
	}
	// What still arrives by the login is then known to be of no use, and the account's next user is known to be another.
	if err := c.db.PutSetting(ctx, database.UnlinkedBy(login.ID), in.user.String()); err != nil {
		return err
	}
	// What waits to be sent is refused now, and its senders are told.
	if err := c.out.Provide(ctx, outbox.ConnectionOf(login.ID)); err != nil {
		return err
	}
	if err := c.out.LogOut(ctx, in.event.String(), outbox.LogOut{Login: login.ID, Device: login.Device}); err != nil {
		return err
	}
	return c.reply(ctx, in, fmt.Sprintf("Your WhatsApp account +%s is no longer linked. Your rooms stay, but nothing is bridged any more.", login.ID))
}

func numbers(logins []database.Login) string {
	list := make([]string, len(logins))
	for i, l := range logins {
		list[i] = "+" + string(l.ID)
	}
	return strings.Join(list, ", ")
}

// maxNumber is how much is read of what is said to be a phone number, in bytes. A number has at most 15 digits (E.164).
const maxNumber = 60

// parseNumber reads an international phone number, with or without "+", spaces and the like, and returns its digits.
// The problem, if there is one, is a sentence for the user.
func parseNumber(words []string) (digits, problem string) {
	text := strings.Join(words, "")
	shown := clip(strings.Join(words, " "))
	explained := fmt.Sprintf("%q is not a phone number that I can use. Write it with its country code, as in +491701234567.", shown)
	if len(text) > maxNumber || strings.ContainsFunc(text, unicode.IsLetter) {
		return "", explained
	}
	digits = onlyDigits(text)
	if strings.Trim(digits, "0123456789") != "" { // of a script that nobody has taught us
		return "", explained
	}
	rest, abroad := strings.CutPrefix(digits, "00")
	if !abroad && strings.HasPrefix(digits, "0") {
		return "", fmt.Sprintf("%q has no country code. Write the number as you would dial it from abroad, as in +491701234567.", shown)
	}
	// "+49 (0)170": the zero is dialled only within the country.
	if _, local, ok := strings.Cut(text, "(0)"); ok {
		rest = strings.TrimSuffix(rest, "0"+onlyDigits(local)) + onlyDigits(local)
	}
	number, err := phonenumbers.Parse("+"+rest, "")
	if err != nil || phonenumbers.IsPossibleNumberWithReason(number) != phonenumbers.IS_POSSIBLE {
		return "", explained
	}
	return strings.TrimPrefix(phonenumbers.Format(number, phonenumbers.E164), "+"), ""
}

// onlyDigits keeps the digits of a text, the Arabic ones as 0 to 9.
func onlyDigits(text string) string { return phonenumbers.NormalizeDigitsOnly(text) }
