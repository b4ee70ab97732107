package leaves_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch/leaves"
	"gradseal/merkle"
)

var head = leaves.Head{Name: "june-07", Source: "/data/transcripts", Part: 7, Of: 50, Created: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}

func rowsOf(n int) []leaves.Row {
	rows := make([]leaves.Row, n)
	for i := range rows {
		rows[i] = leaves.Row{Path: fmt.Sprintf("class %d/é%03d.pdf", i%3, i), Size: int64(i + 1), Digest: [32]byte{byte(i), 1}, Salt: [32]byte{byte(i), 2}}
	}
	slices.SortFunc(rows, func(a, b leaves.Row) int { return strings.Compare(a.Path, b.Path) })
	return rows
}

func marshal(t testing.TB, h leaves.Head, rows []leaves.Row) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := leaves.NewWriter(&out, h)
	require.NoError(t, err)
	for _, r := range rows {
		require.NoError(t, w.Add(r))
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func parse(data []byte) (leaves.Head, []leaves.Row, error) {
	var rows []leaves.Row
	h, s, err := leaves.Read("x.leaves", bytes.NewReader(data), func(r leaves.Row) error {
		rows = append(rows, r)
		return nil
	})
	if err == nil && s.Count != len(rows) {
		return h, rows, fmt.Errorf("count %d of %d rows", s.Count, len(rows))
	}
	return h, rows, err
}

func TestShardFileIsReadAsWritten(t *testing.T) {
	for _, n := range []int{1, 2, 100} {
		data := marshal(t, head, rowsOf(n))
		h, rows, err := parse(data)
		require.NoError(t, err)
		require.Equal(t, head, h)
		require.Equal(t, rowsOf(n), rows)
		path := filepath.Join(t.TempDir(), "x.leaves")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		f, err := leaves.Open(path)
		require.NoError(t, err)
		require.Equal(t, rowsOf(n), f.Rows)
		_, claimed, size, err := leaves.Peek(path)
		require.NoError(t, err)
		require.Equal(t, f.Summary, claimed)
		require.EqualValues(t, len(data), size)
	}
}

// Wherever a file is cut off, it is not taken for a whole one.
func TestShardFileThatIsCutOff(t *testing.T) {
	data := marshal(t, head, rowsOf(5))
	for n := range data {
		_, _, err := parse(data[:n])
		require.Error(t, err, "%d bytes", n)
		if n > 200 {
			require.ErrorIs(t, err, leaves.ErrIncomplete, "%d bytes", n)
		}
	}
}

// No byte can be another one.
func TestShardFileThatWasEdited(t *testing.T) {
	data := marshal(t, head, rowsOf(3))
	for i := range data {
		for _, b := range []byte{data[i] ^ 1, ' ', '0', '\n'} {
			edited := bytes.Clone(data)
			edited[i] = b
			_, _, err := parse(edited)
			require.Equal(t, b == data[i], err == nil, "byte %d as %q", i, b)
		}
	}
}

func TestRowsThatAreRefused(t *testing.T) {
	for path, text := range map[string]string{
		"../a.pdf": "below the source", "/a.pdf": "below the source", "a//b.pdf": "below the source", ".": "below the source", "": "below the source",
		`a\b.pdf`: "below the source", "a\x00.pdf": "below the source", "a\xff.pdf": "below the source", strings.Repeat("a", 5000): "at most 4096 bytes",
	} {
		w, err := leaves.NewWriter(io.Discard, head)
		require.NoError(t, err)
		require.ErrorContains(t, w.Add(leaves.Row{Path: path, Size: 1}), text, "%q", path)
	}
	w, err := leaves.NewWriter(io.Discard, head)
	require.NoError(t, err)
	require.NoError(t, w.Add(leaves.Row{Path: "b.pdf", Size: 1}))
	require.ErrorContains(t, w.Add(leaves.Row{Path: "b.pdf", Size: 1}), "each once")
	require.ErrorContains(t, w.Add(leaves.Row{Path: "a.pdf", Size: 1}), "each once")
	require.ErrorContains(t, w.Add(leaves.Row{Path: "c.pdf"}), "0 bytes")
	require.ErrorContains(t, w.Add(leaves.Row{Path: "c.pdf", Size: leaves.MaxSize + 1}), "at most of 1099511627776 bytes")
	require.NoError(t, w.Add(leaves.Row{Path: "c.pdf", Size: leaves.MaxSize}))
	for _, h := range []leaves.Head{
		{Name: "a b", Source: "/", Of: 1}, {Name: "../a", Source: "/", Of: 1}, {Name: "a", Of: 1}, {Name: "a", Source: "/"}, {Name: "a", Source: "/", Part: 2, Of: 2},
	} {
		_, err := leaves.NewWriter(io.Discard, h)
		require.Error(t, err, "%+v", h)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(marshal(f, head, rowsOf(1)))
	f.Add(marshal(f, head, rowsOf(4)))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, rows, err := parse(data)
		if err == nil {
			require.Equal(t, string(data), string(marshal(t, h, rows)))
		}
	})
}

