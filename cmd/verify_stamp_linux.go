package cmd

import (
	"io/fs"
	"syscall"
)

// changeTime is when anything of a file was changed last, its times included: who
// replaces a file can set the time of its contents back, and not this one.
func changeTime(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ctim.Nano()
	}
	return 0
}
