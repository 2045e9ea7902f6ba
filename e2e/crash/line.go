package crash

import (
	"fmt"
	"strconv"
	"strings"
)

// Deed is what a line does.
type Deed int

// The deeds. All but Says are about an earlier line.
const (
	Says      Deed = iota
	Edits          // replaces the text of a line of the same speaker
	Reacts         // takes the place of the same speaker's earlier reaction
	TakesBack      // takes back a reaction of the same speaker
	Removes        // deletes a line of the same speaker
)

// Line is what a speaker did in a chat: the nth thing. Speaker is a Matrix user ID, or the number of a phone.
type Line struct {
	Chat    string
	Speaker string
	Number  int
	Deed    Deed
	// Of is the name of the line that this one is about, and Reaction what is taken back.
	Of, Reaction string
	// File says that what is said is the caption of a file.
	File bool
}

// Name tells a line from the others of its chat.
func (l Line) Name() string { return l.Speaker + "#" + strconv.Itoa(l.Number) }

// Text is the line as it is sent: a text, or the emoji of a reaction. A real one is not followed by a number; it makes each another.
func (l Line) Text() string {
	switch l.Deed {
	case Reacts:
		return "👍" + strconv.Itoa(l.Number)
	case TakesBack, Removes:
		return ""
	}
	return fmt.Sprintf("%s %s #%d", l.Chat, l.Speaker, l.Number)
}

// Mark is the line as a room or a phone shows it: what was sent, and what it is about there.
func (l Line) Mark() string {
	switch l.Deed {
	case Edits:
		return markEdit(l.Text(), l.Of)
	case Reacts:
		return markReaction(l.Text(), l.Of)
	case TakesBack:
		return markTakenBack(l.Reaction, l.Of)
	case Removes:
		return markRemoved(l.Of)
	}
	if l.File {
		return markFile(l.Text(), digestOf(l.file()))
	}
	return l.Text()
}

func markEdit(text, of string) string      { return text + " instead of " + of }
func markReaction(text, of string) string  { return text + " on " + of }
func markTakenBack(text, of string) string { return "no more " + markReaction(text, of) }
func markRemoved(of string) string         { return of + " removed" }

// onMatrix says on which side the line was said.
func (l Line) onMatrix() bool { return strings.HasPrefix(l.Speaker, "@") }

// padMark stands between a line and what only makes it longer.
const padMark = " | "

// parseLine reads the text of a line from what a phone or a room shows.
func parseLine(text string) (Line, bool) {
	parts := strings.Split(text, " ")
	if len(parts) != 3 || !strings.HasPrefix(parts[2], "#") {
		return Line{}, false
	}
	n, err := strconv.Atoi(parts[2][1:])
	return Line{Chat: parts[0], Speaker: parts[1], Number: n}, err == nil
}
