package main

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
)

type proofVector struct {
	head
	proofInput
	Fails string `json:"fails"`
}

// The time of the block that most proofs lead to, and of their statements.
var (
	blockTime = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	issued    = blockTime.Add(-time.Hour)
)

// content is a document and its salt.
type content struct {
	data string
	salt [32]byte
}

func contents(n int) []content {
	out := make([]content, n)
	for i := range out {
		out[i].data = fmt.Sprintf("%%PDF-1.7\n%% transcript %d\nstartxref\n9\n%%%%EOF\n", i)
		out[i].salt = sum("salt %d", i)
	}
	return out
}

func (c content) digest() [32]byte { return sumBytes([]byte(c.data)) }
func (c content) entry() []byte    { return proof.Entry(c.salt, c.digest()) }

// place puts entry i into the tree of all entries, ordered by leaf hash, under
// a statement of which size, root and type are filled in.
func place(entries [][]byte, i int, s issuer.Statement, officers ...officer) proof.Layer {
	leaves := make([]merkle.Hash, len(entries))
	for k, e := range entries {
		leaves[k] = merkle.LeafHash(e)
	}
	own := leaves[i]
	slices.SortFunc(leaves, func(a, b merkle.Hash) int { return slices.Compare(a[:], b[:]) })
	index := uint64(slices.Index(leaves, own))
	tree := must(merkle.New(leaves))
	s.Type, s.Size, s.Root = issuer.Documents, tree.Size(), tree.Root()
	if len(entries[i]) == 32 {
		s.Type = issuer.Batches
	}
	path := must(tree.AppendPath([]merkle.Hash{}, index))
	return proof.Layer{Index: index, Path: path, Signed: []byte(signed(must(s.Text()), officers...))}
}

// issue makes the pending proof of document i of a batch.
func issue(docs []content, i int, s issuer.Statement, officers ...officer) *proof.Proof {
	entries := make([][]byte, len(docs))
	for k, d := range docs {
		entries[k] = d.entry()
	}
	return &proof.Proof{Digest: docs[i].digest(), Salt: docs[i].salt, Layers: []proof.Layer{place(entries, i, s, officers...)}}
}

// joinBatches puts the last batch root of a proof into a tree with two others.
func joinBatches(p *proof.Proof, s issuer.Statement, officers ...officer) {
	root, a, b := lastRoot(p), sum("a batch"), sum("another batch")
	p.Layers = append(p.Layers, place([][]byte{root[:], a[:], b[:]}, 0, s, officers...))
}

// lastRoot is the batch root that the transaction is to commit to.
func lastRoot(p *proof.Proof) [32]byte { return rootOf(p.Layers[len(p.Layers)-1]) }

func rootOf(l proof.Layer) [32]byte { return proof.BatchRoot(l.Signed, statementOf(l.Signed).Root) }

func statementOf(signed []byte) *issuer.Statement {
	s, _, err := issuer.ParseStatement(signed)
	return must(s, err)
}

func uniStatement() issuer.Statement {
	return issuer.Statement{Issuer: uniID, Network: bitcoin.Mainnet, Issued: issued, Title: "Degrees of summer 2026"}
}

func allianceStatement() issuer.Statement {
	return issuer.Statement{Issuer: allianceID, Network: bitcoin.Mainnet, Issued: issued}
}

// confirmed adds the attestation of a block of three transactions.
func confirmed(p *proof.Proof) *proof.Proof {
	raw := usualTx(lastRoot(p)).bytes()
	block := []bitcoin.Hash{sum("coinbase"), must(bitcoin.ParseTransaction(raw)).ID(), sum("another")}
	h := mine(sum("block before"), bitcoin.MerkleRoot(block), blockTime.Unix())
	p.Bitcoin = &proof.Bitcoin{Transaction: raw, Position: 1, Path: must(bitcoin.InclusionPath(block, 1)), Header: h, Height: 924020,
		Successors: []bitcoin.Header{mine(h.Hash(), sum("next"), blockTime.Unix()+600)}}
	return p
}

func marshal(p *proof.Proof) string { return string(must(proof.Marshal(p))) }

