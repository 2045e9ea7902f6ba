package crash

import "fmt"

// Heard is what a room or a phone shows of one line (Line.Mark). From is the Matrix user ID or the number of who seems to have done
// it, with a plus sign behind the number if it came from a companion device.
type Heard struct{ Text, From string }

// View is what one room or one phone shows of a chat, in its order.
type View struct {
	Where string
	Chat  string
	Heard []Heard
	// Last is how each line looks after all that was done to it, by the line's name.
	Last map[string]string
	// By says who must seem to have said a line here.
	By func(Line) string
}

// Report is what became of what was said.
type Report struct {
	// Sent is how many lines were said, FromMatrix how many of them on Matrix, and Changes how many were edits, reactions, and
	// removals. Arrived counts those that stand in every view of their chat.
	Sent, FromMatrix, Changes, Arrived int
	// Lost counts lines that some view does not show, Doubled the copies beyond the first, Disordered the lines that stand before
	// an earlier one of the same speaker.
	Lost, Doubled, Disordered int
	// Problems are sentences on all else that should not be, and on the first of what these figures count.
	Problems []string
}

// Faultless says whether the promise was kept.
func (r Report) Faultless() bool {
	return r.Sent > 0 && r.Lost+r.Doubled+r.Disordered+len(r.Problems) == 0 && r.Arrived == r.Sent
}

// maxProblems bounds the sentences of one kind.
const maxProblems = 5

// script is what was said in a chat, and what follows from it.
type script struct {
	lines []Line
	known map[string]Line
	// replaced are the marks of reactions that vanish in a room because another took their place.
	replaced map[string]bool
	last     map[string]string
}

// newScript follows what was done. It asks no view.
func newScript(lines []Line) script {
	s := script{lines: lines, known: map[string]Line{}, replaced: map[string]bool{}, last: map[string]string{}}
	text, reaction := map[string]string{}, map[string]string{}
	for _, line := range lines {
		s.known[line.Mark()] = line
		switch line.Deed {
		case Says:
			text[line.Name()] = line.Text()
		case Edits:
			text[line.Of] = line.Text()
		case Removes:
			text[line.Of] = ""
		case TakesBack:
			delete(reaction, line.Of)
		case Reacts:
			if before := reaction[line.Of]; before != "" {
				s.replaced[markTakenBack(before, line.Of)] = true
			}
			reaction[line.Of] = line.Text()
		}
	}
	for name := range text {
		if s.last[name] = text[name]; reaction[name] != "" {
			s.last[name] += " " + reaction[name]
		}
	}
	return s
}

// compare holds what was said against what is shown: every view of a chat must show every line of the chat once, about the right
// line, in the order of each speaker, and all must look alike in the end.
func compare(said []Line, views []View) Report {
	report := Report{Sent: len(said)}
	byChat := map[string][]Line{}
	for _, line := range said {
		byChat[line.Chat] = append(byChat[line.Chat], line)
		if line.onMatrix() {
			report.FromMatrix++
		}
		if line.Deed != Says {
			report.Changes++
		}
	}
	scripts := map[string]script{}
	for chat, lines := range byChat {
		scripts[chat] = newScript(lines)
	}
	missing := map[Line]bool{}
	seen := map[string]bool{}
	for _, view := range views {
		seen[view.Chat] = true
		report.read(view, scripts[view.Chat], missing)
	}
	for chat, lines := range byChat {
		if !seen[chat] {
			report.complain("nobody shows the chat %s", chat)
			for _, line := range lines {
				missing[line] = true
			}
		}
	}
	report.Lost = len(missing)
	report.Arrived = report.Sent - report.Lost
	return report
}

// read adds one view to the report.
func (r *Report) read(view View, said script, missing map[Line]bool) {
	times := map[string]int{}
	latest := map[string]int{}
	for _, heard := range view.Heard {
		line, ok := said.known[heard.Text]
		if !ok && !said.replaced[heard.Text] {
			r.complain("%s shows %q, which nobody said there", view.Where, heard.Text)
			continue
		}
		if times[heard.Text]++; times[heard.Text] > 1 {
			r.Doubled++
			r.complain("%s shows %q %d times", view.Where, heard.Text, times[heard.Text])
			continue
		}
		if !ok {
			continue // whoever removes what was replaced, and when, is of no interest
		}
		if by := view.By(line); by != heard.From {
			r.complain("%s shows %q as if %s had said it, not %s", view.Where, heard.Text, heard.From, by)
		}
		if line.Number < latest[line.Speaker] {
			r.Disordered++
			r.complain("%s shows %q after #%d", view.Where, heard.Text, latest[line.Speaker])
		}
		latest[line.Speaker] = max(latest[line.Speaker], line.Number)
	}
	whole := true
	for _, line := range said.lines {
		if times[line.Mark()] == 0 {
			whole = false
			if missing[line] = true; len(missing) <= maxProblems {
				r.complain("%s does not show %q", view.Where, line.Mark())
			}
		}
	}
	for name, last := range said.last {
		if whole && view.Last[name] != last {
			r.complain("%s shows %s as %q in the end, not as %q", view.Where, name, view.Last[name], last)
		}
	}
}

func (r *Report) complain(format string, args ...any) {
	if len(r.Problems) < 4*maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}
