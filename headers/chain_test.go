package headers_test

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
)

// save writes a file of headers and returns its path.
func save(t testing.TB, hs ...bitcoin.Header) string {
	t.Helper()
	return saveBytes(t, join(hs))
}

func saveBytes(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path
}

func join(hs []bitcoin.Header) []byte {
	var b []byte
	for _, h := range hs {
		b = append(b, h[:]...)
	}
	return b
}

func open(t testing.TB, path string, network bitcoin.Network) *headers.Chain {
	t.Helper()
	c, err := headers.Open(path, network)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// requireChain requires that the file holds these headers from genesis up, and
// no others.
func requireChain(t testing.TB, path string, want []bitcoin.Header) {
	t.Helper()
	c, err := headers.Open(path, bitcoin.Regtest)
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, len(want)-1, int(c.Height()))
	for height, h := range want {
		got, err := c.At(uint32(height))
		require.NoError(t, err)
		require.Equal(t, h, got, "height %d", height)
	}
}

func TestAtAboveTheTip(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 3)
	c := open(t, save(t, chain...), bitcoin.Regtest)
	for _, height := range []uint32{4, 5, 1 << 31, math.MaxUint32} {
		h, err := c.At(height)
		require.ErrorContains(t, err, "the tip is at 3")
		require.ErrorIs(t, err, headers.ErrNotHeld)
		require.Zero(t, h)
	}
}

func TestOpenMissingFile(t *testing.T) {
	_, err := headers.Open(filepath.Join(t.TempDir(), "headers"), bitcoin.Regtest)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestOpenRefuses(t *testing.T) {
	genesis := bitcoin.Regtest.Genesis()
	almost := genesis
	almost[79] ^= 1
	for _, test := range []struct {
		name    string
		data    []byte
		network bitcoin.Network
		want    string
	}{
		{"empty file", nil, bitcoin.Regtest, "shorter than one header"},
		{"part of the genesis header", genesis[:79], bitcoin.Regtest, "shorter than one header"},
		{"another network's", join(mine(t, genesis, 2)), bitcoin.Mainnet, "not written as this version does"},
		{"another test network's", join(mine(t, bitcoin.Testnet3.Genesis(), 2)), bitcoin.Regtest, "are those of testnet3, want regtest"},
		{"wrong genesis header", almost[:], bitcoin.Regtest, "want the genesis header of regtest"},
		{"not from genesis", join(mine(t, genesis, 3)[1:]), bitcoin.Regtest, "want the genesis header of regtest"},
		{"zeros", make([]byte, 160), bitcoin.Regtest, "want the genesis header of regtest"},
		{"zeros, no network", make([]byte, 160), 0, "unknown network"},
		{"no network", genesis[:], 0, "unknown network"},
		{"no such network", genesis[:], 77, "unknown network"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := headers.Open(saveBytes(t, test.data), test.network)
			require.ErrorContains(t, err, test.want)
			require.NotErrorIs(t, err, fs.ErrNotExist)
			require.Nil(t, c)
		})
	}
}

func TestOpenDirectory(t *testing.T) {
	c, err := headers.Open(t.TempDir(), bitcoin.Regtest)
	require.ErrorContains(t, err, "not a regular file")
	require.Nil(t, c)
}

func TestTornTailIsIgnored(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 3)
	whole := join(chain)
	for tail := 1; tail < 80; tail++ {
		requireChain(t, saveBytes(t, whole[:240+tail]), chain[:3])
		requireChain(t, saveBytes(t, append(whole[:320:320], make([]byte, tail)...)), chain)
	}
}

// TestUnlinkedTailIsIgnored has what a power cut leaves of a file that had
// grown before its bytes were written.
func TestUnlinkedTailIsIgnored(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 5)
	for whole := 1; whole < len(chain); whole++ {
		kept := join(chain[:whole])
		for _, tail := range unlinkedTails(chain, whole) {
			requireChain(t, saveBytes(t, append(kept[:len(kept):len(kept)], tail...)), chain[:whole])
		}
	}
}

