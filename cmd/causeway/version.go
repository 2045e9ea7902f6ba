package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versions is what the binary was built from.
type versions struct{ version, commit, whatsmeow string }

// readVersion reads what the Go tool wrote into the binary.
func readVersion() versions {
	v := versions{version: "unknown", commit: "unknown", whatsmeow: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.version = info.Main.Version
	}
	modified := false
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.commit = setting.Value
		case "vcs.modified":
			modified = setting.Value == "true"
		}
	}
	if modified {
		v.commit += " with changes"
	}
	for _, dependency := range info.Deps {
		if dependency.Path == "go.mau.fi/whatsmeow" {
			v.whatsmeow = dependency.Version
		}
	}
	return v
}

func versionCommand(t terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this binary was built from",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			v := readVersion()
			_, err := fmt.Fprintf(t.out, "causeway  %s\ncommit    %s\ngo        %s %s/%s\nwhatsmeow %s\n",
				v.version, v.commit, runtime.Version(), runtime.GOOS, runtime.GOARCH, v.whatsmeow)
			return err
		},
	}
}
