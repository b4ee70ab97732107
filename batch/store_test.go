package batch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
)

// oddPaths are names that documents have had.
var oddPaths = []string{
	"/a.pdf", "/with space.pdf", "/two  spaces .pdf", "/new\nline.pdf", "/ends in newline\n", "/\r\n\t.pdf",
	`/"quoted".pdf`, `/back\slash.pdf`, "/back`quote.pdf", "/it's.pdf", "/成绩单/王小明.pdf", "/é composed.pdf",
	"/e\u0301 decomposed.pdf", "/\u202eright to left.pdf", "/\ufeffmark.pdf", "/invalid\xff\xfe.pdf", "/half\xed\xa0\x80.pdf",
	"/\x00.pdf", "/\u2028.pdf", "/\ufffd.pdf", "/\U0001f393.pdf", `C:\Users\Ünal\b.pdf`, "/%s %d.pdf", "/$(rm).pdf", "/#.pdf",
	"/" + strings.Repeat("long", 1000) + ".pdf", "", " ", "\n\n",
}

func TestCreateAndList(t *testing.T) {
	files := fakeFiles(len(oddPaths))
	for i, p := range oddPaths {
		files[i].Path = p
		files[i].ModTime = created
	}
	for _, title := range []string{"", `"Graduation" \ 2026 – 毕业`} {
		s, dir := newStore(t)
		require.Empty(t, list(t, s))
		head := testHead()
		head.Title = title
		head.Created = created.Add(123 * time.Millisecond).In(time.FixedZone("here", 3600))
		b, err := s.Create(head, files)
		require.NoError(t, err)
		require.Equal(t, batch.Planned, b.State())
		require.Equal(t, created, b.Created)

		all := list(t, s)
		require.Len(t, all, 1)
		require.Equal(t, b.ID, all[0].ID)
		require.Equal(t, b.Head, all[0].Head)
		require.Equal(t, b.Documents, all[0].Documents)
		require.Equal(t, batch.Planned, all[0].State())
		require.Nil(t, all[0].Statement)
		require.Empty(t, all[0].Transactions)
		require.Nil(t, all[0].Attestation)
		requireSameTree(t, b, all[0])
		requireNoTemporary(t, dir)

		byPath := make(map[string]batch.File)
		for _, f := range files {
			byPath[f.Path] = f
		}
		salts := make(map[[32]byte]bool)
		for _, d := range b.Documents {
			require.Equal(t, byPath[d.Path].Digest, d.Digest)
			require.Equal(t, byPath[d.Path].Size, d.Size)
			salts[d.Salt] = true
		}
		require.Len(t, salts, len(files))
	}
}

func requireSameTree(t *testing.T, a, b *batch.Batch) {
	t.Helper()
	ta, err := a.Tree()
	require.NoError(t, err)
	tb, err := b.Tree()
	require.NoError(t, err)
	require.Equal(t, ta.Root(), tb.Root())
	require.Equal(t, ta.Size(), tb.Size())
}

func TestBatchID(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, fakeFiles(3))
	tree, err := b.Tree()
	require.NoError(t, err)
	root := tree.Root()
	require.Equal(t, fmt.Sprintf("20261122-%x", root[:4]), b.ID)
	require.FileExists(t, filepath.Join(dir, b.ID, "plan"))
	require.NotEqual(t, b.ID, create(t, s, fakeFiles(3)).ID, "other salts, another tree")
}

func TestListIsInTheOrderOfTime(t *testing.T) {
	s, _ := newStore(t)
	var want []string
	for _, days := range []int{5, -3, 0, 400, -400} {
		head := testHead()
		head.Created = created.AddDate(0, 0, days)
		b, err := s.Create(head, fakeFiles(1))
		require.NoError(t, err)
		want = append(want, b.ID)
	}
	var got []string
	for _, b := range list(t, s) {
		got = append(got, b.ID)
	}
	require.Equal(t, []string{want[4], want[1], want[2], want[0], want[3]}, got)
}

