package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// packages lists every package of the module.
func packages(t *testing.T) []unit {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-tags", "goolm", "-json=ImportPath,Imports,TestImports,XTestImports", "../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []unit
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		found = append(found, unit{Name: name, Imports: p.Imports, Tests: append(p.TestImports, p.XTestImports...)})
	}
	if len(found) == 0 {
		t.Fatal("go list found no package")
	}
	return found
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, u := range packages(t) {
		for _, fault := range u.faults() {
			t.Error(fault)
		}
	}
}

// TestImportRules shows that each rule can fail.
func TestImportRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		unit  unit
		fault string
	}{
		{unit{Name: "core"}, "not in archtest's table"},
		{unit{Name: "matrix/newcomer"}, "not in archtest's table"},
		{unit{Name: "portal", Imports: []string{"causeway/puppet"}}, "must not import puppet"},
		{unit{Name: "portal", Imports: []string{"net/http"}}, "decides, and must not import net/http"},
		{unit{Name: "user", Imports: []string{"go.mau.fi/whatsmeow"}}, "decides, and must not import go.mau.fi/whatsmeow"},
		{unit{Name: "matrix", Tests: []string{"go.mau.fi/whatsmeow"}}, "which belongs to whatsapp"},
		{unit{Name: "whatsapp", Imports: []string{"maunium.net/go/mautrix"}}, "which belongs to matrix"},
		{unit{Name: "whatsapp", Imports: []string{"go.mau.fi/libsignal/groups"}}, ""},
		{unit{Name: "matrix", Imports: []string{"go.mau.fi/libsignal/groups"}}, "must not import go.mau.fi/libsignal"},
		{unit{Name: "simulator/server", Imports: []string{"causeway/config"}}, "must not import config"},
		{unit{Name: "simulator/server", Tests: []string{"causeway/config"}}, "not even in tests"},
		{unit{Name: "simulator/server", Imports: []string{"causeway/simulator/wire"}}, ""},
		{unit{Name: "cmd/causeway", Imports: []string{"causeway/portal"}}, "must not import portal"},
		{unit{Name: "app", Imports: []string{"causeway/portal", "causeway/user", "causeway/puppet", "causeway/queue", "causeway/config",
			"causeway/matrix"}}, ""},
		{unit{Name: "api", Imports: []string{"causeway/auth", "causeway/database", "causeway/outbox", "causeway/a", "causeway/b",
			"causeway/c"}}, "imports 6 of our packages"},
	} {
		got := strings.Join(c.unit.faults(), "\n")
		if c.fault == "" && got != "" || !strings.Contains(got, c.fault) {
			t.Errorf("%+v: got %q, expected %q", c.unit, got, c.fault)
		}
	}
}
