package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"
)

const passphrase = "correct horse battery"

var testTime = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func asked() (string, error) { return passphrase, nil }

// options are those of the tests: a low work factor, or every one would take a
// second.
func options() Options {
	return Options{Top: []string{"keys", "trust", "config.yaml", "node"}, Now: testTime, workFactor: 1,
		Skip: func(name string) bool { return name == "node/lock" }}
}

// files writes a directory.
func files(t testing.TB, dir string, all map[string]string) {
	t.Helper()
	for name, data := range all {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
	}
}

func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(rel)] = string(data)
		return err
	}))
	return all
}

func write(t testing.TB, dir string, o Options) []byte {
	t.Helper()
	p, err := Prepare(dir, o)
	require.NoError(t, err)
	defer p.Close()
	var out bytes.Buffer
	require.NoError(t, p.Write(&out, passphrase, nil))
	return out.Bytes()
}

func read(t testing.TB, data []byte) (map[string]string, error) {
	t.Helper()
	dir := t.TempDir()
	r, err := Open(bytes.NewReader(data), asked)
	if err == nil {
		err = r.Unpack(dir, nil)
	}
	return contents(t, dir), err
}

func smallHome(t testing.TB) string {
	dir := t.TempDir()
	files(t, dir, map[string]string{"keys/id_uni.key": "secret", "trust/a.issuer": "public", "config.yaml": ""})
	return dir
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	long := "trust/id_" + strings.Repeat("a", 100) + ".testnet4.status-fork"
	want := map[string]string{
		"keys/id_uni.example_registrar.key": "secret", "config.yaml": "", long: "a name that does not fit into a block of tar",
		"trust/deep/er/file": "x", "node/blocks": strings.Repeat("0123456789abcdef", 20_000), "keys/a": "1", "keys/a.b": "2", "keys-not": "n",
	}
	files(t, dir, want)
	files(t, dir, map[string]string{"node/lock": "", "lock": "", "keys/.tmp-123": "half", "keys/.DS_Store": "", "pass.txt": passphrase, "docs/a.pdf": ""})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "keys", ".tmp-dir"), 0o700))
	files(t, dir, map[string]string{"keys/.tmp-dir/plan": ""})
	require.NoError(t, os.Chmod(filepath.Join(dir, "keys/a"), 0o644))
	delete(want, "keys-not") // "keys" is kept, not what begins so

	var read, written counter
	o := options()
	o.Read = &read
	p, err := Prepare(dir, o)
	require.NoError(t, err)
	defer p.Close()
	require.EqualValues(t, p.Index.Bytes(), read)
	require.Equal(t, []string{"docs", "keys-not", "keys/.DS_Store", "lock", "pass.txt"}, sorted(p.Left))
	var first, second bytes.Buffer
	require.NoError(t, p.Write(&first, passphrase, &written))
	require.Equal(t, read, written)
	require.NoError(t, p.Write(&second, passphrase, nil))
	require.NotEqual(t, first.Bytes(), second.Bytes(), "the same key and nonces twice")
	require.NotContains(t, first.String(), "secret")
	require.Equal(t, tarOf(t, first.Bytes()), tarOf(t, second.Bytes()))

	r, err := Open(bytes.NewReader(first.Bytes()), asked)
	require.NoError(t, err)
	written = 0
	require.NoError(t, r.Check(&written))
	require.Equal(t, read, written)
	r, err = Open(&first, asked)
	require.NoError(t, err)
	require.Equal(t, p.Index, r.Index)
	require.Equal(t, testTime, r.Index.Time())
	to := t.TempDir()
	written = 0
	require.NoError(t, r.Unpack(to, &written))
	require.Equal(t, read, written)
	require.Equal(t, want, contents(t, to))
	if runtime.GOOS != "windows" {
		for name, mode := range map[string]fs.FileMode{"keys/a": 0o644, "keys/a.b": 0o600, "keys": 0o700 | fs.ModeDir, "trust/deep": 0o700 | fs.ModeDir} {
			info, err := os.Stat(filepath.Join(to, name))
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode(), name)
		}
	}
}

