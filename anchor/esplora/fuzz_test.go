package esplora

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// FuzzSummary has any JSON described as a block: a header that comes of it has
// the hash that the block is called by, and the height that is asked for.
func FuzzSummary(f *testing.F) {
	for _, network := range bitcoin.Networks() {
		h := network.Genesis()
		f.Add(fmt.Sprintf(`{"id":"%s","height":0,"version":%d,"timestamp":%d,"merkle_root":"%s","previousblockhash":null,"nonce":%d,"bits":%d,"extra":[]}`,
			h.Hash(), h.Version(), h.Time().Unix(), h.MerkleRoot(), h.Nonce(), h.Bits()))
	}
	f.Add(`{"id":"","height":-1}`)
	f.Fuzz(func(t *testing.T, text string) {
		var s summary
		if json.Unmarshal([]byte(text), &s) != nil {
			return
		}
		h, err := s.at(0)
		if err == nil {
			require.Equal(t, s.ID, h.Hash().String())
			require.Zero(t, *s.Height)
		}
	})
}

// The description of every network's first block becomes its header.
func TestSummaryOfGenesis(t *testing.T) {
	for _, network := range bitcoin.Networks() {
		want := network.Genesis()
		text := fmt.Sprintf(`{"id":"%s","height":0,"version":%d,"timestamp":%d,"merkle_root":"%s","nonce":%d,"bits":%d}`,
			want.Hash(), want.Version(), want.Time().Unix(), want.MerkleRoot(), want.Nonce(), want.Bits())
		var s summary
		require.NoError(t, json.Unmarshal([]byte(text), &s))
		h, err := s.at(0)
		require.NoError(t, err)
		require.Equal(t, want, h)
		_, err = s.at(1)
		require.ErrorContains(t, err, "is at height 0, want 1")
	}
}
