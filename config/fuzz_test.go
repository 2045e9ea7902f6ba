package config_test

import (
	"strings"
	"testing"

	"causeway/config"
)

// Whatever the file holds, the answer is a configuration or problems that each
// fit on a line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add(config.Example())
	for _, text := range []string{
		"", "# only a comment\n", "---\n", "null", "a: &x [*x]", "homeserver: &h {address: *h}",
		"homeserver: *nothing", "? [a, b]\n: c", "<<: {homeserver: 1}", "bridge: {permissions: {? [a] : b}}", "\xff\xfe", "\"a\\nb\": 1",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := config.Parse("config.yaml", text, nil)
		if err == nil {
			return
		}
		problems, ok := err.(config.Problems) //nolint:errorlint // Parse promises this type.
		if !ok || len(problems) == 0 {
			t.Fatalf("not problems: %T %v", err, err)
		}
		for _, p := range problems {
			if strings.ContainsAny(p.Error(), "\r\n") {
				t.Fatalf("more than a line: %q", p.Error())
			}
		}
	})
}
