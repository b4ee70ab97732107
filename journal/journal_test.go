package journal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/journal"
)

var at = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func open(t testing.TB) (*journal.Journal, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	return journal.Open(dir), dir
}

func subject(name string) journal.Subject {
	return journal.Subject{Name: name, Digest: sha256.Sum256([]byte(name))}
}

func add(t testing.TB, j *journal.Journal, entries ...journal.Entry) {
	t.Helper()
	for _, e := range entries {
		require.NoError(t, j.Append(e))
	}
}

func records(t testing.TB, j *journal.Journal) []journal.Record {
	t.Helper()
	var all []journal.Record
	for r, err := range j.Records() {
		require.NoError(t, err)
		all = append(all, r)
	}
	return all
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return data
}

func write(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
}

// small is a journal of a few entries of different kinds.
func small(t testing.TB) (*journal.Journal, string) {
	t.Helper()
	j, dir := open(t)
	add(t, j,
		journal.Entry{Time: at, Act: journal.Plan, By: "anna", Issuer: "uni.example/registrar", Network: "regtest", Batch: "20261123-00000001", Count: 3},
		journal.Entry{Time: at.Add(time.Hour), Act: journal.Sign, By: "anna", Batch: "20261123-00000001", Text: strings.Repeat("ab", 32)},
		journal.Entry{
			Time: at.Add(2 * time.Hour), Act: journal.Withdraw, By: "ben", Reason: "rescinded", Sequence: 2, Count: 2,
			About: []journal.Subject{subject("/home/r/a.pdf"), subject("/home/r/成绩单.pdf")},
		},
		journal.Entry{Time: at.Add(3 * time.Hour), Act: journal.Forget, By: "ben", Batch: "20261123-00000001", Count: 1, Leaves: []int{0, 2}},
	)
	return j, dir
}

func TestAppendAndRead(t *testing.T) {
	j, dir := open(t)
	require.NoError(t, j.Verify(), "there is none yet")
	require.Empty(t, records(t, j))
	require.NoDirExists(t, dir)

	full := journal.Entry{
		Time: at, Act: journal.Confirm, By: "ann\u2028a <&>\"\\\n\x00", Late: true, Issuer: "uni.example", Network: "mainnet",
		Batch: "20261123-00000001", Root: "aa", Sequence: 1 << 60, Text: "bb", TxID: "cc", Height: 900000, Block: "dd",
		Reason: "a word", Count: 7, Leaves: []int{0, 1_000_000},
		About: []journal.Subject{subject("/a b.pdf"), subject("/quote\".pdf"), subject("/\xff\xfe.pdf"), subject(""), subject("/a b.pdf")},
	}
	add(t, j, full, journal.Entry{Act: journal.List})
	got := records(t, journal.Open(dir))
	require.Len(t, got, 2)
	require.EqualValues(t, 1, got[0].Number)
	require.Equal(t, full, got[0].Entry)
	require.Zero(t, got[0].Forgotten)
	require.WithinDuration(t, time.Now(), got[1].Time, time.Minute)

	s, err := j.Survey()
	require.NoError(t, err)
	require.EqualValues(t, 2, s.Head.Number)
	require.Equal(t, at, s.First)
	require.Equal(t, 5, s.Names)
	require.Zero(t, s.Torn)
	lines := bytes.Split(read(t, dir, "log"), []byte("\n"))
	require.Equal(t, sha256.Sum256(lines[1]), s.Head.Hash)
	sum := sha256.Sum256(lines[0])
	require.Contains(t, string(lines[1]), `"prev":"`+hex.EncodeToString(sum[:])+`"`)
}

// What is not UTF-8 could not be read back as it was written.
func TestAppendMakesTextUTF8(t *testing.T) {
	j, _ := open(t)
	add(t, j, journal.Entry{Act: journal.List, By: "ann\xff"})
	require.Equal(t, "ann\ufffd", records(t, j)[0].By)
}

