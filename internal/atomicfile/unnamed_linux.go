package atomicfile

import (
	"io/fs"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// writeUnnamed makes a file without a name, writes it, and gives it its name only
// then, where that is free (O_TMPFILE of open(2) and linkat(2)). A directory is
// changed once for each file, not three times as with a temporary name, and who
// is killed leaves nothing there. It reports whether the file is there: not every
// file system can do it.
func writeUnnamed(path string, data []byte, perm fs.FileMode) bool {
	fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, uint32(perm.Perm()))
	if err != nil {
		return false
	}
	ok := writeAll(fd, data, perm)
	if ok {
		err = unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
		if err != nil && err != unix.EEXIST { // as without /proc: no other file need be tried
			noUnnamed.Store(true)
		}
	}
	// Where writing is put off, its error comes at the end.
	return unix.Close(fd) == nil && ok && err == nil
}

// writeAll writes all of data, and sets the mode where the umask took something off.
func writeAll(fd int, data []byte, perm fs.FileMode) bool {
	if n, err := unix.Write(fd, data); err != nil || n != len(data) {
		return false
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return false
	}
	return fs.FileMode(stat.Mode).Perm() == perm.Perm() || unix.Fchmod(fd, uint32(perm.Perm())) == nil
}