type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// tarOf decrypts a backup.
func tarOf(t testing.TB, data []byte) []byte {
	t.Helper()
	identity, err := age.NewScryptIdentity(passphrase)
	require.NoError(t, err)
	r, err := age.Decrypt(bytes.NewReader(data), identity)
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return plain
}

// encrypt is the other way round.
func encrypt(t testing.TB, plain []byte) []byte {
	t.Helper()
	recipient, err := age.NewScryptRecipient(passphrase)
	require.NoError(t, err)
	recipient.SetWorkFactor(1)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	require.NoError(t, err)
	_, err = w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// TestCutAndFlipped cuts a backup at every length and changes every byte of it.
func TestCutAndFlipped(t *testing.T) {
	data := write(t, smallHome(t), options())
	tmp := t.TempDir()
	attempt := func(data []byte) error {
		r, err := Open(bytes.NewReader(data), asked)
		if err != nil {
			return err
		}
		require.NoError(t, os.RemoveAll(tmp))
		require.NoError(t, os.Mkdir(tmp, 0o700))
		return r.Unpack(tmp, nil)
	}
	require.NoError(t, attempt(data))
	for n := range data {
		err := attempt(data[:n])
		require.ErrorContains(t, err, "cut short", "%d bytes of %d", n, len(data))
	}
	clear := fmt.Sprint(errNotBackup, errCut, ErrPassphrase, "damaged")
	for i := range data {
		if i > 400 && i%7 > 0 { // far behind the header, in the one piece of the stream
			continue
		}
		changed := slices.Clone(data)
		changed[i] ^= 1
		err := attempt(changed)
		require.Error(t, err, "byte %d of %d", i, len(data))
		require.True(t, strings.Contains(clear, err.Error()) || strings.HasPrefix(err.Error(), "the backup is damaged"), "byte %d: %v", i, err)
	}
	require.ErrorContains(t, attempt(append(slices.Clone(data), 0)), "damaged")
}

// TestCutLong cuts where the pieces end in which the stream is encrypted.
func TestCutLong(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, map[string]string{"node/blocks": strings.Repeat("0123456789abcdef", 20_000)})
	data := write(t, dir, options())
	start := bytes.Index(data, []byte("\n--- ")) + len("\n--- ") + 43 + 1 + 16 // header with its MAC, nonce
	const piece = 64<<10 + 16
	for end := start; end < len(data); end += piece {
		for _, n := range []int{end - 1, end, end + 1} {
			_, err := read(t, data[:n])
			require.ErrorContains(t, err, "cut short", "%d bytes of %d", n, len(data))
		}
	}
	require.Greater(t, len(data), start+4*piece)
	// Two pieces that have changed places.
	swapped := slices.Concat(data[:start], data[start+piece:start+2*piece], data[start:start+piece], data[start+2*piece:])
	_, err := read(t, swapped)
	require.ErrorContains(t, err, "damaged")
}

func TestWrongPassphrase(t *testing.T) {
	data := write(t, smallHome(t), options())
	_, err := Open(bytes.NewReader(data), func() (string, error) { return passphrase + " ", nil })
	require.ErrorIs(t, err, ErrPassphrase)
	no := errors.New("nobody answers")
	_, err = Open(bytes.NewReader(data), func() (string, error) { return "", no })
	require.ErrorIs(t, err, no)
	p, err := Prepare(smallHome(t), options())
	require.NoError(t, err)
	defer p.Close()
	require.ErrorContains(t, p.Write(io.Discard, "seven77", nil), "7 bytes, want at least 8")
}

