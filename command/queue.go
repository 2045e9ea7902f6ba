package command

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

const (
	// maxShown is how many lines of each sort an answer has; an event has limits, and so has a reader.
	maxShown = 12
	// maxLetters is how many dead letters are looked through, or tried again at once.
	maxLetters = 1000
)

const queueUsage = "Write \"queue\" for what is yours, \"queue all\" for everybody's, \"queue show 12\", \"queue retry 12\" or \"queue drop 12\" for the dead letter 12, or \"queue retry all\" and \"queue drop all\"."

// queue shows what waits and what was given up, and lets administrators act on it.
func (c *Commands) queue(ctx context.Context, in call) error {
	if len(in.args) == 0 {
		return c.queueOf(ctx, in, false)
	}
	if !c.permit.IsAdmin(in.user) {
		return c.reply(ctx, in, "Only administrators of the bridge may do that. Write \"queue\" to see what is yours.")
	}
	word := strings.ToLower(in.args[0])
	switch {
	case word == "all" && len(in.args) == 1:
		return c.queueOf(ctx, in, true)
	case len(in.args) != 2 || word != "show" && word != "retry" && word != "drop":
		return c.reply(ctx, in, queueUsage)
	}
	if word != "show" && strings.EqualFold(in.args[1], "all") {
		return c.letters(ctx, in, word)
	}
	number, err := strconv.ParseInt(strings.TrimPrefix(in.args[1], "#"), 10, 64)
	if err != nil {
		return c.reply(ctx, in, fmt.Sprintf("%q is not the number of a dead letter. %s", clip(in.args[1]), queueUsage))
	}
	return c.letter(ctx, in, word, number)
}

// letter does something with one dead letter, in whichever queue it is.
func (c *Commands) letter(ctx context.Context, in call, what string, number int64) error {
	for _, q := range c.queues() {
		e, ok, err := q.DeadLetter(ctx, number)
		if err != nil {
			return err
		} else if !ok {
			continue
		}
		if what == "show" {
			return c.reply(ctx, in, letterText(q.Name(), e))
		}
		if err := act(ctx, q, what, number, in); err != nil {
			return err
		}
		return c.reply(ctx, in, fmt.Sprintf("Dead letter %d %s.", number, done(what)))
	}
	return c.reply(ctx, in, fmt.Sprintf("There is no dead letter %d. Write \"queue all\" to see those that there are.", number))
}

// letters tries all dead letters again, the oldest first, or drops them.
func (c *Commands) letters(ctx context.Context, in call, what string) error {
	n := 0
	for _, q := range c.queues() {
		list, err := q.DeadLetters(ctx, maxLetters)
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(list) {
			if err := act(ctx, q, what, e.ID, in); err != nil {
				return err
			}
			n++
		}
	}
	if n == 0 {
		return c.reply(ctx, in, "There are no dead letters.")
	}
	return c.reply(ctx, in, fmt.Sprintf("%d dead letters: each %s.", n, done(what)))
}

func act(ctx context.Context, q *queue.Queue, what string, number int64, in call) (err error) {
	if what == "retry" {
		_, err = q.Revive(ctx, number)
	} else {
		_, err = q.Drop(ctx, number, in.user.String())
	}
	return err
}

func done(what string) string {
	if what == "retry" {
		return "is tried again"
	}
	return "was dropped"
}

func letterText(name string, e queue.Entry) string {
	return fmt.Sprintf("Dead letter %d: %s\nQueue and lane: %s, %s\nKey: %s\nSince: %s (came %s)\nAttempts: %d\nError: %s\n\nTry it again with \"queue retry %d\", or drop it for good with \"queue drop %d\".",
		e.ID, kindText(e.Kind), name, e.Lane, e.Key, stamp(e.Closed), stamp(e.Added), e.Attempts, e.Error, e.ID, e.ID)
}

func (c *Commands) queues() []*queue.Queue { return []*queue.Queue{c.in.Queue, c.out.Queue} }

// queueOf lists what waits and what is dead, of a user or of everybody.
func (c *Commands) queueOf(ctx context.Context, in call, everybody bool) error {
	mine, err := c.belongings(ctx, in, everybody)
	if err != nil {
		return err
	}
	var waiting, dead []line
	for _, q := range c.queues() {
		lanes, err := q.Lanes(ctx)
		if err != nil {
			return err
		}
		for _, l := range lanes {
			if mine.has(l.Queue, l.Lane) && !isOfNow(l, in) {
				waiting = append(waiting, line{l.Queue, l.Lane, laneText(l, everybody)})
			}
		}
		letters, err := q.DeadLetters(ctx, maxLetters)
		if err != nil {
			return err
		}
		for _, e := range letters {
			if mine.has(q.Name(), e.Lane) {
				dead = append(dead, line{q.Name(), e.Lane, deadText(e, everybody)})
			}
		}
	}
	waits, err := c.listText(ctx, mine, "Waiting", "Nothing waits.", waiting)
	if err != nil {
		return err
	}
	given, err := c.listText(ctx, mine, "Given up", "Nothing was given up.", dead)
	if err != nil {
		return err
	}
	return c.reply(ctx, in, waits+"\n\n"+given)
}

// isOfNow reports whether a lane's head is the question itself, or an answer of the bot that is about to go.
func isOfNow(l queue.LaneState, in call) bool {
	return l.Head.Key == "matrix/"+in.event.String() || l.Head.Kind == outbox.KindSendNotice && l.Head.Attempts == 0
}

