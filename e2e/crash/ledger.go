package crash

import "sync"

// ledger is what was said. It keeps what is said free of what two sides that are apart could honestly disagree on: only one speaker
// reacts to a line, and a line to which somebody reacts is not removed.
type ledger struct {
	mu    sync.Mutex
	count map[speaker]int
	lines []Line
	fates map[fateKey]fate
}

type (
	speaker struct{ chat, name string }
	fateKey struct{ chat, line string }
)

// fate is what became of a line.
type fate struct {
	removed, takenBack bool
	reactor, reaction  string
}

// next is the next line of a speaker in a chat. It counts once it is noted.
func (l *ledger) next(chat, name string) Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Line{Chat: chat, Speaker: name, Number: l.count[speaker{chat, name}] + 1}
}

// about makes a line one about another, if that may be.
func (l *ledger) about(line, of Line, deed Deed) (Line, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fate := l.fates[fateKey{of.Chat, of.Name()}]
	own := of.Speaker == line.Speaker
	line.Deed, line.Of = deed, of.Name()
	switch deed {
	case Edits:
		return line, own && !fate.removed
	case Removes:
		return line, own && !fate.removed && fate.reactor == ""
	case Reacts:
		return line, !fate.removed && !fate.takenBack && (fate.reactor == "" || fate.reactor == line.Speaker)
	case TakesBack:
		line.Reaction = fate.reaction
		return line, fate.reactor == line.Speaker && !fate.takenBack
	}
	return line, false
}

func (l *ledger) note(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == nil {
		l.count, l.fates = map[speaker]int{}, map[fateKey]fate{}
	}
	l.count[speaker{line.Chat, line.Speaker}] = line.Number
	l.lines = append(l.lines, line)
	key := fateKey{line.Chat, line.Of}
	fate := l.fates[key]
	switch line.Deed {
	case Removes:
		fate.removed = true
	case Reacts:
		fate.reactor, fate.reaction = line.Speaker, line.Text()
	case TakesBack:
		fate.takenBack = true
	}
	l.fates[key] = fate
}

func (l *ledger) all() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Line(nil), l.lines...)
}
