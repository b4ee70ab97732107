package headers

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

func FuzzPin(f *testing.F) {
	f.Add("2016:" + bitcoin.Mainnet.Genesis().Hash().String() + ":7e00")
	f.Add("0:00:")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePin(text)
		if err != nil {
			require.Zero(t, p)
			return
		}
		again, err := ParsePin(p.String())
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}

// FuzzImport takes any segment of somebody else into a chain that is there. Either it is refused and
// the files are as they were, or every header that is held follows the rules, the
// chain is as high as before, and the block that was the tip is in it.
func FuzzImport(f *testing.F) {
	r := testRules(func(r *rules) { r.network, r.fixed = bitcoin.Regtest, true })
	hs := testChain(f, r, 8, 0)
	path := filepath.Join(f.TempDir(), "headers")
	held := &Segment{Network: bitcoin.Regtest, Source: "a source", Headers: hs[:5]}
	importTo(f, path, r, held)
	before, err := os.ReadFile(path)
	require.NoError(f, err)
	tip := hs[4].Hash()

	for _, s := range []*Segment{
		{Network: bitcoin.Regtest, Source: "a source", Headers: hs},
		{Network: bitcoin.Regtest, Source: "a source", From: 5, Before: mustExpand(easy).work, Headers: hs[5:]},
		{Network: bitcoin.Regtest, Source: "another source", Headers: testChain(f, r, 8, 1)},
		{Network: bitcoin.Signet, Source: "a source", Headers: hs[:2]},
	} {
		data, err := s.Marshal()
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSegment(data)
		if err != nil || s.Network != bitcoin.Regtest {
			return
		}
		require.NoError(t, os.WriteFile(path, before, 0o644))
		err = importSegment(path, r, s, named("somebody else"))
		c, openErr := openChain(path, r)
		require.NoError(t, openErr)
		defer c.Close()
		require.GreaterOrEqual(t, c.Height(), uint32(4))
		h, atErr := c.At(4)
		require.NoError(t, atErr)
		require.Equal(t, tip, h.Hash())
		if err != nil {
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after)
			return
		}
		previous := hs[3]
		for height := uint32(4); height <= c.Height(); height++ {
			h, err := c.At(height)
			require.NoError(t, err)
			require.Equal(t, previous.Hash(), h.Previous())
			require.NoError(t, h.CheckWork())
			previous = h
		}
	})
}
