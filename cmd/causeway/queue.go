package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"causeway/app"
	"causeway/config"
)

// maxLetters is how many dead letters of a queue --all takes at a time.
const maxLetters = 100_000

// maxCause is how much of a cause a list shows, in characters.
const maxCause = 100

func queueCommand(t terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Look after what waits and what was given up",
		Long: `Look after the bridge's queues: what waits to be done, and the dead letters,
which are what the bridge has given up on and keeps until somebody decides.

It works on the database of the configuration, whether or not the bridge runs;
a running bridge takes up what is tried again within half a minute. What people
wrote is not shown, except by 'queue show --content'.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usageError{fmt.Errorf("%q is not something to do with the queue; see 'causeway queue --help'", args[0])}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(queueList(t), queueShow(t), queueAct(t, retryAct()), queueAct(t, dropAct()))
	return cmd
}

// atDesk opens the queues of a configuration for a command.
func atDesk(ctx context.Context, t terminal, path string, do func(d *app.Desk) error) error {
	cfg, err := config.Load(path, t.environment)
	if err != nil {
		return err
	}
	d, err := app.OpenDesk(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Close())
}

func queueList(t terminal) *cobra.Command {
	var path string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what waits, and the dead letters",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return atDesk(cmd.Context(), t, path, func(d *app.Desk) error {
				waiting, err := d.Waiting(cmd.Context())
				if err != nil {
					return err
				}
				dead, err := d.Dead(cmd.Context(), limit)
				if err != nil {
					return err
				}
				return errors.Join(
					table(t.out, "Waiting", "NUMBER\tQUEUE\tLANE\tFIRST\tWAITING\tSINCE\tATTEMPTS\tCAUSE", waiting, waitingRow),
					table(t.out, "Dead letters", "NUMBER\tQUEUE\tLANE\tKIND\tDEAD SINCE\tATTEMPTS\tCAUSE", dead, deadRow))
			})
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().IntVarP(&limit, "limit", "n", 100, "how many dead letters of each queue to list, the newest first")
	return cmd
}

func table(out io.Writer, head, columns string, list []app.Work, row func(w app.Work) string) error {
	if len(list) == 0 {
		fmt.Fprintf(out, "%s: none\n", head)
		return nil
	}
	fmt.Fprintf(out, "%s: %d\n", head, len(list))
	columned := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columned, columns)
	for _, w := range list {
		fmt.Fprintln(columned, row(w))
	}
	return columned.Flush()
}

func waitingRow(w app.Work) string {
	return fmt.Sprintf("%d\t%s\t%s\t%s\t%d\t%s\t%d\t%s", w.Number, w.Queue, plain(w.Lane), w.Kind, w.Count, stamp(w.Came), w.Attempts, short(w.Cause))
}

func deadRow(w app.Work) string {
	return fmt.Sprintf("%d\t%s\t%s\t%s\t%s\t%d\t%s", w.Number, w.Queue, plain(w.Lane), w.Kind, stamp(w.Closed), w.Attempts, short(w.Cause))
}

// plain keeps what strangers send from moving the cursor of a terminal.
func plain(text string) string {
	var clean strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) {
			clean.WriteRune(r)
		} else {
			clean.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return clean.String()
}

func short(text string) string {
	if runes := []rune(text); len(runes) > maxCause {
		text = string(runes[:maxCause]) + "…"
	}
	return plain(text)
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }

func queueShow(t terminal) *cobra.Command {
	var path string
	var content bool
	cmd := &cobra.Command{
		Use:   "show NUMBER",
		Short: "Show one dead letter",
		Args:  oneNumber,
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd.Context(), t, path, func(d *app.Desk) error {
				number, err := parseNumber(args[0])
				if err != nil {
					return err
				}
				w, ok, err := d.Letter(cmd.Context(), number)
				if err != nil {
					return err
				} else if !ok {
					return noLetter(number)
				}
				fmt.Fprintf(t.out, "number:   %d\nqueue:    %s\nlane:     %s\nkind:     %s\nkey:      %s\ncame:     %s\ndead:     %s\nattempts: %d\ncause:    %s\n",
					w.Number, w.Queue, plain(w.Lane), w.Kind, plain(w.Key), stamp(w.Came), stamp(w.Closed), w.Attempts, plain(w.Cause))
				if content {
					fmt.Fprintf(t.out, "content:  %s\n", plain(string(w.Content)))
				}
				return nil
			})
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&content, "content", false, "also show the content, which may be what somebody wrote")
	return cmd
}

// deskAct is something to do with dead letters.
type deskAct struct {
	use, short, done string
	do               func(ctx context.Context, d *app.Desk, number int64) (bool, error)
}

func retryAct() deskAct {
	return deskAct{"retry", "Try dead letters again", "is tried again",
		func(ctx context.Context, d *app.Desk, number int64) (bool, error) { return d.Retry(ctx, number) }}
}

func dropAct() deskAct {
	return deskAct{"drop", "Drop dead letters for good", "was dropped",
		func(ctx context.Context, d *app.Desk, number int64) (bool, error) { return d.Drop(ctx, number) }}
}

func queueAct(t terminal, act deskAct) *cobra.Command {
	var path string
	var all bool
	cmd := &cobra.Command{
		Use:   act.use + " NUMBER... | --all",
		Short: act.short,
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usageError{errors.New("give the numbers of dead letters, or --all; see 'causeway queue list' for them")}
			}
			return areNumbers(args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd.Context(), t, path, func(d *app.Desk) error {
				numbers, err := wanted(cmd.Context(), d, args)
				if err != nil {
					return err
				}
				return actOn(cmd.Context(), t, d, act, numbers)
			})
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&all, "all", false, "all of them")
	return cmd
}

// wanted reads the numbers, or lists those of all dead letters, the oldest first.
func wanted(ctx context.Context, d *app.Desk, args []string) (numbers []int64, err error) {
	for _, arg := range args {
		number, err := parseNumber(arg)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, number)
	}
	if len(args) > 0 {
		return numbers, nil
	}
	letters, err := d.Dead(ctx, maxLetters)
	for i := range letters {
		numbers = append(numbers, letters[len(letters)-1-i].Number)
	}
	return numbers, err
}

func actOn(ctx context.Context, t terminal, d *app.Desk, act deskAct, numbers []int64) error {
	var missing error
	for _, number := range numbers {
		ok, err := act.do(ctx, d, number)
		switch {
		case err != nil:
			return errors.Join(missing, err)
		case !ok:
			missing = errors.Join(missing, noLetter(number))
		default:
			fmt.Fprintf(t.out, "%d %s\n", number, act.done)
		}
	}
	if len(numbers) == 0 {
		fmt.Fprintln(t.out, "there are no dead letters")
	}
	return missing
}

func noLetter(number int64) error {
	return fmt.Errorf("there is no dead letter %d; see 'causeway queue list'", number)
}

func oneNumber(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{errors.New("give the number of one dead letter; see 'causeway queue list' for them")}
	}
	return areNumbers(args)
}

func areNumbers(args []string) error {
	for _, arg := range args {
		if _, err := parseNumber(arg); err != nil {
			return err
		}
	}
	return nil
}

func parseNumber(text string) (int64, error) {
	number, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64)
	if err != nil {
		return 0, usageError{fmt.Errorf("%q is not the number of a dead letter; see 'causeway queue list' for them", text)}
	}
	return number, nil
}
