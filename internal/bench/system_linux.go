package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
)

// room returns the bytes and the inodes that are free in the file system of a
// folder for this user. A file system without a fixed number of inodes has
// none free and none in all; then inodes is -1.
func room(dir string) (free, inodes int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	if s.Files == 0 {
		return int64(s.Bavail) * s.Bsize, -1, nil
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Ffree), nil
}

// settle has everything written out, so that what one run left to write does
// not slow down the next.
func settle() { syscall.Sync() }

// forgetPeak sets this process's peak of resident memory back to what it has
// now, and returns that in bytes. The kernel counts the peak of whoever starts a
// process as the new one's, until exec(2): getrusage(2) would answer with ours.
func forgetPeak() (own int64, err error) {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return 0, err
	}
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(data), &size, &resident); err != nil {
		return 0, fmt.Errorf("/proc/self/statm: %w", err)
	}
	return resident * int64(os.Getpagesize()), nil
}

// peakOf returns the bytes of memory that an ended process had resident at most.
func peakOf(state *os.ProcessState) int64 {
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss * 1024
	}
	return 0
}

// describe adds what only Linux tells of the machine.
func (m *machine) describe(dir string) {
	m.cpu = field("/proc/cpuinfo", "model name")
	m.memory = strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB")
	m.memory = inGB(m.memory)
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.system = "Linux " + strings.TrimSpace(string(release))
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.load, _, _ = strings.Cut(string(load), " ")
	}
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) == nil {
		m.files = fileSystem(int64(s.Type))
	}
}

// inGB prints a number of KiB, as /proc/meminfo has it, in GB.
func inGB(kib string) string {
	var n int64
	if _, err := fmt.Sscan(kib, &n); err != nil {
		return ""
	}
	return fmt.Sprintf("%.1f GB", float64(n)*1024/1e9)
}

// field returns the value of the first line "name : value" of a file in /proc.
func field(path, name string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fileSystem names a type of statfs(2).
func fileSystem(magic int64) string {
	switch magic {
	case 0xef53:
		return "ext4" // or ext2 or ext3, which share the number
	case 0x58465342:
		return "XFS"
	case 0x9123683e:
		return "Btrfs"
	case 0x01021994:
		return "tmpfs"
	case 0x794c7630:
		return "overlayfs"
	case 0x2fc12fc1:
		return "ZFS"
	}
	return fmt.Sprintf("type %#x", magic)
}
