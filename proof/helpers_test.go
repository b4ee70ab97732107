package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// officer signs with a real Ed25519 key; the number is the key's seed, so that
// every run signs the same bytes.
type officer struct {
	name string
	key  ed25519.PrivateKey
}

func newOfficer(name string, number byte) officer {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = number
	return officer{name, ed25519.NewKeyFromSeed(seed)}
}

func (o officer) Name() string { return o.name }

func (o officer) PublicKey() issuer.PublicKey {
	return issuer.PublicKey(o.key.Public().(ed25519.PublicKey))
}

func (o officer) KeyHash() uint32 { return o.PublicKey().ID(o.name) }

func (o officer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(o.key, text), nil }

// hash is 32 bytes that count up from first.
func hash(first byte) (h [32]byte) {
	for i := range h {
		h[i] = first + byte(i)
	}
	return h
}

const title = `"Transcripts" of Müller & Söhne, <b>魏</b> \ 2026`

func statement(t testing.TB, typ issuer.Type, size uint64, name string) []byte {
	t.Helper()
	s := issuer.Statement{
		Type: typ, Issuer: name, Network: bitcoin.Regtest, Size: size, Root: hash(0xa0),
		Issued: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Title: title,
	}
	text, err := s.Text()
	require.NoError(t, err)
	signed, err := issuer.SignNote(text, issuer.MaxStatement, newOfficer(name, 1), newOfficer(name, 2))
	require.NoError(t, err)
	return signed
}

func header(first byte) (h bitcoin.Header) {
	for i := range h {
		h[i] = first ^ byte(i)
	}
	return h
}

// newProof has two layers and an attestation with two successors. Only its form
// is that of a proof: no two of its hashes meet.
func newProof(t testing.TB) *proof.Proof {
	t.Helper()
	tx := make([]byte, 150)
	for i := range tx {
		tx[i] = byte(3 * i)
	}
	return &proof.Proof{
		Digest: hash(1), Salt: hash(0x40),
		Layers: []proof.Layer{
			{Index: 5, Path: []merkle.Hash{hash(7), hash(8), hash(9)}, Signed: statement(t, issuer.Documents, 6, "uni.example/registrar")},
			{Index: 0, Path: []merkle.Hash{}, Signed: statement(t, issuer.Batches, 1, "alliance.example")},
		},
		Bitcoin: &proof.Bitcoin{
			Transaction: tx, Position: 1, Path: []bitcoin.Hash{hash(0x70)},
			Header: header(0x11), Height: 102, Successors: []bitcoin.Header{header(0x22), header(0x33)},
		},
	}
}

func marshal(t testing.TB, p *proof.Proof) string {
	t.Helper()
	data, err := proof.Marshal(p)
	require.NoError(t, err)
	return string(data)
}

// write is an encoder of its own: the format line by line as it is documented,
// without encoding/json.
func write(p *proof.Proof) string {
	var b strings.Builder
	line := func(indent int, format string, args ...any) {
		fmt.Fprintf(&b, "%s"+format+"\n", append([]any{strings.Repeat("  ", indent)}, args...)...)
	}
	list := func(indent int, key, comma string, items []string) {
		if len(items) == 0 {
			line(indent, `"%s": []%s`, key, comma)
			return
		}
		line(indent, `"%s": [`, key)
		for i, item := range items {
			line(indent+1, `%s%s`, item, commaUnlessLast(i, len(items)))
		}
		line(indent, `]%s`, comma)
	}
	line(0, "{")
	line(1, `"format": "gradseal-proof/1",`)
	line(1, `"document": {`)
	line(2, `"sha256": "%x",`, p.Digest)
	line(2, `"salt": "%x"`, p.Salt)
	line(1, `},`)
	line(1, `"layers": [`)
	for i, l := range p.Layers {
		var path []string
		for _, h := range l.Path {
			path = append(path, fmt.Sprintf(`"%x"`, [32]byte(h)))
		}
		line(2, `{`)
		line(3, `"index": %d,`, l.Index)
		list(3, "path", ",", path)
		line(3, `"statement": "%s"`, strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(string(l.Signed)))
		line(2, `}%s`, commaUnlessLast(i, len(p.Layers)))
	}
	line(1, `],`)
	if p.Bitcoin == nil && p.OpenTimestamps == nil {
		line(1, `"attestations": []`)
		line(0, "}")
		return b.String()
	}
	line(1, `"attestations": [`)
	if a := p.Bitcoin; a != nil {
		var path, successors []string
		for _, h := range a.Path {
			path = append(path, fmt.Sprintf(`"%x"`, [32]byte(h)))
		}
		for _, h := range a.Successors {
			successors = append(successors, fmt.Sprintf(`"%x"`, [80]byte(h)))
		}
		line(2, `{`)
		line(3, `"type": "bitcoin",`)
		line(3, `"transaction": "%x",`, a.Transaction)
		line(3, `"position": %d,`, a.Position)
		list(3, "path", ",", path)
		line(3, `"header": "%x",`, [80]byte(a.Header))
		line(3, `"height": %d,`, a.Height)
		list(3, "successors", "", successors)
		if p.OpenTimestamps == nil {
			line(2, `}`)
		} else {
			line(2, `},`)
		}
	}
	if o := p.OpenTimestamps; o != nil {
		line(2, `{`)
		line(3, `"type": "opentimestamps",`)
		line(3, `"timestamp": "%x"`, writeTimestamp(o))
		line(2, `}`)
	}
	line(1, `]`)
	line(0, "}")
	return b.String()
}

