package proof_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/proof/ots"
)

func TestMarshalSpelling(t *testing.T) {
	p := newProof(t)
	require.Equal(t, write(p), marshal(t, p))

	p.Bitcoin.Path, p.Bitcoin.Successors = nil, nil
	p.Layers[1].Path = nil
	require.Equal(t, write(p), marshal(t, p), "nil lists are written as empty ones")

	p.OpenTimestamps = newTimestamp()
	require.Equal(t, write(p), marshal(t, p), "both attestations")

	p.Bitcoin = nil
	require.Equal(t, write(p), marshal(t, p), "a timestamp alone")

	p.OpenTimestamps = nil
	p.Layers = p.Layers[:1]
	require.Equal(t, write(p), marshal(t, p))
}

func TestRoundTrip(t *testing.T) {
	most := newProof(t)
	most.Layers = append(most.Layers, most.Layers[1], most.Layers[1])
	for i := range most.Layers {
		most.Layers[i].Path = make([]merkle.Hash, merkle.MaxPath)
	}
	most.Layers[0].Index = issuer.MaxTreeSize - 1
	most.Bitcoin.Transaction = make([]byte, bitcoin.MaxTransaction)
	most.Bitcoin.Path = make([]bitcoin.Hash, bitcoin.MaxInclusionPath)
	most.Bitcoin.Position, most.Bitcoin.Height = math.MaxUint32, math.MaxUint32
	most.Bitcoin.Successors = make([]bitcoin.Header, proof.MaxSuccessors)

	least := newProof(t)
	least.Layers = least.Layers[:1]
	least.Layers[0].Path = []merkle.Hash{}
	least.Bitcoin.Transaction = make([]byte, bitcoin.MinTransaction)
	least.Bitcoin.Path, least.Bitcoin.Successors = []bitcoin.Hash{}, []bitcoin.Header{}

	pending := newProof(t)
	pending.Bitcoin = nil

	stamped, both := newProof(t), newProof(t)
	stamped.Bitcoin, stamped.OpenTimestamps = nil, newTimestamp()
	both.OpenTimestamps = newTimestamp()
	most.OpenTimestamps = largestTimestamp(t)
	for name, p := range map[string]*proof.Proof{
		"usual": newProof(t), "most": most, "least": least, "pending": pending, "timestamp": stamped, "both attestations": both,
	} {
		t.Run(name, func(t *testing.T) {
			data := marshal(t, p)
			got, err := proof.Parse([]byte(data))
			require.NoError(t, err)
			require.Equal(t, data, marshal(t, got))
			for i := range p.Layers {
				s, n, err := issuer.ParseStatement(p.Layers[i].Signed)
				require.NoError(t, err)
				p.Layers[i].Statement, p.Layers[i].Note = s, n
			}
			require.Equal(t, p, got)
		})
	}
}

func TestMarshalRefuses(t *testing.T) {
	big := newProof(t)
	big.Bitcoin.Transaction = make([]byte, proof.MaxSize/2)
	_, err := proof.Marshal(big)
	require.ErrorContains(t, err, "more than the format's 65536")

	deep := newProof(t)
	deep.OpenTimestamps = &proof.OpenTimestamps{Ops: slices.Repeat([]ots.Operation{ots.SHA256}, 256)}
	data, err := proof.Marshal(deep)
	require.ErrorContains(t, err, "nested deeper than 256")
	require.Nil(t, data)

	for _, text := range []string{"a\tb", "a\u2028b", "a\xffb"} {
		odd := newProof(t)
		odd.Layers[0].Signed = []byte(text)
		data, err := proof.Marshal(odd)
		require.ErrorContains(t, err, "escape", "%q", text)
		require.Nil(t, data)
	}
}

// broken is a proof file with one rule broken.
type broken struct{ name, file, want string }

// set replaces the one occurrence of old.
func set(t testing.TB, s, old, new string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(s, old), "occurrences of %q", old)
	return strings.Replace(s, old, new, 1)
}