func proofVectors() []proofVector {
	var all []proofVector
	add := func(name, why, file, fails string) {
		all = append(all, proofVector{head{"proof-" + name, why}, proofOf(file), fails})
	}
	p := confirmed(issue(contents(3), 1, uniStatement(), dean, registrar))
	usual := marshal(p)
	pending := *p
	pending.Bitcoin = nil
	add("usual", "One layer and a Bitcoin attestation with one successor.", usual, "")
	add("pending", "A proof without attestation.", marshal(&pending), "")
	quoted := uniStatement()
	quoted.Title = `A "title" with \ and <&> / 学位`
	add("block-of-one", "A block of one transaction: position 0 and an empty path.",
		withBitcoin(p, func(b *proof.Bitcoin) { b.Position, b.Path = 0, []bitcoin.Hash{} }), "")
	add("escapes", "A title in which characters are escaped, and others that need no escape.", marshal(issue(contents(1), 0, quoted, dean)), "")
	large, larger := largestProofs()
	add("65536-bytes", "As much as a proof can have: 4 layers, 12 successors, the longest paths and transaction, 65,536 bytes.", large, "")
	add("65537-bytes", "One byte more, in a name of a signature line.", larger, "proof/size")
	four := issue(contents(3), 1, uniStatement(), dean)
	for range 3 {
		joinBatches(four, allianceStatement(), secretary)
	}
	five := *four
	fourLayers := marshal(confirmed(four))

	spelling := func(name, why, file string) { add(name, why, file, "json/spelling") }
	replaced := func(old, new string) string { return edit(usual, old, new) }
	spelling("order", "Two members have changed places.", swap(usual, "\"position\": 1,", "\"path\": [\n        \""+hexes(p.Bitcoin.Path)[0]))
	salt := fmt.Sprintf("\"salt\": \"%x\"", p.Salt)
	spelling("member-twice", "A member twice, with the same value.", replaced(salt, salt+",\n    "+salt))
	spelling("member-twice-differing", "A member twice; the last value is the right one.", replaced(salt, "\"salt\": \""+hexOf("0")+"\",\n    "+salt))
	spelling("four-spaces", "Indented by four spaces.", strings.ReplaceAll(usual, "  ", "    "))
	spelling("tabs", "Indented by tabs.", strings.ReplaceAll(usual, "\n  ", "\n\t"))
	spelling("compact", "All on one line.", strings.ReplaceAll(strings.ReplaceAll(usual, "\n", ""), "  ", "")+"\n")
	spelling("crlf", "Line ends are CR LF.", strings.ReplaceAll(usual, "\n", "\r\n"))
	spelling("no-final-lf", "No LF at the end.", strings.TrimSuffix(usual, "\n"))
	spelling("two-final-lfs", "Two LF at the end.", usual+"\n")
	spelling("space-at-end", "A space after the last brace.", strings.TrimSuffix(usual, "\n")+" \n")
	spelling("space-before-colon", "A space before a colon.", replaced("\"index\":", "\"index\" :"))
	spelling("no-space-after-colon", "No space after a colon.", replaced("\"index\": ", "\"index\":"))
	spelling("empty-array-open", "An empty array on two lines.", edit(marshal(&pending), "\"attestations\": []", "\"attestations\": [\n  ]"))
	spelling("escape-u", "A letter as an escape.", replaced("Degrees", `\u0044egrees`))
	spelling("escape-u-lf", "A line feed as \\u000a.", replaced(`v1\ntype`, `v1\u000atype`))
	spelling("escape-slash", "An escaped slash.", replaced(`issuer uni.example/`, `issuer uni.example\/`))
	spelling("escape-dash", "The dash of a signature line as an escape.", replaced(`\n\n—`, `\n\n\u2014`))
	spelling("html-escape", "A less-than sign as an escape.", marshalEdit(`A < B`, `A \u003c B`))
	for _, c := range []struct{ name, why, file, fails string }{
		{"not-utf-8", "An overlong form.", replaced("Degrees", "D\xc1\xa5grees"), "json/utf-8"},
		{"latin-1", "A letter in ISO 8859-1.", replaced("Degrees", "D\xe9grees"), "json/utf-8"},
		{"surrogate", "A surrogate in UTF-8.", replaced("Degrees", "\xed\xa0\x80egrees"), "json/utf-8"},
		{"bom", "A byte order mark at the beginning.", "\ufeff" + usual, "json/bom"},
		{"empty", "An empty file.", "", "json/text"},
		{"cut", "The last brace is missing.", strings.TrimSuffix(usual, "}\n"), "json/text"},
		{"two-values", "A second object after the first.", usual + "{}\n", "json/text"},
		{"deep", "20,000 brackets that are opened and not closed.", strings.Repeat("[", 20000), "json/text"},
		{"deep-in-layers", "200 arrays in one another where the layers belong.", edit(marshal(&pending), "\"layers\": [", "\"layers\": ["+strings.Repeat("[", 200)+strings.Repeat("]", 200)+","), "json/members"},
		{"nul-at-end", "A zero byte after the end.", usual + "\x00", "json/text"},
		{"comma-at-end", "A comma after the last member.", replaced("\"successors\": [", "\"successors\": [,"), "json/text"},
		{"comment", "A comment.", "/* a proof */\n" + usual, "json/text"},
		{"single-quotes", "Single quotes around a name.", replaced("\"index\"", "'index'"), "json/text"},
		{"raw-lf", "A line feed in a string that is not escaped.", replaced(`v1\ntype`, "v1\ntype"), "json/text"},
		{"raw-tab", "A tab in a string.", replaced("Degrees of", "Degrees\tof"), "json/text"},
		{"leading-zero", "An integer with a leading zero.", replaced("\"position\": 1", "\"position\": 01"), "json/text"},
		{"plus", "An integer with a plus sign.", replaced("\"position\": 1", "\"position\": +1"), "json/text"},
		{"hexadecimal", "A hexadecimal integer.", replaced("\"position\": 1", "\"position\": 0x1"), "json/text"},
		{"minus", "A negative integer.", replaced("\"position\": 1", "\"position\": -1"), "json/number"},
		{"minus-zero", "A negative zero.", edit(usual, "\"index\": "+fmt.Sprint(p.Layers[0].Index), "\"index\": -0"), "json/number"},
		{"fraction", "An integer with a fraction.", replaced("\"position\": 1", "\"position\": 1.0"), "json/number"},
		{"exponent", "An integer with an exponent.", replaced("\"position\": 1", "\"position\": 1e0"), "json/number"},

		{"array", "An array in place of an object.", "[]\n", "json/members"},
		{"no-salt", "A member is missing.", replaced(",\n    "+salt, ""), "json/members"},
		{"no-successors", "The last member of the attestation is missing.", cutSuccessors(usual), "json/members"},
		{"unknown-member", "A member that is not known.", replaced("\"salt\"", "\"name\": \"x\",\n    \"salt\""), "json/members"},
		{"unknown-member-above", "A member that is not known beside format.", replaced("  \"document\"", "  \"network\": \"mainnet\",\n  \"document\""), "json/members"},
		{"capital-member", "A member with a capital letter.", replaced("\"index\"", "\"Index\""), "json/members"},
		{"index-string", "A string in place of an integer.", replaced("\"position\": 1", "\"position\": \"1\""), "json/members"},
		{"position-null", "null in place of an integer.", replaced("\"position\": 1", "\"position\": null"), "json/members"},
		{"position-true", "true in place of an integer.", replaced("\"position\": 1", "\"position\": true"), "json/members"},
		{"path-null", "null in place of an empty array.", edit(marshal(issue(contents(1), 0, uniStatement(), dean)), "\"path\": []", "\"path\": null"), "json/members"},
		{"attestations-null", "null in place of no attestation.", edit(marshal(&pending), "\"attestations\": []", "\"attestations\": null"), "json/members"},
		{"attestations-object", "An object in place of an array.", edit(marshal(&pending), "\"attestations\": []", "\"attestations\": {}"), "json/members"},
		{"type-number", "A number as the type of the attestation.", replaced("\"type\": \"bitcoin\"", "\"type\": 1"), "json/members"},

		{"format-pack", "The format of a pack.", replaced("gradseal-proof/1", "gradseal-pack/1"), "proof/format"},
		{"format-capital", "The format with a capital letter.", replaced("gradseal-proof/1", "Gradseal-proof/1"), "proof/format"},
		{"newer-format", "A newer format.", replaced("gradseal-proof/1", "gradseal-proof/2"), "proof/newer"},
		{"newer-format-alone", "A newer format with members of its own, on one line.", "{\"format\": \"gradseal-proof/12\", \"more\": [null, 1.5]}", "proof/newer"},
		{"newer-format-without-number", "A format that ends in its slash.", replaced("gradseal-proof/1", "gradseal-proof/"), "proof/newer"},
		{"newer-format-longer", "A format of which version 1 is the beginning.", replaced("gradseal-proof/1", "gradseal-proof/1.1"), "proof/newer"},
		{"newer-attestation", "An attestation of a type that is not known.",
			edit(marshal(&pending), "\"attestations\": []", "\"attestations\": [\n    {\n      \"type\": \"opentimestamps/2\",\n      \"timestamp\": \"00\"\n    }\n  ]"), "proof/newer"},
		{"newer-beside-bitcoin", "A Bitcoin attestation and one of a type that is not known.",
			replaced("  \"attestations\": [\n", "  \"attestations\": [\n    {\n      \"type\": \"opentimestamps/2\"\n    },\n"), "proof/newer"},
		{"newer-beside-timestamp", "An OpenTimestamps attestation and one of which the type has a capital letter more.",
			withAttestations(p, stampJSON(usualTimestamp()), edit(stampJSON("x"), "opentimestamps", "openTimestamps")), "proof/newer"},
		{"newer-statement", "A statement of version 2, with lines of its own.", withStatement(p, signed("gradseal statement v2\nanything\n", dean)), "proof/newer"},
		{"newest-statement", "A statement of the largest version.", withStatement(p, signed("gradseal statement v9007199254740991\n", dean)), "proof/newer"},
		{"newer-statement-16384-bytes", "A statement of version 2 that has as many bytes as it may have.", withStatement(p, newerStatement(16384)), "proof/newer"},
		{"newer-statement-16385-bytes", "A statement of version 2 of one byte more.", withStatement(p, newerStatement(16385)), "note/size"},
		{"statement-2a", "A letter after a version of 2.", withStatement(p, signed("gradseal statement v2a\n", dean)), "statement/format"},
		{"statement-2-space", "A space after a version of 2.", withStatement(p, signed("gradseal statement v2 \n", dean)), "statement/format"},
		{"statement-2-53", "A statement of version 2^53.", withStatement(p, signed("gradseal statement v9007199254740992\n", dean)), "statement/format"},
		{"statement-0", "A statement of version 0.", withStatement(p, signed("gradseal statement v0\n", dean)), "statement/format"},

		{"no-layer", "No layer.", edit(usual, between(usual, "\"layers\": [", "  ],\n  \"att"), "\"layers\": []"), "proof/layers"},
		{"path-33", "An audit path of 33 hashes.", withPath(p, 33), "proof/path"},
		{"index-2-32", "An index of 2^32.", replaced("\"index\": "+fmt.Sprint(p.Layers[0].Index), "\"index\": 4294967296"), "proof/index"},
		{"index-2-53", "An index of 2^53 + 1, which not every JSON reader keeps.", replaced("\"index\": "+fmt.Sprint(p.Layers[0].Index), "\"index\": 9007199254740993"), "proof/index"},
		{"index-2-64", "An index of 2^64, which 64 bits cut to 0.", replaced("\"index\": "+fmt.Sprint(p.Layers[0].Index), "\"index\": 18446744073709551616"), "proof/index"},
		{"position-2-32", "A position of 2^32 + 1, which 32 bits cut to 1.", replaced("\"position\": 1", "\"position\": 4294967297"), "proof/position"},
		{"height-2-32", "A height of 2^32.", replaced("\"height\": 924020", "\"height\": 4294967296"), "proof/height"},
		{"two-attestations", "Two Bitcoin attestations.", twoAttestations(usual), "proof/attestations"},
		{"type-empty", "An attestation with an empty type.", replaced("\"type\": \"bitcoin\"", "\"type\": \"\""), "proof/type"},

		{"sha256-upper-case", "The digest in upper case.", upper(usual, hex.EncodeToString(p.Digest[:])), "proof/hex"},
		{"sha256-63-digits", "A digit of the digest is missing.", replaced("\"sha256\": \""+hex.EncodeToString(p.Digest[:1]), "\"sha256\": \""+hex.EncodeToString(p.Digest[:1])[1:]), "proof/hex"},
		{"salt-31-bytes", "A salt of 31 bytes.", replaced("\"salt\": \""+hex.EncodeToString(p.Salt[:1]), "\"salt\": \""), "proof/hex"},
		{"salt-no-hex", "A salt with a letter that is no digit.", replaced("\"salt\": \""+hex.EncodeToString(p.Salt[:1]), "\"salt\": \"0x"), "proof/hex"},
		{"path-upper-case", "A hash of the audit path in upper case.", upper(usual, p.Layers[0].Path[0].String()), "proof/hex"},
		{"path-33-bytes", "A hash of the audit path of 33 bytes.", replaced(p.Layers[0].Path[0].String(), p.Layers[0].Path[0].String()+"00"), "proof/hex"},
		{"transaction-64-bytes", "A transaction of 64 bytes.", withTransaction(p, withOutputs(output(0, make([]byte, 4))).bytes()), "proof/hex"},
		{"transaction-4001-bytes", "A transaction of 4,001 bytes.", withTransaction(p, sized(lastRoot(p), 4001).bytes()), "proof/hex"},
		{"transaction-upper-case", "The transaction in upper case.", upper(usual, hex.EncodeToString(p.Bitcoin.Transaction)), "proof/hex"},
		{"block-path-upper-case", "A hash of the block's path in upper case.", upper(usual, hexes(p.Bitcoin.Path)[0]), "proof/hex"},
		{"header-79-bytes", "A header of 79 bytes.", replaced("\"header\": \"00", "\"header\": \""), "proof/hex"},
		{"successor-81-bytes", "A successor of 81 bytes.", replaced(hexHeaders(p.Bitcoin.Successors)[0], hexHeaders(p.Bitcoin.Successors)[0]+"00"), "proof/hex"},
		{"25-hashes", "A block path of 25 hashes.", withBitcoin(p, func(b *proof.Bitcoin) { b.Path = make([]bitcoin.Hash, 25) }), "proof/block-path"},
		{"13-successors", "13 successors.", withBitcoin(p, func(b *proof.Bitcoin) { b.Successors = make([]bitcoin.Header, 13) }), "proof/successors"},

		{"statement-unsigned", "A statement without signature lines.", withStatement(p, statementText+"\n"), "note/signatures"},
		{"statement-size-0", "A statement of an empty tree.", withStatement(p, signed(edit(statementText, "200", "0"), dean)), "statement/size"},
		{"statement-network", "A statement for a network that there is not.", withStatement(p, signed(edit(statementText, "mainnet", "testnet5"), dean)), "statement/network"},
		{"statement-cut", "The last line feed of a statement is missing.", withStatement(p, strings.TrimSuffix(signed(statementText, dean), "\n")), "note/line-end"},
		{"status-list-as-statement", "A status list in place of a statement.", withStatement(p, signed(statusText, dean)), "statement/format"},
		{"batches-first", "The first statement is of type batches.", withStatement(p, signed(edit(statementText, "documents", "batches"), dean)), "proof/layer-type"},
	} {
		add(c.name, c.why, c.file, c.fails)
	}
	all = append(all, stampVectors(p)...)
	joinBatches(&five, allianceStatement(), secretary)
	confirmed(&five)
	add("5-layers", "Five layers.", marshal(&five), "proof/layers")
	add("4-layers", "Four layers.", fourLayers, "")
	add("documents-second", "The second of four statements is of type documents.",
		fourWith(2, func(s *issuer.Statement) { s.Type = issuer.Documents }), "proof/layer-type")
	mixed := issue(contents(3), 1, uniStatement(), dean)
	other := allianceStatement()
	other.Network = bitcoin.Regtest
	joinBatches(mixed, other, secretary)
	add("two-networks", "The second statement is for another network.", marshal(mixed), "proof/layer-network")
	add("documents-third", "The third of four statements is of type documents.",
		fourWith(3, func(s *issuer.Statement) { s.Type = issuer.Documents }), "proof/layer-type")
	add("documents-fourth", "The last of four statements is of type documents.",
		fourWith(4, func(s *issuer.Statement) { s.Type = issuer.Documents }), "proof/layer-type")
	add("network-third", "The third of four statements is for another network, the last again for that of the first.",
		fourWith(3, func(s *issuer.Statement) { s.Network = bitcoin.Regtest }), "proof/layer-network")
	add("network-fourth", "The last of four statements is for another network.",
		fourWith(4, func(s *issuer.Statement) { s.Network = bitcoin.Regtest }), "proof/layer-network")
	return all
}

