package batch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
)

// tree writes PDFs under the names, which have slashes.
func tree(t testing.TB, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), pdf(name))
	}
	return dir
}

func joined(dir string, names ...string) []string {
	var out []string
	for _, name := range names {
		out = append(out, filepath.Join(dir, filepath.FromSlash(name)))
	}
	return out
}

func TestCollect(t *testing.T) {
	dir := tree(t, "b.pdf", "a.PDF", "c.Pdf", "notes.txt", "b.pdf.proof.json", "pdf", "x.pdf.bak", ".hidden.pdf",
		".pdf", ".git/in.pdf", "sub/deep/d.pdf", "sub/e.pdf", "folder.pdf/f.pdf", "sub/.cache/g.pdf")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	inDir := joined(dir, "a.PDF", "b.pdf", "c.Pdf", "folder.pdf/f.pdf", "sub/deep/d.pdf", "sub/e.pdf")
	tests := []struct {
		name    string
		paths   []string
		want    []string
		ignored int
	}{
		{"nothing", nil, nil, 0},
		{"folder", []string{dir}, inDir, 5},
		{"folder twice", []string{dir, dir + string(filepath.Separator)}, inDir, 5},
		{"folder and what is in it", joined(dir, ".", "sub", "sub/e.pdf", "b.pdf", "notes.txt"), append(append([]string{}, inDir[:4]...), joined(dir, "notes.txt", "sub/deep/d.pdf", "sub/e.pdf")...), 5},
		{"empty folder", joined(dir, "empty"), nil, 0},
		{"hidden folder that was named", joined(dir, ".git"), joined(dir, ".git/in.pdf"), 0},
		{"hidden file that was named", joined(dir, ".hidden.pdf"), joined(dir, ".hidden.pdf"), 0},
		{"files in another order", joined(dir, "sub/e.pdf", "a.PDF", "sub/e.pdf"), joined(dir, "a.PDF", "sub/e.pdf"), 0},
		{"a file that is no PDF by name", joined(dir, "notes.txt"), joined(dir, "notes.txt"), 0},
		{"roundabout path", []string{dir + "/sub/../b.pdf", dir + "/b.pdf"}, joined(dir, "b.pdf"), 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files, refusals, ignored, err := batch.Collect(test.paths)
			require.NoError(t, err)
			require.Equal(t, test.want, files)
			require.Empty(t, refusals)
			require.Equal(t, test.ignored, ignored)
		})
	}
}

func TestCollectRelative(t *testing.T) {
	dir := tree(t, "sub/a.pdf", "b.pdf")
	t.Chdir(filepath.Join(dir, "sub"))
	here, err := os.Getwd()
	require.NoError(t, err)
	for _, paths := range [][]string{{".."}, {".", "../b.pdf"}, {"a.pdf", "../b.pdf"}, {"../sub", ".."}} {
		files, _, _, err := batch.Collect(paths)
		require.NoError(t, err)
		require.Equal(t, joined(filepath.Dir(here), "b.pdf", "sub/a.pdf"), files)
	}
}

