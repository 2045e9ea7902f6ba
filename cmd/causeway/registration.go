package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"causeway/config"
)

const registrationFile = "registration.yaml"

func registrationCommand(t terminal) *cobra.Command {
	var path, output string
	cmd := &cobra.Command{
		Use:   "registration",
		Short: "Print the registration file for the homeserver",
		Long: `Print the registration file that belongs to the configuration.

It makes the bridge known to the homeserver and holds secrets. After a change
of the section appservice or of homeserver.domain, give the homeserver the new
one and restart it.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := config.Load(path, t.environment)
			if err != nil {
				return err
			}
			text, err := cfg.Registration().YAML()
			if err != nil {
				return err
			}
			if output == "" {
				_, err = t.out.Write(text)
				return err
			}
			if sameFile(path, output) {
				return usageError{fmt.Errorf("-o %s is the configuration file; name another one", output)}
			}
			return replaceFiles([]newFile{{path: output, text: text}})
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write instead of printing; it is replaced if it exists")
	return cmd
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// warnStaleRegistration says so if the registration beside the configuration
// does not belong to it: the homeserver then has probably an old one too, and
// messages get lost in a way that is hard to find out.
func warnStaleRegistration(cfg config.Config, configPath string, out io.Writer) {
	path := filepath.Join(filepath.Dir(configPath), registrationFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		fmt.Fprintf(out, "causeway: warning: %v\n", err)
		return
	}
	have, err := config.ParseRegistration(text)
	if err != nil {
		fmt.Fprintf(out, "causeway: warning: %s is not valid YAML; write it anew with 'causeway registration -c %s -o %s'\n", path, configPath, path)
		return
	}
	if differ := cfg.Registration().Differences(have); len(differ) > 0 {
		fmt.Fprintf(out, "causeway: warning: %s does not belong to %s (%s); run 'causeway registration -c %s -o %s', give the homeserver the new file and restart it\n",
			path, configPath, strings.Join(differ, ", "), configPath, path)
	}
}
