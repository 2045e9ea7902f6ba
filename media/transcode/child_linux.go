package transcode

import (
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// niceness leaves the processor to whoever else wants it.
	niceness = 10
	// maxMemory bounds the address space of a child, in bytes.
	maxMemory = 3 << 30
	// processors bounds the processor time of a child: that of so many for as long as it may run.
	processors = 4
)

// isolate puts a child into a group of its own, so that all of it can be killed, and lets it die with this process.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killAll(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// curb sets the limits of a child that runs. That it cannot be (it has ended already, or a sandbox forbids it) is no reason
// to do without its work.
func curb(pid int, limit time.Duration, output int64) {
	_ = syscall.Setpriority(syscall.PRIO_PGRP, pid, niceness)
	set := func(what int, most uint64) {
		_ = unix.Prlimit(pid, what, &unix.Rlimit{Cur: most, Max: most}, nil)
	}
	set(unix.RLIMIT_CORE, 0)
	set(unix.RLIMIT_AS, maxMemory)
	set(unix.RLIMIT_CPU, uint64(processors*limit/time.Second)+1)
	if output > 0 {
		// ffmpeg stops by itself at its limit; this is for what it writes beyond.
		const slack = 16 << 20
		set(unix.RLIMIT_FSIZE, uint64(output)+slack)
	}
}
