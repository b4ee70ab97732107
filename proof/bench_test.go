package proof_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
)

// usualProof has one layer, in a tree of 100,000, and an attestation.
func usualProof(b *testing.B) *proof.Proof {
	p := newProof(b)
	p.Layers = p.Layers[:1]
	p.Layers[0].Index = 65_537
	p.Layers[0].Path = make([]merkle.Hash, 17)
	for i := range p.Layers[0].Path {
		p.Layers[0].Path[i] = hash(byte(i))
	}
	p.Layers[0].Signed = statement(b, issuer.Documents, 100_000, "uni.example/registrar")
	p.Bitcoin.Successors = nil
	return p
}

func BenchmarkMarshal(b *testing.B) {
	p := usualProof(b)
	b.ReportAllocs()
	for b.Loop() {
		_, err := proof.Marshal(p)
		require.NoError(b, err)
	}
}

func BenchmarkParse(b *testing.B) {
	data := []byte(marshal(b, usualProof(b)))
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		_, err := proof.Parse(data)
		require.NoError(b, err)
	}
}

func BenchmarkTemplate(b *testing.B) {
	p := usualProof(b)
	t, err := proof.NewTemplate(p)
	require.NoError(b, err)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		if out, err = t.Append(out[:0], p.Digest, p.Salt, p.Layers[0].Index, p.Layers[0].Path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	data, err := proof.Marshal(usualProof(b))
	require.NoError(b, err)
	var r proof.Reader
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
