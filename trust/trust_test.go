package trust_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/trust"
)

func TestEmptyStore(t *testing.T) {
	s, dir := open(t)
	entries, err := s.Issuers()
	require.NoError(t, err)
	require.Empty(t, entries)
	_, err = s.Issuer(testID)
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	require.ErrorContains(t, err, testID)
	list, forked, err := s.Status(testID, bitcoin.Regtest)
	require.NoError(t, err)
	require.False(t, forked)
	require.Nil(t, list)
	require.ErrorIs(t, s.Remove(testID), trust.ErrUnknownIssuer)
	_, err = s.Pack(testID, nil)
	require.ErrorIs(t, err, trust.ErrUnknownIssuer)
	require.NoDirExists(t, dir, "reading makes no directory")
}

// requirePlan: Plan says what Add will do, and does nothing.
func requirePlan(t *testing.T, s *trust.Store, dir string, data []byte, want trust.Change) {
	t.Helper()
	before := snapshot(t, dir)
	got, err := s.Plan(data)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, before, snapshot(t, dir))
	got, err = s.Add(data)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func requireIssuer(t *testing.T, s *trust.Store, u *uni) {
	t.Helper()
	e, err := s.Issuer(u.file.ID)
	require.NoError(t, err)
	require.Equal(t, u.data, e.Data)
	require.Equal(t, u.file.Fingerprint(), e.File.Fingerprint())
}

func TestAdd(t *testing.T) {
	s, dir := open(t)
	u := newUni(t, testID)
	requirePlan(t, s, dir, u.data, trust.Added)
	requireIssuer(t, s, u)
	requirePlan(t, s, dir, u.data, trust.Unchanged)

	// The same text with a stranger's signature below is the same file.
	stranger := newKeys(t, "stranger.example", 1)[0]
	more, err := issuer.AddSignature(u.data, issuer.MaxFile, stranger)
	require.NoError(t, err)
	requirePlan(t, s, dir, more, trust.Unchanged)
	requireIssuer(t, s, u)

	renamed := u.renamed(t, "University of Elsewhere")
	requirePlan(t, s, dir, renamed.data, trust.Updated)
	requireIssuer(t, s, renamed)

	rotated := renamed.rotated(t, now.Add(-10*day))
	requirePlan(t, s, dir, rotated.data, trust.Updated)
	requireIssuer(t, s, rotated)
	again := rotated.rotated(t, now.Add(-5*day))
	requirePlan(t, s, dir, again.data, trust.Updated)
	requireIssuer(t, s, again)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 4, "the file, the three before it, and no temporary file")
}

func TestAddRefuses(t *testing.T) {
	first := newUni(t, testID)
	known := first.rotated(t, now.Add(-100*day))
	follower := known.renamed(t, "University of Elsewhere")
	gap := follower.renamed(t, "University of Nowhere")
	stranger := newUni(t, testID)
	strangers2 := stranger.rotated(t, now.Add(-100*day))
	strangers3 := strangers2.rotated(t, now.Add(-50*day))

	fork := *known.file
	fork.Name = "University of Two Minds"
	usurped := known.next(func(f *issuer.File) {
		f.Sets[1].Until = now
		f.Sets = append(f.Sets, issuer.KeySet{From: now, Threshold: 1, Keys: keysOf(stranger.keys[0])})
	})
	rewritten := known.next(func(f *issuer.File) { f.Sets[0].Keys = keysOf(stranger.keys[0]) })
	shortened := known.next(func(f *issuer.File) { f.Sets = f.Sets[1:] })

	tests := []struct {
		name  string
		data  []byte
		other bool  // ErrOtherIssuer
		want  error // nil: any
	}{
		{"nothing", nil, false, nil},
		{"no issuer file", []byte("%PDF-1.7\n"), false, nil},
		{"damaged", bytes.Replace(follower.data, []byte("Elsewhere"), []byte("elsewhere"), 1), false, issuer.ErrWrongSignature},
		{"cut off", follower.data[:len(follower.data)-1], false, nil},
		{"not signed by its own key", signFile(t, follower.file, first.keys[0]...), false, nil},
		{"another issuer", stranger.data, true, issuer.ErrFileOlder},
		{"another issuer, same sequence", strangers2.data, true, issuer.ErrFileFork},
		{"another issuer, next sequence", strangers3.data, true, nil},
		{"older", first.data, true, issuer.ErrFileOlder},
		{"one left out", gap.data, true, issuer.ErrFileGap},
		{"two of one sequence", signFile(t, &fork, known.newest()...), true, issuer.ErrFileFork},
		{"new key that the old one did not sign", signFile(t, usurped, stranger.keys[0]...), true, nil},
		{"new key signed by the key before the old one", signFile(t, usurped, stranger.keys[0][0], known.keys[0][0]), true, nil},
		{"old key set replaced", signFile(t, rewritten, known.newest()...), true, nil},
		{"old key set left out", signFile(t, shortened, known.newest()...), true, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, dir := open(t, known)
			importList(t, s, known.list(t, 1, 1))
			err := requireRefused(t, dir, func() error {
				change, err := s.Add(test.data)
				require.Equal(t, trust.Unchanged, change)
				return err
			})
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			if test.other {
				require.ErrorIs(t, err, trust.ErrOtherIssuer)
				require.ErrorContains(t, err, testID)
			} else {
				require.NotErrorIs(t, err, trust.ErrOtherIssuer)
			}
			planned := requireRefused(t, dir, func() error { _, err := s.Plan(test.data); return err })
			require.Equal(t, err.Error(), planned.Error())
			requireIssuer(t, s, known)
		})
	}
}

func TestAddWhereNoDirectoryCanBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
	u := newUni(t, testID)
	for _, dir := range []string{file, filepath.Join(file, "trust")} {
		s := trust.Open(dir)
		change, err := s.Add(u.data)
		require.Error(t, err)
		require.Equal(t, trust.Unchanged, change)
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "mine", string(data))
}

// oddIDs are well-formed ids that would be trouble as file names, or could be
// taken for one another.
var oddIDs = []string{
	".", "..", "...", "/", "//", "-", "--help", "con", "nul", "com1", "aux.issuer",
	"a", "b", "a/b", "a.b", "a-b", "a/", "/a", "a/../b", "../../etc/passwd", "/etc/passwd",
	"a.regtest", "a.regtest.status", "a.regtest.status-fork", "a.issuer", "a.status", "regtest",
	"a/regtest", "a.regtest.regtest", "id/a", "tmp-1", strings.Repeat("z", 99), strings.Repeat("z", 100), strings.Repeat("/", 100),
}

func TestOddIDs(t *testing.T) {
	s, dir := open(t)
	unis := make(map[string]*uni)
	for _, id := range oddIDs {
		u := newUni(t, id)
		unis[id] = u
		add(t, s, u)
		for _, n := range bitcoin.Networks() {
			importList(t, s, u.network(t, n))
		}
		// A fork for one network, so that every kind of file is there.
		_, err := s.ImportStatus(u.list(t, 1, 200), now)
		require.ErrorIs(t, err, trust.ErrStatusFork)
	}

	names := make(map[string]bool)
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range all {
		require.True(t, e.Type().IsRegular(), e.Name())
		require.True(t, strings.HasPrefix(e.Name(), "id_"), e.Name())
		require.Regexp(t, `^[a-z0-9_.-]*[a-z]$`, e.Name(), "a name for every file system")
		require.Less(t, len(e.Name()), 200)
		names[strings.ToLower(e.Name())] = true
	}
	require.Len(t, names, len(oddIDs)*(1+len(bitcoin.Networks())+1), "no two share a file")
	beside, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, beside, 1, "nothing was written beside the store")

	entries, err := s.Issuers()
	require.NoError(t, err)
	require.Len(t, entries, len(oddIDs))
	for i, e := range entries {
		require.Equal(t, unis[e.File.ID].data, e.Data)
		require.True(t, i == 0 || entries[i-1].File.ID < e.File.ID, "ordered by id")
	}
	for removed, u := range unis {
		before := snapshot(t, dir)
		require.NoError(t, s.Remove(removed))
		after := snapshot(t, dir)
		require.Len(t, after, len(before)-1-len(bitcoin.Networks())-1)
		for name, content := range after {
			require.Equal(t, before[name], content)
		}
		_, err := s.Issuer(removed)
		require.ErrorIs(t, err, trust.ErrUnknownIssuer)
		add(t, s, u)
		list, _, err := s.Status(removed, bitcoin.Regtest)
		require.NoError(t, err)
		require.Nil(t, list, "%q: its lists went with it", removed)
	}
}

func TestIssuersPassesOverOtherFiles(t *testing.T) {
	u, v := newUni(t, "b.example"), newUni(t, "a.example")
	s, dir := open(t, u, v)
	for _, name := range []string{".tmp-1", ".x.issuer", "README", "id_a.example.issuer~", "issuer"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("stray"), 0o600))
	}
	entries, err := s.Issuers()
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, v.data, entries[0].Data)
	require.Equal(t, u.data, entries[1].Data)
}