func TestNotABackup(t *testing.T) {
	never := func() (string, error) { t.Error("asked for a passphrase"); return "", nil }
	key, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	var toKey bytes.Buffer
	w, err := age.Encrypt(&toKey, key.Recipient())
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for name, data := range map[string]string{"pdf": "%PDF-1.4\n", "to a key": toKey.String(), "armored": "-----BEGIN AGE ENCRYPTED FILE-----\n"} {
		_, err := Open(strings.NewReader(data), never)
		require.ErrorIs(t, err, errNotBackup, name)
	}
	// As secret as a backup, and none.
	_, err = Open(bytes.NewReader(encrypt(t, []byte("gradseal secret key v1\n"))), asked)
	require.Error(t, err)
	// A work factor that would take minutes.
	_, err = Open(strings.NewReader(begins+"AAAAAAAAAAAAAAAAAAAAAA 30\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n0000000000000000"), asked)
	require.ErrorContains(t, err, "work factor too large")
}

// member is a member of a tar stream.
type member struct {
	tar.Header
	data string
}

func file(name, data string) member {
	return member{*header(name, int64(len(data)), private, testTime), data}
}

func entry(name, data string) File {
	sum := sha256.Sum256([]byte(data))
	return File{Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Mode: "0600"}
}

// forge is a backup that no program of ours writes.
func forge(t testing.TB, index string, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range append([]member{file(indexName, index)}, members...) {
		require.NoError(t, w.WriteHeader(&m.Header))
		if m.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, m.data)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return encrypt(t, out.Bytes())
}

func indexOf(t testing.TB, files ...File) string {
	t.Helper()
	x := &Index{Format: Format, Created: "2026-11-23T09:00:00Z", Files: files}
	data, err := x.marshal()
	require.NoError(t, err)
	return string(data)
}

func TestForged(t *testing.T) {
	a, b := entry("keys/a", "one"), entry("keys/b", "two")
	good := indexOf(t, a, b)
	_, err := read(t, forge(t, good, file("keys/a", "one"), file("keys/b", "two")))
	require.NoError(t, err)

	link := member{tar.Header{Typeflag: tar.TypeSymlink, Name: "keys/b", Linkname: "/etc/passwd"}, ""}
	device := member{tar.Header{Typeflag: tar.TypeFifo, Name: "keys/b"}, ""}
	for name, c := range map[string]struct {
		members []member
		want    string
	}{
		"missing":     {[]member{file("keys/a", "one")}, "cut short"},
		"extra":       {[]member{file("keys/a", "one"), file("keys/b", "two"), file("keys/c", "")}, "not in its index"},
		"twice":       {[]member{file("keys/a", "one"), file("keys/a", "one"), file("keys/b", "two")}, `holds "keys/a"`},
		"order":       {[]member{file("keys/b", "two"), file("keys/a", "one")}, `holds "keys/b"`},
		"other bytes": {[]member{file("keys/a", "onE"), file("keys/b", "two")}, "keys/a has the SHA-256"},
		"longer":      {[]member{file("keys/a", "one "), file("keys/b", "two")}, "of 4 bytes"},
		"link":        {[]member{file("keys/a", "one"), link}, `holds "keys/b" of 0 bytes`},
		"pipe":        {[]member{file("keys/a", "one"), device}, `holds "keys/b"`},
		"elsewhere":   {[]member{file("../keys/a", "one"), file("keys/b", "two")}, `holds "../keys/a"`},
	} {
		_, err := read(t, forge(t, good, c.members...))
		require.ErrorContains(t, err, c.want, name)
	}
	_, err = read(t, encrypt(t, append(tarOf(t, forge(t, good, file("keys/a", "one"), file("keys/b", "two"))), 0)))
	require.ErrorContains(t, err, "bytes follow its end")
	_, err = read(t, encrypt(t, nil))
	require.ErrorIs(t, err, errCut)
}

