package embedded

import (
	"bytes"
	"context"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

func serialize(t testing.TB, tx *wire.MsgTx) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, tx.Serialize(&b))
	return b.Bytes()
}

// offsets are where the records of a block file start, and where it ends.
func offsets(t testing.TB, data []byte) []int {
	t.Helper()
	all := []int{0}
	for _, block := range storedBlocks(t, data) {
		raw, err := block.Bytes()
		require.NoError(t, err)
		all = append(all, all[len(all)-1]+4+len(raw)+4)
	}
	require.Equal(t, len(data), all[len(all)-1])
	return all
}

// snapshot is the content of every file below a directory.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	}))
	return files
}

// refuses opens a node that must not open, and must change no file.
func (h home) refuses(want ...string) {
	h.t.Helper()
	before := snapshot(h.t, filepath.Dir(h.dir))
	n, err := Open(context.Background(), h.dir, h.headers)
	if err == nil {
		require.NoError(h.t, n.Close())
		require.Fail(h.t, "the node opened")
	}
	require.Nil(h.t, n)
	for _, w := range want {
		require.ErrorContains(h.t, err, w)
	}
	require.Equal(h.t, before, snapshot(h.t, filepath.Dir(h.dir)))
}

// TestTornRecord cuts the last record at every length, as an interrupted write
// leaves it, and then some of those homes are opened.
func TestTornRecord(t *testing.T) {
	h := newHome(t)
	all := h.anchored(2)
	data, hs := h.read(h.blocks()), h.read(h.headers)
	starts := offsets(t, data)
	last := starts[len(starts)-2]

	for size := last; size < len(data); size++ {
		h.write(h.blocks(), data[:size])
		l, records, err := openLog(h.blocks())
		require.NoError(t, err, "%d bytes of %d", size-last, len(data)-last)
		require.Len(t, records, 102)
		require.NoError(t, l.settle())
		require.NoError(t, l.close())
		require.Equal(t, data[:last], h.read(h.blocks()))
	}
	for _, size := range []int{last, last + 1, last + 4, last + 84, last + 85, len(data) - 4, len(data) - 1} {
		h.write(h.blocks(), data[:size])
		h.write(h.headers, hs[:len(hs)-80])
		n := h.open()
		require.EqualValues(t, 102, n.ledger.height)
		require.Nil(t, attest(t, n, all[1]))
		submit(t, n, all[1])
		for i, f := range all {
			h.verify(attest(t, n, f), root(i), f.ID)
		}
		require.NoError(t, n.Close())
		require.Equal(t, 1, countTransactions(t, h)[all[1].ID])
	}
}

// TestTornTailOfOtherBytes is what a power cut can leave: a file that has grown
// but whose last bytes never were written.
func TestTornTailOfOtherBytes(t *testing.T) {
	h := newHome(t)
	all := h.anchored(1)
	data := h.read(h.blocks())
	for name, tail := range map[string][]byte{
		"zeros":           make([]byte, 700),
		"one byte":        {7},
		"length only":     {0x10, 1, 0, 0},
		"large length":    append([]byte{0xff, 0xff, 0xff, 0x7f}, make([]byte, 300)...),
		"length and junk": append([]byte{0x50, 1, 0, 0}, bytes.Repeat([]byte{0xa5}, 400)...),
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.write(h.blocks(), slices.Concat(data, tail))
			n := h.open()
			h.verify(attest(t, n, all[0]), root(0), all[0].ID)
			require.NoError(t, n.Close())
			require.Equal(t, data, h.read(h.blocks()))
		})
	}
}

// TestTornFirstRecord is a file without one whole record.
func TestTornFirstRecord(t *testing.T) {
	h := newHome(t)
	h.anchored(1)
	data := h.read(h.blocks())
	for _, size := range []int{0, 1, 50} {
		h.write(h.blocks(), data[:size])
		require.NoError(t, os.RemoveAll(h.headers))
		n := h.open()
		require.Zero(t, n.ledger.height)
		f := confirm(t, n, root(9))
		require.NoError(t, n.Close())
		n = h.open()
		h.verify(attest(t, n, f), root(9), f.ID)
		require.NoError(t, n.Close())
	}
}