func TestDamagedStore(t *testing.T) {
	u, v := newUni(t, testID), newUni(t, "other.example")
	issuerFile, listFile := "id_uni.example_registrar.issuer", "id_uni.example_registrar.regtest.status"
	tests := []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"issuer file empty", issuerFile, nil, issuerFile},
		{"issuer file of another", issuerFile, v.data, "other.example"},
		{"issuer file damaged", issuerFile, bytes.Replace(u.data, []byte("University"), []byte("university"), 1), issuerFile},
		{"list empty", listFile, nil, listFile},
		{"list of another", listFile, v.list(t, 1, 1), "other.example"},
		{"list for another network", listFile, u.network(t, bitcoin.Signet), "signet"},
		{"list cut off", listFile, u.list(t, 1, 1)[:80], listFile},
		{"fork cut off", listFile + "-fork", u.list(t, 1, 1)[:80], listFile + "-fork"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, dir := open(t, u)
			importList(t, s, u.list(t, 1, 1))
			require.NoError(t, os.WriteFile(filepath.Join(dir, test.file), test.data, 0o644))
			if test.file == issuerFile {
				_, err := s.Issuers()
				require.ErrorContains(t, err, test.want)
				_, err = s.Issuer(testID)
				require.ErrorContains(t, err, test.want)
				requireRefused(t, dir, func() error { _, err := s.Add(u.data); return err })
			} else {
				list, _, err := s.Status(testID, bitcoin.Regtest)
				require.ErrorContains(t, err, test.want)
				require.Nil(t, list)
			}
			requireRefused(t, dir, func() error { _, err := s.ImportStatus(u.list(t, 2, 1), now); return err })
			requireRefused(t, dir, func() error { _, err := s.Pack(testID, nil); return err })
		})
	}
}

// A process that was killed in Remove leaves lists without their issuer. They
// must not speak for the next issuer with that id.
func TestAddAfterInterruptedRemove(t *testing.T) {
	u, next := newUni(t, testID), newUni(t, testID)
	s, dir := open(t, u)
	importList(t, s, u.list(t, 7, 1))
	_, err := s.ImportStatus(u.list(t, 7, 2), now)
	require.ErrorIs(t, err, trust.ErrStatusFork)
	require.NoError(t, os.Remove(filepath.Join(dir, "id_uni.example_registrar.issuer")))

	add(t, s, next)
	list, forked, err := s.Status(testID, bitcoin.Regtest)
	require.NoError(t, err)
	require.False(t, forked)
	require.Nil(t, list)
	importList(t, s, next.list(t, 1, 3))
}

func TestFilesAreReadableByAll(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such file modes")
	}
	u := newUni(t, testID)
	s, dir := open(t, u)
	importList(t, s, u.list(t, 1, 1))
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, all, 2)
	for _, e := range all {
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o644), info.Mode(), "a trust store holds no secret")
	}
}

func TestChangeOfKeysAndStatus(t *testing.T) {
	u := newUni(t, testID)
	s, dir := open(t, u)
	importList(t, s, u.list(t, 1, 1))
	rotated := u.rotated(t, now.Add(-10*day))
	change, err := s.Add(rotated.data)
	require.NoError(t, err)
	require.Equal(t, trust.Updated, change)

	list, _, err := s.Status(testID, bitcoin.Regtest)
	require.NoError(t, err)
	require.Equal(t, uint64(1), list.Sequence, "the list stays")
	err = requireRefused(t, dir, func() error { _, err := s.ImportStatus(u.list(t, 2, 1), now); return err })
	require.ErrorIs(t, err, issuer.ErrNotInForce, "the old key signs no list any more")
	importList(t, s, rotated.list(t, 2, 1))
	_, err = s.ImportStatus(rotated.list(t, 3, 1), now.Add(-400*day))
	require.Error(t, err, "nor did the new one before it was in force")
}

// Readers need no lock: whatever a writer does, they see whole lists, and never
// an older one after a newer one.
func TestReadersWhileImporting(t *testing.T) {
	u := newUni(t, testID)
	s, _ := open(t, u)
	const last = 60
	var lists [][]byte
	for i := range last {
		lists = append(lists, u.list(t, uint64(i+1), 1))
	}
	done := make(chan error, 1)
	go func() {
		for _, data := range lists {
			if _, err := s.ImportStatus(data, now); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	deadline := time.Now().Add(20 * time.Second)
	for seen := uint64(0); seen < last; {
		require.True(t, time.Now().Before(deadline))
		list, forked, err := s.Status(testID, bitcoin.Regtest)
		require.NoError(t, err)
		require.False(t, forked)
		if list != nil {
			require.GreaterOrEqual(t, list.Sequence, seen)
			seen = list.Sequence
		}
	}
	require.NoError(t, <-done)
}
