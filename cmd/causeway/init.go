package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"maunium.net/go/mautrix/id"

	"causeway/config"
)

const configFile = "config.yaml"

// setUp is one 'causeway init': the answers, and where they go.
type setUp struct {
	homeserver, domain, owner string
	database                  string
	address, listen           string
	dir                       string
	force                     bool
}

func initCommand(t terminal) *cobra.Command {
	var s setUp
	defaults := config.Default()
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write config.yaml and registration.yaml",
		Long: `Write a config.yaml and the registration.yaml that goes with it, with random
tokens. What is not given by a flag is asked for, if there is a terminal.`,
		Example: `  causeway init
  causeway init --homeserver http://localhost:8008 --owner @you:example.com`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return s.run(t) },
	}
	flags := cmd.Flags()
	flags.StringVar(&s.homeserver, "homeserver", "", "URL at which the bridge reaches the homeserver")
	flags.StringVar(&s.domain, "domain", "", "server name, the part of user IDs after the colon (default that of --owner)")
	flags.StringVar(&s.owner, "owner", "", "your Matrix user ID, which gets the level admin")
	flags.StringVar(&s.database, "database", "", "database address, sqlite: or postgres:// (default "+defaults.Database.URI.String()+")")
	flags.StringVar(&s.address, "address", defaults.Appservice.Address, "URL at which the homeserver reaches the bridge")
	flags.StringVar(&s.listen, "listen", defaults.Appservice.Listen, "where the bridge listens for the homeserver")
	flags.StringVar(&s.dir, "dir", ".", "directory to write to, made if it does not exist")
	flags.BoolVar(&s.force, "force", false, "replace files that exist, with new tokens")
	return cmd
}

// run does the whole set-up. Nothing is written before everything is known to
// be good.
func (s *setUp) run(t terminal) error {
	configPath, registrationPath := filepath.Join(s.dir, configFile), filepath.Join(s.dir, registrationFile)
	if !s.force {
		for _, path := range []string{configPath, registrationPath} {
			if _, err := os.Lstat(path); err == nil {
				return fmt.Errorf("%s exists already; add --force to replace it with new tokens, or name another directory with --dir", path)
			}
		}
	}
	if t.asks {
		if err := s.ask(t); err != nil {
			return err
		}
	}
	cfg, err := s.config()
	if err != nil {
		return err
	}
	registration, err := cfg.Registration().YAML()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make directory %s: %w", s.dir, cause(err))
	}
	if err := replaceFiles([]newFile{
		{path: registrationPath, text: registration},
		{path: configPath, text: config.Short(cfg)},
	}); err != nil {
		return err
	}
	s.nextSteps(t, cfg, configPath, registrationPath)
	return nil
}

// flagOf names the flag behind a setting.
func flagOf(setting string) string {
	switch setting {
	case "homeserver.address":
		return "--homeserver"
	case "homeserver.domain":
		return "--domain"
	case "database.uri":
		return "--database"
	case "appservice.address":
		return "--address"
	case "appservice.listen":
		return "--listen"
	}
	if strings.HasPrefix(setting, "bridge.permissions") {
		return "--owner"
	}
	return ""
}

// config is the configuration that the answers give, or what is wrong with
// them, by flag.
func (s *setUp) config() (config.Config, error) {
	var wrong []error
	for _, needed := range []struct{ flag, value, what string }{
		{"--homeserver", s.homeserver, "the URL of your homeserver, like http://localhost:8008"},
		{"--owner", s.owner, "your Matrix user ID, like @you:example.com"},
	} {
		if needed.value == "" {
			wrong = append(wrong, fmt.Errorf("%s is missing; give %s", needed.flag, needed.what))
		}
	}
	cfg := s.draft()
	for _, problem := range config.Check(cfg) {
		flag := flagOf(problem.Setting)
		missing := (flag == "--homeserver" && s.homeserver == "") || (s.owner == "" && (flag == "--owner" || s.domain == ""))
		if missing {
			continue
		}
		if flag == "" {
			flag = problem.Setting
		}
		wrong = append(wrong, fmt.Errorf("%s %s; %s", flag, problem.What, problem.Fix))
	}
	if len(wrong) > 0 {
		return config.Config{}, usageError{errors.Join(wrong...)}
	}
	return cfg, nil
}

