package bitcoin_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

type realHeader struct {
	height, hash string
	header       bitcoin.Header
}

func realHeaders(t *testing.T) []realHeader {
	t.Helper()
	data, err := os.ReadFile("testdata/headers-mainnet.tsv")
	require.NoError(t, err)
	var hs []realHeader
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		field := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, field, 3)
		raw, err := hex.DecodeString(field[2])
		require.NoError(t, err)
		h, err := bitcoin.ParseHeader(raw)
		require.NoError(t, err)
		hs = append(hs, realHeader{field[0], field[1], h})
	}
	require.Len(t, hs, 8)
	return hs
}

func wireHeader(t *testing.T, h bitcoin.Header) *wire.BlockHeader {
	t.Helper()
	var w wire.BlockHeader
	require.NoError(t, w.Deserialize(bytes.NewReader(h[:])))
	return &w
}

func TestRealHeaders(t *testing.T) {
	for _, r := range realHeaders(t) {
		t.Run(r.height, func(t *testing.T) {
			w, h := wireHeader(t, r.header), r.header
			require.Equal(t, r.hash, h.Hash().String())
			require.Equal(t, w.Version, h.Version())
			require.Equal(t, w.PrevBlock.String(), h.Previous().String())
			require.Equal(t, w.MerkleRoot.String(), h.MerkleRoot().String())
			require.Equal(t, w.Timestamp.UTC(), h.Time())
			require.Equal(t, w.Bits, h.Bits())
			require.Equal(t, w.Nonce, h.Nonce())
			require.NoError(t, h.CheckWork())
		})
	}
}

func TestRealHeaderWithOneBitFlippedHasNoWork(t *testing.T) {
	for _, r := range realHeaders(t) {
		for bit := range 8 * len(r.header) {
			h := r.header
			h[bit/8] ^= 1 << (bit % 8)
			if bit/8 >= 72 && bit/8 < 76 {
				continue // another target; TestCheckWorkIsThatOfBtcd is about these
			}
			require.ErrorContains(t, h.CheckWork(), "above its target", "height %s, bit %d", r.height, bit)
		}
	}
}

func TestParseHeaderTakesEightyBytes(t *testing.T) {
	for n := range 200 {
		h, err := bitcoin.ParseHeader(make([]byte, n))
		if n == 80 {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "want 80")
		require.Zero(t, h)
	}
}

func TestParseHash(t *testing.T) {
	const s = "000000000000000003e892881a8cdcdc117c06d444057c98b6f04a9ee75a2319"
	h, err := bitcoin.ParseHash(s)
	require.NoError(t, err)
	require.Equal(t, byte(0x19), h[0])
	require.Equal(t, byte(0x00), h[31])
	require.Equal(t, s, h.String())
	for _, bad := range []string{"", s[1:], s + "0", s + "00", strings.ToUpper(s), " " + s[1:], "0x" + s[2:], s[:63] + "g", s[:62] + "é"} {
		h, err := bitcoin.ParseHash(bad)
		require.ErrorContains(t, err, "malformed hash", "%q", bad)
		require.Zero(t, h)
	}
}

// TestCheckWorkIsThatOfBtcd mines nothing: random headers at targets so high
// that a good part of them passes, and at compact targets of every kind.
func TestCheckWorkIsThatOfBtcd(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	limit := new(big.Int).Lsh(big.NewInt(1), 256)
	limit.Sub(limit, big.NewInt(1))
	passed, n := 0, 20000
	for range n {
		var h bitcoin.Header
		for i := range h {
			h[i] = byte(random.Uint32())
		}
		bits := random.Uint32()
		if random.IntN(4) > 0 {
			bits = (31+random.Uint32N(4))<<24 | random.Uint32N(1<<24)>>random.IntN(24)
		}
		binary.LittleEndian.PutUint32(h[72:], bits)
		block := btcutil.NewBlock(wire.NewMsgBlock(wireHeader(t, h)))
		want := blockchain.CheckProofOfWork(block, limit)
		got := h.CheckWork()
		require.Equal(t, want == nil, got == nil, "%x: btcd says %v, this says %v", h, want, got)
		if got == nil {
			passed++
		}
	}
	require.Greater(t, passed, n/50)
	require.Less(t, passed, n/2)
}

func TestTarget(t *testing.T) {
	for _, test := range []struct {
		bits uint32
		want string // hex, or the error
	}{
		{0x1d00ffff, "ffff" + strings.Repeat("00", 26)},
		{0x207fffff, "7fffff" + strings.Repeat("00", 29)},
		{0x1e0377ae, "377ae" + strings.Repeat("00", 27)},
		{0x01120000, "12"},
		{0x02123400, "1234"},
		{0x03123456, "123456"},
		{0x04123456, "12345600"},
		{0x0300ffff, "ffff"},
		{0x210000ff, "ff" + strings.Repeat("00", 30)},
		{0x2100ffff, "ffff" + strings.Repeat("00", 30)},
		{0x220000ff, "ff" + strings.Repeat("00", 31)},
		{0x22000100, "has 257 bits"},
		{0x21010000, "has 257 bits"},
		{0x23000001, "has 257 bits"},
		{0xff7fffff, "has 2039 bits"},
		{0x00000000, "is zero"},
		{0x00123456, "is zero"},
		{0x01001234, "is zero"},
		{0x1d000000, "is zero"},
		{0x1d800000, "is zero"},
		{0xff000000, "is zero"},
		{0x01800000, "is zero"},
		{0x01fedcba, "is negative"},
		{0x04923456, "is negative"},
		{0x1d80ffff, "is negative"},
		{0xff800001, "is negative"},
	} {
		got, err := bitcoin.Target(test.bits)
		if strings.Contains(test.want, " ") {
			require.ErrorContains(t, err, test.want, "%08x", test.bits)
			require.Nil(t, got)
			continue
		}
		require.NoError(t, err, "%08x", test.bits)
		require.Equal(t, test.want, got.Text(16), "%08x", test.bits)
	}
}

func FuzzTarget(f *testing.F) {
	for _, bits := range []uint32{0, 0x1d00ffff, 0x207fffff, 0x1d80ffff, 0x21010000, 0x220000ff, 0x03000001, 0xffffffff} {
		f.Add(bits)
	}
	f.Fuzz(func(t *testing.T, bits uint32) {
		want := blockchain.CompactToBig(bits)
		got, err := bitcoin.Target(bits)
		if want.Sign() <= 0 || want.BitLen() > 256 {
			require.Error(t, err)
			require.Nil(t, got)
			return
		}
		require.NoError(t, err)
		require.Zero(t, want.Cmp(got), "%x, btcd has %x", got, want)
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add("000000000000000003e892881a8cdcdc117c06d444057c98b6f04a9ee75a2319")
	f.Add("000000000000000003E892881a8cdcdc117c06d444057c98b6f04a9ee75a2319")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := bitcoin.ParseHash(s); err == nil {
			require.Equal(t, s, h.String())
		}
	})
}