func TestAppendRefuses(t *testing.T) {
	j, dir := small(t)
	before := read(t, dir, "log")
	for name, e := range map[string]journal.Entry{
		"no act":   {},
		"count":    {Act: journal.List, Count: -1},
		"leaf":     {Act: journal.Forget, Leaves: []int{-1}},
		"time":     {Act: journal.List, Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"too long": {Act: journal.List, Reason: strings.Repeat("a", 64<<10)},
		"name":     {Act: journal.List, About: []journal.Subject{subject(strings.Repeat("a", 64<<10))}},
	} {
		require.Error(t, j.Append(e), name)
		require.Equal(t, before, read(t, dir, "log"), name)
		require.NoError(t, j.Verify(), name)
	}
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such file modes")
	}
	_, dir := small(t)
	for name, want := range map[string]os.FileMode{"": 0o700 | os.ModeDir, "log": 0o600, "names": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode(), name)
	}
}

// Two processes take turns: each follows what the other wrote.
func TestTwoWriters(t *testing.T) {
	one, dir := open(t)
	other := journal.Open(dir)
	for i := range 5 {
		add(t, one, journal.Entry{Act: journal.List, Batch: "b", Count: 2 * i})
		add(t, other, journal.Entry{Act: journal.List, Batch: "b", Count: 2*i + 1})
	}
	require.NoError(t, one.Verify())
	for _, j := range []*journal.Journal{one, other, journal.Open(dir)} {
		have, err := j.OfBatch("b")
		require.NoError(t, err)
		require.Len(t, have, 10)
		for i, e := range have {
			require.Equal(t, i, e.Count)
		}
	}
}

func TestOfBatch(t *testing.T) {
	j, dir := small(t)
	add(t, j, journal.Entry{Act: journal.List, Batch: "20261123-00000002", Reason: `x","batch":"20261123-00000001`})
	for _, j := range []*journal.Journal{j, journal.Open(dir)} {
		have, err := j.OfBatch("20261123-00000001")
		require.NoError(t, err)
		require.Len(t, have, 3)
		require.Equal(t, []journal.Act{journal.Plan, journal.Sign, journal.Forget}, []journal.Act{have[0].Act, have[1].Act, have[2].Act})
		none, err := j.OfBatch("20261123")
		require.NoError(t, err)
		require.Empty(t, none)
	}
}

// An entry about very many documents takes several lines.
func TestManyDocuments(t *testing.T) {
	j, dir := open(t)
	about := make([]journal.Subject, 2000)
	for i := range about {
		about[i] = subject(fmt.Sprintf("/%04d.pdf", i))
	}
	add(t, j, journal.Entry{Act: journal.Withdraw, Count: len(about), About: about})
	add(t, j, journal.Entry{Act: journal.List})
	require.NoError(t, j.Verify())
	all := records(t, j)
	require.Len(t, all, 4)
	var got []journal.Subject
	count := 0
	for i, r := range all[:3] {
		require.Equal(t, []int{i + 1, 3}, []int{r.Part, r.Parts})
		require.Equal(t, journal.Withdraw, r.Act)
		got, count = append(got, r.About...), count+r.Count
	}
	require.Equal(t, about, got)
	require.Equal(t, len(about), count, "the count is that of all lines")
	require.Zero(t, all[3].Parts)
	for line := range bytes.Lines(read(t, dir, "log")) {
		require.LessOrEqual(t, len(line), 64<<10+1)
	}
}

// Nothing that identifies a document is in the log, and entries about the same
// document cannot be told to be.
func TestNamesAreNotInTheLog(t *testing.T) {
	j, dir := open(t)
	s := subject("/transcripts/s01.pdf")
	add(t, j, journal.Entry{Act: journal.Withdraw, About: []journal.Subject{s}}, journal.Entry{Act: journal.Withdraw, About: []journal.Subject{s}})
	log := string(read(t, dir, "log"))
	require.NotContains(t, log, "s01")
	require.NotContains(t, log, hex.EncodeToString(s.Digest[:]))
	hashes := make(map[string]bool)
	for row := range strings.Lines(string(read(t, dir, "names"))) {
		hash, _, _ := strings.Cut(row, " ")
		require.Contains(t, log, hash)
		hashes[hash] = true
	}
	require.Len(t, hashes, 2)
}

