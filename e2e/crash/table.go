package crash

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Row is one scenario on one database.
type Row struct {
	Scenario, Database string
	Kills              int
	Took               time.Duration

	Report
}

const rowFormat = "%-34s %-8s %5s %6s %7s %7s %5s %7s %12s %5s  %s"

// String is the row as the table shows it.
func (r Row) String() string {
	verdict := "ok"
	if !r.Faultless() {
		verdict = "BROKEN"
	}
	n := func(i int) string { return fmt.Sprint(i) }
	return fmt.Sprintf(rowFormat, r.Scenario, r.Database, n(r.Kills), n(r.Sent), n(r.Changes), n(r.Arrived), n(r.Lost), n(r.Doubled), n(r.Disordered),
		r.Took.Round(time.Second), verdict)
}

// WriteTable writes the rows and what is wrong with them, and reports whether the promise was kept.
func WriteTable(out io.Writer, rows []Row) bool {
	kept := len(rows) > 0
	total := Row{Scenario: "all"}
	fmt.Fprintf(out, strings.TrimSpace(rowFormat)+"\n", "scenario", "database", "kills", "sent", "changes", "arrived", "lost", "doubled", "out of order", "took", "")
	for _, row := range rows {
		fmt.Fprintln(out, row)
		kept = kept && row.Faultless()
		total.Kills += row.Kills
		total.Took += row.Took
		total.Sent += row.Sent
		total.Changes += row.Changes
		total.Arrived += row.Arrived
		total.Lost += row.Lost
		total.Doubled += row.Doubled
		total.Disordered += row.Disordered
		if !row.Faultless() {
			total.Problems = []string{"see above"}
		}
	}
	fmt.Fprintln(out, total)
	for _, row := range rows {
		for _, problem := range row.Problems {
			fmt.Fprintf(out, "%s on %s: %s\n", row.Scenario, row.Database, problem)
		}
	}
	return kept
}
