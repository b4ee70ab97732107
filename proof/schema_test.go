package proof_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
)

// docs is where the documents of the repository are.
var docs = filepath.Join("..", "docs")

// schemaFile is the schema as JSON.
func schemaFile(t testing.TB) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(docs, "proof.schema.json"))
	require.NoError(t, err)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	return v.(map[string]any)
}

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("proof.schema.json", schemaFile(t)))
	s, err := c.Compile("proof.schema.json")
	require.NoError(t, err)
	return s
}

func validate(t testing.TB, s *jsonschema.Schema, file string) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(file))
	require.NoError(t, err)
	return s.Validate(v)
}

// largest has as much of everything as the format permits in one file, but for
// the statements, which are not filled up with signature lines.
func largest(t testing.TB) *proof.Proof {
	t.Helper()
	p := newProof(t)
	p.Layers = append(p.Layers, p.Layers[1], p.Layers[1])
	for i := range p.Layers {
		p.Layers[i].Path = make([]merkle.Hash, merkle.MaxPath)
		p.Layers[i].Index = issuer.MaxTreeSize - 1
	}
	p.Bitcoin.Transaction = make([]byte, bitcoin.MaxTransaction)
	p.Bitcoin.Path = make([]bitcoin.Hash, bitcoin.MaxInclusionPath)
	p.Bitcoin.Position, p.Bitcoin.Height = math.MaxUint32, math.MaxUint32
	p.Bitcoin.Successors = make([]bitcoin.Header, proof.MaxSuccessors)
	p.OpenTimestamps = largestTimestamp(t)
	return p
}

// smallest is a proof of one layer, a tree of one leaf, in a block of one
// transaction.
func smallest(t testing.TB) *proof.Proof {
	t.Helper()
	p := newProof(t)
	p.Layers = p.Layers[:1]
	p.Layers[0].Index, p.Layers[0].Path = 0, nil
	p.Bitcoin.Transaction = make([]byte, bitcoin.MinTransaction)
	p.Bitcoin.Position, p.Bitcoin.Path, p.Bitcoin.Successors = 0, nil, nil
	return p
}

// signed replaces the statement of layer 1 by one with the changes given, signed
// by so many officers.
func signed(t testing.TB, p *proof.Proof, officers int, change func(*issuer.Statement)) {
	t.Helper()
	s, _, err := issuer.ParseStatement(p.Layers[0].Signed)
	require.NoError(t, err)
	change(s)
	text, err := s.Text()
	require.NoError(t, err)
	var signers []issuer.Signer
	for i := range officers {
		signers = append(signers, newOfficer(s.Issuer, byte(1+i)))
	}
	p.Layers[0].Signed, err = issuer.SignNote(text, issuer.MaxStatement, signers...)
	require.NoError(t, err)
}

// What the format permits validates, up to its limits.
func TestSchemaAccepts(t *testing.T) {
	pending := newProof(t)
	pending.Bitcoin = nil
	stamped := newProof(t)
	stamped.Bitcoin, stamped.OpenTimestamps = nil, newTimestamp()
	both := newProof(t)
	both.OpenTimestamps = newTimestamp()
	statements := func(officers int, change func(*issuer.Statement)) *proof.Proof {
		p := newProof(t)
		signed(t, p, officers, change)
		return p
	}
	proofs := map[string]*proof.Proof{
		"two layers, successors": newProof(t),
		"four layers":            largest(t),
		"one layer":              smallest(t),
		"pending":                pending,
		"timestamp":              stamped,
		"both attestations":      both,
		"16 signatures":          statements(issuer.MaxSignatures, func(*issuer.Statement) {}),
		"after":                  statements(1, func(s *issuer.Statement) { s.After = &issuer.After{Height: math.MaxUint32} }),
		"no title":               statements(1, func(s *issuer.Statement) { s.Title = "" }),
		"title of one letter":    statements(1, func(s *issuer.Statement) { s.Title = "魏" }),
		"title of 200 bytes":     statements(1, func(s *issuer.Statement) { s.Title = strings.Repeat("a", 200) }),
		"size 2^32":              statements(1, func(s *issuer.Statement) { s.Size = issuer.MaxTreeSize }),
		"id of 100 bytes":        statements(1, func(s *issuer.Statement) { s.Issuer = strings.Repeat("a", 100) }),
		"every character of an id": statements(1, func(s *issuer.Statement) {
			s.Issuer = "abcdefghijklmnopqrstuvwxyz0123456789./-"
		}),
	}
	s := schema(t)
	for name, p := range proofs {
		t.Run(name, func(t *testing.T) {
			file := marshal(t, p)
			_, err := proof.Parse([]byte(file))
			require.NoError(t, err)
			require.NoError(t, validate(t, s, file))
		})
	}
}

