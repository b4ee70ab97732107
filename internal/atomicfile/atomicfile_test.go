package atomicfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/internal/atomicfile"
)

// writers are the three functions, all with one contract for a path that is
// free.
var writers = []struct {
	name    string
	write   func(path string, data []byte, perm fs.FileMode) error
	replace bool // what is at the path already
}{
	{"WriteFile", atomicfile.WriteFile, true},
	{"WriteUnsynced", func(path string, data []byte, perm fs.FileMode) error {
		return atomicfile.WriteUnsynced(path, data, perm, ".own-*")
	}, true},
	{"WriteNew", atomicfile.WriteNew, false},
	{"NewUnsynced", func(path string, data []byte, perm fs.FileMode) error {
		return atomicfile.NewUnsynced(path, data, perm, ".own-*")
	}, false},
	{"NewUnsynced elsewhere", func(path string, data []byte, perm fs.FileMode) (err error) {
		atomicfile.WithoutUnnamed(func() { err = atomicfile.NewUnsynced(path, data, perm, ".own-*") })
		return err
	}, false},
}

// requireOnly checks that the directory holds these names and no other, such
// as that of a temporary file.
func requireOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	require.ElementsMatch(t, names, got)
}

func requireContent(t *testing.T, path, want string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(data))
}

func requireMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // Windows has no such bits
	}
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode())
}

func TestNewFile(t *testing.T) {
	for _, w := range writers {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			for i, perm := range []fs.FileMode{0o600, 0o644, 0o400, 0o666} {
				name := fmt.Sprintf("file-%d", i)
				require.NoError(t, w.write(filepath.Join(dir, name), []byte(name), perm))
				requireContent(t, filepath.Join(dir, name), name)
				requireMode(t, filepath.Join(dir, name), perm)
			}
			require.NoError(t, w.write(filepath.Join(dir, "empty"), nil, 0o644))
			requireContent(t, filepath.Join(dir, "empty"), "")
			requireOnly(t, dir, "file-0", "file-1", "file-2", "file-3", "empty")
		})
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, w := range writers {
		require.NoError(t, w.write(w.name, []byte("x"), 0o644))
		requireContent(t, w.name, "x")
	}
}

// The new file has the mode that was asked for, whatever the old one had.
func TestExistingFile(t *testing.T) {
	for _, w := range writers {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			require.NoError(t, os.WriteFile(path, []byte("the old and longer content"), 0o600))
			err := w.write(path, []byte("new"), 0o640)
			if w.replace {
				require.NoError(t, err)
				requireContent(t, path, "new")
				requireMode(t, path, 0o640)
			} else {
				require.ErrorIs(t, err, fs.ErrExist)
				require.ErrorContains(t, err, path)
				requireContent(t, path, "the old and longer content")
				requireMode(t, path, 0o600)
			}
			requireOnly(t, dir, "file")
		})
	}
}

// A symbolic link is replaced, not followed: what it points to stays as it is.
func TestSymbolicLink(t *testing.T) {
	for _, w := range writers {
		for _, target := range []string{"target", "dangling"} {
			t.Run(w.name+" to "+target, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "link")
				require.NoError(t, os.WriteFile(filepath.Join(dir, "target"), []byte("kept"), 0o600))
				if err := os.Symlink(target, path); err != nil {
					t.Skipf("no symbolic links here: %v", err)
				}
				err := w.write(path, []byte("new"), 0o644)
				requireOnly(t, dir, "target", "link")
				requireContent(t, filepath.Join(dir, "target"), "kept")
				if !w.replace {
					require.ErrorIs(t, err, fs.ErrExist)
					return
				}
				require.NoError(t, err)
				requireMode(t, path, 0o644)
				requireContent(t, path, "new")
			})
		}
	}
}

