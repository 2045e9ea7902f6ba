//go:build crashpoints

package crashpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// aim is read once. It is the only state of the package, and no part of a bridge that people run.
var (
	aimedAt, aimedNth = aim(os.Getenv(Environment))
	passed            atomic.Int64
)

func aim(setting string) (string, int64) {
	name, nth, _ := strings.Cut(setting, ":")
	n, err := strconv.ParseInt(nth, 10, 64)
	if err != nil {
		n = 1
	}
	return name, n
}

// Pass ends the process as a power cut would, if this is where it was told to.
func Pass(point string) {
	if point != aimedAt || passed.Add(1) != aimedNth {
		return
	}
	fmt.Fprintln(os.Stderr, "crash at", point, aimedNth)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// Closed says that a queue has durably closed an entry: Decided or Settled.
func Closed(queue string) { Pass(queue + "-closed") }
