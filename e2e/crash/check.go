package crash

import "fmt"

// Heard is one message as a room or a phone shows it. From is the Matrix user ID or the number of who seems to have said it, with a
// plus sign behind the number if it came from a companion device.
type Heard struct{ Text, From string }

// View is what one room or one phone shows of a chat, in its order.
type View struct {
	Where string
	Chat  string
	Heard []Heard
	// By says who must seem to have said a line here.
	By func(Line) string
}

// Report is what became of what was said.
type Report struct {
	// Sent is how many lines were said, FromMatrix how many of them on Matrix. Arrived counts those that stand in every view of
	// their chat.
	Sent, FromMatrix, Arrived int
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

// compare holds what was said against what is shown: every view of a chat must show every line of the chat once, in the order of
// each speaker.
func compare(said []Line, views []View) Report {
	report := Report{Sent: len(said)}
	byChat := map[string][]Line{}
	for _, line := range said {
		byChat[line.Chat] = append(byChat[line.Chat], line)
		if line.onMatrix() {
			report.FromMatrix++
		}
	}
	missing := map[Line]bool{}
	seen := map[string]bool{}
	for _, view := range views {
		seen[view.Chat] = true
		report.read(view, byChat[view.Chat], missing)
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
func (r *Report) read(view View, said []Line, missing map[Line]bool) {
	known := make(map[Line]bool, len(said))
	for _, line := range said {
		known[line] = true
	}
	times := map[Line]int{}
	latest := map[string]int{}
	for _, heard := range view.Heard {
		line, ok := parseLine(heard.Text)
		if !ok {
			continue
		}
		if !known[line] {
			r.complain("%s shows %q, which nobody said there", view.Where, heard.Text)
			continue
		}
		if by := view.By(line); by != heard.From {
			r.complain("%s shows %q as if %s had said it, not %s", view.Where, heard.Text, heard.From, by)
		}
		if times[line]++; times[line] > 1 {
			r.Doubled++
			r.complain("%s shows %q %d times", view.Where, heard.Text, times[line])
			continue
		}
		if line.Number < latest[line.Speaker] {
			r.Disordered++
			r.complain("%s shows %q after #%d", view.Where, heard.Text, latest[line.Speaker])
		}
		latest[line.Speaker] = max(latest[line.Speaker], line.Number)
	}
	for _, line := range said {
		if times[line] == 0 {
			if missing[line] = true; len(missing) <= maxProblems {
				r.complain("%s does not show %q", view.Where, line.Text())
			}
		}
	}
}

func (r *Report) complain(format string, args ...any) {
	if len(r.Problems) < 4*maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}