// The worked example of docs/format.md is the file that the text says it is,
// can be read, and validates.
func TestWorkedExample(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "format.md"))
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n### 20.2 ")
	require.True(t, ok)
	before, rest, ok := strings.Cut(section, "```json\n")
	require.True(t, ok)
	file, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	sum := sha256.Sum256([]byte(file))
	require.Contains(t, before, hex.EncodeToString(sum[:]))
	_, err = proof.Parse([]byte(file))
	require.NoError(t, err)
	require.NoError(t, validate(t, schema(t), file))
}

// fault is a proof file with one rule broken. The schema refuses the value at a
// place, by a keyword.
type fault struct{ name, file, place, keyword string }

func TestSchemaRefuses(t *testing.T) {
	good := marshal(t, newProof(t))
	swap := func(old, new string) string { return set(t, good, old, new) }
	with := func(change func(p *proof.Proof)) string {
		p := newProof(t)
		change(p)
		return write(p) // which has no limits
	}
	hexOf := func(first byte) string { h := hash(first); return hex.EncodeToString(h[:]) }
	head := fmt.Sprintf("%x", [80]byte(header(0x11)))
	next := fmt.Sprintf("%x", [80]byte(header(0x33)))
	tx := hex.EncodeToString(newProof(t).Bitcoin.Transaction)
	without := func(line string) string { return swap(line, "") }
	attestations := strings.Index(good, `"attestations": [`)
	stamp := hex.EncodeToString(writeTimestamp(newTimestamp()))
	stamped := withAttestations(good, stampJSON(stamp))
	anchor := attestation(good)
	const (
		layer1, layer2 = "/layers/0", "/layers/1"
		anchored       = "/attestations/0"
		st1            = layer1 + "/statement"
	)
	tests := []fault{
		{"a list", "[" + good + "]", "", "type"},
		{"null", "null", "", "type"},
		{"unknown member", swap(`  "layers": [`, `"name": "s01.pdf", "layers": [`), "", "additionalProperties"},
		{"no format", without(`  "format": "gradseal-proof/1",`), "", "required"},
		{"format 2", swap("gradseal-proof/1", "gradseal-proof/2"), "/format", "const"},
		{"no attestations", good[:attestations-len(",\n  ")] + "}", "", "required"},

		{"no salt", set(t, without(fmt.Sprintf(`    "salt": "%s"`, hexOf(0x40))), hexOf(1)+`",`, hexOf(1)+`"`), "/document", "required"},
		{"unknown member of the document", swap(`    "salt"`, `"name": "s01.pdf", "salt"`), "/document", "additionalProperties"},
		{"upper-case digest", swap(hexOf(1), strings.ToUpper(hexOf(1))), "/document/sha256", "pattern"},
		{"short digest", swap(hexOf(1), hexOf(1)[1:]), "/document/sha256", "minLength"},
		{"long salt", swap(hexOf(0x40), hexOf(0x40)+"0"), "/document/salt", "maxLength"},
		{"salt with a line feed", swap(hexOf(0x40), hexOf(0x40)[1:]+`\n`), "/document/salt", "pattern"},
		{"null salt", swap(`"`+hexOf(0x40)+`"`, "null"), "/document/salt", "type"},

		{"no layers", with(func(p *proof.Proof) { p.Layers = nil }), "/layers", "minItems"},
		{"layers that are none", good[:strings.Index(good, `"layers": [`)] + `"layers": {}, "attestations": []}`, "/layers", "type"},
		{"five layers", with(func(p *proof.Proof) {
			p.Layers = append(p.Layers, p.Layers[1], p.Layers[1], p.Layers[1])
		}), "/layers", "maxItems"},
		{"unknown member of a layer", swap(`      "index": 5,`, `"network": "regtest", "index": 5,`), layer1, "additionalProperties"},
		{"unknown member of layer 2", swap(`      "index": 0,`, `"network": "regtest", "index": 0,`), layer2, "additionalProperties"},
		{"no index", without(`      "index": 5,`), layer1, "required"},
		{"index of text", swap(`"index": 5`, `"index": "5"`), layer1 + "/index", "type"},
		{"index 5.5", swap(`"index": 5`, `"index": 5.5`), layer1 + "/index", "type"},
		{"index -1", swap(`"index": 5`, `"index": -1`), layer1 + "/index", "minimum"},
		{"index 2^32", swap(`"index": 0`, `"index": 4294967296`), layer2 + "/index", "maximum"},
		{"path null", swap("\"path\": [],\n      \"statement\"", `"path": null, "statement"`), layer2 + "/path", "type"},
		{"path of 33 hashes", with(func(p *proof.Proof) { p.Layers[0].Path = make([]merkle.Hash, merkle.MaxPath+1) }), layer1 + "/path", "maxItems"},
		{"short hash", swap(hexOf(8), hexOf(8)[2:]), layer1 + "/path/1", "minLength"},

		{"layer 1 of batches", swap(`type documents`, `type batches`), st1, "pattern"},
		{"layer 2 of documents", swap(`type batches`, `type documents`), layer2 + "/statement", "pattern"},
		{"statement that is a number", good[:strings.Index(good, `"gradseal statement v1`)] + `1}], "attestations": []}`, st1, "type"},
		{"empty statement", with(func(p *proof.Proof) { p.Layers[0].Signed = nil }), st1, "pattern"},
		{"statement v2", swap(`statement v1\ntype documents`, `statement v2\ntype documents`), st1, "pattern"},
		{"statement too long", with(func(p *proof.Proof) {
			line := bytes.Repeat([]byte("A"), issuer.MaxStatement)
			p.Layers[0].Signed = slices.Concat(p.Layers[0].Signed, []byte("— x "), line, []byte("\n"))
		}), st1, "maxLength"},
		{"issuer in upper case", swap(`issuer uni.example`, `issuer Uni.example`), st1, "pattern"},
		{"another network", swap(`issuer uni.example/registrar\nnetwork regtest`, `issuer uni.example/registrar\nnetwork simnet`), st1, "pattern"},
		{"size 0", swap(`\nsize 6\n`, `\nsize 0\n`), st1, "pattern"},
		{"size 06", swap(`\nsize 6\n`, `\nsize 06\n`), st1, "pattern"},
		{"hour 24", strings.Replace(good, "T09:00:00Z", "T24:00:00Z", 1), st1, "pattern"},
		{"no Z", strings.Replace(good, "T09:00:00Z", "T09:00:00", 1), st1, "pattern"},
		{"title with a blank before it", strings.Replace(good, `\ntitle `, `\ntitle  `, 1), st1, "pattern"},
		{"title with a full-width blank after it", strings.Replace(good, "2026\\n\\n", "2026\u3000\\n\\n", 1), st1, "pattern"},
		{"title with a bidirectional control", strings.Replace(good, `2026\n\n`, "2026\u202e6\\n\\n", 1), st1, "pattern"},
		{"title with a line separator", strings.Replace(good, `2026\n\n`, "2026\u20286\\n\\n", 1), st1, "pattern"},
		{"unknown line", swap(`\nsize 6\n`, `\nsize 6\ncolour red\n`), st1, "pattern"},
		{"no signature", with(func(p *proof.Proof) {
			p.Layers[0].Signed = p.Layers[0].Signed[:bytes.Index(p.Layers[0].Signed, []byte("\n\n"))+2]
		}), st1, "pattern"},
		{"17 signatures", with(func(p *proof.Proof) {
			line := []byte("— x AAAAAAA=\n")
			p.Layers[0].Signed = slices.Concat(p.Layers[0].Signed, bytes.Repeat(line, issuer.MaxSignatures-1))
		}), st1, "pattern"},
		{"hyphen for the dash", strings.Replace(good, "— uni.example", "- uni.example", 1), st1, "pattern"},
		{"plus in the name of a signature", strings.Replace(good, "— uni.example", "— uni+example", 1), st1, "pattern"},

		{"attestations null", good[:attestations] + `"attestations": null}`, "/attestations", "type"},
		{"three attestations", withAttestations(good, anchor, stampJSON(stamp), stampJSON(stamp)), "/attestations", "maxItems"},
		{"timestamp in upper case", set(t, stamped, stamp, strings.ToUpper(stamp)), anchored + "/timestamp", "pattern"},
		{"empty timestamp", set(t, stamped, stamp, ""), anchored + "/timestamp", "minLength"},
		{"odd timestamp", set(t, stamped, stamp, stamp[1:]), anchored + "/timestamp", "pattern"},
		{"timestamp of 10,001 bytes", set(t, stamped, stamp, strings.Repeat("08", proof.MaxTimestamp+1)), anchored + "/timestamp", "maxLength"},
		{"timestamp null", set(t, stamped, `"`+stamp+`"`, "null"), anchored + "/timestamp", "type"},
		{"no timestamp", set(t, stamped, ",\n      \"timestamp\": \""+stamp+`"`, ""), anchored, "required"},
		{"timestamp with a height", set(t, stamped, `"timestamp"`, `"height": 102, "timestamp"`), anchored, "additionalProperties"},
		{"second attestation without its member", withAttestations(good, anchor, `{"type": "opentimestamps"}`), "/attestations/1", "required"},
		{"another attestation", swap(`"type": "bitcoin"`, `"type": "litecoin"`), anchored + "/type", "const"},
		{"unknown member of the attestation", swap(`"height": 102`, `"height": 102, "time": 1`), anchored, "additionalProperties"},
		{"no height", without(`      "height": 102,`), anchored, "required"},
		{"transaction of 64 bytes", with(func(p *proof.Proof) { p.Bitcoin.Transaction = make([]byte, bitcoin.MinTransaction-1) }), anchored + "/transaction", "minLength"},
		{"transaction of 4001 bytes", with(func(p *proof.Proof) { p.Bitcoin.Transaction = make([]byte, bitcoin.MaxTransaction+1) }), anchored + "/transaction", "maxLength"},
		{"odd transaction", swap(tx, tx[1:]), anchored + "/transaction", "pattern"},
		{"transaction null", swap(`"`+tx+`"`, "null"), anchored + "/transaction", "type"},
		{"position of text", swap(`"position": 1`, `"position": "1"`), anchored + "/position", "type"},
		{"position 2^32", swap(`"position": 1`, `"position": 4294967296`), anchored + "/position", "maximum"},
		{"position -1", swap(`"position": 1`, `"position": -1`), anchored + "/position", "minimum"},
		{"block path null", set(t, good, fmt.Sprintf("[\n        \"%s\"\n      ],\n      \"header\"", hexOf(0x70)), `null, "header"`), anchored + "/path", "type"},
		{"block path of 25 hashes", with(func(p *proof.Proof) { p.Bitcoin.Path = make([]bitcoin.Hash, bitcoin.MaxInclusionPath+1) }), anchored + "/path", "maxItems"},
		{"upper-case hash in the block", swap(hexOf(0x70), strings.ToUpper(hexOf(0x70))), anchored + "/path/0", "pattern"},
		{"short header", swap(head, head[2:]), anchored + "/header", "minLength"},
		{"upper-case header", swap(head, strings.ToUpper(head)), anchored + "/header", "pattern"},
		{"header null", swap(`"`+head+`"`, "null"), anchored + "/header", "type"},
		{"height 2^32", swap(`"height": 102`, `"height": 4294967296`), anchored + "/height", "maximum"},
		{"height null", swap(`"height": 102`, `"height": null`), anchored + "/height", "type"},
		{"successors null", good[:strings.Index(good, `"successors": [`)] + `"successors": null}]}`, anchored + "/successors", "type"},
		{"13 successors", with(func(p *proof.Proof) { p.Bitcoin.Successors = make([]bitcoin.Header, proof.MaxSuccessors+1) }), anchored + "/successors", "maxItems"},
		{"long successor", swap(next, next+"00"), anchored + "/successors/1", "maxLength"},
	}
	s := schema(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := proof.Parse([]byte(test.file))
			require.Error(t, err, "the reader refuses it, too")
			var invalid *jsonschema.ValidationError
			require.ErrorAs(t, validate(t, s, test.file), &invalid)
			require.Equal(t, []string{test.place + " " + test.keyword}, refusals(invalid))
		})
	}
}