func TestForgedIndex(t *testing.T) {
	names := func(names ...string) string {
		var all []File
		for _, name := range names {
			all = append(all, entry(name, ""))
		}
		return indexOf(t, all...)
	}
	one := names("keys/a")
	for name, c := range map[string]struct{ index, want string }{
		"absolute":       {names("/etc/passwd"), "leads out of the home"},
		"parent":         {names("../a"), "leads out of the home"},
		"parent within":  {names("keys/../../a"), "leads out of the home"},
		"dot":            {names("./a"), "leads out of the home"},
		"empty":          {names(""), "leads out of the home"},
		"itself":         {names("."), "leads out of the home"},
		"two slashes":    {names("keys//a"), "leads out of the home"},
		"directory":      {names("keys/"), "leads out of the home"},
		"backslash":      {names(`keys\..\..\a`), "character"},
		"drive":          {names("c:/a"), "character"},
		"stream":         {names("keys/a:b"), "character"},
		"control":        {strings.Replace(one, "keys/a", `keys/\n`, 1), "character"},
		"bidi":           {names("keys/\u202ea"), "character"},
		"dot last":       {names("keys./a"), "another one"},
		"long":           {names(strings.Repeat("a", maxName+1)), "1001 bytes"},
		"index":          {names(indexName), "that of the index"},
		"twice":          {names("keys/a", "keys/a"), "each is there once"},
		"descending":     {names("keys/b", "keys/a"), "does not follow"},
		"case":           {names("keys/A", "keys/a"), "one name on some systems"},
		"below a file":   {names("keys", "keys/a"), `"keys" is a file`},
		"below, case":    {names("KEYS", "keys/a/b"), `"KEYS" is a file`},
		"negative":       {strings.Replace(one, `"size": 0`, `"size": -1`, 1), "size -1"},
		"too large":      {strings.Replace(one, `"size": 0`, `"size": 1099511627777`, 1), "out of range"},
		"fraction":       {strings.Replace(one, `"size": 0`, `"size": 0.5`, 1), "malformed index"},
		"upper-case hex": {strings.Replace(one, "e3b0", "E3B0", 1), "SHA-256"},
		"short hex":      {strings.Replace(one, "e3b0", "", 1), "SHA-256"},
		"mode":           {strings.Replace(one, "0600", "0777", 1), `mode "0777"`},
		"setuid":         {strings.Replace(one, "0600", "4600", 1), `mode "4600"`},
		"no files":       {strings.Replace(indexOf(t, []File{}...), "null", "[]", 1) + " ", "malformed index"},
		"null":           {indexOf(t), "want a list"},
		"unknown key":    {strings.Replace(one, `"mode"`, `"link": "/etc", "mode"`, 1), "malformed index"},
		"other spelling": {strings.Replace(one, "  ", " ", 1), "malformed index"},
		"day only":       {strings.Replace(one, "T09:00:00Z", "", 1), "is no time"},
		"newer":          {strings.Replace(one, "backup/1", "backup/2\",\n  \"new\": \"x", 1), "newer gradseal"},
	} {
		_, err := read(t, forge(t, c.index, file("keys/a", "")))
		require.ErrorContains(t, err, c.want, name)
	}
	empty, err := read(t, forge(t, strings.Replace(indexOf(t), "null", "[]", 1)))
	require.NoError(t, err)
	require.Empty(t, empty)
}

// TestUnpackStays: what is in the way of a file is not written through.
func TestUnpackStays(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege there")
	}
	data := write(t, smallHome(t), options())
	outside, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "keys")))
	r, err := Open(bytes.NewReader(data), asked)
	require.NoError(t, err)
	require.Error(t, r.Unpack(dir, nil))
	require.Empty(t, contents(t, outside))
}

