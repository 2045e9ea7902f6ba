package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// maxFile is the most that is read of any file, in bytes.
const maxFile = 1 << 20

// Load reads a configuration file, puts the environment (as from os.Environ)
// over it and checks the result. Every setting CAUSEWAY_<SECTION>_<FIELD> in
// the environment replaces the one of the file, and ..._FILE names a file to
// read it from. Paths in the file are relative to its directory.
//
// What is wrong with the configuration comes back as [Problems], all at once.
func Load(path string, environ []string) (Config, error) {
	text, err := readBounded(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Config{}, Problems{{Source: path, What: "does not exist",
			Fix: "run 'causeway init' to make one, or name another file with -c"}}
	case err != nil:
		return Config{}, Problems{{Source: path, What: "cannot be read: " + reason(err),
			Fix: "check the path and its permissions"}}
	}
	return Parse(path, text, environ)
}

// Parse is [Load] for text that was read already; path is for messages and for
// relative paths.
func Parse(path string, text []byte, environ []string) (Config, error) {
	c := Default()
	r := &reader{file: path, lines: map[string]int{}, variables: map[string]string{}, noted: map[string]bool{}}
	if r.readYAML(text, reflect.ValueOf(&c).Elem()) {
		r.readEnvironment(&c, environ)
		check(&c, r.report)
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return Config{}, r.problems
	}
	c.Homeserver.Address = strings.TrimRight(c.Homeserver.Address, "/")
	c.Appservice.Address = strings.TrimRight(c.Appservice.Address, "/")
	dir := filepath.Dir(path)
	c.Database.URI = c.Database.URI.relativeTo(dir)
	if ca := c.WhatsApp.TestNetwork.CAFile; ca != "" && !filepath.IsAbs(ca) {
		c.WhatsApp.TestNetwork.CAFile = filepath.Join(dir, ca)
	}
	return c, nil
}

// Check says what is wrong with a configuration that was not read from a file.
// The problems have no source.
func Check(c Config) Problems {
	r := &reader{noted: map[string]bool{}}
	check(&c, r.report)
	return r.problems
}

// reader remembers where each setting came from, for messages.
type reader struct {
	file string
	// lines has the line of each key in the file, by the name with dots.
	lines map[string]int
	// variables has the environment variable that gave a setting.
	variables map[string]string
	// noted has the settings of which there is a problem, and those that an
	// unknown key was probably meant for.
	noted    map[string]bool
	problems Problems
}

// report notes a problem of a setting. Only the first of each setting counts:
// one that was mistyped or is of the wrong type is not missing as well.
func (r *reader) report(setting, what, fix string) {
	for at := setting; at != ""; at = parent(at) {
		if r.noted[at] {
			return
		}
	}
	p := Problem{Source: r.file, Setting: setting, What: what, Fix: fix}
	if variable, ok := r.variables[setting]; ok {
		p.Source = variable
	} else {
		p.Line = r.line(setting)
	}
	r.add(p)
}

// add notes a problem in any case.
func (r *reader) add(p Problem) {
	r.noted[p.Setting] = true
	r.problems = append(r.problems, p)
}

// forget drops the problems of a setting.
func (r *reader) forget(setting string) {
	delete(r.noted, setting)
	r.problems = slices.DeleteFunc(r.problems, func(p Problem) bool { return p.Setting == setting })
}

// line is where a setting stands, or its section, or 0.
func (r *reader) line(setting string) int {
	for ; setting != ""; setting = parent(setting) {
		if line := r.lines[setting]; line > 0 {
			return line
		}
	}
	return 0
}

// readBounded reads a file of at most maxFile bytes.
func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("is larger than %d bytes", maxFile)
	}
	return text, nil
}

// reason is the innermost cause of a file error: the path is in the message
// already.
func reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}