// unlinkedTails are bytes to follow the first whole headers of the chain that
// are no further headers of it.
func unlinkedTails(chain []bitcoin.Header, whole int) map[string][]byte {
	noWork := chain[whole]
	for noWork.CheckWork() == nil {
		noWork[76]++
	}
	return map[string][]byte{
		"zeros":                make([]byte, 80*3+7),
		"one header missing":   join(chain[whole+1:]),
		"a hole of one header": append(make([]byte, 80), join(chain[whole+1:])...),
		"the tip again":        join(chain[whole-1 : whole]),
		"half a header":        append(chain[whole][:72:72], make([]byte, 88)...),
		"a link without work":  noWork[:],
	}
}

func TestReaderKeepsItsHeight(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 20)
	path := save(t, chain[:3]...)
	c := open(t, path, bitcoin.Regtest)
	require.NoError(t, headers.Extend(path, bitcoin.Regtest, 3, chain[3:]))
	require.Equal(t, uint32(2), c.Height())
	_, err := c.At(3)
	require.Error(t, err)
	tip, err := c.At(2)
	require.NoError(t, err)
	require.Equal(t, chain[2], tip)
	requireChain(t, path, chain)
}

// TestFileCutUnderReader is about an owner who replaces the file's content in
// place: an error, not a wrong header.
func TestFileCutUnderReader(t *testing.T) {
	path := save(t, mine(t, bitcoin.Regtest.Genesis(), 3)...)
	c := open(t, path, bitcoin.Regtest)
	require.NoError(t, os.Truncate(path, 200))
	h, err := c.At(2)
	require.ErrorContains(t, err, "header at height 2")
	require.Zero(t, h)
}

// TestDamagedHeaderEndsTheChain flips each bit of the headers in the middle:
// what is damaged, and what builds on it, is not in the chain any more.
func TestDamagedHeaderEndsTheChain(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 4)
	path := save(t)
	for bit := range 2 * 640 {
		data := join(chain)
		data[80+bit/8] ^= 1 << (bit % 8)
		require.NoError(t, os.WriteFile(path, data, 0o644))
		c, err := headers.Open(path, bitcoin.Regtest)
		require.NoError(t, err)
		// Whether the damaged one itself counts depends on where the bit is,
		// and on whether its hash happens to be low enough still.
		damaged := uint32(1 + bit/640)
		require.LessOrEqual(t, c.Height(), damaged)
		require.GreaterOrEqual(t, c.Height(), damaged-1)
		require.NoError(t, c.Close())
	}
}

func FuzzOpen(f *testing.F) {
	genesis := bitcoin.Regtest.Genesis()
	chain := mine(f, genesis, 4)
	f.Add(join(chain))
	f.Add(join(chain)[:301])
	f.Add(append(join(chain), make([]byte, 170)...))
	f.Add(join(append(chain[:2:2], chain[3:]...)))
	f.Add([]byte{})
	path := filepath.Join(f.TempDir(), "headers")
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o644))
		c, err := headers.Open(path, bitcoin.Regtest)
		if len(data) < 80 || bitcoin.Header(data[:80]) != genesis {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		defer c.Close()
		read := requireHeaders(t, c, data)
		next := mine(t, read[len(read)-1], 1)[1]
		err = headers.Extend(path, bitcoin.Regtest, c.Height()+1, []bitcoin.Header{next})
		if err != nil { // the times in the file can be such that ten minutes later is too early
			require.ErrorContains(t, err, "invalid time")
			requireChain(t, path, read)
			return
		}
		requireChain(t, path, append(read, next))
	})
}

// requireHeaders reads all headers and requires that they are the bytes of the
// file and that each follows from the one before.
func requireHeaders(t *testing.T, c *headers.Chain, data []byte) []bitcoin.Header {
	t.Helper()
	var read []bitcoin.Header
	for height := range c.Height() + 1 {
		h, err := c.At(height)
		require.NoError(t, err)
		read = append(read, h)
	}
	require.Equal(t, data[:80*len(read)], join(read))
	_, err := c.At(c.Height() + 1)
	require.Error(t, err)
	for i := 1; i < len(read); i++ {
		require.Equal(t, read[i-1].Hash(), read[i].Previous())
	}
	require.NoError(t, read[len(read)-1].CheckWork())
	return read
}
