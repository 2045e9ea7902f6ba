//go:build !crashpoints

package crashpoint

// Pass says that the process is at a point.
func Pass(string) {}

// Closed says that a queue has durably closed an entry: Decided or Settled.
func Closed(string) {}
