package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

const (
	exampleHead = `Every setting of Causeway with its explanation. This file is generated from the code.

To begin, run 'causeway init': it asks three questions and writes a short config.yaml with random tokens and the registration.yaml that goes with it. Copy from here what else you need; a setting that is left out has the value shown here, except where it is only an example (addresses, domain, tokens, permissions).

Each single value can also come from the environment: appservice.as_token from CAUSEWAY_APPSERVICE_AS_TOKEN, or from the file that CAUSEWAY_APPSERVICE_AS_TOKEN_FILE names. The environment wins over this file. 'causeway check-config' says what is wrong, and on which line.`

	shortHead = `Configuration of Causeway, made by 'causeway init'. It holds secrets: keep it to yourself. All settings with their explanations are in example-config.yaml; 'causeway check-config' checks this file.`

	// textWidth is the width at which comments are wrapped.
	textWidth = 78
)

// Example returns example-config.yaml: every setting with its explanation.
func Example() []byte {
	c := Default()
	c.Bridge.Permissions = Permissions{everyone: Relay, "example.com": User, "@you:example.com": Admin}
	for _, s := range allLeaves(&c) {
		if text, ok := s.field.Tag.Lookup("example"); ok {
			s.value.SetString(text)
		}
	}
	w := writer{}
	w.comment("", exampleHead)
	for _, section := range children(reflect.ValueOf(&c).Elem(), "") {
		w.WriteByte('\n')
		w.setting(section, "", func(s setting) bool { return s.field.Tag.Get("hidden") == "" })
	}
	return w.Bytes()
}

// Short returns a configuration file with only what differs from the defaults
// and what everyone looks for first. Secrets are written out.
func Short(c Config) []byte {
	defaults := map[string]any{}
	d := Default()
	for _, s := range allLeaves(&d) {
		defaults[s.path] = s.value.Interface()
	}
	always := map[string]bool{"appservice.address": true, "appservice.listen": true, "database.uri": true}
	wanted := func(s setting) bool {
		if !s.section() {
			return always[s.path] || !reflect.DeepEqual(s.value.Interface(), defaults[s.path])
		}
		for _, leaf := range leaves(s.value, s.path) {
			if always[leaf.path] || !reflect.DeepEqual(leaf.value.Interface(), defaults[leaf.path]) {
				return true
			}
		}
		return false
	}
	w := writer{brief: true}
	w.comment("", shortHead)
	for _, section := range children(reflect.ValueOf(&c).Elem(), "") {
		if wanted(section) {
			w.WriteByte('\n')
			w.setting(section, "", wanted)
		}
	}
	return w.Bytes()
}

// writer writes settings as commented YAML.
type writer struct {
	bytes.Buffer
	// brief keeps of an explanation its first sentence, and nothing of a
	// section's.
	brief bool
}

// setting writes one setting and those below it that are wanted.
func (w *writer) setting(s setting, indent string, wanted func(setting) bool) {
	if !wanted(s) {
		return
	}
	doc := s.field.Tag.Get("doc")
	if w.brief {
		doc = firstSentence(doc)
	}
	if !w.brief || !s.section() {
		w.comment(indent, doc)
	}
	fmt.Fprintf(w, "%s%s:", indent, s.key())
	below := indent + "  "
	switch {
	case s.section():
		w.WriteByte('\n')
		for _, child := range children(s.value, s.path) {
			w.setting(child, below, wanted)
		}
	case s.value.Type() == reflect.TypeFor[Permissions]():
		w.WriteByte('\n')
		w.permissions(s.value.Interface().(Permissions), below)
	default:
		fmt.Fprintf(w, " %s\n", scalarText(s))
	}
}

// permissions writes the rules, the most general first.
func (w *writer) permissions(p Permissions, indent string) {
	for _, kind := range []func(string) bool{
		func(who string) bool { return who == everyone },
		func(who string) bool { return who != everyone && !strings.HasPrefix(who, "@") },
		func(who string) bool { return strings.HasPrefix(who, "@") },
	} {
		for _, who := range sortedKeys(p) {
			if kind(who) {
				fmt.Fprintf(w, "%s%q: %s\n", indent, who, p[who])
			}
		}
	}
}

// comment writes text as comment lines, wrapped; where a line of the text is
// indented, what is wrapped from it is indented further.
func (w *writer) comment(indent, text string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		hang := paragraph[:len(paragraph)-len(strings.TrimLeft(paragraph, " "))]
		line := hang
		for _, word := range strings.Fields(paragraph) {
			if strings.TrimSpace(line) != "" && len(indent)+len("# ")+len(line)+1+len(word) > textWidth {
				w.commentLine(indent, line)
				line = hang
				if hang != "" {
					line += "  "
				}
			}
			if strings.TrimSpace(line) != "" {
				line += " "
			}
			line += word
		}
		w.commentLine(indent, line)
	}
}

func (w *writer) commentLine(indent, line string) {
	w.WriteString(strings.TrimRight(indent+"# "+line, " ") + "\n")
}

// scalarText is a value as YAML, secrets written out.
func scalarText(s setting) string {
	switch v := s.value.Interface().(type) {
	case time.Duration:
		return shortDuration(v)
	case Secret:
		return stringText(v.Reveal())
	case DatabaseURI:
		return stringText(v.Reveal())
	case string:
		return stringText(v)
	default:
		return fmt.Sprint(v)
	}
}

// stringText is a string as YAML on one line, quoted where it must be.
func stringText(text string) string {
	out, err := yaml.Marshal(text)
	if line := strings.TrimSuffix(string(out), "\n"); err == nil && !strings.Contains(line, "\n") {
		return line
	}
	return fmt.Sprintf("%q", text)
}

// shortDuration leaves out the zero parts that time.Duration prints.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// firstSentence ends at a full stop or colon that a space follows.
func firstSentence(text string) string {
	if at := strings.IndexAny(text, "\n"); at >= 0 {
		text = text[:at]
	}
	if at := strings.Index(text, ". "); at >= 0 {
		return text[:at+1]
	}
	return text
}