// A size of a row is held to what a document can have: sums of it never turn negative.
func TestRowThatClaimsASize(t *testing.T) {
	row := rowsOf(1)
	for size, ok := range map[string]bool{"1": true, "1099511627776": true, "1099511627777": false, "9223372036854775807": false, "0": false, "-1": false} {
		whole := marshal(t, head, row)
		body := bytes.Replace(whole[:bytes.Index(whole, []byte("\nend "))+1], []byte(" 1 \"class"), []byte(" "+size+" \"class"), 1)
		_, _, err := parse(fmt.Appendf(body, "end 1 %x\n", sha256.Sum256(body)))
		if ok {
			require.NoError(t, err, size)
			continue
		}
		require.ErrorContains(t, err, "malformed row 1: size "+size+", want 1 to 1099511627776")
		require.ErrorIs(t, err, leaves.ErrDamaged)
	}
}

// claiming is a shard file whose last line has another number of rows, and the right
// checksum.
func claiming(t testing.TB, rows int, count string) []byte {
	t.Helper()
	data := marshal(t, head, rowsOf(rows))
	before, after, ok := bytes.Cut(data, fmt.Appendf(nil, "\nend %d ", rows))
	require.True(t, ok)
	return fmt.Appendf(nil, "%s\nend %s %s", before, count, after)
}

// The number of rows in the last line is held to what there can be before memory is
// taken for as many.
func TestLastLineThatClaimsRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.leaves")
	for _, count := range []string{"-1", "-70", "-9223372036854775808", "400", "4294967296", "9223372036854775807"} {
		require.NoError(t, os.WriteFile(path, claiming(t, 3, count), 0o600))
		_, err := leaves.Open(path)
		require.ErrorContains(t, err, "x.leaves: does not match its last line", count)
		_, claimed, _, err := leaves.Peek(path)
		require.ErrorContains(t, err, "x.leaves: does not match its last line", count)
		require.Zero(t, claimed)
	}
}

// FuzzOpen reads files as a whole: what Open takes, Peek takes, too, and what Peek
// claims is never more than there can be.
func FuzzOpen(f *testing.F) {
	f.Add(marshal(f, head, rowsOf(1)))
	f.Add(marshal(f, head, nil))
	for _, count := range []string{"-1", "-70", "0", "4", "4294967295", "9223372036854775807", "9223372036854775808", "1 "} {
		f.Add(claiming(f, 3, count))
	}
	f.Add([]byte("end 1 \n"))
	path := filepath.Join(f.TempDir(), "x.leaves")
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		h, claimed, size, peekErr := leaves.Peek(path)
		if peekErr == nil {
			require.GreaterOrEqual(t, claimed.Count, 0)
			require.LessOrEqual(t, claimed.Count, len(data)/100)
		}
		file, err := leaves.Open(path)
		if err != nil {
			require.Nil(t, file)
			return
		}
		require.NoError(t, peekErr)
		require.EqualValues(t, len(data), size)
		require.Equal(t, file.Head, h)
		require.Equal(t, file.Summary, claimed)
		require.Equal(t, data, marshal(t, file.Head, file.Rows))
	})
}

// A log that was cut off anywhere goes on with what is whole, and keeps its salts.
func TestLogThatWasCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.part")
	rows := rowsOf(6)
	l, h, have, err := leaves.OpenLog(path, head)
	require.NoError(t, err)
	require.Equal(t, head, h)
	require.Empty(t, have)
	for _, r := range rows {
		require.NoError(t, l.Add(r))
	}
	require.NoError(t, l.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	headEnd := bytes.Index(data, []byte("\n\n")) + 2
	for n := rand.IntN(9); n < len(data); n += 9 { // each with a sync or two
		for _, tail := range []string{"", "\x00\x00\x00\x00", "\x00\x00\n"} {
			require.NoError(t, os.WriteFile(path, append(bytes.Clone(data[:n]), tail...), 0o600))
			later := head
			later.Created = later.Created.Add(time.Hour)
			l, h, have, err := leaves.OpenLog(path, later)
			if n < headEnd && tail == "\x00\x00\n" && err != nil { // a head that is none
				continue
			}
			require.NoError(t, err, "%d bytes and %q", n, tail)
			if len(have) > 0 {
				require.Equal(t, head, h, "the time of the first run")
			}
			for _, r := range have {
				require.Contains(t, rows, r)
			}
			require.Len(t, have, max(0, bytes.Count(data[:n], []byte("\n"))-7))
			require.NoError(t, l.Add(rows[5]))
			require.NoError(t, l.Close())
			_, _, have, err = leaves.OpenLog(path, later)
			require.NoError(t, err)
			require.Equal(t, rows[5], have[rows[5].Path])
		}
	}
	other := head
	other.Of = 51
	_, _, _, err = leaves.OpenLog(path, other)
	require.ErrorContains(t, err, "was made of something else (name june-07, source")
}