// draft is the configuration of the answers so far, good or not.
func (s *setUp) draft() config.Config {
	cfg := config.Default()
	cfg.Homeserver.Address = strings.TrimRight(s.homeserver, "/")
	cfg.Appservice.Address = strings.TrimRight(s.address, "/")
	cfg.Appservice.Listen = s.listen
	if s.database != "" {
		cfg.Database.URI = config.DatabaseURI(s.database)
	}
	cfg.Homeserver.Domain = s.domain
	owner := id.UserID(s.owner)
	if s.domain == "" && strings.HasPrefix(s.owner, "@") {
		cfg.Homeserver.Domain = owner.Homeserver()
	}
	if !strings.Contains(s.owner, ":") && cfg.Homeserver.Domain != "" {
		owner = id.NewUserID(strings.TrimPrefix(s.owner, "@"), cfg.Homeserver.Domain)
	}
	cfg.Bridge.Permissions = config.Permissions{"*": config.Relay, string(owner): config.Admin}
	if cfg.Homeserver.Domain != "" {
		cfg.Bridge.Permissions[strings.ToLower(cfg.Homeserver.Domain)] = config.User
	}
	cfg.Appservice.ASToken = config.Secret(rand.Text() + rand.Text())
	cfg.Appservice.HSToken = config.Secret(rand.Text() + rand.Text())
	return cfg
}

// ask asks for what no flag gave.
func (s *setUp) ask(t terminal) error {
	input := bufio.NewReader(t.in)
	for _, question := range []struct {
		answer   *string
		setting  string
		text     string
		fallback func() string
	}{
		{&s.homeserver, "homeserver.address", "Homeserver address, as the bridge reaches it", func() string { return "http://localhost:8008" }},
		{&s.domain, "homeserver.domain", "Server name, as in @you:server.name", s.likelyDomain},
		{&s.owner, "bridge.permissions", "Your Matrix user ID", func() string { return "" }},
		{&s.database, "database.uri", "Database", func() string { return config.Default().Database.URI.Reveal() }},
	} {
		if *question.answer != "" {
			continue
		}
		for {
			fallback := question.fallback()
			prompt := question.text
			if fallback != "" {
				prompt += " [" + fallback + "]"
			}
			fmt.Fprint(t.out, prompt+": ")
			line, err := input.ReadString('\n')
			if err != nil {
				fmt.Fprintln(t.out)
				return errors.New("the answers ended early; nothing was written")
			}
			*question.answer = strings.TrimSpace(line)
			if *question.answer == "" {
				*question.answer = fallback
			}
			fault := s.fault(question.setting)
			if fault == "" {
				break
			}
			fmt.Fprintln(t.out, "  "+fault)
		}
	}
	return nil
}

// fault says what is wrong with the answer to one question.
func (s *setUp) fault(setting string) string {
	if setting == "bridge.permissions" && s.owner == "" {
		return "An answer is needed, like @you:" + s.domain + "."
	}
	for _, problem := range config.Check(s.draft()) {
		if strings.HasPrefix(problem.Setting, setting) {
			return fmt.Sprintf("This %s; %s.", problem.What, problem.Fix)
		}
	}
	return ""
}

// likelyDomain guesses the server name: that of the owner, or the homeserver's
// host without the name that is usual for a homeserver's.
func (s *setUp) likelyDomain() string {
	if _, domain, err := id.UserID(s.owner).Parse(); err == nil {
		return domain
	}
	address, err := url.Parse(s.homeserver)
	if err != nil {
		return ""
	}
	// A local address says nothing about the server name, and a wrong one
	// cannot be put right later.
	host := address.Hostname()
	if net.ParseIP(host) != nil || !strings.Contains(host, ".") {
		return ""
	}
	for _, usual := range []string{"matrix.", "synapse."} {
		host = strings.TrimPrefix(host, usual)
	}
	return host
}

// nextSteps says what is left to do.
func (s *setUp) nextSteps(t terminal, cfg config.Config, configPath, registrationPath string) {
	absolute, err := filepath.Abs(registrationPath)
	if err != nil {
		absolute = registrationPath
	}
	run := "causeway run"
	if configPath != configFile {
		run += " -c " + configPath
	}
	fmt.Fprintf(t.out, `Wrote %s and %s. They hold secrets: keep them to yourself.

Next:
 1. Make the bridge known to the homeserver. Its process must be able to read
    the file, so copy it or change its owner if they run as different users.
    Synapse, in homeserver.yaml:
      app_service_config_files:
        - %s
    Dendrite, in dendrite.yaml:
      app_service_api:
        config_files:
          - %s
 2. Restart the homeserver.
 3. Start the bridge:
      %s
 4. In your Matrix client, start a chat with @%s:%s and send: login
`, configPath, registrationPath, absolute, absolute, run, cfg.Appservice.Bot.Username, cfg.Homeserver.Domain)
}