// Attestations of one type, or in the other order, break several keywords.
func TestSchemaOrderOfAttestations(t *testing.T) {
	good := marshal(t, newProof(t))
	anchor, stamp := attestation(good), stampJSON(hex.EncodeToString(writeTimestamp(newTimestamp())))
	s := schema(t)
	require.NoError(t, validate(t, s, withAttestations(good, anchor, stamp)))
	for name, file := range map[string]string{
		"other order": withAttestations(good, stamp, anchor),
		"two anchors": withAttestations(good, anchor, anchor),
		"two stamps":  withAttestations(good, stamp, stamp),
	} {
		t.Run(name, func(t *testing.T) {
			var invalid *jsonschema.ValidationError
			require.ErrorAs(t, validate(t, s, file), &invalid)
			for _, place := range refusals(invalid) {
				require.Regexp(t, "^/attestations/[01]", place)
			}
			_, err := proof.Parse([]byte(file))
			require.Regexp(t, "two attestations of one type|is not the first", err)
		})
	}
}

// refusals are places with the keyword that refused what is there, without
// duplicates.
func refusals(e *jsonschema.ValidationError) []string {
	var all []string
	for _, cause := range e.Causes {
		all = append(all, refusals(cause)...)
	}
	if len(e.Causes) == 0 {
		var place string
		for _, name := range e.InstanceLocation {
			place += "/" + name
		}
		all = []string{place + " " + strings.Join(e.ErrorKind.KeywordPath(), "/")}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestSchemaLimits holds the numbers in the schema to the constants of the
// packages, so that neither changes alone.
func TestSchemaLimits(t *testing.T) {
	s := schemaFile(t)
	limits := map[string]int64{
		"properties/layers/minItems":                          1,
		"properties/layers/maxItems":                          proof.MaxLayers,
		"properties/attestations/maxItems":                    2,
		"properties/attestations/if/minItems":                 2,
		"$defs/opentimestamps/properties/timestamp/minLength": 2,
		"$defs/opentimestamps/properties/timestamp/maxLength": 2 * proof.MaxTimestamp,
		"$defs/hash/minLength":                                int64(2 * len(merkle.Hash{})),
		"$defs/hash/maxLength":                                int64(2 * len(merkle.Hash{})),
		"$defs/header/minLength":                              int64(2 * len(bitcoin.Header{})),
		"$defs/header/maxLength":                              int64(2 * len(bitcoin.Header{})),
		"$defs/layer/properties/index/minimum":                0,
		"$defs/layer/properties/index/maximum":                issuer.MaxTreeSize - 1,
		"$defs/layer/properties/path/maxItems":                merkle.MaxPath,
		"$defs/layer/properties/statement/maxLength":          issuer.MaxStatement,
		"$defs/bitcoin/properties/transaction/minLength":      2 * bitcoin.MinTransaction,
		"$defs/bitcoin/properties/transaction/maxLength":      2 * bitcoin.MaxTransaction,
		"$defs/bitcoin/properties/path/maxItems":              bitcoin.MaxInclusionPath,
		"$defs/bitcoin/properties/position/minimum":           0,
		"$defs/bitcoin/properties/position/maximum":           math.MaxUint32,
		"$defs/bitcoin/properties/height/minimum":             0,
		"$defs/bitcoin/properties/height/maximum":             math.MaxUint32,
		"$defs/bitcoin/properties/successors/maxItems":        proof.MaxSuccessors,
	}
	found := make(map[string]int64)
	numbers(t, s, "", found)
	require.Equal(t, limits, found)

	pattern := s["$defs"].(map[string]any)["layer"].(map[string]any)["properties"].(map[string]any)["statement"].(map[string]any)["pattern"].(string)
	require.Contains(t, pattern, fmt.Sprintf(`{1,%d}$`, issuer.MaxSignatures))
	for _, n := range bitcoin.Networks() {
		require.Contains(t, pattern, n.String())
	}
}

// numbers collects every number in the schema by its path.
func numbers(t *testing.T, v any, path string, found map[string]int64) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			numbers(t, inner, strings.TrimPrefix(path+"/"+name, "/"), found)
		}
	case []any:
		for i, inner := range v {
			numbers(t, inner, fmt.Sprintf("%s/%d", path, i), found)
		}
	case json.Number:
		n, err := v.Int64()
		require.NoError(t, err)
		found[path] = n
	}
}