// TestDamagedRecord flips a bit in every byte of a record that others follow.
func TestDamagedRecord(t *testing.T) {
	h := newHome(t)
	h.anchored(3)
	data := h.read(h.blocks())
	starts := offsets(t, data)
	const damaged = 102 // from 1: the block of the first anchor
	start, end := starts[damaged-1], starts[damaged]
	want := []string{h.blocks(), "block 102 (the record at byte", "is damaged, and an intact record follows", "restore this file from a backup"}
	for at := start; at < end; at++ {
		bad := slices.Clone(data)
		bad[at] ^= 1 << (at % 8)
		h.write(h.blocks(), bad)
		l, _, err := openLog(h.blocks())
		require.Nil(t, l)
		for _, w := range want {
			require.ErrorContains(t, err, w, "byte %d of %d", at-start, end-start)
		}
		if at%100 == 0 {
			h.refuses(want...)
		}
	}
	// Bytes lost and bytes added.
	for _, bad := range [][]byte{
		slices.Concat(data[:start+5], data[start+6:]),
		slices.Concat(data[:start], data[start+3:]),
		slices.Concat(data[:start], []byte{0}, data[start:]),
		slices.Concat(data[:starts[5]], make([]byte, 4096), data[starts[5]+100:]),
	} {
		h.write(h.blocks(), bad)
		h.refuses(h.blocks(), "is damaged", "restore this file from a backup")
	}
	h.write(h.blocks(), data)
	h.open()
}

// TestDamagedLastRecord is damage that looks like a torn write. The header file
// tells: it is written later, so it has no header of a torn block.
func TestDamagedLastRecord(t *testing.T) {
	h := newHome(t)
	h.anchored(2)
	data := h.read(h.blocks())
	for _, bad := range [][]byte{
		data[:len(data)-1],
		append(slices.Clone(data[:len(data)-1]), data[len(data)-1]^1),
		data[:offsets(t, data)[60]],
		{},
	} {
		h.write(h.blocks(), bad)
		h.refuses(h.blocks(), h.headers+" has headers up to height 103", "restore the block file from a backup")
	}
	require.NoError(t, os.Remove(h.blocks()))
	h.refuses("holds 0 blocks, but", h.headers+" has headers up to height 103")
}

// TestBlockThatTheRulesRefuse is a file whose checksums are right and whose
// blocks are not.
func TestBlockThatTheRulesRefuse(t *testing.T) {
	h := newHome(t)
	h.anchored(2)
	data := h.read(h.blocks())
	starts := offsets(t, data)
	block := func(i int) []byte { return data[starts[i-1]+4 : starts[i]-4] }
	reframe := func(i int, change func(b []byte)) []byte {
		b := slices.Clone(block(i))
		change(b)
		return slices.Concat(data[:starts[i-1]], frame(b), data[starts[i]:])
	}
	for name, tc := range map[string]struct {
		blocks []byte
		want   string
	}{
		"left out":     {slices.Concat(data[:starts[50]], data[starts[51]:]), "block 51 (the record at byte"},
		"twice":        {slices.Concat(data[:starts[50]], data[starts[49]:]), "already have block"},
		"no block":     {slices.Concat(data[:starts[102]], frame(make([]byte, 200))), "block 103 (the record at byte"},
		"bytes behind": {slices.Concat(data[:starts[102]], frame(append(slices.Clone(block(103)), 0))), "block 103 (the record at byte"},
		"transaction": {reframe(102, func(b []byte) {
			b[len(b)-150] ^= 1
		}), "block merkle root is invalid"},
		"no work": {reframe(103, func(b []byte) {
			for bitcoin.Header(b[:80]).CheckWork() == nil {
				b[76]++ // the nonce
			}
		}), "is higher than expected max"},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.write(h.blocks(), tc.blocks)
			require.NoError(t, os.RemoveAll(h.headers))
			h.refuses(h.blocks(), tc.want, "restore this file from a backup")
		})
	}
}

func TestHeaderFileIsMadeAgain(t *testing.T) {
	h := newHome(t)
	all := h.anchored(2)
	hs := h.read(h.headers)
	require.Len(t, hs, 104*bitcoin.HeaderSize)
	for name, damage := range map[string]func(){
		"deleted":          func() { require.NoError(t, os.Remove(h.headers)) },
		"genesis only":     func() { h.write(h.headers, hs[:80]) },
		"one header short": func() { h.write(h.headers, hs[:len(hs)-80]) },
		"torn":             func() { h.write(h.headers, hs[:len(hs)-33]) },
		"torn behind":      func() { h.write(h.headers, append(slices.Clone(hs), hs[:40]...)) },
		"zeros behind":     func() { h.write(h.headers, append(slices.Clone(hs), make([]byte, 160)...)) },
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			damage()
			n := h.open()
			require.Equal(t, hs, h.read(h.headers))
			for i, f := range all {
				h.verify(attest(t, n, f), root(i), f.ID)
			}
			require.NoError(t, n.Close())
		})
	}
}