// logOf is what a worker has of rows.
func logOf(t testing.TB, rows []leaves.Row) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.part")
	l, _, _, err := leaves.OpenLog(path, head)
	require.NoError(t, err)
	for _, r := range rows {
		require.NoError(t, l.Add(r))
	}
	require.NoError(t, l.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// What is in a log is not read again, so no byte of it can be another one: the row with
// it, and all after that, are dropped.
func TestLogThatWasEdited(t *testing.T) {
	rows := rowsOf(3)
	data := logOf(t, rows)
	for i := range data {
		for _, b := range []byte{data[i] ^ 1, '0'} {
			if b == data[i] {
				continue
			}
			edited := bytes.Clone(data)
			edited[i] = b
			have := make(map[string]leaves.Row)
			_, _, err := leaves.ReadLog(bytes.NewReader(edited), have)
			whole := max(0, bytes.Count(data[:i], []byte("\n"))-7)
			if err == nil {
				require.Len(t, have, whole, "byte %d as %q", i, b)
			}
			for _, r := range rows[:min(whole, len(have))] {
				require.Equal(t, r, have[r.Path])
			}
			require.Subset(t, slices.Collect(maps.Values(rowsByPath(rows))), slices.Collect(maps.Values(have)))
		}
	}
}

func rowsByPath(rows []leaves.Row) map[string]leaves.Row {
	all := make(map[string]leaves.Row)
	for _, r := range rows {
		all[r.Path] = r
	}
	return all
}

// What is in the place of a log and is none stays as it is, and is not opened to
// others; a log that others could read is closed to them before it goes on.
func TestOpenLogLeavesWhatIsNoLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.part")
	for _, content := range []string{"my notes", "a\nb\nc\nd\ne\nf\ng\n", "\x00\x00notes", strings.Repeat("\x00", 1<<20), string(marshal(t, head, rowsOf(3)))} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		_, _, _, err := leaves.OpenLog(path, head)
		require.ErrorContains(t, err, "x.part: is not what gradseal leaves keeps there")
		require.NoError(t, leaves.RemoveLog(path))
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(now))
	}
	for _, content := range []string{"", "\x00\x00\x00", "gradseal leaves unf", string(logOf(t, rowsOf(2)))} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		require.NoError(t, os.Chmod(path, 0o644)) // the mode is that of a new file only
		l, _, _, err := leaves.OpenLog(path, head)
		require.NoError(t, err, "%q", content)
		if runtime.GOOS != "windows" {
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
		}
		require.NoError(t, l.Close())
	}
	require.NoError(t, leaves.RemoveLog(path))
	require.NoFileExists(t, path)
	require.NoError(t, leaves.RemoveLog(path))
}

// Every worker finds each document to be in one part, and the parts are of one size.
func TestPartOf(t *testing.T) {
	require.Equal(t, 0, leaves.PartOf("x", 1))
	counts := make([]int, 7)
	for i := range 7000 {
		counts[leaves.PartOf(fmt.Sprintf("a/%d.pdf", i), 7)]++
	}
	for _, n := range counts {
		require.InDelta(t, 1000, n, 150)
	}
}

// The nodes of any leaves of any tree give the audit paths of the tree, and are as
// few as they can be.
func TestNodesAgreeWithTree(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds many trees, one after the other")
	}
	for size := 1; size <= 40; size++ {
		tree := treeOf(t, size)
		for range 20 {
			some := someOf(size, 1+rand.IntN(size))
			checkNodes(t, tree, some)
		}
		checkNodes(t, tree, someOf(size, size))
	}
	tree := treeOf(t, 5003)
	for _, n := range []int{1, 2, 50, 1000, 5003} {
		checkNodes(t, tree, someOf(5003, n))
	}
}

func treeOf(t testing.TB, size int) *merkle.Tree {
	hashes := make([]merkle.Hash, size)
	for i := range hashes {
		hashes[i] = merkle.LeafHash(fmt.Append(nil, i))
	}
	tree, err := merkle.New(hashes)
	require.NoError(t, err)
	return tree
}

// someOf are n rising indexes below size.
func someOf(size, n int) []uint32 {
	some := make([]uint32, 0, n)
	for _, i := range rand.Perm(size)[:n] {
		some = append(some, uint32(i))
	}
	slices.Sort(some)
	return some
}

func checkNodes(t *testing.T, tree *merkle.Tree, some []uint32) {
	t.Helper()
	hashes := make([]merkle.Hash, len(some))
	for i, index := range some {
		hashes[i] = tree.Leaf(uint64(index))
	}
	needed := 0
	n, err := leaves.NewNodes(tree.Size(), some, hashes, func(level int, index uint64) (merkle.Hash, error) {
		needed++
		return tree.Node(level, index), nil
	})
	require.NoError(t, err)
	require.Equal(t, tree.Root(), n.Root())
	unknown := make(map[merkle.Hash]bool)
	for _, index := range some {
		want, err := tree.AppendPath(nil, uint64(index))
		require.NoError(t, err)
		got, err := n.AppendPath(nil, uint64(index))
		require.NoError(t, err)
		require.Equal(t, want, got)
		for _, h := range want {
			unknown[h] = true
		}
	}
	require.LessOrEqual(t, needed, len(unknown))
	if len(some) == int(tree.Size()) {
		require.Zero(t, needed)
	}
}
