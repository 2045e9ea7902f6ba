package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration, told in one line.
type Problem struct {
	// Source is the file or the environment variable that holds the value.
	Source string
	// Line is the line in that file; 0 if there is none.
	Line int
	// Setting is the name with dots, as in "appservice.as_token"; empty if the
	// problem is not about one.
	Setting string
	// What is wrong, as a predicate: "is missing".
	What string
	// Fix is what to do about it.
	Fix string
}

// Error is "source:line: setting what; fix" on one line.
func (p Problem) Error() string {
	var text strings.Builder
	if p.Source != "" {
		text.WriteString(p.Source)
		if p.Line > 0 {
			fmt.Fprintf(&text, ":%d", p.Line)
		}
		text.WriteString(": ")
	}
	if p.Setting != "" {
		text.WriteString(p.Setting + " ")
	}
	text.WriteString(p.What)
	if p.Fix != "" {
		text.WriteString("; " + p.Fix)
	}
	return strings.NewReplacer("\n", " ", "\r", " ").Replace(text.String())
}

// Problems is everything that is wrong, in the order of the file.
type Problems []Problem

// Error is one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// About returns the problems of one setting.
func (p Problems) About(setting string) Problems {
	return slices.DeleteFunc(slices.Clone(p), func(one Problem) bool { return one.Setting != setting })
}

// quote shows a value in a message, shortened, on one line.
func quote(value string) string {
	const most = 60
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most]) + "..."
	}
	return fmt.Sprintf("%q", value)
}

// nearest returns the candidate that was probably meant by a mistyped word, or
// "" if none is close: at most a third of the letters may differ.
func nearest(word string, candidates []string) string {
	best, least := "", len(word)/3+1
	for _, candidate := range candidates {
		if d := distance(word, candidate); d <= least && (best == "" || d < least) {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two words, which are short.
func distance(a, b string) int {
	const longest = 100
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
