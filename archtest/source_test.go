package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is one parsed file.
type source struct {
	pkg, path string
	text      []byte
	file      *ast.File
	set       *token.FileSet
}

func parse(pkg, path string, text []byte) (source, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	return source{pkg: pkg, path: path, text: text, file: file, set: set}, err
}

// sources parses the Go files of the module, but not those of the modules nested in it.
func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			hidden := strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".."
			_, nested := os.Stat(filepath.Join(path, "go.mod"))
			if hidden || entry.Name() == "testdata" || path != ".." && nested == nil {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), "../"))
		s, err := parse(name, path, text)
		found = append(found, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// codeLines counts the lines that hold anything but blanks and comments.
func (s source) codeLines() int {
	var scan scanner.Scanner
	set := token.NewFileSet()
	file := set.AddFile(s.path, -1, len(s.text))
	scan.Init(file, s.text, nil, 0)
	lines := make(map[int]bool)
	for {
		pos, tok, text := scan.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && text == "\n" {
			continue
		}
		first := file.Line(pos)
		for i := range strings.Count(text, "\n") + 1 {
			lines[first+i] = true
		}
	}
}

// faults lists what the text of a file breaks.
func (s source) faults() (faults []string) {
	complain := func(at ast.Node, format string, args ...any) {
		faults = append(faults, s.set.Position(at.Pos()).String()+": "+fmt.Sprintf(format, args...))
	}
	if n := s.codeLines(); n > maxFileLines && !ast.IsGenerated(s.file) {
		complain(s.file, "has %d lines of code; the limit is %d", n, maxFileLines)
	}
	if slices.Contains([]string{"util", "utils", "common", "core", "helper", "helpers", "types", "misc"}, s.file.Name.Name) {
		complain(s.file, "a package named %s says nothing about its purpose", s.file.Name.Name)
	}
	test := strings.HasSuffix(s.path, "_test.go")
	pure := coveredBy(deciders(), s.pkg) && !test
	ast.Inspect(s.file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.TypeSpec:
			if name := node.Name.Name; name == "Bridge" && s.pkg != "config" || hasAnySuffix(name, "Manager", "Processor", "Helper") {
				complain(node, "the type name %s says nothing about its purpose", name)
			}
		case *ast.GoStmt:
			if pure {
				complain(node, "a decider starts no goroutine")
			}
		case *ast.ChanType:
			if pure {
				complain(node, "a decider has no channel")
			}
		case *ast.SelectorExpr:
			if pkg, ok := node.X.(*ast.Ident); ok && test && pkg.Name == "time" && node.Sel.Name == "Sleep" && !s.imports("testing/synctest") {
				complain(node, "a test waits for a condition or a signal; it sleeps only where time is simulated (testing/synctest)")
			}
		}
		return true
	})
	return faults
}

// imports reports whether the file imports a package.
func (s source) imports(path string) bool {
	return slices.ContainsFunc(s.file.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == strconv.Quote(path) })
}

func hasAnySuffix(name string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

func TestSources(t *testing.T) {
	t.Parallel()
	lines := make(map[string]int)
	commented := make(map[string]bool)
	for _, s := range sources(t) {
		for _, fault := range s.faults() {
			t.Error(fault)
		}
		if !strings.HasSuffix(s.path, "_test.go") {
			lines[s.pkg] += s.codeLines()
			commented[s.pkg] = commented[s.pkg] || s.file.Doc != nil
		}
	}
	for pkg, n := range lines {
		if !commented[pkg] {
			t.Errorf("%s: has no package comment", pkg)
		}
		if limit := packageLimit(pkg); n > limit {
			t.Errorf("%s: has %d lines of code; the limit of the package is %d", pkg, n, limit)
		}
	}
	if len(lines) == 0 {
		t.Fatal("found no source")
	}
}

// TestSourceRules shows that each rule can fail.
func TestSourceRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pkg, path, text, fault string }{
		{"portal", "p.go", "package portal\nfunc f() { go f() }", "starts no goroutine"},
		{"portal", "p.go", "package portal\nvar c chan int", "has no channel"},
		{"matrix", "m.go", "package matrix\nvar c chan int\nfunc f() { go f() }", ""},
		{"matrix", "m.go", "package matrix\ntype RoomManager struct{}", "says nothing about its purpose"},
		{"matrix", "m_test.go", "package matrix\nimport \"time\"\nfunc f() { time.Sleep(1) }", "it sleeps only where"},
		{"util", "u.go", "package util", "says nothing about its purpose"},
		{"user", "u.go", "package user\n" + strings.Repeat("var _ = 1\n", maxFileLines), "has 401 lines of code"},
		{"user", "u.go", "package user\n// a\n\n/* b\nc */\nvar _ = `\n\n`\n" + strings.Repeat("// x\n\nvar _ = 1\n", maxFileLines-4), ""},
		{"user", "u.go", "// Code generated by x. DO NOT EDIT.\npackage user\n" + strings.Repeat("var _ = 1\n", maxFileLines), ""},
	} {
		s, err := parse(c.pkg, c.path, []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(s.faults(), "\n")
		if c.fault == "" && got != "" || !strings.Contains(got, c.fault) {
			t.Errorf("%.60q: got %q, expected %q", c.text, got, c.fault)
		}
	}
}
