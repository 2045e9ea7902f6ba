package features

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// parsed reads the Go files of a package, its tests or all but those.
func parsed(t *testing.T, pkg string, tests bool) []*ast.File {
	t.Helper()
	var files []*ast.File
	only := func(info fs.FileInfo) bool { return strings.HasSuffix(info.Name(), "_test.go") == tests }
	entries, err := os.ReadDir(filepath.Join(root, pkg))
	require.NoError(t, err)
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		if entry.IsDir() || filepath.Ext(entry.Name()) != ".go" || !only(info) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, pkg, entry.Name()), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

// testFiles are the tests of one package: its functions and methods by name.
type testFiles map[string]*ast.FuncDecl

// bench reads the tests of packages, each once.
type bench map[string]testFiles

func (b bench) of(t *testing.T, pkg string) testFiles {
	t.Helper()
	if b[pkg] != nil {
		return b[pkg]
	}
	b[pkg] = testFiles{}
	if _, err := os.Stat(filepath.Join(root, pkg)); err != nil {
		return b[pkg]
	}
	for _, file := range parsed(t, pkg, true) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				b[pkg][f.Name.Name] = f
			}
		}
	}
	return b[pkg]
}

// fault says what is wrong with the name of a test; "" when there is such a test.
func (b bench) fault(t *testing.T, name string) string {
	t.Helper()
	pkg, test, _ := strings.Cut(name, ".")
	test, step, hasStep := strings.Cut(test, ":")
	test, below, hasBelow := strings.Cut(test, "/")
	tests := b.of(t, pkg)
	if tests[test] == nil || !strings.HasPrefix(test, "Test") {
		return fmt.Sprintf("there is no test %s in %q", test, pkg)
	}
	if hasStep && !tests.reach(test, step, map[string]bool{}) {
		return fmt.Sprintf("%s.%s does not come to %s", pkg, test, step)
	}
	if !hasBelow {
		return ""
	}
	if golden, ok := strings.CutPrefix(below, "testdata/"); ok {
		if _, err := os.Stat(filepath.Join(root, pkg, "testdata", golden+".txt")); err != nil {
			return err.Error()
		}
		return ""
	}
	if !tests.says(test, below) {
		return fmt.Sprintf("%s.%s has no subtest %q", pkg, test, below)
	}
	return ""
}

// reach reports whether a function calls another, be it by way of others of its package.
func (f testFiles) reach(from, to string, been map[string]bool) (found bool) {
	if f[from] == nil || been[from] {
		return false
	}
	been[from] = true
	ast.Inspect(f[from], func(node ast.Node) bool {
		called := ""
		switch node := node.(type) {
		case *ast.Ident:
			called = node.Name
		case *ast.SelectorExpr:
			called = node.Sel.Name
		}
		if called != "" && called != from && !found {
			found = called == to && f[to] != nil || f.reach(called, to, been)
		}
		return !found
	})
	return found
}

// says reports whether a name stands in a test as a string.
func (f testFiles) says(test, name string) (found bool) {
	ast.Inspect(f[test], func(node ast.Node) bool {
		if text, ok := node.(*ast.BasicLit); ok && text.Kind == token.STRING {
			value, err := strconv.Unquote(text.Value)
			found = found || err == nil && value == name
		}
		return !found
	})
	return found
}
