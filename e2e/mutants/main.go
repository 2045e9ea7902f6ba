// Command mutants breaks the bridge on purpose, one guard at a time, and looks whether a test notices. A guard whose
// loss no test notices is decoration.
//
// The source is not touched: the compiler is given an overlay. A mutant whose text is no longer found fails too, so
// the list cannot rot.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// mutant is one guard, taken away.
type mutant struct {
	name     string // what is broken
	file     string // where
	old, new string // the guard and what stands in its place; old must be in the file exactly once
	imports  string // a package that new needs, if any
	pkg      string // whose tests must notice
	tests    string // which of them, as a regular expression
}

func main() {
	only := flag.String("run", "", "only the mutants whose name matches this regular expression")
	flag.Parse()
	if err := run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(only string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "causeway-mutants-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	caught, total := 0, 0
	for _, m := range mutants() {
		if !wanted.MatchString(m.name) {
			continue
		}
		total++
		verdict, err := m.try(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if verdict == "" {
			caught++
			verdict = "caught"
		}
		fmt.Printf("%-60s %s\n", m.name, verdict)
	}
	fmt.Printf("%d passed, %d failed\n", caught, total-caught)
	if caught < total || total == 0 {
		return fmt.Errorf("%d of %d mutants were not caught", total-caught, total)
	}
	return nil
}

// try tests the healthy and the broken bridge. It returns "" when the tests tell them apart, else what they did.
func (m mutant) try(dir string) (string, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := bytes.Count(source, []byte(m.old)); n != 1 {
		return "", fmt.Errorf("%s has the guard %d times; bring the list in line with the code", m.file, n)
	}
	text := bytes.Replace(source, []byte(m.old), []byte(m.new), 1)
	if m.imports != "" {
		text = bytes.Replace(text, []byte("import (\n"), []byte("import (\n\t\""+m.imports+"\"\n"), 1)
	}
	broken := filepath.Join(dir, "broken.go")
	if err := os.WriteFile(broken, text, 0o600); err != nil {
		return "", err
	}
	path, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		return "", err
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		return "", err
	}
	if out, err := m.test(); err != nil {
		return "NOT TRIED: its tests fail without it\n" + out, nil
	}
	out, err := m.test("-overlay", overlayFile)
	switch {
	case err == nil:
		return "NOT CAUGHT by " + m.tests + " in " + m.pkg, nil
	case !strings.Contains(out, "--- FAIL"):
		return "NOT TRIED: it does not compile, or ended without a failing test\n" + out, nil
	}
	return "", nil
}

// test runs the mutant's tests, which must not be none.
func (m mutant) test(args ...string) (string, error) {
	args = append([]string{"test", "-tags", "goolm", "-count=1", "-timeout=120s", "-v", "-run", m.tests}, args...)
	out, err := exec.Command("go", append(args, m.pkg)...).CombinedOutput() //nolint:gosec,noctx // our own list
	if err == nil && !bytes.Contains(out, []byte("--- PASS")) {
		return string(out), fmt.Errorf("no test matches %s in %s", m.tests, m.pkg)
	}
	return string(out), err
}
