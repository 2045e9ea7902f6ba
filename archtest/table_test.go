package archtest

import (
	"fmt"
	"slices"
	"strings"
)

const module = "causeway"

// packageLimit is how many lines of code a package may have. Two have outgrown the limit and are to be split, as
// docs/architecture.md says in section 11; until then they may not grow further.
func packageLimit(pkg string) int {
	switch pkg {
	case "convert":
		return 4300
	case "portal":
		return 4100
	}
	return maxPackageLines
}

// The limits of docs/architecture.md that a linter cannot see.
const (
	maxFileLines    = 400
	maxPackageLines = 4000
	maxFanOut       = 5
)

// layer is what is said about one package: which of ours it may import.
type layer []string

// mayImport is the complete list of imports between our packages. A pattern that ends in /... stands for a package and those below.
func mayImport() map[string]layer {
	return map[string]layer{
		"config":                {},
		"database":              {},
		"crashpoint":            {},
		"database/databasetest": {"database"},
		"dispatch/dispatchtest": {"database", "database/databasetest", "inbox", "outbox", "queue"},
		"vcard":                 {},
		"convert":               {"vcard"},
		"media":                 {"media/transcode", "vcard"},
		"media/transcode":       {},
		"lease":                 {"database"},
		"queue":                 {"crashpoint", "database"},
		"inbox":                 {"database", "queue"},
		"outbox":                {"database", "queue"},
		"portal":                {"database", "inbox", "outbox", "convert", "queue"},
		"puppet":                {"database", "inbox", "outbox", "queue"},
		"user":                  {"database", "inbox", "outbox", "queue"},
		"backfill":              {"database", "inbox", "outbox", "convert"},
		"command":               {"database", "inbox", "outbox", "queue"},
		"dispatch":              {"database", "inbox", "queue"},
		"live":                  {"database", "inbox"},
		"matrix":                {"crashpoint", "database", "inbox", "outbox", "media", "queue"},
		"matrix/encryption":     {"database", "inbox"},
		"whatsapp":              {"crashpoint", "database", "inbox", "outbox", "media", "queue"},
		"webhook":               {"database", "outbox"},
		"auth":                  {"database"},
		"api":                   {"auth", "database", "outbox"},
		"web":                   {"auth", "database", "outbox"},
		"app":                   {"..."},
		"cmd/causeway":          {"app", "config"},
		"cmd/wasim":             {"simulator/..."},
		"simulator/...":         {"simulator/..."},
		"e2e/...":               {"app", "config", "crashpoint", "simulator/...", "e2e/..."},
		"archtest":              {},
		"docs/...":              {"config", "command"},
	}
}

// mayTest is what the tests of a package may import beyond what the package itself may.
func mayTest() layer {
	return layer{"database", "database/databasetest", "dispatch/dispatchtest", "queue", "inbox", "outbox", "config", "simulator/...", "puppet", "user", "portal", "command", "convert"}
}

// manyImports are the packages whose work is to join others; the limit of fan-out is not for them.
func manyImports() []string {
	return []string{"app", "cmd/causeway", "cmd/wasim", "simulator/...", "e2e/..."}
}

// deciders turn arrivals into rows and actions; they reach nothing outside, and they do it in the caller's goroutine.
func deciders() []string {
	return []string{"portal", "puppet", "user", "command", "backfill", "convert"}
}

// unreachable is what deciders must not import, even though a package below may.
func unreachable() []string {
	return []string{
		"net", "net/http", "os/exec", "sync", "database/sql",
		"maunium.net/go/mautrix", "maunium.net/go/mautrix/appservice", "go.mau.fi/whatsmeow",
		"github.com/rs/zerolog",
	}
}