func TestCollectMissing(t *testing.T) {
	dir := tree(t, "a.pdf")
	t.Chdir(dir)
	for _, missing := range []string{
		filepath.Join(dir, "b.pdf"), filepath.Join(dir, "none", "b.pdf"),
		"", // an empty variable of a shell is not the working directory
	} {
		files, refusals, _, err := batch.Collect([]string{dir, missing})
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorContains(t, err, missing)
		require.Nil(t, files)
		require.Nil(t, refusals)
		s, err := batch.Read(context.Background(), []string{missing}, ignoreTotal, ignoreDone)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Nil(t, s)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	contents := map[string][]byte{
		"a.pdf":     pdf("a"),
		"b.pdf":     bytes.Repeat(pdf("larger than every buffer"), 1<<15),
		"c.pdf":     append(make([]byte, 1019), "%PDF-"...), // the last place that readers accept
		"d.pdf":     append([]byte("\xef\xbb\xbf\r\n"), pdf("d")...),
		"e e\u00e9": pdf("e"),
	}
	var paths []string
	var sum int64
	for name, data := range contents {
		paths = append(paths, write(t, filepath.Join(dir, name), data))
		sum += int64(len(data))
	}
	calls := 0
	var done atomic.Int64
	var doneBytes atomic.Int64
	s, err := batch.Read(context.Background(), paths, func(files int, bytes int64) {
		calls++
		require.Zero(t, done.Load())
		require.Equal(t, len(contents), files)
		require.Equal(t, sum, bytes)
	}, func(bytes int64) { done.Add(1); doneBytes.Add(bytes) })
	require.NoError(t, err)
	require.Empty(t, s.Refusals)
	require.Equal(t, 1, calls)
	require.EqualValues(t, len(contents), done.Load())
	require.Equal(t, sum, doneBytes.Load())
	require.Len(t, s.Files, len(contents))
	for i, f := range s.Files {
		data := contents[filepath.Base(f.Path)]
		info, err := os.Stat(f.Path)
		require.NoError(t, err)
		require.Equal(t, batch.File{Path: f.Path, Name: filepath.Base(f.Path), Row: -1, Size: int64(len(data)), ModTime: info.ModTime(), Digest: sha256.Sum256(data)}, f)
		require.True(t, i == 0 || s.Files[i-1].Path < f.Path, "in the order of their paths")
	}
}

func TestReadNothing(t *testing.T) {
	calls := 0
	s, err := batch.Read(context.Background(), nil, func(files int, bytes int64) {
		calls++
		require.Zero(t, files)
		require.Zero(t, bytes)
	}, func(int64) { require.Fail(t, "there is no file") })
	require.NoError(t, err)
	require.Equal(t, 1, calls)
	require.Empty(t, s.Files)
	require.Empty(t, s.Refusals)
}

// trailer is a proof inside a PDF, which ends in startxref 9.
func trailer(proofFile []byte) string {
	encoded := base64.StdEncoding.EncodeToString(proofFile)
	var lines strings.Builder
	for len(encoded) > 0 {
		n := min(76, len(encoded))
		lines.WriteString("%" + encoded[:n] + "\n")
		encoded = encoded[n:]
	}
	return "\n%gradseal-proof-1\n" + lines.String() + "startxref\n9\n%%EOF\n"
}

func TestReadRefuses(t *testing.T) {
	original := "%PDF-1.7\nxref\nstartxref\n9\n%%EOF"
	carrying := original + trailer(bytes.Repeat([]byte("proof"), 40))
	const carries = "already carries a gradseal proof"
	tests := []struct {
		name, data, fault string
	}{
		{"zero bytes", "", "has zero bytes"},
		{"text", "Dear graduate,\n", "is not a PDF"},
		{"short", "%PDF", "is not a PDF"},
		{"lower case", "%pdf-1.7\n", "is not a PDF"},
		{"header one byte too late", strings.Repeat("x", 1020) + "%PDF-1.7\n", "is not a PDF"},
		{"header at the end of a large file", strings.Repeat("x", 300<<10) + "%PDF-1.7\n", "is not a PDF"},
		{"proof inside", carrying, carries},
		{"proof inside twice", carrying + trailer([]byte("another")), carries},
		{"damaged proof inside", strings.Replace(carrying, "startxref\n9\n%%EOF\n", "startxref\n8\n%%EOF\n", 1), carries},
		{"content after the proof", carrying + "1 0 obj\n%%EOF\n", carries},
		{"content far after the proof", carrying + strings.Repeat("1 0 obj\n", 1<<15) + "%%EOF\n", carries},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			bad := write(t, filepath.Join(dir, "bad.pdf"), []byte(test.data))
			good := write(t, filepath.Join(dir, "good.pdf"), pdf("good"))
			var done, doneBytes atomic.Int64
			s, err := batch.Read(context.Background(), []string{dir}, ignoreTotal, func(bytes int64) { done.Add(1); doneBytes.Add(bytes) })
			require.NoError(t, err)
			require.Len(t, s.Refusals, 1)
			require.Equal(t, bad, s.Refusals[0].Path)
			require.Contains(t, s.Refusals[0].Text, test.fault)
			require.Len(t, s.Files, 1)
			require.Equal(t, good, s.Files[0].Path)
			require.EqualValues(t, 2, done.Load())
			require.Equal(t, s.Files[0].Size, doneBytes.Load())
		})
	}
}

func TestReadRefusesDuplicates(t *testing.T) {
	dir := t.TempDir()
	same := func(name, text string) string { return write(t, filepath.Join(dir, name), pdf(text)) }
	a, b := same("b.pdf", "twice"), same("d/e.pdf", "twice")
	x, y, z := same("a.pdf", "thrice"), same("c.pdf", "thrice"), same("f.pdf", "thrice")
	single := same("g.pdf", "once")
	s, err := batch.Read(context.Background(), []string{dir}, ignoreTotal, ignoreDone)
	require.NoError(t, err)
	require.Len(t, s.Files, 1)
	require.Equal(t, single, s.Files[0].Path)
	const out = ": both are left out, until one of them is removed"
	require.Equal(t, []batch.Finding{
		{Path: x, Text: "has the same content as " + y + out},
		{Path: a, Text: "has the same content as " + b + out},
		{Path: y, Text: "has the same content as " + x + out},
		{Path: b, Text: "has the same content as " + a + out},
		{Path: z, Text: "has the same content as " + x + out},
	}, s.Refusals)

	// A file that is refused for itself is not counted as a copy.
	s, err = batch.Read(context.Background(), []string{single, write(t, filepath.Join(dir, "n1"), nil), write(t, filepath.Join(dir, "n2"), nil)}, ignoreTotal, ignoreDone)
	require.NoError(t, err)
	require.Len(t, s.Files, 1)
	require.Len(t, s.Refusals, 2)
	for _, r := range s.Refusals {
		require.Equal(t, "has zero bytes", r.Text)
	}
}

