package config

import (
	"regexp"
	"slices"
	"strings"
)

const (
	variablePrefix = "CAUSEWAY_"
	fileSuffix     = "_FILE"
)

// Kubernetes sets such variables in every container for every service of the
// namespace; for one named "causeway-database" they look like ours.
var kubernetesVariable = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)$`)

// readEnvironment puts the variables over what the file says. An empty
// variable counts as not set.
func (r *reader) readEnvironment(c *Config, environ []string) {
	given := map[string]string{}
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); value != "" && strings.HasPrefix(name, variablePrefix) {
			given[name] = value
		}
	}
	var names []string
	for _, s := range allLeaves(c) {
		if !s.scalar() {
			continue
		}
		names = append(names, s.variable())
		r.override(s, given)
		delete(given, s.variable())
	}
	// A setting may itself end in "file", so the direct names go first.
	for _, name := range names {
		delete(given, name+fileSuffix)
	}
	r.unknownVariables(given, names)
}

// override sets one setting from its variable or from the file that its _FILE
// variable names.
func (r *reader) override(s setting, given map[string]string) {
	name := s.variable()
	text, direct := given[name]
	path, fromFile := given[name+fileSuffix]
	switch {
	case direct && fromFile:
		r.variables[s.path] = name
		r.report(s.path, "is set twice, by this variable and by "+name+fileSuffix, "unset one")
		return
	case fromFile:
		name += fileSuffix
		content, err := readBounded(path)
		if err != nil {
			r.variables[s.path] = name
			r.report(s.path, "cannot be read from "+path+": "+reason(err), "check the path and its permissions")
			return
		}
		text = strings.TrimSpace(string(content))
	case !direct:
		return
	}
	// What is wrong in the file does not matter if it is overridden.
	r.forget(s.path)
	r.variables[s.path] = name
	r.assign(s, text)
}

// unknownVariables reports variables that begin like a section of ours and
// name no setting. Others that begin with CAUSEWAY_ may be somebody else's.
func (r *reader) unknownVariables(given map[string]string, names []string) {
	c := Default()
	sections := map[string]bool{}
	for _, s := range allLeaves(&c) {
		sections[strings.SplitN(s.variable(), "_", 3)[1]] = true
	}
	var unknown []string
	for name := range given {
		section := strings.SplitN(name, "_", 3)[1]
		if sections[section] && !kubernetesVariable.MatchString(name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		p := Problem{Source: name, What: "this environment variable names no setting", Fix: "unset it"}
		stem := strings.TrimSuffix(name, fileSuffix)
		if stem == variablePrefix+"BRIDGE_PERMISSIONS" {
			p.What, p.Fix = "permissions cannot be set by an environment variable", "write them in "+r.file
		} else if meant := nearest(stem, names); meant != "" {
			p.Fix = "did you mean " + meant + strings.TrimPrefix(name, stem) + "?"
		}
		r.add(p)
	}
}
