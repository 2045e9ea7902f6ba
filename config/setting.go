package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// setting is one field of the configuration, found by reflection: the single
// view that reader, environment and documentation share.
type setting struct {
	// path is the name with dots.
	path string
	// field has the tags.
	field reflect.StructField
	// value is the field itself, settable if the configuration was given by
	// pointer.
	value reflect.Value
}

// key is the name within its section.
func (s setting) key() string { return s.field.Tag.Get("yaml") }

// section tells whether the setting holds settings.
func (s setting) section() bool { return s.value.Kind() == reflect.Struct }

// scalar tells whether the setting is one value, hence can stand in a variable.
func (s setting) scalar() bool { return !s.section() && s.value.Kind() != reflect.Map }

// variable is the environment variable that overrides the setting.
func (s setting) variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(s.path, ".", "_"))
}

// children lists the settings of a section (a struct value) in their order.
func children(section reflect.Value, path string) []setting {
	list := make([]setting, 0, section.NumField())
	for i := range section.NumField() {
		field := section.Type().Field(i)
		name := field.Tag.Get("yaml")
		if path != "" {
			name = path + "." + name
		}
		list = append(list, setting{path: name, field: field, value: section.Field(i)})
	}
	return list
}

// leaves lists all settings below a section that are not sections.
func leaves(section reflect.Value, path string) []setting {
	var list []setting
	for _, s := range children(section, path) {
		if s.section() {
			list = append(list, leaves(s.value, s.path)...)
		} else {
			list = append(list, s)
		}
	}
	return list
}

// allLeaves lists all settings of a configuration that are not sections.
func allLeaves(c *Config) []setting { return leaves(reflect.ValueOf(c).Elem(), "") }

// set reads a value from its text. The error says what the value is instead
// and what to write, and never repeats the text, which may be secret.
func (s setting) set(text string) error {
	if _, isDuration := s.value.Interface().(time.Duration); isDuration {
		d, err := time.ParseDuration(text)
		if err != nil {
			return mismatch{"is not a duration", "write it like 30s, 5m or 1h30m"}
		}
		s.value.SetInt(int64(d))
		return nil
	}
	switch s.value.Kind() {
	case reflect.String:
		s.value.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return mismatch{"is neither true nor false", "write true or false"}
		}
		s.value.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return mismatch{"is not a whole number", "write it in digits"}
		}
		s.value.SetInt(n)
	default:
		return mismatch{fmt.Sprintf("is of an unsupported type (%s)", s.value.Type()), "report this as a bug"}
	}
	return nil
}

// mismatch is a value of the wrong type.
type mismatch struct{ what, fix string }

func (m mismatch) Error() string { return m.what + "; " + m.fix }
