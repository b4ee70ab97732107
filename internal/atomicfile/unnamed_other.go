//go:build !linux

package atomicfile

import "io/fs"

// writeUnnamed is not for this system.
func writeUnnamed(string, []byte, fs.FileMode) bool { return false }
