//go:build !unix

package transcode

import "os"

// named is the name of a file, which it keeps where a descriptor cannot be opened by name.
func named(f *os.File, _ int) string { return f.Name() }