// fourWith is a confirmed proof of four layers, with a change in the statement
// of layer n, from 2 to 4. It is made before the statement is signed and before
// the layer above is built, so that signatures, trees and commitment are right.
func fourWith(n int, change func(*issuer.Statement)) string {
	p := issue(contents(3), 1, uniStatement(), dean)
	for len(p.Layers) < 4 {
		joinBatches(p, allianceStatement(), secretary)
		if len(p.Layers) == n {
			layer := &p.Layers[n-1]
			s := *statementOf(layer.Signed)
			change(&s)
			layer.Signed = []byte(signed(must(s.Text()), secretary))
		}
	}
	return marshal(confirmed(p))
}

// between is the part of s from first up to the bracket with which next begins.
func between(s, first, next string) string {
	a := strings.Index(s, first)
	b := strings.Index(s, next)
	return s[a : b+len("  ]")]
}

// swap exchanges the member position and the member path that follows it.
func swap(s, position, path string) string {
	a := strings.Index(s, position)
	b := strings.Index(s, path)
	end := b + strings.Index(s[b:], "],") + 2
	return s[:a] + s[b:end] + "\n      " + strings.TrimSpace(s[a:b]) + s[end:]
}

// cutSuccessors removes the last member of the attestation.
func cutSuccessors(s string) string {
	a := strings.Index(s, ",\n      \"successors\"")
	b := strings.LastIndex(s, "\n    }\n  ]")
	return s[:a] + s[b:]
}