// line is one line of an answer, and the lane that it is about.
type line struct {
	queue string
	lane  queue.Lane
	text  string
}

func (c *Commands) listText(ctx context.Context, mine belongings, head, none string, list []line) (string, error) {
	if len(list) == 0 {
		return none, nil
	}
	text := fmt.Sprintf("%s (%d):", head, len(list))
	for i, l := range list {
		if i == maxShown {
			return text + fmt.Sprintf("\n- and %d more", len(list)-i), nil
		}
		where, err := c.where(ctx, mine, l)
		if err != nil {
			return "", err
		}
		text += "\n- " + where + l.text
	}
	return text, nil
}

// where names the chat of a line, or for administrators the lane.
func (c *Commands) where(ctx context.Context, mine belongings, l line) (string, error) {
	if mine.everybody {
		return fmt.Sprintf("%s %s: ", l.queue, l.lane), nil
	}
	portal, ok := mine.portals[subject(l.queue, l.lane).Portal]
	name := portal.Name
	if ok && portal.Other != 0 {
		other, err := c.db.PuppetByID(ctx, portal.Other)
		if err != nil {
			return "", err
		}
		name = other.Name
	}
	if name == "" {
		return "", nil
	}
	return fmt.Sprintf("in the chat %q: ", clip(name)), nil
}

// laneText says what waits on a lane, since when and why.
func laneText(l queue.LaneState, causes bool) string {
	text := fmt.Sprintf("%s, since %s", kindText(l.Head.Kind), stamp(l.Head.Added))
	if l.Open > 1 {
		text += fmt.Sprintf(", and %d behind it", l.Open-1)
	}
	switch waits, attempts := waitText(l.Head.WaitsFor()), l.Head.Attempts; {
	case waits != "":
		text += "; " + waits
	case attempts > 0:
		text += fmt.Sprintf("; tried %d times without success, the bridge keeps trying", attempts)
	default:
		text += "; its turn comes"
	}
	if causes && l.Head.Error != "" {
		text += fmt.Sprintf(" (%s)", cut(l.Head.Error))
	}
	return text
}

func deadText(e queue.Entry, causes bool) string {
	text := fmt.Sprintf("number %d, %s, since %s", e.ID, kindText(e.Kind), stamp(e.Closed))
	if causes {
		return text + ": " + cut(e.Error)
	}
	return text + "; an administrator of the bridge can try it again"
}

// maxCause is how much of an error is shown in a list, in characters.
const maxCause = 120

func cut(cause string) string {
	if runes := []rune(cause); len(runes) > maxCause {
		return string(runes[:maxCause]) + "…"
	}
	return cause
}

// waitText says in words what an entry is parked for.
func waitText(name string) string {
	kind, rest, _ := strings.Cut(name, "/")
	switch kind {
	case "":
		return ""
	case "connection":
		return "waits until +" + rest + " is connected to WhatsApp"
	case "room":
		return "waits until its room is made"
	case "details":
		return "waits until WhatsApp tells the group's name and members"
	case "login":
		return "waits until +" + rest + " is linked"
	}
	return "waits for " + cut(name)
}

// kindText says in words what an entry is.
func kindText(kind string) string {
	switch kind {
	case inbox.KindMatrixEvent:
		return "an event from Matrix"
	case inbox.KindWhatsAppMessage:
		return "a message from WhatsApp"
	case outbox.KindSendWhatsApp:
		return "a message to WhatsApp"
	case outbox.KindSendEvent:
		return "a message to a room"
	case outbox.KindSendNotice:
		return "a notice of the bot"
	}
	return strings.ReplaceAll(kind, "_", " ")
}

func stamp(at time.Time) string { return at.UTC().Format("2 January 15:04:05 UTC") }

// belongings are what the lines of a user's answer may be about.
type belongings struct {
	user      string
	everybody bool
	logins    map[database.LoginID]bool
	portals   map[database.PortalID]database.Portal
	rooms     map[string]bool
}

func (c *Commands) belongings(ctx context.Context, in call, everybody bool) (belongings, error) {
	b := belongings{user: in.user.String(), everybody: everybody, rooms: make(map[string]bool),
		logins: make(map[database.LoginID]bool), portals: make(map[database.PortalID]database.Portal)}
	if everybody {
		return b, nil
	}
	logins, err := c.db.LoginsOf(ctx, in.user)
	if err != nil {
		return b, err
	}
	for _, l := range logins {
		b.logins[l.ID] = true
		portals, err := c.db.PortalsOf(ctx, l.ID)
		if err != nil {
			return b, err
		}
		for _, p := range portals {
			b.portals[p.ID] = p
			if p.RoomID != "" {
				b.rooms[p.RoomID.String()] = true
			}
		}
	}
	b.rooms[in.room.String()] = true
	return b, nil
}

func subject(queueName string, lane queue.Lane) queue.Subject {
	if queueName == "inbox" {
		return inbox.Subject(lane)
	}
	return outbox.Subject(lane)
}

// has reports whether what is on a lane concerns the user. What is sent by a login concerns nobody else.
func (b belongings) has(queueName string, lane queue.Lane) bool {
	s := subject(queueName, lane)
	_, inPortal := b.portals[s.Portal]
	switch {
	case b.everybody:
		return true
	case s.Login != "":
		return b.logins[s.Login]
	case s.Portal != 0:
		return inPortal
	case s.Room != "":
		return b.rooms[s.Room]
	}
	return s.User == b.user
}
