package proofzip_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
	"gradseal/proof/proofzip"
)

var made = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// write makes an archive of files with these names.
func write(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := proofzip.NewWriter(&b, made)
	for _, name := range names {
		require.NoError(t, w.Add(name, []byte("proof of "+name)))
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func read(archive []byte) (*proofzip.Reader, error) {
	return proofzip.NewReader(bytes.NewReader(archive), int64(len(archive)))
}

// What is written is read, also by the standard library's reader, and the same
// proofs make the same bytes.
func TestWriteAndRead(t *testing.T) {
	names := []string{"b.pdf.proof.json", "a/ä 三.pdf.proof.json", "a.pdf.proof.json"}
	data := write(t, names...)
	require.Equal(t, data, write(t, names...))
	r, err := read(data)
	require.NoError(t, err)
	require.Equal(t, len(names), r.Len())
	for i, name := range names {
		require.Equal(t, name, r.Name(i))
		got, err := r.Read(i)
		require.NoError(t, err)
		require.Equal(t, "proof of "+name, string(got))
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, z))
	got, err := os.ReadFile(filepath.Join(dir, "a", "ä 三.pdf.proof.json"))
	require.NoError(t, err)
	require.Equal(t, "proof of a/ä 三.pdf.proof.json", string(got))
	require.True(t, z.File[0].Modified.Equal(made))
}

func TestWriterRefuses(t *testing.T) {
	w := proofzip.NewWriter(new(bytes.Buffer), made)
	require.NoError(t, w.Add("a.json", nil))
	require.ErrorContains(t, w.Add("a.json", nil), "twice")
	require.ErrorContains(t, w.Add("b.json", make([]byte, proof.MaxSize+1)), "more than a proof can have")
	for _, name := range hostileNames {
		require.Error(t, w.Add(name, nil), "%q", name)
	}
}

var hostileNames = []string{
	"", ".", "..", "../a.json", "a/../b.json", "/a.json", "//a.json", "a//b.json", "./a.json", `a\b.json`, `..\a.json`,
	"C:/a.json", "C:a.json", "a\x00.json", "a\n.json", "a\xff.json", strings.Repeat("a", 4097),
}

// entry is a file in an archive as somebody else may make it.
type entry struct {
	zip.FileHeader
	content string
}

func stranger(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.CreateHeader(&e.FileHeader)
		require.NoError(t, err)
		_, err = w.Write([]byte(e.content))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func file(name, content string) entry {
	return entry{zip.FileHeader{Name: name, Method: zip.Deflate}, content}
}

// An archive that another program packed is read: compressed, with folders and
// other files in it.
func TestOthersArchive(t *testing.T) {
	r, err := read(stranger(t, entry{FileHeader: zip.FileHeader{Name: "in/"}}, file("in/a.pdf", strings.Repeat("x", 1<<20)),
		file("in/A.JSON", "1"), file("b.json", "2")))
	require.NoError(t, err)
	require.Equal(t, 2, r.Len())
	for i, want := range []string{"1", "2"} {
		got, err := r.Read(i)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

func TestHostile(t *testing.T) {
	refused := func(fault string, archive []byte) {
		t.Helper()
		_, err := read(archive)
		require.ErrorContains(t, err, fault)
	}
	refused("not a ZIP archive", nil)
	refused("not a ZIP archive", []byte("%PDF-1.7"))
	refused("twice", stranger(t, file("a.json", "1"), file("a.json", "2")))
	refused("twice", stranger(t, file("a.pdf", "1"), file("a.pdf", "2")))
	refused("more than a proof can have", stranger(t, file("a.json", strings.Repeat("x", proof.MaxSize+1))))
	for _, name := range hostileNames {
		refused("not a name", stranger(t, file(name, "1")))
	}
	link := file("a.json", "/etc/passwd")
	link.SetMode(os.ModeSymlink | 0o777)
	refused("is no file", stranger(t, link))
	var bomb []entry
	for i := range 100 {
		bomb = append(bomb, file(fmt.Sprintf("%d.json", i), strings.Repeat("x", proof.MaxSize)))
	}
	refused("unpack to", stranger(t, bomb...))

	good := write(t, "a.json")
	directory := bytes.Index(good, []byte("PK\x01\x02"))
	change := func(at int, to byte) []byte {
		bad := bytes.Clone(good)
		bad[directory+at] = to
		return bad
	}
	refused("encrypted", change(8, 1))
	refused("method 99", change(10, 99))

	// The limits of the whole, in small.
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("%d%s.json", i, strings.Repeat("x", 1000)))
	}
	many := write(t, names...)
	for _, c := range []struct {
		entries   int
		directory int64
		fault     string
	}{
		{200, 400_000, ""},
		{199, 400_000, "than an archive of proofs may have"},
		{200, 200_000, "its list of files has more than"},
	} {
		_, err := proofzip.NewReaderWithin(bytes.NewReader(many), int64(len(many)), c.entries, c.directory)
		if c.fault == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, c.fault)
		}
	}
}

// What the directory says of a file and the file itself must agree.
func TestDamaged(t *testing.T) {
	good := write(t, "a.json")
	at := bytes.Index(good, []byte("proof of"))
	bad := bytes.Clone(good)
	bad[at]++
	r, err := read(bad)
	require.NoError(t, err)
	_, err = r.Read(0)
	require.ErrorContains(t, err, "checksum")
	for n := range len(good) {
		if _, err := read(good[:n]); err == nil {
			t.Fatalf("cut off at %d of %d bytes, and read", n, len(good))
		}
	}
	// A file that says it is short, and inflates to more, is not read on.
	deflated := stranger(t, file("a.json", strings.Repeat("x", 50_000)))
	directory := bytes.Index(deflated, []byte("PK\x01\x02"))
	copy(deflated[directory+24:], []byte{10, 0, 0, 0})
	r, err = read(deflated)
	require.NoError(t, err)
	_, err = r.Read(0)
	require.Error(t, err)
}

// FuzzReader reads anything: it never panics, and never returns more of a file than
// a proof can have.
func FuzzReader(f *testing.F) {
	f.Add(write(f, "a.json", "b/c.json"))
	f.Add(stranger(f, file("a.json", "1"), file("b.json", strings.Repeat("x", 9000))))
	f.Fuzz(func(t *testing.T, archive []byte) {
		r, err := read(archive)
		if err != nil {
			return
		}
		for i := range min(r.Len(), 100) {
			data, err := r.Read(i)
			if err == nil && len(data) > proof.MaxSize {
				t.Fatalf("%d bytes", len(data))
			}
		}
	})
}
