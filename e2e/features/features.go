// Package features lists what a message can be: each kind with its forms on both sides, its limits, and the tests that show it.
// docs/features.md is made from it.
//
// A file holds the rows of one area. The tests of this package fail when a row names no test or one that does not exist, and when
// the bridge has to do with a kind that is in no row.
package features

import (
	"fmt"
	"slices"
	"strings"
)

// Direction is which way messages of a kind go.
type Direction string

// The directions.
const (
	BothWays   Direction = "both ways"
	ToMatrix   Direction = "to Matrix"
	ToWhatsApp Direction = "to WhatsApp"
)

// Row is one kind of message, or one thing that a message can have.
type Row struct {
	Kind      string
	Direction Direction
	// Matrix are types of events, msgtypes, and fields of their content.
	Matrix []string
	// WhatsApp are fields of waE2E.Message, by path ("imageMessage.viewOnce"), types of protocol messages
	// ("protocolMessage/REVOKE"), or words where it is neither; words have a space.
	WhatsApp []string
	// Limits says where it ends, in whole sentences; what is not said here works in full.
	Limits string
	// Tests show it: "package.TestName", with "/subtest", "/testdata/golden file without ending" or ":step" behind it. One of them
	// is a scenario of e2e.
	Tests []string
}

// Area is a part of the page.
type Area struct {
	Title string
	Rows  []Row
}

// Areas lists all rows.
func Areas() []Area {
	return []Area{
		{"Text", text()},
		{"Media", media()},
		{"Replies, edits, reactions, removals", changes()},
		{"Places and contacts", places()},
		{"Events, invitations, businesses", slices.Concat(answers(), forPhones())},
		{"Other kinds", kinds()},
		{"What becomes of a message", life()},
		{"Signs beside messages", signs()},
	}
}

// Apart is what comes from WhatsApp and is in no row, and why.
type Apart struct {
	Why string
	// WhatsApp are fields and types of protocol messages as in Row, Matrix types of events.
	WhatsApp, Matrix []string
}

const head = `# What a message can be

Each kind of message, its forms on both sides, where it ends, and the tests that show it. This page is generated from ` +
	"`e2e/features`" + `, where a kind without a test fails the build; [CONTRIBUTING.md](../CONTRIBUTING.md) says how to add one.

The names under WhatsApp are fields of the protobuf message (` + "`waE2E.Message`" + ` in whatsmeow). Tests are named by their package; those of ` +
	"`e2e`" + ` run the real programs with a real homeserver and the simulated WhatsApp, the others a part of the bridge. At the end of each scenario
matrix-js-sdk, the library that Element is built on, reads all events that the bridge has sent; one that a client could not show fails it.
`

// Page returns docs/features.md.
func Page() []byte {
	var page strings.Builder
	page.WriteString(head)
	for _, area := range Areas() {
		fmt.Fprintf(&page, "\n## %s\n\n| kind | direction | Matrix | WhatsApp | limits | tests |\n|---|---|---|---|---|---|\n", area.Title)
		for _, row := range area.Rows {
			fmt.Fprintf(&page, "| %s | %s | %s | %s | %s | %s |\n",
				row.Kind, row.Direction, named(row.Matrix), named(row.WhatsApp), row.Limits, named(row.Tests))
		}
	}
	page.WriteString("\n## What is only named\n\nA notice in the room says what came, and to open WhatsApp to see it.\n")
	apart(&page, Noticed())
	page.WriteString("\n## What is not for people\n\nPrograms tell each other these things; nothing is shown.\n")
	apart(&page, NotForPeople())
	if list := UnderWay(); len(list) > 0 {
		page.WriteString("\n## What is not ready yet\n\nThe bridge shows these, but that is not shown from end to end yet.\n")
		apart(&page, list)
	}
	return []byte(page.String())
}

func apart(page *strings.Builder, list []Apart) {
	page.WriteString("\n| what | fields and types |\n|---|---|\n")
	for _, a := range list {
		fmt.Fprintf(page, "| %s | %s |\n", a.Why, named(slices.Concat(a.WhatsApp, a.Matrix)))
	}
}

// named lists names as code, and words as they are.
func named(names []string) string {
	shown := make([]string, len(names))
	for i, name := range names {
		if shown[i] = name; !strings.Contains(name, " ") {
			shown[i] = "`" + name + "`"
		}
	}
	return strings.Join(shown, ", ")
}