// writeTimestamp is a writer of its own for the one path of a timestamp.
func writeTimestamp(o *proof.OpenTimestamps) []byte {
	var b []byte
	for _, op := range o.Ops {
		b = append(b, op.Tag)
		if op.Arg != "" {
			b = append(append(b, leb128(len(op.Arg))...), op.Arg...)
		}
	}
	height := leb128(int(o.Height))
	b = append(b, "\x00\x05\x88\x96\x0d\x73\xd7\x19\x01"...)
	return append(append(b, byte(len(height))), height...)
}

// stampJSON is an OpenTimestamps attestation in a proof file.
func stampJSON(timestamp string) string {
	return "    {\n      \"type\": \"opentimestamps\",\n      \"timestamp\": \"" + timestamp + "\"\n    }"
}

// attestation is the one attestation of a proof file.
func attestation(file string) string {
	_, after, _ := strings.Cut(file, "\"attestations\": [\n")
	return strings.TrimSuffix(after, "\n  ]\n}\n")
}

// withAttestations is a proof file with these in place of its own.
func withAttestations(file string, all ...string) string {
	before, _, _ := strings.Cut(file, "\"attestations\": [")
	return before + "\"attestations\": [\n" + strings.Join(all, ",\n") + "\n  ]\n}\n"
}

// leb128 writes a number, seven bits to a byte, the lowest first.
func leb128(n int) []byte {
	if n < 0x80 {
		return []byte{byte(n)}
	}
	return append([]byte{byte(n%0x80 + 0x80)}, leb128(n/0x80)...)
}

// newTimestamp has operations of all three kinds. It leads from any batch root
// to 32 bytes.
func newTimestamp() *proof.OpenTimestamps {
	nonce := hash(0x90)
	return &proof.OpenTimestamps{
		Ops: []ots.Operation{
			ots.Append(nonce[:16]), ots.SHA256, ots.Prepend([]byte("time")), ots.Append(bytes.Repeat([]byte("x"), 200)), ots.SHA256, ots.SHA256,
		},
		Height: 958000,
	}
}

// largestTimestamp has proof.MaxTimestamp bytes.
func largestTimestamp(t testing.TB) *proof.OpenTimestamps {
	t.Helper()
	fill := func(n int) ots.Operation { return ots.Append(bytes.Repeat([]byte("x"), n)) }
	o := &proof.OpenTimestamps{Ops: []ots.Operation{fill(4064), ots.SHA256, fill(4064), ots.SHA256, fill(1000), ots.SHA256}, Height: math.MaxUint32}
	last := &o.Ops[4]
	*last = fill(1000 + proof.MaxTimestamp - len(writeTimestamp(o)))
	require.Len(t, writeTimestamp(o), proof.MaxTimestamp)
	return o
}

func commaUnlessLast(i, n int) string {
	if i == n-1 {
		return ""
	}
	return ","
}

// trailer is a writer of its own for the proof inside a PDF: the grammar,
// written down once more.
func trailer(proofFile []byte, startxref string) string {
	var b strings.Builder
	b.WriteString("\n%gradseal-proof-1\n")
	for text := base64.StdEncoding.EncodeToString(proofFile); text != ""; {
		n := min(76, len(text))
		b.WriteString("%" + text[:n] + "\n")
		text = text[n:]
	}
	b.WriteString("startxref\n" + startxref + "\n%%EOF\n")
	return b.String()
}
