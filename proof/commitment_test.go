package proof_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/proof"
)

type output struct {
	value  int64
	script []byte
}

// transaction is a stripped transaction with one input and these outputs, put
// together here.
func transaction(t testing.TB, outputs ...output) *bitcoin.Transaction {
	t.Helper()
	var b bytes.Buffer
	b.Write([]byte{2, 0, 0, 0, 1})
	b.Write(make([]byte, 36))
	b.Write([]byte{0, 0xfd, 0xff, 0xff, 0xff, byte(len(outputs))})
	for _, o := range outputs {
		require.NoError(t, binary.Write(&b, binary.LittleEndian, o.value))
		require.Less(t, len(o.script), 0xfd)
		b.WriteByte(byte(len(o.script)))
		b.Write(o.script)
	}
	b.Write(make([]byte, 4))
	tx, err := bitcoin.ParseTransaction(b.Bytes())
	require.NoError(t, err)
	return tx
}

// The tag is GSL1; op is OP_RETURN and what pushes the rest.
func script(t testing.TB, op string, root [32]byte, more ...byte) []byte {
	t.Helper()
	b, err := hex.DecodeString(op)
	require.NoError(t, err)
	b = append(b, "GSL1"...)
	b = append(b, root[:]...)
	return append(b, more...)
}

func TestCommitment(t *testing.T) {
	root := hash(0xd0)
	want := append([]byte{0x6a, 0x24, 0x47, 0x53, 0x4c, 0x31}, root[:]...)
	require.Equal(t, want, proof.Commitment(root))
	require.Len(t, proof.Commitment(root), 38)
	require.Equal(t, want, script(t, "6a24", root), "and so does the helper of the tests")

	first := proof.Commitment(root)
	first[0]++
	require.Equal(t, want, proof.Commitment(root), "each call has bytes of its own")
}

func TestParseCommitment(t *testing.T) {
	root := hash(0xd0)
	good := output{0, script(t, "6a24", root)}
	change := output{4_999_000, append([]byte{0, 20}, make([]byte, 20)...)}
	pushdata1 := output{0, script(t, "6a4c24", root)}
	tests := []struct {
		name    string
		outputs []output
		want    string // of the error; empty: root is found
	}{
		{"alone", []output{good}, ""},
		{"before the change", []output{good, change}, ""},
		{"after the change", []output{change, change, good}, ""},
		{"besides another OP_RETURN", []output{{0, []byte("\x6a\x04GSL1")}, good}, ""},
		{"besides a look-alike", []output{pushdata1, good}, ""},
		{"none", []output{change}, "has 0 gradseal commitments, want exactly 1"},
		{"two", []output{good, {0, script(t, "6a24", hash(1))}}, "has 2 gradseal commitments, want exactly 1"},
		{"the same one twice", []output{good, good}, "has 2 gradseal commitments, want exactly 1"},
		{"value 1", []output{{1, good.script}}, "has a value of 1 satoshi, want 0"},
		{"negative value", []output{{-1, good.script}}, "has a value of -1 satoshi, want 0"},
		{"one with a value besides", []output{good, {1, script(t, "6a24", hash(1))}}, "has a value of 1 satoshi, want 0"},
		{"in a larger push", []output{{0, append([]byte("\x6a\x4a"), append(script(t, "6a24", root), good.script[2:]...)...)}}, "has 0 gradseal"},
		{"one byte more pushed", []output{{0, script(t, "6a25", root, 0)}}, "has 0 gradseal"},
		{"one byte after the push", []output{{0, script(t, "6a24", root, 0x51)}}, "has 0 gradseal"},
		{"one byte less", []output{{0, script(t, "6a23", root)[:37]}}, "has 0 gradseal"},
		{"OP_PUSHDATA1", []output{pushdata1}, "has 0 gradseal"},
		{"OP_PUSHDATA1 with the right length", []output{{0, script(t, "6a4c23", root)[:38]}}, "has 0 gradseal"},
		{"OP_PUSHDATA2", []output{{0, script(t, "6a4d2400", root)}}, "has 0 gradseal"},
		{"no OP_RETURN", []output{{0, script(t, "24", root)}}, "has 0 gradseal"},
		{"another opcode", []output{{0, script(t, "6124", root)}}, "has 0 gradseal"},
		{"OP_FALSE OP_RETURN", []output{{0, script(t, "006a24", root)}}, "has 0 gradseal"},
		{"another tag", []output{{0, bytes.Replace(good.script, []byte("GSL1"), []byte("GSL2"), 1)}}, "has 0 gradseal"},
		{"tag in lower case", []output{{0, bytes.Replace(good.script, []byte("GSL1"), []byte("gsl1"), 1)}}, "has 0 gradseal"},
		{"empty script", []output{{0, nil}, {0, nil}}, "has 0 gradseal"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := proof.ParseCommitment(transaction(t, test.outputs...))
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, root, got)
				return
			}
			require.ErrorContains(t, err, test.want)
			require.Zero(t, got)
		})
	}
}

// The bytes are put together by hand, and one result is fixed, so that the
// formula cannot change with the code.
func TestEntryAndBatchRoot(t *testing.T) {
	salt, digest := hash(0x40), hash(1)
	require.Equal(t, hex.EncodeToString(salt[:])+hex.EncodeToString(digest[:]), hex.EncodeToString(proof.Entry(salt, digest)))
	require.Equal(t, hash(0x40), salt, "the arguments are not written to")
	p := &proof.Proof{Digest: digest, Salt: salt}
	require.Equal(t, proof.Entry(salt, digest), p.Entry())
	require.Len(t, p.Entry(), 64)

	signed := []byte("a statement and its signatures\n")
	root := hash(0xa0)
	inner := sha256.New()
	inner.Write(signed)
	outer := sha256.New()
	outer.Write([]byte{2})
	outer.Write(inner.Sum(nil))
	outer.Write(root[:])
	got := proof.BatchRoot(signed, root)
	require.Equal(t, outer.Sum(nil), got[:])
	require.Equal(t, batchRootVector, hex.EncodeToString(got[:]))

	other := proof.BatchRoot(append(signed, '\n'), root)
	require.NotEqual(t, got, other, "every byte of the envelope counts")
}

// batchRootVector was computed by Python's hashlib.
const batchRootVector = "39135557621646d8c3ea380476e22584aa7f5920f44d548e876becfff1a2db9d"