func TestHeaderFileOfAnotherChain(t *testing.T) {
	h, other := newHome(t), newHome(t)
	h.anchored(2)
	other.anchored(1)
	h.write(h.headers, other.read(other.headers))
	h.refuses(h.headers, "the stored header chain disagrees with "+h.blocks(), "move the header file away")

	h.write(h.headers, []byte("no headers"))
	h.refuses(h.headers, "malformed header file")

	require.NoError(t, os.Remove(h.headers))
	h.open()
	require.EqualValues(t, 103, h.height())
}

// TestDatabaseIsNotNeeded leaves all sorts of things where the database is
// made.
func TestDatabaseIsNotNeeded(t *testing.T) {
	h := newHome(t)
	all := h.anchored(1)
	path := filepath.Join(h.dir, databaseName)
	for name, leave := range map[string]func(){
		"nothing": func() {},
		"file":    func() { h.write(path, []byte("garbage")) },
		"garbage": func() {
			require.NoError(t, os.MkdirAll(filepath.Join(path, "metadata"), 0o700))
			h.write(filepath.Join(path, "metadata", "CURRENT"), []byte("MANIFEST-000000\n"))
			h.write(filepath.Join(path, "000000000.fdb"), bytes.Repeat([]byte{1}, 500))
		},
		"of another chain": func() {
			n := newHome(t).open()
			confirm(t, n, root(5))
			require.NoError(t, n.chain.db.Close())
			require.NoError(t, os.CopyFS(path, os.DirFS(n.chain.dir)))
			n.chain = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			leave()
			n := h.open()
			h.verify(attest(t, n, all[0]), root(0), all[0].ID)
			require.NoError(t, n.Close())
			require.NoFileExists(t, path)
			require.NoDirExists(t, path)
		})
	}
}

func TestKeyFile(t *testing.T) {
	h := newHome(t)
	h.anchored(1)
	path := filepath.Join(h.dir, keyName)
	text := h.read(path)
	require.Regexp(t, "^[0-9a-f]{64}\n$", string(text))
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}

	order := "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
	for name, bad := range map[string]string{
		"empty":         "",
		"no line feed":  strings.TrimSpace(string(text)),
		"two":           string(text) + "\n",
		"windows line":  strings.TrimSpace(string(text)) + "\r\n",
		"upper case":    strings.ToUpper("ab" + string(text[2:])),
		"no hex":        "g" + string(text[1:]),
		"short":         string(text[2:]),
		"zero":          strings.Repeat("0", 64) + "\n",
		"group order":   order + "\n",
		"all ones":      strings.Repeat("f", 64) + "\n",
		"other ending":  string(text[:64]) + " ",
		"leading space": " " + string(text[:63]) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.write(path, []byte(bad))
			h.refuses(path, "malformed key", "remove the file to get a new key")
		})
	}
	secret, err := hex.DecodeString(order)
	require.NoError(t, err)
	require.Nil(t, keyFrom([32]byte(secret)))
	secret[31]--
	require.NotNil(t, keyFrom([32]byte(secret)))
}

// TestKeyLost takes the key away. The node makes another, mines coins for it,
// and the stored transactions are as good as before.
func TestKeyLost(t *testing.T) {
	h := newHome(t)
	n := h.open()
	first := confirm(t, n, root(0))
	pending := fund(t, n, root(1))
	require.NoError(t, n.Close())
	require.NoError(t, os.Remove(filepath.Join(h.dir, keyName)))

	n = h.open()
	submit(t, n, pending)
	third := confirm(t, n, root(2))
	for i, f := range []*funded{first, pending, third} {
		h.verify(attest(t, n, f), root(i), f.ID)
	}
}

// FuzzBlockFile reads arbitrary bytes as a block file: no panic, and what is
// read is what the file starts with. (In memory: a sync for each would leave
// time for few.)
func FuzzBlockFile(f *testing.F) {
	var file []byte
	random := rand.New(rand.NewPCG(3, 4))
	for size := 81; size < 90; size++ {
		block := make([]byte, size)
		for i := range block {
			block[i] = byte(random.Uint32())
		}
		file = append(file, frame(block)...)
	}
	f.Add(file)
	f.Add(file[:len(file)-3])
	f.Add(slices.Concat(file[:100], file[120:]))
	f.Add([]byte{81, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &blockLog{path: blocksName}
		records := l.scan(data)
		var again []byte
		for _, r := range records {
			require.EqualValues(t, len(again), r.offset)
			again = append(again, frame(r.block)...)
		}
		require.EqualValues(t, len(again), l.size)
		require.True(t, bytes.HasPrefix(data, again))
		require.Equal(t, len(again) < len(data), l.torn)

		// A record more is found behind whatever there is.
		err := l.checkTail(append(slices.Clone(data), file[:100]...), len(records))
		require.Equal(t, l.torn, err != nil)
	})
}
