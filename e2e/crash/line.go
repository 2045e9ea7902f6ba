package crash

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Line is one message: the nth that a speaker said in a chat. Speaker is a Matrix user ID, or the number of a phone.
type Line struct {
	Chat    string
	Speaker string
	Number  int
}

// Text is the line as it is sent.
func (l Line) Text() string { return fmt.Sprintf("%s %s #%d", l.Chat, l.Speaker, l.Number) }

// onMatrix says on which side the line was said.
func (l Line) onMatrix() bool { return strings.HasPrefix(l.Speaker, "@") }

// parseLine reads a line from what a phone or a room shows.
func parseLine(text string) (Line, bool) {
	parts := strings.Split(text, " ")
	if len(parts) != 3 || !strings.HasPrefix(parts[2], "#") {
		return Line{}, false
	}
	n, err := strconv.Atoi(parts[2][1:])
	return Line{Chat: parts[0], Speaker: parts[1], Number: n}, err == nil
}

// ledger is what was said.
type ledger struct {
	mu    sync.Mutex
	count map[Line]int // by chat and speaker
	lines []Line
}

// next is the next line of a speaker in a chat. It counts once it is noted.
func (l *ledger) next(chat, speaker string) Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Line{Chat: chat, Speaker: speaker, Number: l.count[Line{Chat: chat, Speaker: speaker}] + 1}
}

func (l *ledger) note(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == nil {
		l.count = map[Line]int{}
	}
	l.count[Line{Chat: line.Chat, Speaker: line.Speaker}] = line.Number
	l.lines = append(l.lines, line)
}

func (l *ledger) all() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Line(nil), l.lines...)
}