// A strict schema names every member of every object, and requires it.
func TestSchemaIsStrict(t *testing.T) {
	objects := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["type"] == "object" {
				objects++
				require.Equal(t, false, v["additionalProperties"])
				var names []any
				for name := range v["properties"].(map[string]any) {
					names = append(names, name)
				}
				require.ElementsMatch(t, names, v["required"])
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(schemaFile(t))
	require.Equal(t, 5, objects)
}

// What a schema cannot see, as its $comment says: these files validate, and are
// not proof files.
func TestSchemaIsNotTheReader(t *testing.T) {
	good := marshal(t, newProof(t))
	s := schema(t)
	for name, file := range map[string]string{
		"spelling":       set(t, good, `"index": 5`, `"index": 5.0`),
		"order":          set(t, set(t, good, `"height": 102,`, ""), `"type": "bitcoin",`, `"height": 102, "type": "bitcoin",`),
		"day":            strings.Replace(good, "2026-11-22T", "2026-02-30T", 1),
		"size":           set(t, good, `\nsize 6\n`, `\nsize 4294967297\n`),
		"networks":       set(t, good, `issuer alliance.example\nnetwork regtest`, `issuer alliance.example\nnetwork mainnet`),
		"signature":      strings.Replace(good, `=\n`, `\n`, 1),
		"second member":  set(t, good, `"index": 5,`, `"index": 5, "index": 5,`),
		"indentation":    " " + good,
		"timestamp":      withAttestations(good, stampJSON("08")),
		"bytes of title": strings.Replace(good, `2026\n\n`, strings.Repeat("魏", 100)+`\n\n`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, validate(t, s, file))
			_, err := proof.Parse([]byte(file))
			require.Error(t, err)
			require.False(t, errors.Is(err, proof.ErrNewer))
		})
	}
}

