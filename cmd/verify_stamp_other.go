//go:build !linux && !darwin

package cmd

import "io/fs"

// changeTime is not known here from what is known of a file anyway: a file that is
// replaced by one of its size, with its time set back, is taken for unchanged.
func changeTime(fs.FileInfo) int64 { return 0 }