func TestCreateRefuses(t *testing.T) {
	changes := map[string]func(h *batch.Head){
		"no network": func(h *batch.Head) { h.Network = 0 },
		"network":    func(h *batch.Head) { h.Network = bitcoin.Regtest + 1 },
		"no issuer":  func(h *batch.Head) { h.Issuer = "" },
		"issuer":     func(h *batch.Head) { h.Issuer = "uni\nnetwork mainnet" },
		"title":      func(h *batch.Head) { h.Title = "two\nlines" },
		"long title": func(h *batch.Head) { h.Title = strings.Repeat("a", 201) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			s, dir := newStore(t)
			head := testHead()
			change(&head)
			b, err := s.Create(head, fakeFiles(2))
			require.Error(t, err)
			require.Nil(t, b)
			require.NoDirExists(t, dir)
		})
	}
	t.Run("no documents", func(t *testing.T) {
		s, dir := newStore(t)
		_, err := s.Create(testHead(), nil)
		require.Error(t, err)
		require.NoDirExists(t, dir)
	})
	t.Run("file in place of the directory", func(t *testing.T) {
		file := write(t, filepath.Join(t.TempDir(), "batches"), []byte("mine"))
		_, err := batch.Open(file).Create(testHead(), fakeFiles(2))
		require.Error(t, err)
		require.Equal(t, "mine", readFile(t, file))
		_, err = batch.Open(file).List()
		require.Error(t, err)
	})
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such file modes")
	}
	s, dir := newStore(t)
	files := scan(t, documents(t, t.TempDir(), 3)...)
	b := create(t, s, files)
	advance(t, b, batch.Complete)
	for path := range snapshot(t, dir) {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700 | os.ModeDir
		}
		require.Equal(t, want, info.Mode(), path)
	}
	info, err := os.Stat(proofBeside(files[0].Path))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode(), "a proof is to be given away")
}

func TestStrangeFilesInTheStore(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, fakeFiles(2))
	sign(t, b)
	plan := []byte(readFile(t, filepath.Join(dir, b.ID, "plan")))
	// What an interrupted Create, WriteFile or user leaves.
	write(t, filepath.Join(dir, ".tmp-123", "plan"), plan)
	write(t, filepath.Join(dir, ".tmp-124", "plan"), plan[:100])
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".tmp-125"), 0o700))
	write(t, filepath.Join(dir, ".DS_Store"), []byte("stray"))
	write(t, filepath.Join(dir, "README"), []byte("stray"))
	write(t, filepath.Join(dir, b.ID, ".tmp-9"), []byte("half a trans"))
	write(t, filepath.Join(dir, b.ID, "plan~"), []byte("stray"))
	all := list(t, s)
	require.Len(t, all, 1)
	require.Equal(t, batch.Signed, all[0].State())
	require.Equal(t, b.Documents, all[0].Documents)

	// A directory that may have been a batch is not passed over in silence.
	require.NoError(t, os.Mkdir(filepath.Join(dir, "20261122-00000000"), 0o700))
	_, err := s.List()
	require.ErrorContains(t, err, "20261122-00000000")
}

func TestDamagedPlan(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, fakeFiles(3))
	path := filepath.Join(dir, b.ID, "plan")
	good := readFile(t, path)
	for _, bad := range []string{"", good[:len(good)-1], good + "\n", strings.Replace(good, "regtest", "regtesT", 1)} {
		write(t, path, []byte(bad))
		all, err := s.List()
		require.ErrorContains(t, err, path)
		require.Nil(t, all)
	}
}

// A plan that is well-formed and not the one that was signed makes no proof:
// it would not verify, and would replace one that does.
func TestPlanThatWasNotSigned(t *testing.T) {
	s, dir := newStore(t)
	files := scan(t, documents(t, t.TempDir(), 3)...)
	b := create(t, s, files)
	advance(t, b, batch.Complete)
	good := readFile(t, proofBeside(files[0].Path))
	path := filepath.Join(dir, b.ID, "plan")
	plan := readFile(t, path)
	rows := strings.SplitAfter(plan, "\n")
	digit := strings.Index(plan, rows[7])
	other := "0"
	if plan[digit] == '0' {
		other = "1"
	}
	for name, damaged := range map[string]string{
		"digest":        plan[:digit] + other + plan[digit+1:],
		"row left out":  strings.Replace(plan, rows[7], "", 1),
		"row twice":     strings.Replace(plan, rows[7], rows[7]+rows[7], 1),
		"order":         strings.Replace(plan, rows[6]+rows[7], rows[7]+rows[6], 1),
		"other issuer":  strings.Replace(plan, testID, "uni.example/registrat", 1),
		"other network": strings.Replace(plan, "regtest", "mainnet", 1),
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, plan, damaged)
			write(t, path, []byte(damaged))
			b := reload(t, s, b)
			_, err := b.Root()
			require.ErrorContains(t, err, "another batch")
			_, err = b.Proof(0)
			require.ErrorContains(t, err, "another batch")
			require.Error(t, b.WriteProofs(t.Context(), nil, func() {}))
			require.Error(t, b.WriteProofAt(0, files[0].Path))
			require.Equal(t, good, readFile(t, proofBeside(files[0].Path)))
		})
	}
}

