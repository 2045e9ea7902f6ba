package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stopTime is how long a process gets to end by itself before it is killed.
const stopTime = 20 * time.Second

// Command describes a process to start.
type Command struct {
	// Name is what the process is called in messages; its output goes to Name.log in LogDir, after what is there already.
	Name   string
	LogDir string
	Path   string
	Args   []string
	Dir    string
	// Env is the whole environment; nil passes on this process's own.
	Env []string
	// Stop asks the process to end; SIGTERM where it is 0.
	Stop syscall.Signal
	// User runs the process as somebody else; only root can.
	User *syscall.Credential
}

// Process is a running child. It has a process group of its own, so that a Ctrl-C in the terminal reaches only its parent, which then
// stops its children in order; and it ends with its parent.
type Process struct {
	Name string
	// Log is the file with the output.
	Log string

	command *exec.Cmd
	stop    syscall.Signal
	done    chan struct{}
	err     error
}

// Start starts a process.
func Start(c Command) (*Process, error) {
	log := filepath.Join(c.LogDir, c.Name+".log")
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	defer func() { _ = output.Close() }()
	if c.Stop == 0 {
		c.Stop = syscall.SIGTERM
	}
	command := exec.Command(c.Path, c.Args...)
	command.Dir, command.Env = c.Dir, c.Env
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = attributes(c)
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	p := &Process{Name: c.Name, Log: log, command: command, stop: c.Stop, done: make(chan struct{})}
	go func() {
		p.err = command.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is the number of the process.
func (p *Process) PID() int { return p.command.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how the process ended; nil while it runs and after exit status 0.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Stop asks the process to end and waits until it has; one that does not is killed with its group, and that is an error.
func (p *Process) Stop() error {
	if p == nil {
		return nil
	}
	_ = p.command.Process.Signal(p.stop)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTime):
		p.Kill()
		return fmt.Errorf("stop %s: it did not end within %s and was killed", p.Name, stopTime)
	}
}

// Kill ends the process and its group at once, as a power cut would, and waits until it is gone.
func (p *Process) Kill() {
	select {
	case <-p.done:
		return // its number may belong to another process by now
	default:
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}

// Tail is the end of the process's output.
func (p *Process) Tail() string { return strings.TrimRight(ReadTail(p.Log, 4096), "\n") }

// WaitReady waits until probe succeeds. It gives up when the process ends or the context does, and then shows the end of the output.
func (p *Process) WaitReady(ctx context.Context, probe func(context.Context) error) error {
	var last error
	for {
		if last = probe(ctx); last == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("start %s: it ended (%w); its output ends with:\n%s", p.Name, orExit0(p.err), p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("start %s: not ready in time: %w; its output ends with:\n%s", p.Name, last, p.Tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func orExit0(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// runIn runs a short-lived command to its end; its output is part of the error.
func runIn(ctx context.Context, dir string, env []string, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = dir, env
	return run(command)
}

func run(command *exec.Cmd) error {
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		text := output.String()
		if len(text) > 4096 {
			text = "..." + text[len(text)-4096:]
		}
		return fmt.Errorf("run %s: %w\n%s", strings.Join(command.Args, " "), err, text)
	}
	return nil
}