func TestNotRegular(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege there")
	}
	for name, make := range map[string]func(path string) error{
		"is a symbolic link": func(path string) error { return os.Symlink("a.issuer", path) },
		"is not a regular file": func(path string) error {
			l, err := net.Listen("unix", path) // a socket
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		},
	} {
		dir := smallHome(t)
		require.NoError(t, make(filepath.Join(dir, "trust", "b")))
		_, err := Prepare(dir, options())
		require.ErrorContains(t, err, filepath.Join(dir, "trust", "b")+": "+name)
	}
	dir := smallHome(t)
	require.NoError(t, os.Rename(filepath.Join(dir, "trust"), filepath.Join(dir, "elsewhere")))
	require.NoError(t, os.Symlink("elsewhere", filepath.Join(dir, "trust")))
	_, err := Prepare(dir, options())
	require.ErrorContains(t, err, "trust: is a symbolic link")
}

// TestChanged: what is written while the backup is made is noticed.
func TestChanged(t *testing.T) {
	for name, data := range map[string]string{"shorter": "secre", "longer": "secret!", "other": "SECRET"} {
		dir := smallHome(t)
		p, err := Prepare(dir, options())
		require.NoError(t, err)
		files(t, dir, map[string]string{"keys/id_uni.key": data})
		err = p.Write(io.Discard, passphrase, nil)
		if name != "longer" { // of which the beginning is what was there
			require.ErrorContains(t, err, "was changed while it was read", name)
		}
		require.NoError(t, p.Close())
	}
}

// TestLarge: neither side holds a file in memory.
func TestLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("64 MB")
	}
	const size = 64 << 20
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "node"), 0o700))
	f, err := os.Create(filepath.Join(dir, "node", "blocks"))
	require.NoError(t, err)
	require.NoError(t, f.Truncate(size))
	require.NoError(t, f.Close())
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // so that garbage does not count
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := Prepare(dir, options())
	require.NoError(t, err)
	defer p.Close()
	r, w := io.Pipe()
	go func() { w.CloseWithError(p.Write(w, passphrase, nil)) }()
	back, err := Open(r, asked)
	require.NoError(t, err)
	require.NoError(t, back.Unpack(t.TempDir(), nil))
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapSys)-int64(before.HeapSys), int64(size/2))
}

// TestUnreadable: an error of the disk is not said to be damage.
func TestUnreadable(t *testing.T) {
	data := write(t, smallHome(t), options())
	broken := &fs.PathError{Op: "read", Path: "home.backup", Err: syscall.EIO}
	for n := 0; n < len(data); n += 31 {
		r, err := Open(io.MultiReader(bytes.NewReader(data[:n]), failing{broken}), asked)
		if err == nil {
			err = r.Unpack(t.TempDir(), nil)
		}
		require.ErrorIs(t, err, syscall.EIO, "%d bytes of %d", n, len(data))
	}
}

// TestStopped: whoever looks on can end each step.
func TestStopped(t *testing.T) {
	dir, stop := smallHome(t), stopping{errors.New("enough")}
	o := options()
	o.Read = stop
	_, err := Prepare(dir, o)
	require.ErrorIs(t, err, stop.error)
	p, err := Prepare(dir, options())
	require.NoError(t, err)
	defer p.Close()
	require.ErrorIs(t, p.Write(io.Discard, passphrase, stop), stop.error)
	for _, use := range []func(*Reader) error{
		func(r *Reader) error { return r.Check(stop) },
		func(r *Reader) error { return r.Unpack(t.TempDir(), stop) },
	} {
		r, err := Open(bytes.NewReader(write(t, dir, options())), asked)
		require.NoError(t, err)
		require.Equal(t, stop.error, use(r), "and not that the backup is damaged")
	}
}

type stopping struct{ error }

func (s stopping) Write([]byte) (int, error) { return 0, s.error }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzIndex(f *testing.F) {
	f.Add([]byte(indexOf(f, entry("keys/a", "one"), entry("trust/b", "two"))))
	f.Add([]byte(`{"format": "gradseal-backup/1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parseIndex(data)
		if err != nil {
			require.Nil(t, x)
			return
		}
		again, err := x.marshal()
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		for _, file := range x.Files {
			require.True(t, filepath.IsLocal(filepath.FromSlash(file.Name)))
		}
	})
}