func TestForget(t *testing.T) {
	j, dir := small(t)
	gone, kept := subject("/home/r/a.pdf"), subject("/home/r/成绩单.pdf")
	add(t, j, journal.Entry{Act: journal.Withdraw, About: []journal.Subject{gone, {Name: "/copy.pdf", Digest: gone.Digest}}})
	log := read(t, dir, "log")
	write(t, dir, ".tmp-123", []byte("a table that a killed process left"))
	names := read(t, dir, "names")
	salt := strings.Fields(string(names))[1]
	require.Contains(t, string(names), hex.EncodeToString(gone.Digest[:]))
	write(t, dir, "names", append(names, names[:100]...)) // a power cut

	n, err := j.Forget(gone.Digest, sha256.Sum256([]byte("never heard of")))
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.NoFileExists(t, filepath.Join(dir, ".tmp-123"))
	require.Equal(t, log, read(t, dir, "log"), "the entries stay")
	for _, name := range []string{"log", "names"} {
		text := string(read(t, dir, name))
		for _, trace := range []string{salt, hex.EncodeToString(gone.Digest[:]), "a.pdf", "copy.pdf"} {
			require.NotContains(t, text, trace, name)
		}
	}
	require.NoError(t, j.Verify(), "the chain holds")
	all := records(t, j)
	require.Equal(t, []journal.Subject{kept}, all[2].About)
	require.Equal(t, 1, all[2].Forgotten)
	require.Empty(t, all[4].About)
	require.Equal(t, 2, all[4].Forgotten)

	again, err := j.Forget(gone.Digest)
	require.NoError(t, err)
	require.Zero(t, again)
	add(t, j, journal.Entry{Act: journal.List, About: []journal.Subject{kept}})
	require.NoError(t, j.Verify())
}

// A line that is taken out of the table by hand is counted, one that Forget takes
// out after its entry is not, and neither hides the other.
func TestLostNames(t *testing.T) {
	j, dir := open(t)
	a, b, c := subject("/a.pdf"), subject("/b.pdf"), subject("/c.pdf")
	add(t, j, journal.Entry{Act: journal.Withdraw, About: []journal.Subject{a, b}}, journal.Entry{Act: journal.List, About: []journal.Subject{a, c}})
	survey := func() (lost, left int) {
		s, err := j.Survey()
		require.NoError(t, err)
		return s.Lost(), s.Left()
	}
	clears := func(digest [32]byte) (lines, unsaid int) {
		all, unsaid, err := j.Clears(digest)
		require.NoError(t, err)
		return all[digest], unsaid
	}
	require.Equal(t, [2]int{2, 2}, pair(clears(a.Digest)))
	add(t, j, journal.Entry{Act: journal.Forget, Cleared: 2})
	require.Equal(t, [2]int{0, 2}, pair(survey()), "the process was killed before it cleared them")
	require.Equal(t, [2]int{2, 0}, pair(clears(a.Digest)), "what is said is not said twice")
	_, err := j.Forget(a.Digest)
	require.NoError(t, err)
	require.Equal(t, [2]int{}, pair(survey()))

	names := read(t, dir, "names")
	lines := bytes.SplitAfter(names, []byte("\n"))
	write(t, dir, "names", lines[1])
	require.Equal(t, [2]int{1, 0}, pair(survey()))
	require.Equal(t, [2]int{1, 1}, pair(clears(c.Digest)), "an entry for one does not cover the other")
	write(t, dir, "names", append(slices.Clone(lines[1]), lines[1]...))
	require.Equal(t, [2]int{1, 0}, pair(survey()), "a line twice does not stand for another")

	// A line that no entry uses: the process was killed between the two.
	write(t, dir, "names", names)
	log := read(t, dir, "log")
	add(t, j, journal.Entry{Act: journal.Withdraw, About: []journal.Subject{b}})
	write(t, dir, "log", log)
	j = journal.Open(dir)
	require.Equal(t, [2]int{2, 1}, pair(clears(b.Digest)))
}

func pair(a, b int) [2]int { return [2]int{a, b} }

// A head that was noted is found again as long as nobody wrote other entries.
func TestNotedHeads(t *testing.T) {
	j, dir := small(t)
	var heads []journal.Head
	for _, r := range records(t, j) {
		h := journal.Head{Number: r.Number, Hash: r.Hash}
		again, err := journal.ParseHead(h.String())
		require.NoError(t, err)
		require.Equal(t, h, again)
		heads = append(heads, h)
	}
	s, err := j.Survey(heads...)
	require.NoError(t, err)
	require.Equal(t, heads[len(heads)-1], s.Head)

	log := read(t, dir, "log")
	last := bytes.LastIndexByte(bytes.TrimSuffix(log, []byte("\n")), '\n') + 1
	write(t, dir, "log", log[:last])
	var fault *journal.HeadError
	_, err = j.Survey(heads...)
	require.ErrorAs(t, err, &fault)
	require.ErrorContains(t, err, "the end was cut off")
	j = journal.Open(dir)
	add(t, j, journal.Entry{Act: journal.List, Time: at})
	_, err = j.Survey(heads...)
	require.ErrorAs(t, err, &fault)
	require.ErrorContains(t, err, "other entries were written")
	_, err = j.Survey(heads[:len(heads)-1]...)
	require.NoError(t, err)

	for _, text := range []string{"", "1", "1:", "0:" + strings.Repeat("0", 64), "01:" + strings.Repeat("0", 64), "1:" + strings.Repeat("A", 64), "1 " + strings.Repeat("0", 64), "1:" + strings.Repeat("0", 65)} {
		_, err := journal.ParseHead(text)
		require.Error(t, err, text)
	}
}

