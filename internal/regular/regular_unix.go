//go:build unix

package regular

import (
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// File is a regular file that is open for reading. It has to be closed: nothing else
// does it. Its methods are not for several goroutines at once, but for ReadAt.
type File struct {
	fd    int
	path  string
	state State
}

// State tells a file from another one, and from itself after it was written to.
type State struct {
	Size    int64 // bytes
	ModTime time.Time

	device, inode uint64
}

func stateOf(stat *unix.Stat_t) State {
	return State{stat.Size, time.Unix(stat.Mtim.Unix()), uint64(stat.Dev), uint64(stat.Ino)}
}

// Same reports whether both are of one file that was not written to in between.
func (s State) Same(other State) bool {
	return s.Size == other.Size && s.ModTime.Equal(other.ModTime) && s.device == other.device && s.inode == other.inode
}

// Stat returns the state of the file at path. Errors are those of Open.
func Stat(path string) (State, error) {
	var stat unix.Stat_t
	_, err := retry(func() (int, error) { return 0, unix.Stat(path, &stat) })
	if err != nil {
		return State{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return State{}, notRegular(path)
	}
	return stateOf(&stat), nil
}

// Open opens a file. An error is a *fs.PathError, or is ErrNotRegular.
func Open(path string) (*File, error) {
	// With O_NONBLOCK, opening a named pipe does not wait. A link is looked at before it
	// is followed: there are devices to which something happens when they are opened.
	fd, err := open(path, unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_NOCTTY)
	if err == unix.ELOOP || err == unix.EMLINK || err == unix.EAGAIN { // a link, also in BSD's words; a file that another machine has to give back first
		info, statErr := os.Stat(path)
		if statErr != nil {
			return nil, statErr
		}
		if !info.Mode().IsRegular() {
			return nil, notRegular(path)
		}
		fd, err = open(path, unix.O_NOCTTY)
	}
	if err == unix.ENXIO || err == unix.EOPNOTSUPP { // of a socket, or a device that is not there
		if _, statErr := Stat(path); statErr != nil {
			return nil, statErr
		}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	var stat unix.Stat_t
	switch err := unix.Fstat(fd, &stat); {
	case err != nil:
		unix.Close(fd)
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	case stat.Mode&unix.S_IFMT != unix.S_IFREG:
		unix.Close(fd)
		return nil, notRegular(path)
	}
	return &File{fd, path, stateOf(&stat)}, nil
}

func open(path string, flags int) (int, error) {
	return retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0) })
}

// State is that of the file when it was opened.
func (f *File) State() State { return f.state }

// Size is what the file had in bytes when it was opened.
func (f *File) Size() int64 { return f.state.Size }

// Read is that of io.Reader.
func (f *File) Read(p []byte) (int, error) {
	n, err := retry(func() (int, error) { return unix.Read(f.fd, p) })
	return f.read(n, len(p), err)
}

// ReadAt is that of io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = retry(func() (int, error) { return unix.Pread(f.fd, p[n:], off+int64(n)) })
		m, err = f.read(m, len(p)-n, err)
		n += m
	}
	return n, err
}

func (f *File) read(n, want int, err error) (int, error) {
	switch {
	case err != nil:
		return 0, &fs.PathError{Op: "read", Path: f.path, Err: err}
	case n == 0 && want > 0:
		return 0, io.EOF
	}
	return n, nil
}

// Close closes the file. Using it again is an error, and never another file's content.
func (f *File) Close() error {
	fd := f.fd
	f.fd = -1
	return unix.Close(fd)
}

// retry calls what a signal can interrupt, until none did.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