// onlyIn names the packages behind which an outside package stays. Whatever is not named may be used anywhere. Tests of app are
// where the real client library meets the simulator.
func onlyIn() map[string][]string {
	return map[string][]string{
		"maunium.net/go/mautrix":             {"matrix", "matrix/encryption", "app", "e2e/..."},
		"maunium.net/go/mautrix/appservice":  {"matrix", "app", "config"},
		"go.mau.fi/whatsmeow":                {"whatsapp", "app", "simulator/..."},
		"go.mau.fi/whatsmeow/store/sqlstore": {"whatsapp", "app", "simulator/..."},
		"go.mau.fi/libsignal":                {"simulator/...", "whatsapp"},
		"github.com/lib/pq":                  {"database", "database/databasetest", "queue", "lease", "app", "whatsapp", "e2e/..."},
		"modernc.org/sqlite":                 {"database", "app", "simulator/...", "whatsapp", "e2e/..."},
		"github.com/coder/websocket":         {"simulator/..."},
		"github.com/skip2/go-qrcode":         {"matrix", "whatsapp", "media", "web", "command", "user", "e2e/..."},
		"github.com/makiuchi-d/gozxing":      {"e2e/..."},
		"github.com/spf13/cobra":             {"cmd/causeway", "cmd/wasim"},
		"github.com/nyaruka/phonenumbers":    {"command", "user", "puppet", "convert", "api"},
		"golang.org/x/image/draw":            {"media"},
		"github.com/HugoSmits86/nativewebp":  {"media"},
		"github.com/buckket/go-blurhash":     {"media"},
		"os/exec":                            {"media/transcode", "database", "e2e/...", "archtest"}, // database: its tests dump each released schema
	}
}

// covers says whether a pattern of the table stands for a package.
func covers(pattern, name string) bool {
	if pattern == "..." {
		return true
	}
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == root || strings.HasPrefix(name, root+"/")
	}
	return pattern == name
}

func coveredBy(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return covers(pattern, name) })
}

// allowance is the entry of the table for a package: its own, or that of the longest pattern.
func allowance(name string) (layer, bool) {
	table := mayImport()
	if allowed, ok := table[name]; ok {
		return allowed, true
	}
	best := ""
	for pattern := range table {
		if covers(pattern, name) && len(pattern) > len(best) {
			best = pattern
		}
	}
	return table[best], best != ""
}

// unit is one package as go list sees it. Imports are whole import paths; Tests those of its test files only.
type unit struct {
	Name           string
	Imports, Tests []string
}

// faults lists what the imports of a package break.
func (u unit) faults() (faults []string) {
	complain := func(format string, args ...any) { faults = append(faults, u.Name+": "+fmt.Sprintf(format, args...)) }
	allowed, known := allowance(u.Name)
	if !known {
		complain("is not in archtest's table: say what it may import")
		return faults
	}
	fanOut := 0
	for _, path := range u.Imports {
		if name, ours := strings.CutPrefix(path, module+"/"); ours {
			if name != "crashpoint" { // nothing of it is left in an ordinary build
				fanOut++
			}
			if !coveredBy(allowed, name) {
				complain("must not import %s", name)
			}
		}
		if coveredBy(deciders(), u.Name) && slices.Contains(unreachable(), path) {
			complain("decides, and must not import %s", path)
		}
	}
	for _, path := range u.Tests {
		name, ours := strings.CutPrefix(path, module+"/")
		simulator := covers("simulator/...", u.Name)
		if ours && name != u.Name && !coveredBy(allowed, name) && (simulator || !coveredBy(mayTest(), name)) {
			complain("must not import %s, not even in tests", name)
		}
	}
	for outside, homes := range onlyIn() {
		used := func(path string) bool {
			return path == outside || outside == "go.mau.fi/libsignal" && strings.HasPrefix(path, outside+"/")
		}
		if !coveredBy(homes, u.Name) && (slices.ContainsFunc(u.Imports, used) || slices.ContainsFunc(u.Tests, used)) {
			complain("must not import %s, which belongs to %s", outside, strings.Join(homes, ", "))
		}
	}
	if fanOut > maxFanOut && !coveredBy(manyImports(), u.Name) {
		complain("imports %d of our packages; the limit is %d", fanOut, maxFanOut)
	}
	return faults
}
