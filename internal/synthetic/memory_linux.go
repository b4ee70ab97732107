package main

import (
	"os"
	"syscall"
)

// residentAtMost is the most that a process had resident at once, in bytes.
func residentAtMost(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss * 1024
}
