//go:build unix

package batch_test

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/internal/testuser"
)

// lock takes all rights of dir or file away until the test ends.
func lock(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	require.NoError(t, os.Chmod(path, mode))
	t.Cleanup(func() { os.Chmod(path, 0o700) })
}

func TestUnreadable(t *testing.T) {
	if !testuser.IsOrdinary(t) {
		return
	}
	dir := tree(t, "a.pdf", "closed.pdf", "closed/b.pdf", "open/c.pdf", "x/unsearchable/d.pdf")
	for _, path := range joined(dir, "closed.pdf", "closed") {
		lock(t, path, 0)
	}
	lock(t, filepath.Join(dir, "x/unsearchable"), 0o400) // names can be listed, files not looked at

	files, refusals, _, err := batch.Collect([]string{dir, filepath.Join(dir, "closed")})
	require.NoError(t, err)
	require.Equal(t, joined(dir, "a.pdf", "closed.pdf", "open/c.pdf", "x/unsearchable/d.pdf"), files)
	require.Equal(t, []batch.Finding{{Path: filepath.Join(dir, "closed"), Text: "cannot be read: permission denied"}}, refusals)

	s, err := batch.Read(context.Background(), []string{dir}, ignoreTotal, ignoreDone)
	require.NoError(t, err)
	require.Len(t, s.Files, 2)
	var refused []string
	for _, r := range s.Refusals {
		require.Equal(t, "cannot be read: permission denied", r.Text)
		refused = append(refused, r.Path)
	}
	require.Equal(t, joined(dir, "closed", "closed.pdf", "x/unsearchable/d.pdf"), refused)

	_, _, _, err = batch.Collect(joined(dir, "x/unsearchable/d.pdf"))
	require.ErrorIs(t, err, fs.ErrPermission)
}

func TestSymbolicLinks(t *testing.T) {
	dir := tree(t, "real/a.pdf", "real/sub/b.pdf", "given/c.pdf")
	link := func(to, name string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.Symlink(to, path))
		return path
	}
	folder := link("real", "folder")
	link(filepath.Join(dir, "real/a.pdf"), "given/link.pdf")
	link("nowhere", "given/dangling.pdf")
	link("c.pdf", "given/inside.pdf")
	link("..", "given/up")
	named := link("real/a.pdf", "named.pdf")
	dangling := link("nowhere.pdf", "dangling.pdf")

	files, refusals, ignored, err := batch.Collect(joined(dir, "given"))
	require.NoError(t, err)
	require.Equal(t, joined(dir, "given/c.pdf"), files, "links in a folder are not followed")
	real, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	require.Equal(t, []batch.Finding{
		{Path: filepath.Join(dir, "given/dangling.pdf"), Text: "is a symbolic link to nowhere"},
		{Path: filepath.Join(dir, "given/inside.pdf"), Text: "is a symbolic link to c.pdf, which is in the folder itself: remove the link"},
		{Path: filepath.Join(dir, "given/link.pdf"), Text: "is a symbolic link out of the folder, to " + filepath.Join(real, "real/a.pdf") + ": copy that file here, or name it"},
		{Path: filepath.Join(dir, "given/up"), Text: "is a symbolic link to a folder: name that folder, or remove the link"},
	}, refusals)
	require.Zero(t, ignored)

	// A link that somebody names is meant: as a folder, and as a file.
	for _, given := range []string{folder, folder + "/"} {
		files, refusals, _, err = batch.Collect([]string{given})
		require.NoError(t, err)
		require.Empty(t, refusals)
		require.Equal(t, joined(dir, "folder/a.pdf", "folder/sub/b.pdf"), files)
	}
	got := scan(t, named)
	require.Equal(t, named, got[0].Path)
	_, _, _, err = batch.Collect([]string{dangling})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestNoRegularFile(t *testing.T) {
	dir, err := os.MkdirTemp("", "s") // a socket's path is short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	pipe, socket := filepath.Join(dir, "pipe.pdf"), filepath.Join(dir, "socket.pdf")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()

	_, refusals, _, err := batch.Collect([]string{dir})
	require.NoError(t, err)
	require.Equal(t, []batch.Finding{
		{Path: pipe, Text: "is not a regular file (named pipe)"},
		{Path: socket, Text: "is not a regular file (socket)"},
	}, refusals)

	// Opening a pipe that nobody writes to would wait for ever.
	result := make(chan *batch.Scan)
	go func() {
		s, _ := batch.Read(context.Background(), []string{pipe, socket, os.DevNull}, ignoreTotal, ignoreDone)
		result <- s
	}()
	select {
	case s := <-result:
		require.Len(t, s.Refusals, 3)
		for _, r := range s.Refusals {
			require.Equal(t, "is not a regular file", r.Text)
		}
	case <-time.After(10 * time.Second):
		require.FailNow(t, "waits for a named pipe")
	}
}

func TestFileReplacedWhileItIsRead(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "large.pdf"), filepath.Join(dir, "other")
	large(t, path)
	require.NoError(t, os.Chtimes(path, created, created))
	refusal := during(t, path, func(int) {
		// The same size and time: only the file is another one.
		large(t, other)
		err := os.Chtimes(other, created, created)
		if err == nil {
			err = os.Rename(other, path)
		}
		if err != nil {
			t.Error(err)
		}
	})
	require.Equal(t, "changed while it was read", refusal.Text)
}

func TestFileVanishesWhileItIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.pdf")
	large(t, path)
	refusal := during(t, path, func(int) { os.Remove(path) })
	require.Equal(t, "cannot be read: no such file or directory", refusal.Text)
}

// A folder in which no proof can be written is refused before anything is
// signed.
func TestPlanRefusesUnwritableFolder(t *testing.T) {
	if !testuser.IsOrdinary(t) {
		return
	}
	dir := tree(t, "a.pdf", "closed/b.pdf", "closed/c.pdf")
	closed := filepath.Join(dir, "closed")
	files := scan(t, dir)
	lock(t, closed, 0o500)
	fault := "is in a folder in which no proof can be written: permission denied"
	want := []batch.Finding{{Path: filepath.Join(closed, "b.pdf"), Text: fault}, {Path: filepath.Join(closed, "c.pdf"), Text: fault}}
	for _, probe := range []bool{false, true} {
		p, err := batch.NewPlan(context.Background(), &batch.Scan{Files: files}, nil, testHead(), batch.Options{Probe: probe})
		require.NoError(t, err)
		require.Equal(t, want, p.Refusals)
		require.Len(t, p.New, 1)
	}
	require.NoFileExists(t, filepath.Join(dir, ".gradseal-"))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the look at the folder leaves nothing there")

	s, _ := newStore(t)
	create(t, s, files)
	p, err := batch.NewPlan(context.Background(), &batch.Scan{Files: files}, list(t, s), testHead(), batch.Options{Probe: true})
	require.NoError(t, err)
	require.Len(t, p.Refusals, 2, "of a batch that is planned already, too")
}
