//go:build unix

package transcode

import (
	"fmt"
	"os"
)

// named is how a child names the file that it has as a descriptor.
func named(_ *os.File, descriptor int) string { return fmt.Sprintf("/dev/fd/%d", descriptor) }