func TestStates(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, scan(t, documents(t, t.TempDir(), 5)...))
	names := []string{"planned", "signed", "requested", "sent", "confirmed", "complete"}
	files := []string{"plan", "statement", "request", "transaction", "attestation", "complete"}
	for state := batch.Planned; state <= batch.Complete; state++ {
		advance(t, b, state)
		require.Equal(t, names[state], state.String())
		entries, err := os.ReadDir(filepath.Join(dir, b.ID))
		require.NoError(t, err)
		require.Len(t, entries, int(state)+1)
		require.FileExists(t, filepath.Join(dir, b.ID, files[state]))

		again := reload(t, s, b)
		require.Equal(t, state, again.State())
		require.Equal(t, b.Head, again.Head)
		require.Equal(t, b.Documents, again.Documents)
		require.Equal(t, b.Statement, again.Statement)
		require.Equal(t, len(b.Transactions), len(again.Transactions))
		require.Equal(t, b.Newest(), again.Newest())
		require.Equal(t, b.Attestation, again.Attestation)
		b = again // every step works from disk
	}
}

// Without its statement a batch that was sent would be signed anew, and paid
// for twice.
func TestLostSteps(t *testing.T) {
	for _, test := range []struct {
		lost string
		left batch.State // the step after it is there
	}{
		{"plan", batch.Planned},
		{"statement", batch.Funded}, {"statement", batch.Confirmed}, {"statement", batch.Complete},
		{"request", batch.Funded}, {"request", batch.Confirmed}, {"request", batch.Complete},
		{"attestation", batch.Complete},
	} {
		t.Run(test.lost+", "+test.left.String(), func(t *testing.T) {
			s, dir := newStore(t)
			b := create(t, s, scan(t, documents(t, t.TempDir(), 2)...))
			advance(t, b, test.left)
			path := filepath.Join(dir, b.ID, test.lost)
			require.NoError(t, os.Remove(path))
			all, err := s.List()
			require.ErrorContains(t, err, path)
			require.Nil(t, all)
		})
	}
	t.Run("statement and transaction", func(t *testing.T) {
		s, dir := newStore(t)
		b := create(t, s, fakeFiles(1))
		write(t, filepath.Join(dir, b.ID, "complete"), nil)
		_, err := s.List()
		require.ErrorContains(t, err, "statement")
	})
}

func TestDamagedAttestation(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, fakeFiles(2))
	advance(t, b, batch.Confirmed)
	path := filepath.Join(dir, b.ID, "attestation")
	write(t, path, []byte(readFile(t, path)[1:]))
	_, err := s.List()
	require.ErrorContains(t, err, path)
}

func TestAbandon(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, fakeFiles(2))
	kept := create(t, s, fakeFiles(2))
	require.NoError(t, s.Abandon(b))
	require.NoDirExists(t, filepath.Join(dir, b.ID))
	requireNoTemporary(t, dir)
	all := list(t, s)
	require.Len(t, all, 1)
	require.Equal(t, kept.ID, all[0].ID)
	require.Error(t, s.Abandon(b), "it is gone already")
}

func TestAbandonRefusesWhatWasSigned(t *testing.T) {
	for state := batch.Signed; state <= batch.Complete; state++ {
		s, dir := newStore(t)
		b := create(t, s, scan(t, documents(t, t.TempDir(), 2)...))
		old := reload(t, s, b)
		advance(t, b, state)
		before := snapshot(t, dir)
		for _, b := range []*batch.Batch{b, reload(t, s, b), old} {
			err := s.Abandon(b)
			require.ErrorContains(t, err, b.ID)
			require.ErrorContains(t, err, "signed")
		}
		require.Equal(t, before, snapshot(t, dir))
	}
}

// A process that dies in Abandon must not leave a batch without its plan, which
// no List would read. Many strange files in the directory make its removal slow
// enough to look.
func TestAbandonIsOneStep(t *testing.T) {
	s, dir := newStore(t)
	b := create(t, s, fakeFiles(1))
	plan := filepath.Join(dir, b.ID, "plan")
	for i := range 600 {
		write(t, filepath.Join(dir, b.ID, fmt.Sprintf("stray-%d", i)), nil)
	}
	done := make(chan error, 1)
	go func() { done <- s.Abandon(b) }()
	for {
		if _, err := os.Lstat(plan); err != nil {
			break
		}
	}
	all, err := s.List()
	require.NoError(t, err)
	require.Empty(t, all)
	require.NoError(t, <-done)
	requireNoTemporary(t, dir)
}