func TestParseRefuses(t *testing.T) {
	good := write(newProof(t))
	swap := func(old, new string) string { return set(t, good, old, new) }
	with := func(change func(p *proof.Proof)) string {
		p := newProof(t)
		change(p)
		return write(p)
	}
	hexOf := func(first byte) string { h := hash(first); return hex.EncodeToString(h[:]) }
	lines := strings.SplitAfter(good, "\n")
	reordered := func() string {
		l := slices.Clone(lines)
		i := slices.IndexFunc(l, func(line string) bool { return strings.HasPrefix(line, `      "header"`) })
		l[i], l[i+1] = l[i+1], l[i]
		return strings.Join(l, "")
	}()
	anchor, stampHex := attestation(good), hex.EncodeToString(writeTimestamp(newTimestamp()))
	stamp := stampJSON(stampHex)
	layer2 := func() string {
		from := strings.Index(good, "    {\n      \"index\": 0,")
		to := strings.Index(good, "  \"attestations\"") - len("\n  ],\n")
		return good[from:to]
	}()
	const spelling = "is not in the one spelling of this format"
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, []byte(good)))

	tests := []broken{
		// The file as a whole.
		{"empty", "", "the file is empty"},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), "line 1 " + spelling},
		{"byte order mark", "\ufeff" + good, "byte order mark"},
		{"trailing byte", good + "x", spelling},
		{"trailing NUL", good + "\x00", spelling},
		{"two final line feeds", good + "\n", spelling},
		{"no final line feed", strings.TrimSuffix(good, "\n"), spelling},
		{"two proofs", good + good, spelling},
		{"leading space", " " + good, "line 1 " + spelling},
		{"compact", compact.String() + "\n", "line 1 " + spelling},
		{"four spaces indent", strings.ReplaceAll(good, "  ", "    "), "line 2 " + spelling},
		{"more than 64 KiB", good + strings.Repeat(" ", proof.MaxSize), "more than 65536 bytes"},
		{"64 KiB and one byte", good + strings.Repeat(" ", proof.MaxSize+1-len(good)), "more than 65536 bytes"},
		{"64 KiB", good + strings.Repeat(" ", proof.MaxSize-len(good)), spelling},
		{"nested 10,000 deep", swap(`"layers": [`, `"layers": [`+strings.Repeat("[", 10000)+strings.Repeat("]", 10000)), "exceeded max depth"},
		{"nested 30,000 deep", strings.Repeat("[", 30000), "exceeded max depth"},
		{"30,000 objects deep", strings.Repeat(`{"a":`, 13000), "exceeded max depth"},
		{"a list", "[]\n", "unexpected array"},
		{"null", "null\n", spelling},
		{"an empty object", "{}\n", spelling},

		// Keys.
		{"unknown key", swap(`  "layers": [`, "  \"name\": \"s01.pdf\",\n  \"layers\": ["), `unknown field "name"`},
		{"unknown key in a layer", swap(`      "index": 5,`, "      \"network\": \"regtest\",\n      \"index\": 5,"), `unknown field "network"`},
		{"unknown key in the attestation", swap(`      "height": 102,`, "      \"height\": 102,\n      \"time\": 1,"), `unknown field "time"`},
		{"duplicate key", swap(`      "index": 5,`, "      \"index\": 5,\n      \"index\": 5,"), spelling},
		{"duplicate list", swap(`  "attestations": [`, "  \"attestations\": [],\n  \"attestations\": ["), spelling},
		{"duplicate key, the last empty", swap("  ]\n}\n", "  ],\n  \"layers\": []\n}\n"), spelling},
		{"reordered keys", reordered, spelling},
		{"other case of a key", swap(`"salt"`, `"Salt"`), "line 5 " + spelling},
		{"missing salt", set(t, swap(fmt.Sprintf(`    "salt": "%s"`+"\n", hexOf(0x40)), ""), hexOf(1)+`",`, hexOf(1)+`"`), spelling},
		{"missing attestations", good[:strings.Index(good, ",\n  \"attestations\"")] + "\n}\n", spelling},

		// Format.
		{"another format", swap("gradseal-proof/1", "gradseal-trust/1"), `format "gradseal-trust/1", want "gradseal-proof/1"`},
		{"no format", swap("gradseal-proof/1", ""), `format "", want`},
		{"format in upper case", swap("gradseal-proof/1", "Gradseal-proof/1"), `format "Gradseal-proof/1", want`},

		// Document.
		{"upper-case digest", swap(hexOf(1), strings.ToUpper(hexOf(1))), "document sha256 is not lower-case hex"},
		{"odd digest", swap(hexOf(1), hexOf(1)[1:]), "document sha256 has 63 characters, want 64"},
		{"short digest", swap(hexOf(1), hexOf(1)[2:]), "document sha256 has 62 characters, want 64"},
		{"long digest", swap(hexOf(1), hexOf(1)+"00"), "document sha256 has 66 characters, want 64"},
		{"digest that is no hex", swap(hexOf(1), "g"+hexOf(1)[1:]), "document sha256 is not lower-case hex"},
		{"digest with 0x", swap(hexOf(1), "0x"+hexOf(1)[2:]), "document sha256 is not lower-case hex"},
		{"digest of full-width digits", swap(hexOf(1), "０"+hexOf(1)[3:]), "document sha256 is not lower-case hex"},
		{"upper-case salt", swap(hexOf(0x40), strings.ToUpper(hexOf(0x40))), "document salt is not lower-case hex"},
		{"empty salt", swap(hexOf(0x40), ""), "document salt has 0 characters, want 64"},
		{"null salt", swap(`"`+hexOf(0x40)+`"`, "null"), spelling},

		// Layers.
		{"layers null", good[:strings.Index(good, `"layers": [`)] + "\"layers\": null,\n  \"attestations\": []\n}\n", "0 layers, want 1 to 4"},
		{"no layers", good[:strings.Index(good, `"layers": [`)] + "\"layers\": [],\n  \"attestations\": []\n}\n", "0 layers, want 1 to 4"},
		{"five layers", swap(layer2, strings.Join([]string{layer2, layer2, layer2, layer2}, ",\n")), "5 layers, want 1 to 4"},
		{"leading zero", swap(`"index": 5`, `"index": 05`), "malformed JSON: invalid character '5'"},
		{"1e3", swap(`"index": 5`, `"index": 1e3`), "number 1e3"},
		{"5.0", swap(`"index": 5`, `"index": 5.0`), "number 5.0"},
		{"negative", swap(`"index": 5`, `"index": -5`), "number -5"},
		{"-0", swap(`"index": 5`, `"index": -0`), "number -0"},
		{"+5", swap(`"index": 5`, `"index": +5`), "malformed JSON: invalid character '+'"},
		{"index as a string", swap(`"index": 5`, `"index": "5"`), "unexpected string"},
		{"index null", swap(`"index": 5`, `"index": null`), spelling},
		{"index 2^32", swap(`"index": 5`, `"index": 4294967296`), "layer 1: leaf index 4294967296, want at most 4294967295"},
		{"index 2^53-1", swap(`"index": 5`, `"index": 9007199254740991`), "layer 1: leaf index 9007199254740991, want at most"},
		{"index 2^53", swap(`"index": 5`, `"index": 9007199254740992`), "layer 1: leaf index 9007199254740992, want at most"},
		{"index 2^64", swap(`"index": 5`, `"index": 18446744073709551616`), "number 18446744073709551616"},
		{"path null", swap("\"path\": [],\n      \"statement\"", "\"path\": null,\n      \"statement\""), "layer 2: audit path has 0 hashes, want a list of 0 to 32"},
		{"path too long", with(func(p *proof.Proof) { p.Layers[0].Path = make([]merkle.Hash, 33) }), "layer 1: audit path has 33 hashes, want a list of 0 to 32"},
		{"upper-case hash", swap(hexOf(8), strings.ToUpper(hexOf(8))), "layer 1: audit path, hash 2 is not lower-case hex"},
		{"short hash", swap(hexOf(9), hexOf(9)[2:]), "layer 1: audit path, hash 3 has 62 characters, want 64"},
		{"null hash", swap(`"`+hexOf(9)+`"`, "null"), spelling},
		{"type batches in layer 1", set(t, good, `gradseal statement v1\ntype documents`, `gradseal statement v1\ntype batches`), "layer 1: statement of type batches, want documents"},
		{"type documents in layer 2", set(t, good, `gradseal statement v1\ntype batches`, `gradseal statement v1\ntype documents`), "layer 2: statement of type documents, want batches"},
		{"networks differ", set(t, good, `issuer alliance.example\nnetwork regtest`, `issuer alliance.example\nnetwork mainnet`), "layer 2: statement for mainnet, the first layer's is for regtest"},
		{"statement that is none", with(func(p *proof.Proof) { p.Layers[0].Signed = []byte("hello\n") }), "layer 1: statement: malformed signed note"},
		{"statement without signatures", with(func(p *proof.Proof) {
			p.Layers[1].Signed = p.Layers[1].Signed[:bytes.Index(p.Layers[1].Signed, []byte("\n\n"))+1]
		}), "layer 2: statement: malformed signed note"},
		{"statement with CRLF", with(func(p *proof.Proof) {
			p.Layers[0].Signed = bytes.Replace(p.Layers[0].Signed, []byte("v1\n"), []byte("v1\\r\n"), 1)
		}), "layer 1: malformed statement"},
		{"statement too large", with(func(p *proof.Proof) {
			p.Layers[0].Signed = append(p.Layers[0].Signed, strings.Repeat("x", issuer.MaxStatement)...)
		}), "want at most 16384"},
		{"status list for a statement", swap(`gradseal statement v1\ntype documents`, `gradseal status v1\ntype documents`), "layer 1: malformed statement"},
		{"size 0", swap(`\nsize 6\n`, `\nsize 0\n`), "layer 1: malformed statement"},

		// Strings.
		{`\u0041`, swap("uni.example/registrar\\nnetwork", "\\u0075ni.example/registrar\\nnetwork"), "an escape of another character"},
		{`\/`, swap("uni.example/registrar\\nnetwork", "uni.example\\/registrar\\nnetwork"), "an escape of another character"},
		{`\t`, swap(`6\nroot`, `6\t\nroot`), "an escape of another character"},
		{"raw tab", swap(`6\nroot`, "6\t\\nroot"), `invalid character '\t' in string literal`},
		{"raw line feed", swap(`6\nroot`, "6\nroot"), `invalid character '\n' in string literal`},
		{"raw NUL", swap(`6\nroot`, "6\x00\\nroot"), `invalid character '\x00' in string literal`},
		{"raw DEL", swap(`6\nroot`, "6\x7f\\nroot"), "U+007F, a control character"},
		{"raw C1 control", swap(`6\nroot`, "6\u0085\\nroot"), "U+0085, a control character"},
		{"U+2028", swap(`6\nroot`, "6\u2028\\nroot"), "an escape of another character"},
		{"U+2029", swap(`6\nroot`, "6\u2029\\nroot"), "an escape of another character"},
		{"HTML-escaped", strings.Replace(good, "<b>", `\u003cb\u003e`, 1), "an escape of another character"},
		{"ampersand escaped", strings.Replace(good, "&", `\u0026`, 1), "an escape of another character"},
		{"not UTF-8", strings.Replace(good, "魏", "\xff", 1), "not UTF-8"},

		// Attestations.
		{"attestations null", good[:strings.Index(good, `"attestations": [`)] + "\"attestations\": null\n}\n", "attestations are null, want a list"},
		{"two bitcoin attestations", swap(anchor, anchor+",\n"+anchor), "two attestations of one type, want at most one"},
		{"null attestation", set(t, good, anchor, "    null"), spelling},
		{"attestation without a type", swap(`"type": "bitcoin"`, `"type": ""`), `bitcoin attestation: type "", want "bitcoin"`},
		{"two timestamps", withAttestations(good, stamp, stamp), "two attestations of one type, want at most one"},
		{"timestamp before the anchor", withAttestations(good, stamp, anchor), "the attestation of type bitcoin is not the first"},
		{"two anchors and a timestamp", withAttestations(good, anchor, anchor, stamp), "two attestations of one type, want at most one"},
		{"an anchor and two timestamps", withAttestations(good, anchor, stamp, stamp), "two attestations of one type, want at most one"},
		{"timestamp with a trailing comma", withAttestations(good, stamp+","), "malformed JSON"},
		{"timestamp without its bytes", withAttestations(good, set(t, stamp, ",\n      \"timestamp\": \""+stampHex+`"`, "")), spelling},
		{"timestamp with a height", withAttestations(good, set(t, stamp, `"timestamp"`, "\"height\": 102,\n      \"timestamp\"")), `unknown field "height"`},
		{"timestamp behind its bytes", withAttestations(good, "    {\n      \"timestamp\": \""+stampHex+"\",\n      \"type\": \"opentimestamps\"\n    }"), spelling},
		{"timestamp as a number", withAttestations(good, set(t, stamp, `"`+stampHex+`"`, "1")), "unexpected number"},
		{"anchor with the type of a timestamp", withAttestations(good, set(t, anchor, `"bitcoin"`, `"opentimestamps"`)), "unknown field"},
		{"timestamp with the type of an anchor", withAttestations(good, set(t, stamp, `"opentimestamps"`, `"bitcoin"`)), "unknown field"},
		{"type twice", withAttestations(good, set(t, stamp, `"type": "opentimestamps"`, "\"type\": \"bitcoin\",\n      \"type\": \"opentimestamps\"")), spelling},
		{"type twice, the other way", withAttestations(good, set(t, stamp, `"type": "opentimestamps"`, "\"type\": \"opentimestamps\",\n      \"type\": \"bitcoin\"")), "unknown field"},
		{"type in other letters", withAttestations(good, set(t, stamp, `"type"`, `"Type"`)), spelling},
		{"empty timestamp", withAttestations(good, stampJSON("")), "opentimestamps attestation: timestamp has 0 characters, want 2 to 20000"},
		{"odd timestamp", withAttestations(good, stampJSON(stampHex[1:])), "opentimestamps attestation: timestamp is not lower-case hex"},
		{"upper-case timestamp", withAttestations(good, stampJSON(strings.ToUpper(stampHex))), "opentimestamps attestation: timestamp is not lower-case hex"},
		{"timestamp of 10,001 bytes", withAttestations(good, stampJSON(strings.Repeat("08", 10001))), "opentimestamps attestation: timestamp has 20002 characters, want 2 to 20000"},
		{"timestamp cut off", withAttestations(good, stampJSON(stampHex[:len(stampHex)-2])), "opentimestamps attestation: malformed timestamp: it ends too early"},
		{"timestamp cut off beside an anchor", withAttestations(good, anchor, stampJSON(stampHex[:len(stampHex)-2])), "opentimestamps attestation: malformed timestamp: it ends too early"},
		{"upper-case transaction", swap(hex.EncodeToString(newProof(t).Bitcoin.Transaction), strings.ToUpper(hex.EncodeToString(newProof(t).Bitcoin.Transaction))), "bitcoin attestation: transaction is not lower-case hex"},
		{"odd transaction", swap(hex.EncodeToString(newProof(t).Bitcoin.Transaction), hex.EncodeToString(newProof(t).Bitcoin.Transaction)[1:]), "bitcoin attestation: transaction is not lower-case hex"},
		{"transaction of 64 bytes", with(func(p *proof.Proof) { p.Bitcoin.Transaction = make([]byte, 64) }), "transaction has 128 characters, want 130 to 8000"},
		{"transaction of 4001 bytes", with(func(p *proof.Proof) { p.Bitcoin.Transaction = make([]byte, 4001) }), "transaction has 8002 characters, want 130 to 8000"},
		{"position 2^32", swap(`"position": 1`, `"position": 4294967296`), "number 4294967296"},
		{"position -0", swap(`"position": 1`, `"position": -0`), "number -0"},
		{"position negative", swap(`"position": 1`, `"position": -1`), "number -1"},
		{"block path null", swap(fmt.Sprintf("\"path\": [\n        \"%s\"\n      ],\n      \"header\"", hexOf(0x70)), "\"path\": null,\n      \"header\""), "bitcoin attestation: audit path has 0 hashes, want a list of 0 to 24"},
		{"block path too long", with(func(p *proof.Proof) { p.Bitcoin.Path = make([]bitcoin.Hash, 25) }), "bitcoin attestation: audit path has 25 hashes, want a list of 0 to 24"},
		{"short header", swap(fmt.Sprintf("%x", [80]byte(header(0x11))), fmt.Sprintf("%x", [80]byte(header(0x11)))[2:]), "bitcoin attestation: header has 158 characters, want 160"},
		{"upper-case header", swap(fmt.Sprintf("%x", [80]byte(header(0x11))), fmt.Sprintf("%X", [80]byte(header(0x11)))), "bitcoin attestation: header is not lower-case hex"},
		{"height 2^32", swap(`"height": 102`, `"height": 4294967296`), "number 4294967296"},
		{"height 1e2", swap(`"height": 102`, `"height": 1e2`), "number 1e2"},
		{"height 0102", swap(`"height": 102`, `"height": 0102`), "malformed JSON: invalid character '1'"},
		{"successors null", good[:strings.Index(good, `"successors": [`)] + "\"successors\": null\n    }\n  ]\n}\n", "bitcoin attestation: 0 successors, want a list of 0 to 12"},
		{"13 successors", with(func(p *proof.Proof) { p.Bitcoin.Successors = make([]bitcoin.Header, 13) }), "bitcoin attestation: 13 successors, want a list of 0 to 12"},
		{"long successor", swap(fmt.Sprintf("%x", [80]byte(header(0x33))), fmt.Sprintf("%x00", [80]byte(header(0x33)))), "bitcoin attestation: successor 2 has 162 characters, want 160"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.NotEqual(t, good, test.file)
			p, err := proof.Parse([]byte(test.file))
			require.ErrorContains(t, err, test.want)
			require.NotErrorIs(t, err, proof.ErrNewer)
			require.Nil(t, p)
			require.Less(t, len(err.Error()), 500)
		})
	}
}