// twoAttestations repeats the attestation.
func twoAttestations(s string) string {
	const first = "  \"attestations\": [\n"
	a := strings.Index(s, first) + len(first)
	b := strings.LastIndex(s, "\n  ]\n}")
	return s[:b] + ",\n" + s[a:b] + s[b:]
}

func upper(s, digits string) string { return edit(s, digits, strings.ToUpper(digits)) }

// marshalEdit is a pending proof with a title, in another spelling.
func marshalEdit(title, spelling string) string {
	s := uniStatement()
	s.Title = title
	return edit(marshal(issue(contents(1), 0, s, dean)), title, spelling)
}

// newerStatement is a statement of version 2 of so many bytes.
func newerStatement(size int) string {
	const text = "gradseal statement v2\n"
	line := strings.Repeat("a", size-len(signed(text, dean))-1)
	return signed(text+line+"\n", dean)
}

// withStatement is the proof with other bytes as its statement.
func withStatement(p *proof.Proof, statement string) string {
	q := *p
	q.Layers = slices.Clone(p.Layers)
	q.Layers[0].Signed = []byte(statement)
	return marshal(&q)
}

func withPath(p *proof.Proof, n int) string {
	q := *p
	q.Layers = slices.Clone(p.Layers)
	q.Layers[0].Path = siblings(n)
	return marshal(&q)
}