// large is a PDF that takes a while to read: mostly a hole.
func large(t testing.TB, path string) {
	t.Helper()
	write(t, path, pdf("large"))
	require.NoError(t, os.Truncate(path, 96<<20))
}

// during runs change again and again until the file has been read. The first
// run is after the file was looked at, or the next one is.
func during(t *testing.T, path string, change func(n int)) batch.Finding {
	t.Helper()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	total := func(int, int64) {
		wg.Go(func() {
			for n := 1; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
					change(n)
				}
			}
		})
	}
	s, err := batch.Read(context.Background(), []string{path}, total, ignoreDone)
	close(stop)
	wg.Wait()
	require.NoError(t, err)
	require.Empty(t, s.Files)
	require.Len(t, s.Refusals, 1)
	require.Equal(t, path, s.Refusals[0].Path)
	return s.Refusals[0]
}

func TestFileChangesWhileItIsRead(t *testing.T) {
	changes := map[string]func(t *testing.T, path string, n int){
		"grows": func(t *testing.T, path string, n int) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString("more")
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Error(err)
			}
		},
		"shrinks": func(t *testing.T, path string, n int) {
			if err := os.Truncate(path, 96<<20-int64(n)); err != nil {
				t.Error(err)
			}
		},
		"rewritten with the same size": func(t *testing.T, path string, n int) {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt([]byte{byte(n)}, 1<<20)
				err = errors.Join(err, f.Close(), os.Chtimes(path, created, created.Add(time.Duration(n)*time.Second)))
			}
			if err != nil {
				t.Error(err)
			}
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "large.pdf")
			large(t, path)
			refusal := during(t, path, func(n int) { change(t, path, n) })
			require.Equal(t, "changed while it was read", refusal.Text)
		})
	}
}

func TestReadCancelled(t *testing.T) {
	dir := t.TempDir()
	documents(t, dir, 200)
	for _, after := range []int64{0, 3, 100} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			reason := errors.New("the registrar had enough")
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			if after == 0 {
				cancel(reason)
			}
			var done atomic.Int64
			s, err := batch.Read(ctx, []string{dir}, ignoreTotal, func(int64) {
				if done.Add(1) == after {
					cancel(reason)
				}
			})
			require.ErrorIs(t, err, reason)
			require.Nil(t, s)
			require.GreaterOrEqual(t, done.Load(), after)
			require.Less(t, done.Load(), int64(200))
		})
	}
}

func TestUnchanged(t *testing.T) {
	dir := t.TempDir()
	paths := documents(t, dir, 6)
	files := scan(t, dir)
	unchanged := func(files []batch.File) []batch.Finding {
		refusals, err := batch.Unchanged(t.Context(), files)
		require.NoError(t, err)
		return refusals
	}
	require.Empty(t, unchanged(files))
	require.Empty(t, unchanged(nil))

	write(t, paths[1], append(pdf("longer"), make([]byte, 100)...))
	require.NoError(t, os.Chtimes(paths[2], created, files[2].ModTime.Add(time.Second)))
	require.NoError(t, os.Remove(paths[4]))
	refusals := unchanged(files)
	require.Len(t, refusals, 3)
	require.Equal(t, batch.Finding{Path: paths[1], Text: "changed while it was read"}, refusals[0])
	require.Equal(t, batch.Finding{Path: paths[2], Text: "changed while it was read"}, refusals[1])
	require.Equal(t, paths[4], refusals[2].Path)
	require.Contains(t, refusals[2].Text, "cannot be read")
	require.NotContains(t, refusals[2].Text, dir, "the path is named once")
}

// Of the files of other workers nothing is kept, refused or not.
func TestFindKeepsOnlyWhatIsMine(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.pdf", "b.pdf", "c.pdf", "a.txt", "b.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("%PDF-"), 0o600))
	}
	for _, name := range []string{"a-link.pdf", "b-link.pdf"} {
		require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, name)))
	}
	found, err := batch.Find([]string{dir}, func(path string) bool { return strings.HasPrefix(filepath.Base(path), "a") })
	require.NoError(t, err)
	require.Equal(t, &batch.Found{
		Paths:    []string{filepath.Join(dir, "a.pdf")},
		Refusals: []batch.Finding{{Path: filepath.Join(dir, "a-link.pdf"), Text: "is a symbolic link to nowhere"}},
		Ignored:  1, Elsewhere: 3,
	}, found)
}
