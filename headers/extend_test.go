package headers_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
)

const regtestBits = 0x207fffff

// mine returns below and n headers that follow it, at regtest's difficulty,
// where every second hash will do.
func mine(t testing.TB, below bitcoin.Header, n int) []bitcoin.Header {
	t.Helper()
	chain := []bitcoin.Header{below}
	for range n {
		chain = append(chain, next(chain[len(chain)-1], regtestBits, 0, true))
	}
	return chain
}

// next makes a header that follows below, with the work for its bits or, if so
// asked, without. Another mark makes another header.
func next(below bitcoin.Header, bits, mark uint32, work bool) bitcoin.Header {
	var h bitcoin.Header
	binary.LittleEndian.PutUint32(h[0:], 0x20000000)
	previous := below.Hash()
	copy(h[4:], previous[:])
	binary.LittleEndian.PutUint32(h[36:], mark)
	binary.LittleEndian.PutUint32(h[68:], uint32(below.Time().Unix())+600)
	binary.LittleEndian.PutUint32(h[72:], bits)
	for nonce := uint32(0); ; nonce++ {
		binary.LittleEndian.PutUint32(h[76:], nonce)
		if (h.CheckWork() == nil) == work {
			return h
		}
	}
}

func TestExtendCreates(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 10)
	for n := 1; n <= len(chain); n++ {
		path := filepath.Join(t.TempDir(), "headers")
		require.NoError(t, headers.Extend(path, bitcoin.Regtest, 1, chain[1:n]))
		requireFile(t, path, join(chain[:n]))
		requireChain(t, path, chain[:n])
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 1, "nothing may be left beside the file")
	}
}

func requireFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// TestExtendFromAnyHeight gives every slice of a chain to a file of every
// length.
func TestExtendFromAnyHeight(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 6)
	for stored := 1; stored <= len(chain); stored++ {
		for from := 1; from <= len(chain); from++ {
			for to := from; to <= len(chain); to++ {
				path := save(t, chain[:stored]...)
				err := headers.Extend(path, bitcoin.Regtest, uint32(from), chain[from:to])
				if from > stored {
					require.ErrorContains(t, err, "leave a gap")
					requireFile(t, path, join(chain[:stored]))
					continue
				}
				require.NoError(t, err)
				requireFile(t, path, join(chain[:max(stored, to)]))
			}
		}
	}
}

func TestExtendTwice(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 6)
	path := filepath.Join(t.TempDir(), "headers")
	for range 3 {
		require.NoError(t, headers.Extend(path, bitcoin.Regtest, 1, chain[1:]))
		requireFile(t, path, join(chain))
	}
}

// TestExtendAfterKill starts from every file that a killed Extend can leave.
func TestExtendAfterKill(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 4)
	whole := join(chain)
	for n := 80; n <= len(whole); n++ {
		path := saveBytes(t, whole[:n])
		require.NoError(t, headers.Extend(path, bitcoin.Regtest, 1, chain[1:]))
		requireFile(t, path, whole)

		path = saveBytes(t, whole[:n])
		require.NoError(t, headers.Extend(path, bitcoin.Regtest, 1, nil))
		requireFile(t, path, whole[:n/80*80])
	}
}

func TestExtendAfterPowerCut(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 5)
	for whole := 1; whole < len(chain); whole++ {
		kept := join(chain[:whole])
		for name, tail := range unlinkedTails(chain, whole) {
			path := saveBytes(t, append(kept[:len(kept):len(kept)], tail...))
			require.NoError(t, headers.Extend(path, bitcoin.Regtest, 1, chain[1:]), name)
			requireFile(t, path, join(chain))
		}
	}
}

func TestExtendRefuses(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 5)
	tip := chain[5]
	good := next(tip, regtestBits, 0, true)
	other := next(chain[2], regtestBits, 7, true)
	for _, test := range []struct {
		name string
		from uint32
		hs   []bitcoin.Header
		want string
	}{
		{"genesis", 0, chain[:1], "at height 0"},
		{"nothing at height 0", 0, nil, "at height 0"},
		{"gap", 7, []bitcoin.Header{good}, "leave a gap, the tip is at 5"},
		{"large gap", headers.MaxHeight, []bitcoin.Header{good}, "leave a gap"},
		{"too high", headers.MaxHeight + 1, []bitcoin.Header{good}, "above height 16777215"},
		{"heights past 32 bits", math.MaxUint32, []bitcoin.Header{good}, "above height"},
		{"another header at a stored height", 3, []bitcoin.Header{other}, "disagrees"},
		{"another branch that is longer", 3, mine(t, other, 9), "disagrees"},
		{"stored headers one off", 2, chain[3:], "disagrees"},
		{"wrong link", 6, []bitcoin.Header{next(chain[4], regtestBits, 9, true)}, "height 6: invalid link"},
		{"wrong link later", 6, []bitcoin.Header{good, good}, "height 7: invalid link"},
		{"wrong link after stored ones", 4, append(chain[4:6:6], chain[5]), "height 6: invalid link"},
		{"too little work", 6, []bitcoin.Header{next(tip, regtestBits, 0, false)}, "height 6: invalid block header"},
		{"too little work later", 6, []bitcoin.Header{good, next(good, regtestBits, 0, false)}, "height 7: invalid block header"},
		{"more work than asked for", 6, []bitcoin.Header{next(tip, 0x1f7fffff, 0, true)}, "invalid bits 1f7fffff, want 207fffff"},
		{"less work than asked for", 6, []bitcoin.Header{next(tip, 0x2100ffff, 0, true)}, "invalid bits 2100ffff, want 207fffff"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, torn := range []int{0, 1, 79} {
				before := append(join(chain), good[:torn]...)
				path := saveBytes(t, before)
				err := headers.Extend(path, bitcoin.Regtest, test.from, test.hs)
				require.ErrorContains(t, err, test.want)
				require.Equal(t, test.want == "disagrees", errorIsDisagree(err))
				requireFile(t, path, before)
			}
		})
	}
}