func withTransaction(p *proof.Proof, raw []byte) string {
	return withBitcoin(p, func(b *proof.Bitcoin) { b.Transaction = raw })
}

func withBitcoin(p *proof.Proof, change func(*proof.Bitcoin)) string {
	q, b := *p, *p.Bitcoin
	change(&b)
	q.Bitcoin = &b
	return marshal(&q)
}

// largestProofs are a proof of exactly 65,536 bytes, at all its limits, and one
// of a byte more.
func largestProofs() (string, string) {
	p := issue(contents(1), 0, uniStatement(), dean)
	for range 3 {
		p.Layers = append(p.Layers, place([][]byte{mustHex(rootHex)}, 0, allianceStatement(), secretary))
	}
	for i := range p.Layers {
		p.Layers[i].Index, p.Layers[i].Path = 1<<32-1, siblings(32)
	}
	h := mine(sum("block before"), sum("merkle root"), blockTime.Unix())
	p.Bitcoin = &proof.Bitcoin{Transaction: sized(sum("batch root"), 4000).bytes(), Position: 1<<32 - 1, Header: h, Height: 1<<32 - 1}
	for _, s := range siblings(24) {
		p.Bitcoin.Path = append(p.Bitcoin.Path, bitcoin.Hash(s))
	}
	for range 12 {
		h = mine(h.Hash(), sum("next"), blockTime.Unix())
		p.Bitcoin.Successors = append(p.Bitcoin.Successors, h)
	}
	// Signature lines of nobody fill the rest. A line costs a byte more in JSON
	// than in the note, for its line feed.
	for i := 0; ; i++ {
		layer := &p.Layers[i%4]
		left := 65536 - len(marshal(p))
		if left <= 900 {
			layer.Signed = append(layer.Signed, fillTo(left)...)
			large := marshal(p)
			return large, edit(large, "n AQEB", "nn AQEB")
		}
		layer.Signed = append(layer.Signed, sigLine(fmt.Sprintf("filler%d", i), uint32(i), make([]byte, 512))...)
	}
}

// fillTo is a signature line that takes so many bytes in JSON, under a name of
// few letters n and with the key id 01010101.
func fillTo(left int) string {
	signature := make([]byte, 5)
	size := func() int { return len(sigLine("", 0, signature)) + len("\\n") - len("\n") }
	for size()+4 < left {
		signature = append(signature, 0, 0, 0)
	}
	return sigLine(strings.Repeat("n", left-size()), 0x01010101, signature)
}