func TestFailureLeavesNothing(t *testing.T) {
	for _, w := range writers {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "dir")
			require.NoError(t, os.Mkdir(path, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(path, "inside"), nil, 0o644))
			err := w.write(path, []byte("x"), 0o644)
			require.ErrorContains(t, err, path, "a directory is in the way")
			require.NotRegexp(t, `\.(tmp|own)-`, err.Error(), "the temporary file is nobody's concern")
			requireOnly(t, dir, "dir")
			requireOnly(t, path, "inside")

			require.ErrorIs(t, w.write(filepath.Join(dir, "missing", "file"), []byte("x"), 0o644), fs.ErrNotExist)
			require.Error(t, w.write(filepath.Join(path, "inside", "file"), []byte("x"), 0o644), "a file is no directory")
			require.Error(t, w.write(filepath.Join(dir, "nul\x00byte"), []byte("x"), 0o644))
			requireOnly(t, dir, "dir")
		})
	}
}

// Readers see one version whole, at every moment.
func TestConcurrentReaders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: Windows does not replace a file that is open")
	}
	const size = 1 << 18
	path := filepath.Join(t.TempDir(), "file")
	version := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, size-i) }
	require.NoError(t, atomicfile.WriteFile(path, version(0), 0o644))

	var done atomic.Bool
	var reads atomic.Int64
	var readers sync.WaitGroup
	problems := make(chan error, 4)
	for range cap(problems) {
		readers.Go(func() {
			for !done.Load() {
				data, err := os.ReadFile(path)
				if err == nil && (len(data) == 0 || !bytes.Equal(data, version(int(data[0])))) {
					err = fmt.Errorf("read %d bytes that are no version", len(data))
				}
				if err != nil {
					problems <- err
					return
				}
				reads.Add(1)
			}
		})
	}
	for i := 1; i < 30 || reads.Load() < 20; i++ {
		write := writers[i%2].write
		if err := write(path, version(i%100), 0o644); err != nil {
			problems <- err
			break
		}
		if len(problems) > 0 {
			break
		}
	}
	done.Store(true)
	readers.Wait()
	close(problems)
	for err := range problems {
		t.Error(err)
	}
	requireOnly(t, filepath.Dir(path), "file")
}

// Of many that make the same new file, one wins, and the file is the winner's.
func TestConcurrentWriteNew(t *testing.T) {
	dir := t.TempDir()
	for round := range 20 {
		path := filepath.Join(dir, fmt.Sprint(round))
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = atomicfile.WriteNew(path, fmt.Appendf(nil, "writer %d", i), 0o644) })
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			if err == nil {
				require.Equal(t, -1, winner, "two writers won")
				winner = i
				continue
			}
			require.True(t, errors.Is(err, fs.ErrExist), "%v", err)
		}
		require.NotEqual(t, -1, winner, "nobody won")
		requireContent(t, path, fmt.Sprintf("writer %d", winner))
		require.NoError(t, os.Remove(path))
	}
	requireOnly(t, dir)
}

func TestSyncDir(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, atomicfile.SyncDir(dir))
	if runtime.GOOS != "windows" {
		require.ErrorIs(t, atomicfile.SyncDir(filepath.Join(dir, "missing")), fs.ErrNotExist)
	}
}

// What fill writes is there whole or not at all, and an error of its own is not
// one about the file that is written.
func TestFill(t *testing.T) {
	const pattern = ".own-*"
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	pieces := func(w io.Writer) error {
		for range 1000 {
			if _, err := io.WriteString(w, "0123456789"); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, atomicfile.CreateNew(path, pieces, 0o600, pattern))
	requireContent(t, path, strings.Repeat("0123456789", 1000))
	requireMode(t, path, 0o600)
	require.ErrorIs(t, atomicfile.CreateNew(path, pieces, 0o600, pattern), fs.ErrExist)

	_, missing := os.Open(filepath.Join(dir, "source"))
	fails := func(w io.Writer) error { return errors.Join(pieces(w), missing) }
	for _, create := range []func(string, func(io.Writer) error, fs.FileMode, string) error{atomicfile.CreateNew, atomicfile.CreateOver} {
		err := create(path, fails, 0o644, pattern)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorContains(t, err, "source")
		requireContent(t, path, strings.Repeat("0123456789", 1000))
		requireOnly(t, dir, "file")
	}
	short := func(w io.Writer) error { _, err := io.WriteString(w, "short"); return err }
	require.NoError(t, atomicfile.CreateOver(path, short, 0o640, pattern))
	requireContent(t, path, "short")
	requireMode(t, path, 0o640)
	requireOnly(t, dir, "file")
}