// vector is a test vector of kind proof or verdict: a proof file in it, and the
// check that fails.
type vector struct {
	Name        string  `json:"name"`
	Proof       *string `json:"proof"`
	ProofBase64 []byte  `json:"proof_base64"`
	Fails       string  `json:"fails"`
}

func readVectors(t *testing.T, kind string) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", kind+".json"))
	require.NoError(t, err)
	var file struct {
		Vectors []vector `json:"vectors"`
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.NotEmpty(t, file.Vectors)
	return file.Vectors
}

// file is the proof file of a vector; false where it has none.
func (v vector) file() (string, bool) {
	if v.Proof != nil {
		return *v.Proof, true
	}
	return string(v.ProofBase64), v.ProofBase64 != nil
}

// schemaSees are the checks of testdata/vectors/README.md that a schema makes,
// too.
var schemaSees = []string{
	"proof/newer", "json/members", "proof/format", "proof/layers", "proof/index", "proof/path", "proof/layer-type",
	"proof/attestations", "proof/type", "proof/hex", "proof/position", "proof/block-path", "proof/height", "proof/successors",
}

// Every proof file that the vectors accept validates, and none that breaks a
// rule which the schema has.
func TestSchemaOfVectors(t *testing.T) {
	s := schema(t)
	seen := make(map[string]int)
	for _, v := range readVectors(t, "proof") {
		file, ok := v.file()
		require.True(t, ok, v.Name)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(file))
		switch {
		case v.Fails == "":
			require.NoError(t, err, v.Name)
			require.NoError(t, s.Validate(value), v.Name)
		case err != nil || !slices.Contains(schemaSees, v.Fails):
			continue
		default:
			require.Error(t, s.Validate(value), "%s: %s", v.Name, v.Fails)
		}
		seen[v.Fails]++
	}
	for _, check := range append(schemaSees, "") {
		require.NotZero(t, seen[check], "no vector for %q", check)
	}
}

// The proofs of all verdicts validate, however false they are, but for those
// that cannot be read.
func TestSchemaOfVerdicts(t *testing.T) {
	s := schema(t)
	proofs := 0
	for _, v := range readVectors(t, "verdict") {
		file, ok := v.file()
		if !ok || strings.HasPrefix(v.Fails, "read/") {
			continue
		}
		proofs++
		require.NoError(t, validate(t, s, file), v.Name)
	}
	require.Greater(t, proofs, 10)
}