func TestForgetWithoutJournal(t *testing.T) {
	j, dir := open(t)
	n, err := j.Forget([32]byte{})
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoDirExists(t, dir)
}

// Every change of a single byte is noticed, or makes the last line one that is not
// whole, which Survey says.
func TestEveryFlip(t *testing.T) {
	j, dir := small(t)
	for _, name := range []string{"log", "names"} {
		good := read(t, dir, name)
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 8)
			write(t, dir, name, bad)
			s, err := j.Survey()
			if i == len(good)-1 && err == nil {
				require.True(t, name == "names" && s.Names == 1 || s.Torn > 0)
				continue
			}
			require.Error(t, err, "%s: byte %d", name, i)
			require.Nil(t, s)
			require.ErrorContains(t, err, fmt.Sprintf("%s: line %d: ", filepath.Join(dir, name), 1+bytes.Count(good[:i], []byte("\n"))))
		}
		write(t, dir, name, good)
	}
	require.NoError(t, j.Verify())
}

func TestLinesTakenOutAndMoved(t *testing.T) {
	j, dir := small(t)
	good := bytes.SplitAfter(bytes.TrimSuffix(read(t, dir, "log"), []byte("\n")), []byte("\n"))
	good[len(good)-1] = append(good[len(good)-1], '\n')
	require.Len(t, good, 4)
	join := func(order ...int) []byte {
		var out []byte
		for _, i := range order {
			out = append(out, good[i]...)
		}
		return out
	}
	for name, c := range map[string]struct {
		log  []byte
		line uint64
	}{
		"the first":  {join(1, 2, 3), 1},
		"one inside": {join(0, 2, 3), 2},
		"swapped":    {join(0, 2, 1, 3), 2},
		"twice":      {join(0, 1, 1, 2, 3), 3},
		"at the end": {join(0, 1, 2, 3, 0), 5},
	} {
		write(t, dir, "log", c.log)
		var line *journal.LineError
		require.ErrorAs(t, j.Verify(), &line, name)
		require.Equal(t, c.line, line.Line, name)
		n := uint64(0)
		for _, err := range j.Records() {
			if err == nil {
				n++
			}
		}
		require.Equal(t, c.line-1, n, "the records before it")
	}
	// What the package says it cannot see.
	write(t, dir, "log", join(0, 1))
	require.NoError(t, j.Verify())
	// Lines of another journal, each in order by itself.
	_, otherDir := small(t)
	other := bytes.SplitAfter(read(t, otherDir, "log"), []byte("\n"))
	write(t, dir, "log", append(join(0, 1, 2), other[3]...))
	require.ErrorContains(t, j.Verify(), "line 4: does not follow the line before it")
}