func errorIsDisagree(err error) bool { return errors.Is(err, headers.ErrDisagree) }

// TestExtendRefusesToCreate: what is refused leaves no file behind.
func TestExtendRefusesToCreate(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 3)
	for _, test := range []struct {
		name string
		from uint32
		hs   []bitcoin.Header
		want string
	}{
		{"gap", 2, chain[2:], "leave a gap, the tip is at 0"},
		{"wrong link", 1, chain[2:], "height 1: invalid link"},
		{"another genesis header", 1, mine(t, bitcoin.Testnet3.Genesis(), 2)[1:], "height 1: invalid link"},
		{"too little work", 1, []bitcoin.Header{next(chain[0], regtestBits, 0, false)}, "height 1: invalid block header"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "headers")
			require.ErrorContains(t, headers.Extend(path, bitcoin.Regtest, test.from, test.hs), test.want)
			require.NoFileExists(t, path)
		})
	}
	path := filepath.Join(t.TempDir(), "missing", "headers")
	require.NoError(t, headers.Extend(path, bitcoin.Regtest, 1, chain[1:]))
	require.FileExists(t, path)
}

func TestExtendOtherNetworks(t *testing.T) {
	for _, network := range []bitcoin.Network{bitcoin.Mainnet, bitcoin.Testnet3, bitcoin.Testnet4, bitcoin.Signet} {
		path := filepath.Join(t.TempDir(), "headers")
		require.ErrorContains(t, headers.Extend(path, network, 1, nil), "has no headers of "+network.String())
		require.NoFileExists(t, path)
	}
	for _, network := range []bitcoin.Network{0, 77} {
		path := filepath.Join(t.TempDir(), "headers")
		require.ErrorContains(t, headers.Extend(path, network, 1, nil), "unknown network")
		require.NoFileExists(t, path)
	}
}

func TestExtendForeignFile(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 2)
	for name, data := range map[string][]byte{
		"empty":             nil,
		"part of genesis":   chain[0][:79],
		"another network's": join([]bitcoin.Header{bitcoin.Mainnet.Genesis()}),
		"something else":    []byte("%PDF-1.7\nnot a header file at all, but at least eighty bytes long, as it should be\n"),
	} {
		path := saveBytes(t, data)
		require.Error(t, headers.Extend(path, bitcoin.Regtest, 1, chain[1:]), name)
		requireFile(t, path, append([]byte{}, data...))
	}
	require.ErrorContains(t, headers.Extend(t.TempDir(), bitcoin.Regtest, 1, chain[1:]), "not a regular file")
}

// TestReadersWhileExtending opens the file over and over while it grows, with
// torn tails left in between.
func TestReadersWhileExtending(t *testing.T) {
	chain := mine(t, bitcoin.Regtest.Genesis(), 60)
	path := save(t, chain[0])
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for last := uint32(0); ; {
				select {
				case <-done:
					return
				default:
				}
				height, err := readAll(path, chain)
				if err != nil || height < last {
					t.Errorf("height %d after %d: %v", height, last, err)
					return
				}
				last = height
			}
		})
	}
	for height := 1; height < len(chain); height++ {
		require.NoError(t, headers.Extend(path, bitcoin.Regtest, uint32(height), chain[height:height+1]))
		tear(t, path, height%80)
	}
	close(done)
	readers.Wait()
	requireChain(t, path, chain)
}

// tear leaves n bytes of a header at the end of the file.
func tear(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write(make([]byte, n))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// readAll reads the chain from the file and compares it with what it is to be.
func readAll(path string, want []bitcoin.Header) (uint32, error) {
	c, err := headers.Open(path, bitcoin.Regtest)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	for height := range c.Height() + 1 {
		h, err := c.At(height)
		if err != nil {
			return 0, err
		}
		if h != want[height] {
			return 0, fmt.Errorf("another header at height %d", height)
		}
	}
	return c.Height(), nil
}
