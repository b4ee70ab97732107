package proof_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
	"gradseal/proof/ots"
)

func FuzzParse(f *testing.F) {
	p := newProof(f)
	good := write(p)
	f.Add([]byte(good))
	p.Bitcoin = nil
	f.Add([]byte(write(p)))
	p.OpenTimestamps = newTimestamp()
	f.Add([]byte(write(p)))
	both := newProof(f)
	both.OpenTimestamps = newTimestamp()
	f.Add([]byte(write(both)))
	f.Add([]byte(withAttestations(good, stampJSON("0800"), attestation(good))))
	f.Add([]byte(strings.Replace(good, "proof/1", "proof/2", 1)))
	f.Add([]byte(strings.Replace(good, `"bitcoin"`, `"liquid"`, 1)))
	f.Add([]byte(strings.Replace(good, "statement v1", "statement v2", 1)))
	f.Add([]byte(strings.Replace(good, `"path": []`, `"path": null`, 1)))
	f.Add([]byte("{\n  \"format\": \"gradseal-proof/1\"\n}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := proof.Parse(data)
		if err != nil {
			require.Nil(t, p)
			require.NotEmpty(t, err.Error())
			require.False(t, errors.Is(err, proof.ErrNewer) && len(data) > proof.MaxSize)
			return
		}
		require.NotNil(t, p)
		again, err := proof.Marshal(p)
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		require.Equal(t, string(data), write(p), "the encoder of the tests agrees")
	})
}

// What is exported of any proof can be read again as it is, and has the claims of
// the proof and no others. What cannot be exported says why.
func FuzzExport(f *testing.F) {
	add := func(change func(p *proof.Proof), places ...place) {
		p, root := honest(f, places...)
		anchorIn(f, p, root, 3, 1, proof.Commitment(root))
		p.OpenTimestamps = newTimestamp()
		change(p)
		f.Add([]byte(marshal(f, p)))
	}
	add(func(*proof.Proof) {}, place{4, 9}, place{0, 1})
	add(func(p *proof.Proof) { p.OpenTimestamps = nil }, place{0, 1})
	add(func(p *proof.Proof) { p.Bitcoin = nil }, place{0, 1})
	add(func(p *proof.Proof) { p.Bitcoin, p.OpenTimestamps = nil, nil }, place{0, 1})
	add(func(p *proof.Proof) { p.Salt[0] ^= 1 }, place{4, 9})
	add(func(p *proof.Proof) { p.Layers[0].Index++ }, place{4, 9})
	add(func(*proof.Proof) {}, place{0, 1 << 32}, place{0, 1 << 32}, place{0, 1 << 32})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := proof.Parse(data)
		if err != nil {
			return
		}
		file, err := p.Export(nil)
		if err != nil {
			require.Nil(t, file)
			require.Equal(t, p.Bitcoin == nil && p.OpenTimestamps == nil, errors.Is(err, proof.ErrNoAttestation))
			return
		}
		written, err := file.Marshal()
		if err != nil {
			require.ErrorContains(t, err, "nested deeper than 256")
			return
		}
		again, err := ots.ParseFile(written)
		require.NoError(t, err)
		require.Equal(t, p.Digest[:], again.Digest)
		paths, err := again.Timestamp.Paths(again.Digest)
		require.NoError(t, err)
		require.Equal(t, distinct(claims(t, p)), distinct(ends(paths)))
	})
}

func distinct(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// claims are the Merkle roots and heights that a proof which can be exported
// claims.
func claims(t testing.TB, p *proof.Proof) (all []string) {
	t.Helper()
	if b := p.Bitcoin; b != nil {
		all = append(all, end(b.Header.MerkleRoot(), int(b.Height)))
	}
	if o := p.OpenTimestamps; o != nil {
		merkleRoot, err := o.MerkleRoot([32]byte(walk(t, p.Digest[:], steps(t, p))))
		require.NoError(t, err)
		all = append(all, end(merkleRoot, int(o.Height)))
	}
	return all
}

func FuzzSplitTrailer(f *testing.F) {
	short, long := []byte("proof\n"), []byte(write(newProof(f)))
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		f.Add([]byte(original(eol, eol) + trailer(short, "1234")))
		f.Add([]byte(original(eol, "") + trailer(long, "1234")))
	}
	f.Add([]byte(original("\n", "\n")))
	f.Add([]byte(original("\n", "\n") + trailer(short, "1234") + trailer(long, "1234")))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, got, err := split(string(data))
		if err != nil {
			require.Zero(t, n)
			require.Nil(t, got)
			fuzzTrailer(t, string(data), err)
			return
		}
		doc, digits := string(data[:n]), startxref(string(data))
		require.Equal(t, string(data), doc+trailer(got, digits), "document and trailer are the file")
		require.Equal(t, digits, startxref(doc))
		require.LessOrEqual(t, len(got), proof.MaxSize)
	})
}

// fuzzTrailer puts a proof into a file from which none could be taken: what is
// written is read, and nothing is written after what a reader refuses.
func fuzzTrailer(t *testing.T, doc string, refused error) {
	proofFile := []byte("a proof")
	added, err := proof.Trailer(strings.NewReader(doc), int64(len(doc)), proofFile)
	if err != nil {
		return
	}
	require.ErrorIs(t, refused, proof.ErrNoTrailer)
	require.Equal(t, trailer(proofFile, startxref(doc)), string(added))
	n, got, err := split(doc + string(added))
	require.NoError(t, err)
	require.EqualValues(t, len(doc), n)
	require.Equal(t, proofFile, got)
}

// startxref is the digits between the last startxref and the last %%EOF.
func startxref(file string) string {
	file = strings.TrimRight(file, "\r\n")
	file = strings.TrimRight(strings.TrimSuffix(file, "%%EOF"), "\r\n")
	return file[strings.LastIndexAny(file, "\r\n")+1:]
}

// FuzzPeek holds the look at the first bytes of a file against the whole parser:
// a folder of proofs is searched by it.
func FuzzPeek(f *testing.F) {
	good := write(newProof(f))
	f.Add([]byte(good))
	f.Add([]byte(good[:proof.PeekSize]))
	f.Add([]byte(strings.ToUpper(good)))
	f.Fuzz(func(t *testing.T, data []byte) {
		digest, ok := proof.Peek(data)
		if !ok {
			require.Zero(t, digest)
		}
		if p, err := proof.Parse(data); err == nil {
			require.True(t, ok)
			require.Equal(t, p.Digest, digest)
		}
		short, stillOK := proof.Peek(data[:min(len(data), proof.PeekSize)])
		require.Equal(t, ok, stillOK)
		require.Equal(t, digest, short)
	})
}

// FuzzAttestation reads the evidence of a batch as it lies in the home.
func FuzzAttestation(f *testing.F) {
	b, err := proof.MarshalBitcoin(newProof(f).Bitcoin)
	require.NoError(f, err)
	f.Add(b)
	o, err := newTimestamp().Marshal()
	require.NoError(f, err)
	f.Add(o)
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := proof.ParseBitcoin(data); err == nil {
			again, err := proof.MarshalBitcoin(b)
			require.NoError(t, err)
			require.Equal(t, string(data), string(again))
		} else {
			require.Nil(t, b)
		}
		if o, err := proof.ParseOpenTimestamps(data); err == nil {
			again, err := o.Marshal()
			require.NoError(t, err)
			require.Equal(t, data, again)
		} else {
			require.Nil(t, o)
		}
	})
}