// A line that is well formed and has the right hash, in another spelling.
func TestOtherSpellings(t *testing.T) {
	j, dir := open(t)
	add(t, j, journal.Entry{Time: at, Act: journal.List, By: "anna", Count: 3})
	good := string(read(t, dir, "log"))
	for name, change := range map[string][2]string{
		"blank":         {`,"act"`, `, "act"`},
		"order":         {`"act":"list","by":"anna"`, `"by":"anna","act":"list"`},
		"unknown key":   {`,"count"`, `,"colour":"red","count"`},
		"duplicate key": {`,"count"`, `,"by":"anna","count"`},
		"case of key":   {`"act"`, `"Act"`},
		"number":        {`"count":3`, `"count":3e0`},
		"escape":        {`"by":"anna"`, `"by":"\u0061nna"`},
		"time":          {`09:00:00Z`, `10:00:00+01:00`},
		"negative":      {`"count":3`, `"count":-3`},
		"zero":          {`"count":3`, `"count":0`},
		"part":          {`,"count":3`, `,"count":3,"part":2,"parts":1`},
		"about":         {`,"count":3`, `,"count":3,"about":["AA"]`},
		"no act":        {`"act":"list"`, `"act":""`},
		"leaves":        {`,"count":3`, `,"count":3,"leaves":[-1]`},
	} {
		require.Equal(t, 1, strings.Count(good, change[0]), name)
		text, _, _ := strings.Cut(strings.Replace(good, change[0], change[1], 1), `,"sum":`)
		write(t, dir, "log", fmt.Appendf(nil, "%s,\"sum\":\"%x\"}\n", text, sha256.Sum256([]byte(text))))
		require.Error(t, j.Verify(), name)
	}
	write(t, dir, "log", []byte("\n"))
	require.Error(t, j.Verify())
	write(t, dir, "log", append(bytes.Repeat([]byte("a"), 70_000), '\n'))
	require.ErrorContains(t, j.Verify(), "line 1")
}

// A power cut can leave any beginning of the last line.
func TestTornLine(t *testing.T) {
	j, dir := small(t)
	good := read(t, dir, "log")
	last := bytes.LastIndexByte(good[:len(good)-1], '\n') + 1
	for _, cut := range []int{last + 1, last + 40, len(good) - 1} {
		write(t, dir, "log", good[:cut])
		s, err := j.Survey()
		require.NoError(t, err)
		require.Equal(t, cut-last, s.Torn)
		require.EqualValues(t, 3, s.Head.Number)

		var said []string
		again := journal.Open(dir)
		again.Warn = func(text string) { said = append(said, text) }
		add(t, again, journal.Entry{Act: journal.Abandon}, journal.Entry{Act: journal.List})
		require.Len(t, said, 1)
		require.Contains(t, said[0], filepath.Join(dir, "torn-4"))
		require.Equal(t, good[last:cut], read(t, dir, "torn-4"))
		s, err = again.Survey()
		require.NoError(t, err)
		require.EqualValues(t, 5, s.Head.Number)
	}
}

// A name that was not whole is nobody's: it goes.
func TestTornName(t *testing.T) {
	j, dir := small(t)
	good := read(t, dir, "names")
	write(t, dir, "names", append(bytes.Clone(good), good[:50]...))
	require.NoError(t, j.Verify())
	add(t, j, journal.Entry{Act: journal.Withdraw, About: []journal.Subject{subject("/b.pdf")}})
	s, err := j.Survey()
	require.NoError(t, err)
	require.Equal(t, 3, s.Names)
	require.Equal(t, good, read(t, dir, "names")[:len(good)])
}

// Nothing is added to a journal that is damaged where it would be.
func TestAppendToDamaged(t *testing.T) {
	_, dir := small(t)
	log := read(t, dir, "log")
	log[len(log)-10] ^= 1
	write(t, dir, "log", log)
	require.ErrorContains(t, journal.Open(dir).Append(journal.Entry{Act: journal.List}), filepath.Join(dir, "log"))
	require.Equal(t, log, read(t, dir, "log"))
}

// A log that became shorter while it was in use.
func TestCutWhileOpen(t *testing.T) {
	j, dir := small(t)
	log := read(t, dir, "log")
	write(t, dir, "log", log[:len(log)/2])
	require.ErrorContains(t, j.Append(journal.Entry{Act: journal.List}), "somebody cut it")
}

// BenchmarkAnchor is what a run has to do with a journal of 100,000 entries: read
// it, look for a batch, and add a line.
func BenchmarkAnchor(b *testing.B) {
	j, dir := open(b)
	add(b, j, journal.Entry{Act: journal.Plan, Batch: "20261123-00000000"})
	line := read(b, dir, "log")
	log := bytes.Repeat(bytes.Replace(line, []byte(`"by":""`), fmt.Appendf(nil, `"by":%q`, strings.Repeat("a", 200)), 1), 100_000)
	write(b, dir, "log", append(log, line...)) // of all lines the last one alone is parsed
	for b.Loop() {
		j := journal.Open(dir)
		_, err := j.OfBatch("20261123-00000001")
		require.NoError(b, err)
		require.NoError(b, j.Append(journal.Entry{Act: journal.List}))
	}
}