func TestNewer(t *testing.T) {
	good := write(newProof(t))
	swap := func(old, new string) string { return set(t, good, old, new) }
	long := strings.Repeat("x", 20000)
	tests := []broken{
		{"format 2", swap("gradseal-proof/1", "gradseal-proof/2"), `made by a newer gradseal: format "gradseal-proof/2"`},
		{"format 2 with other content", "{\"format\": \"gradseal-proof/2\", \"more\": [1, 2, {}]}", `format "gradseal-proof/2"`},
		{"unknown attestation type", swap(`"type": "bitcoin"`, `"type": "liquid"`), `attestation type "liquid"`},
		{"unknown attestation type with other content", good[:strings.Index(good, `"attestations": [`)] + "\"attestations\": [\n    {\n      \"type\": \"liquid\",\n      \"x\": 1\n    }\n  ]\n}\n", `attestation type "liquid"`},
		{"another attestation besides", swap("    }\n  ]\n}\n", "    },\n    {\n      \"type\": \"liquid\"\n    }\n  ]\n}\n"), `attestation type "liquid"`},
		{"unknown type beside both", withAttestations(good, attestation(good), stampJSON("00"), set(t, stampJSON("00"), "opentimestamps", "liquid")), `attestation type "liquid"`},
		{"a type that begins as a known one", withAttestations(good, set(t, stampJSON("00"), "opentimestamps", "opentimestamps2")), `attestation type "opentimestamps2"`},
		{"a known type in another case", withAttestations(good, set(t, stampJSON("00"), "opentimestamps", "OpenTimestamps")), `attestation type "OpenTimestamps"`},
		{"statement v2", swap(`gradseal statement v1\ntype documents`, `gradseal statement v2\ntype documents`), `layer 1: malformed statement: line 1: unknown format "gradseal statement v2"`},
		{"statement v2 in an outer layer", swap(`gradseal statement v1\ntype batches`, `gradseal statement v17\ntype batches`), `unknown format "gradseal statement v17"`},
		{"a long format", swap("gradseal-proof/1", "gradseal-proof/"+long), "gradseal-proof/xxx"},
		{"a long type", swap(`"type": "bitcoin"`, `"type": "`+long+`"`), "attestation type \"xxx"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := proof.Parse([]byte(test.file))
			require.ErrorIs(t, err, proof.ErrNewer)
			require.ErrorContains(t, err, test.want)
			require.Nil(t, p)
			require.Less(t, len(err.Error()), 500)
		})
	}
}

