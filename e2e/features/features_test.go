package features

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const page = root + "/docs/features.md"

// To write the page after a change of the rows: CAUSEWAY_UPDATE=1 go test -tags goolm ./e2e/features
func TestPageIsGenerated(t *testing.T) {
	t.Parallel()
	if os.Getenv("CAUSEWAY_UPDATE") != "" {
		require.NoError(t, os.WriteFile(page, Page(), 0o644))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, string(Page()), string(got), "run CAUSEWAY_UPDATE=1 go test -tags goolm ./e2e/features to write docs/features.md")
}

func allRows() (rows []Row) {
	for _, area := range Areas() {
		rows = append(rows, area.Rows...)
	}
	return rows
}

// faults lists what is wrong with a row.
func (r Row) faults(t *testing.T, tests bench) (faults []string) {
	t.Helper()
	complain := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("%q: ", r.Kind)+fmt.Sprintf(format, args...))
	}
	if r.Kind == "" || len(r.Matrix) == 0 || len(r.WhatsApp) == 0 || !slices.Contains([]Direction{BothWays, ToMatrix, ToWhatsApp}, r.Direction) {
		complain("a column is empty, or the direction is none")
	}
	if strings.ContainsAny(r.Kind+r.Limits, "|\n") {
		complain("a cell cannot hold a bar or a line break")
	}
	if r.Limits != "" && !strings.HasSuffix(r.Limits, ".") {
		complain("the limits are no sentence")
	}
	for _, name := range r.WhatsApp {
		if fault := fieldFault(name); fault != "" {
			complain("%s", fault)
		}
	}
	scenario := false
	for _, name := range r.Tests {
		scenario = scenario || strings.HasPrefix(name, "e2e.")
		if fault := tests.fault(t, name); fault != "" {
			complain("%s", fault)
		}
	}
	if !scenario {
		complain("names no scenario of e2e that shows it")
	}
	return faults
}

// fieldFault says what is wrong with the name of a field of waE2E.Message; "" when there is such a field, or it is in words.
func fieldFault(name string) string {
	if strings.Contains(name, " ") {
		return ""
	}
	message := (&waE2E.Message{}).ProtoReflect().Descriptor()
	path, kind, isProtocol := strings.Cut(name, "/")
	if isProtocol {
		if _, ok := waE2E.ProtocolMessage_Type_value[kind]; !ok || path != "protocolMessage" {
			return name + " is no type of protocol message"
		}
		return ""
	}
	for part := range strings.SplitSeq(path, ".") {
		if message == nil {
			return name + " goes too deep"
		}
		field := message.Fields().ByName(protoreflect.Name(part))
		if field == nil {
			return fmt.Sprintf("%s: %s has no field %s", name, message.Name(), part)
		}
		message = field.Message()
	}
	return ""
}

func TestRows(t *testing.T) {
	t.Parallel()
	tests, seen := bench{}, map[string]bool{}
	for _, row := range allRows() {
		for _, fault := range row.faults(t, tests) {
			t.Error(fault)
		}
		if seen[row.Kind] {
			t.Errorf("%q is there twice", row.Kind)
		}
		seen[row.Kind] = true
	}
	require.NotEmpty(t, seen)
}

// TestRowRules shows that each rule can fail.
func TestRowRules(t *testing.T) {
	t.Parallel()
	good := Row{"a kind", ToMatrix, []string{"m.text"}, []string{"imageMessage.caption"}, "", []string{"e2e.TestMedia:filesFromMatrix"}}
	tests := bench{}
	require.Empty(t, good.faults(t, tests))
	for fault, spoil := range map[string]func(r *Row){
		"a column is empty":                      func(r *Row) { r.Matrix = nil },
		"the direction is none":                  func(r *Row) { r.Direction = "up" },
		"cannot hold a bar":                      func(r *Row) { r.Limits = "a|b." },
		"are no sentence":                        func(r *Row) { r.Limits = "beyond" },
		"has no field caption":                   func(r *Row) { r.WhatsApp = []string{"stickerMessage.caption"} },
		"has no field imagineMessage":            func(r *Row) { r.WhatsApp = []string{"imagineMessage"} },
		"goes too deep":                          func(r *Row) { r.WhatsApp = []string{"conversation.text.x"} },
		"is no type of protocol message":         func(r *Row) { r.WhatsApp = []string{"protocolMessage/REVOLT"} },
		"names no scenario of e2e":               func(r *Row) { r.Tests = []string{"convert.TestGoldenFiles"} },
		"there is no test TestMedium":            func(r *Row) { r.Tests = append(r.Tests, "e2e.TestMedium") },
		`there is no test TestMedia in "e2ee"`:   func(r *Row) { r.Tests = append(r.Tests, "e2ee.TestMedia") },
		"does not come to filesFromMars":         func(r *Row) { r.Tests = append(r.Tests, "e2e.TestMedia:filesFromMars") },
		"does not come to talkInAGroup":          func(r *Row) { r.Tests = append(r.Tests, "e2e.TestMedia:talkInAGroup") },
		`has no subtest "the longer"`:            func(r *Row) { r.Tests = append(r.Tests, "convert.TestSplit/the longer") },
		"testdata/media/imago.txt: no such file": func(r *Row) { r.Tests = append(r.Tests, "convert.TestGoldenFiles/testdata/media/imago") },
	} {
		bad := good
		bad.Tests = slices.Clone(good.Tests)
		spoil(&bad)
		require.Contains(t, strings.Join(bad.faults(t, tests), "\n"), fault)
	}
	good.Tests = append(good.Tests, "convert.TestSplit/the longest", "convert.TestGoldenFiles/testdata/media/image")
	require.Empty(t, good.faults(t, tests))
}
