//go:build !linux

package transcode

import (
	"os/exec"
	"runtime"
	"time"
)

// Elsewhere a child has the limits that ffmpeg sets itself, and is killed alone.

func isolate(cmd *exec.Cmd) {
	if runtime.GOOS == "windows" {
		cmd.ExtraFiles = nil // there files go by their names
	}
}

func killAll(cmd *exec.Cmd) error { return cmd.Process.Kill() }

func curb(int, time.Duration, int64) {}
