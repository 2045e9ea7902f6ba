package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

var (
	yamlError    = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	indentingTab = regexp.MustCompile(`(?m)^ *\t`)
)

// readYAML reads the file into a configuration. It is false if the text is not
// YAML at all, so that there is nothing to check.
func (r *reader) readYAML(text []byte, into reflect.Value) bool {
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return true
	} else if err != nil {
		r.syntax(err, text)
		return false
	}
	if err := decoder.Decode(&second); err == nil {
		r.add(Problem{Source: r.file, Line: second.Line,
			What: "a second YAML document starts here", Fix: "remove the line of dashes"})
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err, text)
		return false
	}
	root := document.Content[0]
	if isNull(root) {
		return true
	}
	if root.Kind != yaml.MappingNode {
		r.add(Problem{Source: r.file, Line: root.Line,
			What: "the file is not a list of settings", Fix: "write 'name: value' lines as in example-config.yaml"})
		return false
	}
	r.readSection(root, "", into)
	return true
}

// syntax reports what the YAML parser says.
func (r *reader) syntax(err error, text []byte) {
	p := Problem{Source: r.file, What: "is not valid YAML: " + err.Error(),
		Fix: "check indentation (spaces, no tabs) and quotes on and around this line"}
	if match := yamlError.FindStringSubmatch(err.Error()); match != nil {
		p.Line, _ = strconv.Atoi(match[1])
		p.What = "is not valid YAML: " + match[2]
	}
	// Of a tab the parser tells the line before.
	if tab := indentingTab.FindIndex(text); tab != nil {
		p.Line = bytes.Count(text[:tab[1]], []byte("\n")) + 1
		p.What = "is not valid YAML: a tab is not indentation"
		p.Fix = "use spaces"
	}
	r.add(p)
}

// readSection reads a mapping into a struct.
func (r *reader) readSection(node *yaml.Node, path string, into reflect.Value) {
	known := children(into, path)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		at := slices.IndexFunc(known, func(s setting) bool { return s.key() == key.Value })
		if at < 0 {
			r.unknown(key, path, known)
			continue
		}
		s := known[at]
		if r.repeated(s.path, key) || isNull(value) {
			continue
		}
		switch {
		case s.section() && value.Kind != yaml.MappingNode:
			r.report(s.path, "is a section, but has "+kindName(value), "indent its settings below it, one 'name: value' a line")
		case s.section():
			r.readSection(value, s.path, s.value)
		case s.value.Type() == reflect.TypeFor[Permissions]():
			r.readPermissions(value, s)
		case value.Kind != yaml.ScalarNode:
			r.report(s.path, "is "+kindName(value), "write a single value")
		default:
			r.assign(s, value.Value)
		}
	}
}

// assign sets a setting from text and reports a value of the wrong type.
func (r *reader) assign(s setting, text string) {
	var wrong mismatch
	if err := s.set(text); errors.As(err, &wrong) {
		r.report(s.path, wrong.what, wrong.fix)
	}
}

// repeated notes where a key stands and reports a second one.
func (r *reader) repeated(path string, key *yaml.Node) bool {
	first, again := r.lines[path]
	if again {
		r.add(Problem{Source: r.file, Line: key.Line, Setting: path,
			What: fmt.Sprintf("is set twice, first on line %d", first), Fix: "remove one"})
		return true
	}
	r.lines[path] = key.Line
	return false
}

// unknown reports a key that does not exist, with the one that was meant if
// that can be guessed.
func (r *reader) unknown(key *yaml.Node, path string, known []setting) {
	name := key.Value
	if path != "" {
		name = path + "." + name
	}
	p := Problem{Source: r.file, Line: key.Line, Setting: strings.Join(strings.Fields(name), " "),
		What: "is not a setting", Fix: "remove it, or see example-config.yaml for the names"}
	var here []string
	for _, s := range known {
		here = append(here, s.key())
	}
	c := Default()
	if meant := nearest(strings.ToLower(key.Value), here); meant != "" {
		p.Fix = fmt.Sprintf("did you mean %q?", meant)
		r.noted[strings.TrimPrefix(path+"."+meant, ".")] = true
	} else {
		for _, s := range allLeaves(&c) {
			if s.key() == key.Value {
				p.Fix = fmt.Sprintf("did you mean %q?", s.path)
				r.noted[s.path] = true
				break
			}
		}
	}
	r.add(p)
}

// readPermissions reads the map of permissions.
func (r *reader) readPermissions(node *yaml.Node, s setting) {
	if node.Kind != yaml.MappingNode {
		r.report(s.path, "is "+kindName(node), `write a line like "@you:example.com": admin below it for each rule`)
		return
	}
	permissions := Permissions{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		who := key.Value
		if !strings.HasPrefix(who, "@") {
			who = strings.ToLower(who)
		}
		path := permissionPath(who)
		if r.repeated(path, key) {
			continue
		}
		level, ok := parseLevel(value.Value)
		if value.Kind != yaml.ScalarNode || !ok {
			what := "is " + quote(value.Value) + ", which is not a level"
			if value.Kind != yaml.ScalarNode || isNull(value) {
				what = "is " + kindName(value)
			}
			r.report(path, what, "write blocked, relay, user or admin")
		}
		permissions[who] = level
	}
	s.value.Set(reflect.ValueOf(permissions))
}

// permissionPath names one rule in messages.
func permissionPath(who string) string { return fmt.Sprintf("bridge.permissions[%s]", quote(who)) }

// parent is the name of the section a setting is in, or "".
func parent(path string) string {
	if at := strings.IndexByte(path, '['); at >= 0 {
		return path[:at]
	}
	return path[:max(strings.LastIndexByte(path, '.'), 0)]
}

// resolve follows an alias to what it stands for.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// kindName says what a YAML node is.
func kindName(node *yaml.Node) string {
	switch {
	case isNull(node):
		return "empty"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Kind == yaml.MappingNode:
		return "a section"
	default:
		return "a single value"
	}
}
