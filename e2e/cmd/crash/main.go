// Command crash proves that the bridge loses, doubles and reorders nothing: it kills it, takes its homeserver, its network and its
// acknowledgements away while people talk, and compares what they said with what everybody sees. It ends with a table and fails on
// any miss.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"causeway/e2e/crash"
	"causeway/e2e/provision"
	"causeway/simulator"
)

// How long SQLite's disk is full, and how often Postgres, a server of the run's own, is restarted.
const (
	troubleTime = 5 * time.Second
	restarts    = 3
)

// settings are the flags.
type settings struct {
	seed      uint64
	kills     int
	aimed     int
	rate      int
	databases string
	only      string
	synapse   bool
	keep      bool
}

func main() {
	var s settings
	flag.Uint64Var(&s.seed, "seed", 0, "decides who says what and when the bridge is killed; 0 is the time")
	flag.IntVar(&s.kills, "kills", 100, "how often the bridge is killed at random moments, over all databases")
	flag.IntVar(&s.aimed, "aimed", 10, "how often it is killed at each point of its code, over all databases")
	flag.IntVar(&s.rate, "rate", 20, "messages a second each way")
	flag.StringVar(&s.databases, "databases", "sqlite,postgres", "which databases")
	flag.StringVar(&s.only, "run", "", "only the scenarios whose name matches this regular expression")
	flag.BoolVar(&s.synapse, "synapse", true, "go on with a pass against the real Synapse")
	flag.BoolVar(&s.keep, "keep", false, "keep the bridge's logs and databases")
	flag.Parse()
	simulator.Trust()
	if s.seed == 0 {
		s.seed = uint64(time.Now().UnixMilli()) //nolint:gosec // after 1970
	}
	kept, err := run(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
	}
	if err != nil || !kept {
		fmt.Fprintf(os.Stderr, "The promise was NOT kept. Again with the same dice: make crash SEED=%d\n", s.seed)
		os.Exit(1)
	}
}

func say(line string) { fmt.Println("==", line) }

func run(s settings) (kept bool, err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	wanted, err := regexp.Compile(s.only)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "causeway-crash-")
	if err != nil {
		return false, err
	}
	cache, err := provision.Open(say)
	if err != nil {
		return false, err
	}
	say(fmt.Sprintf("Seed %d, %s", s.seed, provision.Machine()))
	binary := filepath.Join(dir, "causeway")
	if err := cache.BuildGoTagged(ctx, ".", "./cmd/causeway", binary, "goolm,crashpoints"); err != nil {
		return false, err
	}
	var rows []crash.Row
	databases := strings.Split(s.databases, ",")
	for i, database := range databases {
		options := crash.Options{Binary: binary, Dir: filepath.Join(dir, database), Seed: s.seed + uint64(i), Rate: s.rate, Say: say}
		var some []crash.Row
		some, err = s.onDatabase(ctx, cache, database, options, wanted)
		if rows = append(rows, some...); err != nil {
			break
		}
	}
	if s.synapse && err == nil {
		options := crash.Options{Binary: binary, Dir: filepath.Join(dir, "synapse"), Seed: s.seed, Rate: min(s.rate, synapseRate), Say: say}
		var some []crash.Row
		some, err = s.onSynapse(ctx, cache, options, wanted)
		rows = append(rows, some...)
	}
	fmt.Println()
	kept = crash.WriteTable(os.Stdout, rows) && err == nil
	fmt.Printf("seed %d\n", s.seed)
	if s.keep || !kept {
		say("All files of this run are kept in " + dir)
		return kept, err
	}
	return kept, os.RemoveAll(dir)
}

// onDatabase plays all scenarios on one database.
func (s settings) onDatabase(ctx context.Context, cache *provision.Cache, database string, o crash.Options, wanted *regexp.Regexp) (rows []crash.Row, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	trouble := crash.DiskFull(troubleTime)
	if database == "postgres" {
		server, err := cache.StartPostgres(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		trouble = crash.DatabaseRestarts(restarts, server.Restart)
		if o.Database, err = provision.CreateDatabase(ctx, server.URI(), fmt.Sprintf("causeway_crash_%d", time.Now().UnixNano())); err != nil {
			return nil, err
		}
	}
	count := len(strings.Split(s.databases, ","))
	scenarios := append(crash.Scenarios((s.kills+count-1)/count, (s.aimed+count-1)/count), trouble)
	return crash.Run(ctx, o, matching(scenarios, wanted)...)
}

// What a Synapse on SQLite keeps up with on two cores, and which share of the random kills is against it, beyond those on the databases.
const (
	synapseRate  = 4
	synapseShare = 10
)

// onSynapse plays against the real homeserver, with the bridge on SQLite.
func (s settings) onSynapse(ctx context.Context, cache *provision.Cache, o crash.Options, wanted *regexp.Regexp) ([]crash.Row, error) {
	scenarios := matching(crash.OnSynapse((s.kills+synapseShare-1)/synapseShare), wanted)
	if len(scenarios) == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if o.Synapse, err = cache.Install(ctx, provision.Synapse); err != nil {
		return nil, err
	}
	return crash.Run(ctx, o, scenarios...)
}

func matching(list []crash.Scenario, wanted *regexp.Regexp) []crash.Scenario {
	return slices.DeleteFunc(list, func(s crash.Scenario) bool { return !wanted.MatchString(s.Name) })
}
