//go:build unix

package batch

import "golang.org/x/sys/unix"

// mayWrite asks the system whether files can be made in a directory, and makes
// none.
func mayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