// What does not even read as JSON of the format's kind is damaged, not newer.
func TestNotNewer(t *testing.T) {
	good := set(t, write(newProof(t)), "gradseal-proof/1", "gradseal-proof/2")
	for n := range len(good) - 1 {
		_, err := proof.Parse([]byte(good[:n]))
		require.Error(t, err)
		require.NotErrorIs(t, err, proof.ErrNewer, "the first %d bytes", n)
	}
	for _, file := range []string{
		good + "x", good + strings.Repeat(" ", proof.MaxSize), "\"gradseal-proof/2\"\n", "[\"gradseal-proof/2\"]\n",
		set(t, good, `"format"`, `"formed"`), "gradseal-proof/2\n",
	} {
		_, err := proof.Parse([]byte(file))
		require.Error(t, err)
		require.NotErrorIs(t, err, proof.ErrNewer)
	}
}

func TestMarshalBitcoin(t *testing.T) {
	b := newProof(t).Bitcoin
	data, err := proof.MarshalBitcoin(b)
	require.NoError(t, err)
	got, err := proof.ParseBitcoin(data)
	require.NoError(t, err)
	require.Equal(t, b, got)
	again, err := proof.MarshalBitcoin(got)
	require.NoError(t, err)
	require.Equal(t, string(data), string(again))

	for _, file := range []string{
		"", "null\n", string(data) + "\n", strings.TrimSuffix(string(data), "\n"),
		strings.Replace(string(data), `"bitcoin"`, `"liquid"`, 1),
		strings.Replace(string(data), `"position": 1`, `"position": 01`, 1),
	} {
		got, err := proof.ParseBitcoin([]byte(file))
		require.Error(t, err, "%q", file)
		require.Nil(t, got)
	}
}
