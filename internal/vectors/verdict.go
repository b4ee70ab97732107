package main

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
)

type (
	verdictVector struct {
		head
		documentInput
		proofInput
		Issuers       []string      `json:"issuers"`
		Status        []statusInput `json:"status"`
		Chain         *chainInput   `json:"chain"`
		Policy        policyInput   `json:"policy"`
		Verdict       string        `json:"verdict"`
		Checks        checks        `json:"checks"`
		NoLaterThan   string        `json:"no_later_than"`
		NoEarlierThan string        `json:"no_earlier_than"`
		Witness       string        `json:"witness"`
		WorkOnly      bool          `json:"work_only"`
		Cause         string        `json:"cause,omitempty"`
		Fails         string        `json:"fails"`
	}
	// paperVector has the compact proof in place of document and proof.
	paperVector struct {
		verdictVector
		Compact string `json:"compact"`
	}
	statusInput struct {
		List   string `json:"list"`
		Forked bool   `json:"forked"`
	}
	chainInput struct {
		FirstHeight uint32   `json:"first_height"`
		Headers     []string `json:"headers"`
	}
	policyInput struct {
		Network            string          `json:"network"`
		Confirmations      uint32          `json:"confirmations"`
		AllowUnknownStatus bool            `json:"allow_unknown_status"`
		CarriedWork        *yardstickInput `json:"carried_work"`
		Now                string          `json:"now"`
	}
	yardstickInput struct {
		Bits string `json:"bits"`
		Time string `json:"time"`
	}
	checks struct {
		Document  string `json:"document"`
		Inclusion string `json:"inclusion"`
		Issuer    string `json:"issuer"`
		Anchor    string `json:"anchor"`
		Block     string `json:"block"`
		Status    string `json:"status"`
	}
)

const (
	firstHeight  = 924017
	anchorHeight = 924020
	day          = 24 * time.Hour
)

// scene is everything that a verdict is made from. A vector is the usual scene,
// which is VALID to the last detail, with one thing changed: before it is made,
// or after.
type scene struct {
	// What it is made from.
	docs      []content // of the batch; 4 is the one that is judged
	statement issuer.Statement
	signers   []officer
	extra     func(text string) string // more signature lines
	outer     int                      // layers above the first
	set       string                   // the lines of the key set
	tx        func(root [32]byte) []byte
	confirmed uint32 // confirmations of the anchor's block in the chain

	// What is made.
	document string
	p        *proof.Proof
	file     *string // nil: marshalled from p
	noProof  bool
	issuers  []string
	list     *issuer.StatusList
	listBy   []officer
	rawList  string // in place of list
	forked   bool
	noList   bool
	before   []bitcoin.Header // of the chain, below the anchor's block
	after    []bitcoin.Header
	chain    *chainInput
	policy   policyInput
}

func newScene() *scene {
	s := &scene{
		docs:      contents(9),
		statement: uniStatement(),
		signers:   []officer{dean, registrar},
		extra:     func(string) string { return "" },
		set:       set(year2026, "-", 2, dean, registrar, spare),
		tx:        func(root [32]byte) []byte { return usualTx(root).bytes() },
		confirmed: 3,
		listBy:    []officer{dean, registrar},
		policy:    policyInput{Network: "mainnet", Confirmations: 3, Now: "2026-11-22T15:00:00Z"},
	}
	previous := bitcoin.Hash(sum("the block below the first"))
	for h := firstHeight; h < anchorHeight; h++ {
		s.before = append(s.before, mine(previous, sum("block %d", h), blockTime.Unix()+600*int64(h-anchorHeight)))
		previous = s.before[len(s.before)-1].Hash()
	}
	s.statement.After = &issuer.After{Height: anchorHeight - 2, Hash: s.before[len(s.before)-2].Hash()}
	return s
}

// make fills in what follows from the first fields.
func (s *scene) make() {
	s.document = s.docs[4].data
	s.p = issue(s.docs, 4, s.statement, s.signers...)
	s.p.Layers[0].Signed = append(s.p.Layers[0].Signed, s.extra(textOf(s.p.Layers[0].Signed))...)
	outer := allianceStatement()
	outer.Network = s.statement.Network
	for range s.outer {
		joinBatches(s.p, outer, secretary)
	}
	file := issuerHead + s.set
	s.issuers = []string{signed(file, dean, registrar, spare)}
	s.list = &issuer.StatusList{Issuer: uniID, Network: s.statement.Network, Sequence: 3,
		AsOf: blockTime.Add(time.Hour), Next: blockTime.Add(90 * day), Batches: [][32]byte{rootOf(s.p.Layers[0])}}
	s.anchor(s.tx(lastRoot(s.p)))
}

// anchor puts the transaction into a block of three.
func (s *scene) anchor(raw []byte) {
	block := []bitcoin.Hash{sum("coinbase"), hashTwice(raw), sum("another")}
	s.p.Bitcoin = &proof.Bitcoin{Transaction: raw, Position: 1, Path: must(bitcoin.InclusionPath(block, 1)), Height: anchorHeight, Successors: []bitcoin.Header{}}
	s.setRoot(bitcoin.MerkleRoot(block))
}

// setRoot mines the anchor's block with a Merkle root, and those above it.
func (s *scene) setRoot(root bitcoin.Hash) {
	s.setHeader(mine(s.before[len(s.before)-1].Hash(), root, blockTime.Unix()))
}

// setHeader gives proof and chain the header, and mines those above it.
func (s *scene) setHeader(h bitcoin.Header) {
	s.p.Bitcoin.Header = h
	s.after = nil
	for i := range int64(s.confirmed) - 1 {
		s.after = append(s.after, mine(h.Hash(), sum("block %d", anchorHeight+1+i), blockTime.Unix()+600*(i+1)))
		h = s.after[len(s.after)-1]
	}
	s.chain = &chainInput{firstHeight, hexHeaders(slices.Concat(s.before, []bitcoin.Header{s.p.Bitcoin.Header}, s.after))}
}

// withdraw lists the document, or the batch, as withdrawn.
func (s *scene) withdraw() {
	s.list.AddWithdrawn(issuer.Withdrawal{ID: issuer.WithdrawalID(s.p.Salt, s.p.Digest), Date: "2026-11-22", Reason: issuer.ReasonRescinded})
}

func (s *scene) withdrawBatch(root [32]byte) {
	s.list.AddWithdrawnBatch(issuer.Withdrawal{ID: root, Date: "2026-11-22", Reason: issuer.ReasonKeyCompromise})
}

// vector writes the scene down.
func (s *scene) vector() verdictVector {
	v := verdictVector{documentInput: documentOf(s.document), Issuers: s.issuers, Status: []statusInput{}, Chain: s.chain, Policy: s.policy}
	if s.file != nil {
		v.proofInput = proofOf(*s.file)
	} else if !s.noProof {
		v.proofInput = proofOf(marshal(s.p))
	}
	list := s.rawList
	if list == "" {
		list = signed(must(s.list.Text()), s.listBy...)
	}
	if !s.noList {
		v.Status = append(v.Status, statusInput{list, s.forked})
	}
	return v
}

// edited is the proof file with a change in its text.
func (s *scene) edited(old, new string) {
	file := edit(marshal(s.p), old, new)
	s.file = &file
}

// embed puts the proof into the document.
func (s *scene) embed() {
	s.document += trailer(marshal(s.p), "9")
	s.noProof = true
}

// The answers that a verdict is made from, besides ok.
type answers struct{ document, inclusion, issuer, anchor, block, status string }

func (a answers) checks() checks {
	or := func(s string) string {
		if s == "" {
			return "ok"
		}
		return s
	}
	return checks{or(a.document), or(a.inclusion), or(a.issuer), or(a.anchor), or(a.block), or(a.status)}
}

const (
	isFailed  = "failed"
	isUnknown = "unknown"
)

var nothingJudged = answers{isUnknown, isUnknown, isUnknown, isUnknown, isUnknown, isUnknown}

// verdictCase is a vector before it is made. early changes what the scene is
// made from, late what was made.
type verdictCase struct {
	name, why   string
	early, late func(*scene)
	verdict     string
	not         answers
	fails       string
	cause       string
	day         string // that V6 shows, where it is not the usual one
	noEarliest  bool   // V6 shows no block before the statement
	workOnly    bool
	witness     bool // V6 shows the block below the anchor's
}

func verdictVectors() []verdictVector {
	var all []verdictVector
	cases := slices.Concat(validCases(), readCases(), evidenceCases(), anchorCases(), blockCases(), issuerCases(), statusCases(), carriedCases(), stampCases())
	for _, c := range cases {
		all = append(all, c.vector("verdict-"))
	}
	return all
}

// paperVectors are proofs without a document, as they are on paper.
func paperVectors() []paperVector {
	var all []paperVector
	for _, c := range paperCases() {
		v := paperVector{verdictVector: c.vector("paper-")}
		v.Compact = hex.EncodeToString([]byte(compactOf(must(proof.Parse([]byte(*v.Proof))))))
		v.documentInput, v.proofInput = documentInput{}, proofInput{}
		all = append(all, v)
	}
	return all
}

// vector makes the vector, of which the name begins with its kind.
func (c verdictCase) vector(kind string) verdictVector {
	s := newScene()
	if c.early != nil {
		c.early(s)
	}
	s.make()
	if c.late != nil {
		c.late(s)
	}
	v := s.vector()
	v.head = head{kind + c.name, c.why}
	v.Verdict, v.Checks, v.Fails, v.Cause = c.verdict, c.not.checks(), c.fails, c.cause
	v.WorkOnly = c.workOnly
	if c.witness {
		v.Witness = s.before[len(s.before)-1].Hash().String()
	}
	if v.Checks.Anchor == "ok" && v.Checks.Block == "ok" && !c.workOnly {
		v.NoLaterThan = cmp.Or(c.day, "2026-11-22")
		if !c.noEarliest {
			v.NoEarlierThan = s.before[len(s.before)-2].Hash().String()
		}
	}
	return v
}

func validCases() []verdictCase {
	return []verdictCase{
		{name: "valid", why: "All six answers are ok.", verdict: "valid"},
		{name: "valid-four-layers", why: "Four layers; the outer ones are signed by somebody whom nobody trusts.",
			early: func(s *scene) { s.outer = 3 }, verdict: "valid"},
		{name: "valid-inside", why: "The proof is inside the document.", late: (*scene).embed, verdict: "valid"},
		{name: "valid-inside-and-beside", why: "The proof is inside the document and beside it: the document is the original.",
			late: func(s *scene) { s.embed(); s.noProof = false }, verdict: "valid"},
		{name: "valid-whole-file", why: "The proof beside the document is for the whole file, trailer included.",
			early: func(s *scene) { s.docs[4].data += trailer("what is in it counts for nothing", "9") }, verdict: "valid"},
		{name: "valid-regtest", why: "A test network that the policy names, with one confirmation.", early: func(s *scene) {
			s.statement.Network, s.confirmed = bitcoin.Regtest, 1
			s.policy.Network, s.policy.Confirmations = "regtest", 1
		}, verdict: "valid"},
		{name: "valid-no-after", why: "A statement without the lines that are optional.", early: func(s *scene) {
			s.statement.After, s.statement.Title = nil, ""
		}, verdict: "valid", noEarliest: true},
		{name: "after-not-in-chain", why: "The block of the after line is not in the chain: it is not shown, and that is all.", early: func(s *scene) {
			s.statement.After.Hash = sum("another block")
		}, verdict: "valid", noEarliest: true},
		{name: "after-at-anchor-height", why: "The after line names the height of the anchor's block: it is not shown.", early: func(s *scene) {
			s.statement.After.Height = anchorHeight
		}, verdict: "valid", noEarliest: true},
		{name: "after-above-anchor", why: "The block of the after line is in the chain, above that of the anchor: it is not shown.", early: func(s *scene) {
			s.statement.After = &issuer.After{Height: anchorHeight + 1, Hash: laterHeader().Hash()}
		}, late: func(s *scene) {
			// A chain is believed as it is: that this header follows nothing
			// is not for a verifier to see. No true chain has this case.
			s.chain.Headers[anchorHeight+1-firstHeight] = hexHeaders([]bitcoin.Header{laterHeader()})[0]
		}, verdict: "valid", noEarliest: true},
		{name: "after-below-chain", why: "The block of the after line is below what is at hand of the chain.", early: func(s *scene) {
			s.statement.After.Height = firstHeight - 1
		}, verdict: "valid", noEarliest: true},
		{name: "day-of-two-hours-later", why: "Two hours after the time of the block it is the next day.",
			late: func(s *scene) { s.setTime(time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)) }, verdict: "valid", day: "2026-11-23"},
		{name: "day-a-second-earlier", why: "The block is a second older, and the day the one before.",
			late: func(s *scene) { s.setTime(time.Date(2026, 11, 22, 21, 59, 59, 0, time.UTC)) }, verdict: "valid"},
		{name: "strangers-signature-besides", why: "A signature line by somebody else under another name is passed over.", early: func(s *scene) {
			s.extra = func(text string) string { return stranger.as("other.example").sign(text) }
		}, verdict: "valid"},
		{name: "status-unknown-accepted", why: "No status list, and a policy that accepts it.", late: func(s *scene) {
			s.noList, s.policy.AllowUnknownStatus = true, true
		}, verdict: "valid", not: answers{status: isUnknown}},
		{name: "status-past-accepted", why: "A list that is past its next, and a policy that accepts it.", late: func(s *scene) {
			s.policy.Now, s.policy.AllowUnknownStatus = "2027-03-01T00:00:00Z", true
		}, verdict: "valid", not: answers{status: isUnknown}},
		{name: "status-unsigned-accepted", why: "A list that one of two officers signed, and a policy that accepts it.", late: func(s *scene) {
			s.listBy, s.policy.AllowUnknownStatus = []officer{dean}, true
		}, verdict: "valid", not: answers{status: isUnknown}},
		{name: "status-older-accepted", why: "A list that is older than the batch, and a policy that accepts it.", late: func(s *scene) {
			s.list.Batches, s.list.AsOf = nil, blockTime.Add(-time.Second)
			s.policy.AllowUnknownStatus = true
		}, verdict: "valid", not: answers{status: isUnknown}},
		{name: "withdrawn-leaf-hash", why: "The list withdraws the leaf hash of the document, which is no withdrawal id.", late: func(s *scene) {
			s.list.AddWithdrawn(issuer.Withdrawal{ID: leafOf(s.p), Date: "2026-11-22", Reason: issuer.ReasonRescinded})
		}, verdict: "valid"},
		{name: "withdrawn-outer-batch", why: "The list withdraws the batch of the second layer, which is not the document's.", early: func(s *scene) { s.outer = 1 },
			late: func(s *scene) { s.withdrawBatch(lastRoot(s.p)) }, verdict: "valid"},
		{name: "next-never", why: "The last list of an institution that closed, years later.", late: func(s *scene) {
			s.list.Next, s.policy.Now = time.Time{}, "2050-01-01T00:00:00Z"
		}, verdict: "valid"},
		{name: "next-is-now", why: "next is now, to the second.", late: func(s *scene) {
			s.list.Next, s.policy.Now = blockTime.Add(day), "2026-11-23T10:00:00Z"
		}, verdict: "valid"},
	}
}

// laterHeader is a header that is known before there is an anchor.
func laterHeader() bitcoin.Header {
	return mine(sum("another block before"), sum("a later block"), blockTime.Unix()+600)
}

// leafOf is the leaf hash of the document.
func leafOf(p *proof.Proof) [32]byte { return sumBytes(slices.Concat([]byte{0}, p.Entry())) }

// setTime mines the anchor's block with another time.
func (s *scene) setTime(t time.Time) {
	h := s.p.Bitcoin.Header
	s.setHeader(mine(h.Previous(), h.MerkleRoot(), t.Unix()))
	s.policy.Now = t.Add(3 * time.Hour).Format(time.RFC3339)
}

// paperCases are those of a proof without its document.
func paperCases() []verdictCase {
	return []verdictCase{
		{name: "sound", why: "A sound proof, and no document.",
			verdict: "cannot-tell", not: answers{document: isUnknown}, fails: "document/no-document"},
		{name: "pending", why: "A pending proof, and no document: time alone does not bring it.", late: func(s *scene) { s.p.Bitcoin = nil },
			verdict: "cannot-tell", not: answers{document: isUnknown, anchor: isUnknown, block: isUnknown}, fails: "document/no-document"},
		{name: "withdrawn", why: "A proof of a document that was withdrawn, and no document.", late: (*scene).withdraw,
			verdict: "withdrawn", not: answers{document: isUnknown, status: isFailed}, fails: "status/document-withdrawn"},
		{name: "other-salt", why: "A proof that leads to another root, and no document.", late: func(s *scene) { s.p.Salt[0] ^= 1 },
			verdict: "invalid", not: answers{document: isUnknown, inclusion: isFailed, anchor: isUnknown}, fails: "inclusion/not-in-tree"},
	}
}

func readCases() []verdictCase {
	read := func(name, why, verdict, fails, cause string, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, late: late, verdict: verdict, not: nothingJudged, fails: fails, cause: cause}
	}
	return []verdictCase{
		read("no-proof", "No proof beside the document or in it.", "cannot-tell", "read/no-proof", "", func(s *scene) { s.noProof = true }),
		read("other-end", "A proof inside the document, and a byte after it.", "invalid", "read/broken-trailer", "trailer/form", func(s *scene) { s.embed(); s.document += "\n" }),
		read("incremental-update", "An incremental update after the proof in the document.", "invalid", "read/broken-trailer", "trailer/form", func(s *scene) {
			s.embed()
			s.document += "5 0 obj\n(GPA 4.00)\nendobj\nstartxref\n9\n%%EOF\n"
		}),
		read("older-startxref", "The trailer names an older revision of the document.", "invalid", "read/broken-trailer", "trailer/digits", func(s *scene) {
			s.document += trailer(marshal(s.p), "8")
			s.noProof = true
		}),
		read("damaged-inside", "What is inside the document is no proof.", "invalid", "read/malformed-proof", "json/text", func(s *scene) {
			s.document += trailer("{", "9")
			s.noProof = true
		}),
		read("damaged", "The proof is cut off.", "invalid", "read/malformed-proof", "json/text", func(s *scene) {
			file := strings.TrimSuffix(marshal(s.p), "}\n")
			s.file = &file
		}),
		read("respelled", "The proof was written by another program, with a space more.", "invalid", "read/malformed-proof", "json/spelling",
			func(s *scene) { s.edited("\"index\": ", "\"index\":  ") }),
		read("network-not-known", "A statement for a network that there is not.", "invalid", "read/malformed-proof", "statement/network", func(s *scene) {
			s.resign("network mainnet", "network testnet5")
		}),
		read("newer-format", "A newer format.", "cannot-tell", "read/newer-proof", "proof/newer", func(s *scene) { s.edited("gradseal-proof/1", "gradseal-proof/2") }),
		read("newer-attestation", "An attestation of a type that is not known beside the usual one.", "cannot-tell", "read/newer-proof", "proof/newer",
			func(s *scene) {
				s.edited("  \"attestations\": [\n", "  \"attestations\": [\n    {\n      \"type\": \"opentimestamps/2\"\n    },\n")
			}),
		read("newer-statement", "A statement of version 2.", "cannot-tell", "read/newer-proof", "proof/newer", func(s *scene) { s.resign("statement v1", "statement v2") }),
	}
}

// resign changes the text of layer 1 and anchors what that gives.
func (s *scene) resign(old, new string) {
	l := &s.p.Layers[0]
	root := statementOf(l.Signed).Root
	l.Signed = []byte(signed(edit(textOf(l.Signed), old, new), s.signers...))
	batch := proof.BatchRoot(l.Signed, root)
	s.list.Batches = [][32]byte{batch}
	s.anchor(s.tx(batch))
}

// textOf is the text of a note.
func textOf(note []byte) string {
	text, _, _ := strings.Cut(string(note), "\n\n")
	return text + "\n"
}

func evidenceCases() []verdictCase {
	lost := answers{inclusion: isFailed, anchor: isUnknown}
	tree := func(name, why, cause string, early, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, early: early, late: late, verdict: "invalid", not: lost, fails: "inclusion/not-in-tree", cause: cause}
	}
	return []verdictCase{
		{name: "document-changed", why: "A byte of the document is another.", late: func(s *scene) { s.document = edit(s.document, "transcript 4", "transcript 5") },
			verdict: "invalid", not: answers{document: isFailed}, fails: "document/digest-differs"},
		{name: "document-byte-more", why: "A line feed after the document.", late: func(s *scene) { s.document += "\n" },
			verdict: "invalid", not: answers{document: isFailed}, fails: "document/digest-differs"},
		{name: "document-is-not-empty", why: "A proof of an empty document, beside one that carries no proof.", early: func(s *scene) { s.docs[4].data = "" },
			late:    func(s *scene) { s.document = s.docs[3].data },
			verdict: "invalid", not: answers{document: isFailed}, fails: "document/digest-differs"},
		{name: "document-updated", why: "An incremental update of a document with its proof beside it.", late: func(s *scene) {
			s.document += "5 0 obj\n(GPA 4.00)\nendobj\nstartxref\n9\n%%EOF\n"
		}, verdict: "invalid", not: answers{document: isFailed}, fails: "document/digest-differs"},
		{name: "document-updated-trailer", why: "An incremental update after the proof in the document, and the proof beside it: the document is the whole file.",
			late: func(s *scene) {
				s.embed()
				s.document += "5 0 obj\n(GPA 4.00)\nendobj\nstartxref\n9\n%%EOF\n"
				s.noProof = false
			}, verdict: "invalid", not: answers{document: isFailed}, fails: "document/digest-differs"},
		{name: "document-stripped-twice", why: "Two trailers: the second is stripped, and the proof in it is for what is left without the first.",
			late: func(s *scene) {
				file := marshal(s.p)
				s.document += trailer(file, "9") + trailer(file, "9")
				s.noProof = true
			}, verdict: "invalid", not: answers{document: isFailed}, fails: "document/digest-differs"},
		{name: "document-of-classmate", why: "The proof of another document of the batch.", late: func(s *scene) { s.document = s.docs[5].data },
			verdict: "invalid", not: answers{document: isFailed}, fails: "document/digest-differs"},

		tree("salt-changed", "Another salt.", "tree/root", nil, func(s *scene) { s.p.Salt[0] ^= 1 }),
		tree("path-changed", "A bit of the audit path.", "tree/root", nil, func(s *scene) { s.p.Layers[0].Path[1][7] ^= 1 }),
		tree("path-longer", "A hash more than the size in the statement asks for.", "tree/path-length", nil, func(s *scene) {
			s.p.Layers[0].Path = append(s.p.Layers[0].Path, siblings(1)...)
		}),
		tree("index-above-size", "An index above the size in the statement.", "tree/index", nil, func(s *scene) { s.p.Layers[0].Index += 16 }),
		tree("second-layer-path", "A bit of the audit path of the second layer.", "tree/root", func(s *scene) { s.outer = 1 },
			func(s *scene) { s.p.Layers[1].Path[0][7] ^= 1 }),
		tree("second-layer-of-other", "The second layer has the tree of another batch root.", "tree/root", func(s *scene) { s.outer = 1 }, func(s *scene) {
			other := *s.p
			other.Layers = slices.Clone(s.p.Layers[:1])
			other.Layers[0].Signed = append(slices.Clone(other.Layers[0].Signed), secretary.sign("x\n")...)
			joinBatches(&other, allianceStatement(), secretary)
			s.p.Layers[1] = other.Layers[1]
			s.anchor(s.tx(lastRoot(s.p)))
		}),
	}
}

func anchorCases() []verdictCase {
	pending := answers{anchor: isUnknown, block: isUnknown}
	bad := func(name, why, cause string, tx func([32]byte) []byte, late func(*scene)) verdictCase {
		c := verdictCase{name: name, why: why, late: late, verdict: "invalid", not: answers{anchor: isFailed}, fails: "anchor/bad-anchor", cause: cause}
		if tx != nil {
			c.early = func(s *scene) { s.tx = tx }
		}
		return c
	}
	return []verdictCase{
		{name: "pending", why: "A proof without attestation.", late: func(s *scene) { s.p.Bitcoin = nil },
			verdict: "pending", not: pending, fails: "anchor/no-attestation"},
		{name: "pending-no-chain", why: "A proof without attestation, and no header chain.", late: func(s *scene) { s.p.Bitcoin, s.chain = nil, nil },
			verdict: "pending", not: pending, fails: "anchor/no-attestation"},

		bad("no-commitment", "The transaction has no commitment.", "commitment/count", func([32]byte) []byte { return withOutputs(changeOutput()).bytes() }, nil),
		bad("two-commitments", "The transaction has two commitments.", "commitment/count", func(root [32]byte) []byte {
			return withOutputs(output(0, proof.Commitment(root)), output(0, proof.Commitment(sum("another")))).bytes()
		}, nil),
		bad("commitment-value", "The commitment has a value.", "commitment/value", func(root [32]byte) []byte {
			return withOutputs(output(1, proof.Commitment(root)), changeOutput()).bytes()
		}, nil),
		bad("look-alike", "The commitment stands within a larger push.", "commitment/count", func(root [32]byte) []byte {
			return withOutputs(output(0, slices.Concat([]byte{0x6a, 0x26, 0x6a, 0x24}, proof.Commitment(root)[2:])), changeOutput()).bytes()
		}, nil),
		bad("other-batch", "The transaction commits to another batch root.", "", func([32]byte) []byte { return usualTx(sum("another")).bytes() }, nil),
		bad("tree-root", "The transaction commits to the root hash of the tree, and not to the batch root.", "", nil, func(s *scene) {
			s.anchor(usualTx(statementOf(s.p.Layers[0].Signed).Root).bytes())
		}),
		bad("signature-added", "A signature line was added after the anchor was made.", "", nil, func(s *scene) {
			s.p.Layers[0].Signed = append(s.p.Layers[0].Signed, spare.sign(textOf(s.p.Layers[0].Signed))...)
			s.list.AddBatch(rootOf(s.p.Layers[0]))
		}),
		bad("signatures-reordered", "The signature lines have changed places after the anchor was made.", "", nil, func(s *scene) {
			s.p.Layers[0].Signed = []byte(signed(textOf(s.p.Layers[0].Signed), registrar, dean))
			s.list.AddBatch(rootOf(s.p.Layers[0]))
		}),
		{name: "inner-layer-anchored", why: "The transaction commits to the batch root of the first layer of two.", early: func(s *scene) { s.outer = 1 },
			late:    func(s *scene) { s.anchor(s.tx(rootOf(s.p.Layers[0]))) },
			verdict: "invalid", not: answers{anchor: isFailed}, fails: "anchor/bad-anchor"},
		bad("witness", "The transaction is serialized with its witness.", "tx/inputs", func(root [32]byte) []byte {
			raw := usualTx(root).bytes()
			return slices.Concat(raw[:4], []byte{0, 1}, raw[4:len(raw)-4], []byte{0}, raw[len(raw)-4:])
		}, nil),
		bad("bytes-left-over", "A byte after the transaction.", "tx/left-over", func(root [32]byte) []byte { return append(usualTx(root).bytes(), 0) }, nil),
		bad("compact-size", "A number of inputs that takes three bytes.", "tx/compact-size", func(root [32]byte) []byte {
			t := usualTx(root)
			t.inputs = []byte{0xfd, 1, 0}
			return t.bytes()
		}, nil),
		bad("other-block", "The header of a block without the transaction.", "path/root", nil, func(s *scene) { s.setRoot(sum("another block")) }),
		bad("other-position", "The position of another transaction.", "path/root", nil, func(s *scene) { s.p.Bitcoin.Position = 2 }),
		bad("position-too-large", "A position that the path is too short for.", "path/position", nil, func(s *scene) { s.p.Bitcoin.Position += 4 }),
		bad("phantom", "The position of a repetition.", "path/left-duplicate", nil, func(s *scene) { s.setPath(1, func(id bitcoin.Hash) []bitcoin.Hash { return []bitcoin.Hash{id} }) }),
		bad("right-duplicate", "A right sibling above a node that is paired with itself.", "path/right-duplicate", nil, func(s *scene) {
			s.setPath(0, func(id bitcoin.Hash) []bitcoin.Hash { return []bitcoin.Hash{id, sum("more")} })
		}),
		bad("64-byte-node", "An inner node with the shape of a transaction.", "path/64-byte-node", nil, func(s *scene) {
			b := txPair(2)
			s.setPath(0, func(bitcoin.Hash) []bitcoin.Hash { return []bitcoin.Hash{bitcoin.Hash(b[32:])} })
		}),
	}
}

// setPath gives the transaction a path, and the block the root to which it
// leads. The first bytes of the transaction's id are those of half a transaction:
// one in 256 is.
func (s *scene) setPath(position uint32, path func(id bitcoin.Hash) []bitcoin.Hash) {
	b := s.p.Bitcoin
	for n := byte(0); hashTwice(b.Transaction)[4] != 1; n++ {
		b.Transaction[len(b.Transaction)-4] = n
		if n == 255 {
			b.Transaction[len(b.Transaction)-3]++
		}
	}
	id := hashTwice(b.Transaction)
	b.Position, b.Path = position, path(id)
	s.setRoot(foldBlock(id, uint64(position), b.Path))
}

func blockCases() []verdictCase {
	unknown := func(name, why, fails string, early, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, early: early, late: late, verdict: "cannot-tell", not: answers{block: isUnknown}, fails: fails}
	}
	bad := func(name, why, cause string, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, late: late, verdict: "invalid", not: answers{block: isFailed}, fails: "block/bad-header", cause: cause}
	}
	few := func(name, why string, early, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, early: early, late: late, verdict: "pending", not: answers{block: isUnknown}, fails: "block/too-few-confirmations"}
	}
	return []verdictCase{
		bad("no-work", "The header does not meet its target, in the chain as well.", "header/work", func(s *scene) {
			s.setHeader(grind(s.p.Bitcoin.Header, noWork))
		}),
		bad("target-zero", "The header has a target of zero, in the chain as well.", "header/zero", func(s *scene) {
			h := s.p.Bitcoin.Header
			h[72], h[73], h[74], h[75] = 0, 0, 0, 0x20
			s.setHeader(h)
		}),
		bad("successor-without-work", "The second successor does not meet its target.", "header/work", func(s *scene) {
			s.p.Bitcoin.Successors = []bitcoin.Header{s.after[0], grind(s.after[1], noWork)}
		}),
		bad("successor-not-linked", "The first successor follows another block.", "", func(s *scene) { s.p.Bitcoin.Successors = s.after[1:2] }),
		bad("second-successor-not-linked", "The second successor does not follow the first.", "", func(s *scene) {
			stray := mine(sum("another block"), sum("block"), blockTime.Unix()+1200)
			s.p.Bitcoin.Successors = []bitcoin.Header{s.after[0], stray}
		}),
		unknown("regtest-for-mainnet", "A proof from somebody's own regtest network, for which the policy does not ask.", "block/other-network",
			func(s *scene) { s.statement.Network = bitcoin.Regtest }, nil),
		unknown("mainnet-for-regtest", "A proof for mainnet, and a policy that asks for regtest.", "block/other-network", nil,
			func(s *scene) { s.policy.Network = "regtest" }),
		unknown("testnet3-for-testnet4", "A proof for testnet3, and a policy that asks for testnet4.", "block/other-network",
			func(s *scene) { s.statement.Network = bitcoin.Testnet3; s.policy.Network = "testnet4" }, nil),
		{name: "pending-other-network", why: "A proof without attestation for a network for which the policy does not ask.",
			late:    func(s *scene) { s.p.Bitcoin = nil; s.policy.Network = "regtest" },
			verdict: "cannot-tell", not: answers{anchor: isUnknown, block: isUnknown}, fails: "block/other-network"},
		unknown("no-chain", "No header chain.", "block/no-header-chain", nil, func(s *scene) { s.chain = nil }),
		unknown("above-tip", "A height above the tip.", "block/not-in-chain", nil, func(s *scene) { s.chain.Headers = s.chain.Headers[:3] }),
		unknown("height-hint", "A height that is less by one.", "block/not-in-chain", nil, func(s *scene) { s.p.Bitcoin.Height-- }),
		unknown("own-header", "A header of the prover's own that is not in the chain.", "block/not-in-chain", nil, func(s *scene) {
			h := grind(s.p.Bitcoin.Header, func(h bitcoin.Header) bool { return hasWork(h) && h != s.p.Bitcoin.Header })
			s.p.Bitcoin.Header = h
		}),
		unknown("other-version", "A header that differs from that of the chain in its version only.", "block/not-in-chain", nil, func(s *scene) {
			h := s.p.Bitcoin.Header
			for h[0] = 1; noWork(h); h[0]++ {
			}
			s.p.Bitcoin.Header = h
		}),
		few("two-of-three", "Two confirmations of three.", func(s *scene) { s.confirmed = 2 }, nil),
		few("one-of-two", "The tip itself, where two confirmations are required.", func(s *scene) { s.confirmed = 1 }, func(s *scene) { s.policy.Confirmations = 2 }),
		{name: "four-required", why: "Three confirmations, and four required, on regtest.", early: func(s *scene) { s.statement.Network = bitcoin.Regtest },
			late:    func(s *scene) { s.policy.Network, s.policy.Confirmations = "regtest", 4 },
			verdict: "pending", not: answers{block: isUnknown}, fails: "block/too-few-confirmations"},
	}
}

func issuerCases() []verdictCase {
	// Key times: the block is of 10:00:00, and may be of 08:00:00 to 12:00:00.
	sets := func(from, until string) func(*scene) {
		return func(s *scene) { s.set = set(from, until, 2, dean, registrar, spare) }
	}
	ok := func(name, why string, early, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, early: early, late: late, verdict: "valid"}
	}
	unknown := func(name, why, reason string, early, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, early: early, late: late, verdict: "cannot-tell", not: answers{issuer: isUnknown}, fails: "issuer/" + reason}
	}
	failed := func(name, why, reason string, early, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, early: early, late: late, verdict: "invalid", not: answers{issuer: isFailed}, fails: "issuer/" + reason}
	}
	by := func(officers ...officer) func(*scene) { return func(s *scene) { s.signers = officers } }
	// The list is signed later, so that a set that ends needs one that follows.
	ends := func(until string) (func(*scene), func(*scene)) {
		return sets(year2026, until), func(s *scene) {
			s.issuers[0] = signed(issuerHead+s.set+set(until, "-", 1, deputy), deputy)
			s.listBy = []officer{deputy}
		}
	}
	endCase := func(make func(string, string, func(*scene), func(*scene)) verdictCase, name, why, until string) verdictCase {
		early, late := ends(until)
		return make(name, why, early, late)
	}
	// The file of a set without the spare officer, who signs all others.
	onlyTwo := func(s *scene) { s.issuers[0] = signed(issuerHead+s.set, dean, registrar) }
	rotatedTo := func(cut string, threshold int, officers ...officer) func(*scene) {
		return func(s *scene) {
			old := strings.Replace(s.set, " - ", " "+cut+" ", 1)
			s.issuers[0] = signed(issuerHead+old+set(cut, "-", threshold, officers...), officers...)
			s.listBy, s.policy.Now = officers, "2026-11-25T10:00:00Z"
		}
	}
	rotated := func(cut string) func(*scene) { return rotatedTo(cut, 1, deputy) }
	unclear := func(name, why string, early, late func(*scene)) verdictCase {
		return unknown(name, why, "key-time-unclear", early, late)
	}
	notInForce := func(name, why string, early, late func(*scene)) verdictCase {
		return failed(name, why, "keys-not-in-force", early, late)
	}
	return []verdictCase{
		ok("from-edge", "FROM is two hours after the time of the block.", sets("2026-11-22T12:00:00Z", "-"), nil),
		failed("before-from", "FROM is two hours and a second after the time of the block.", "keys-not-in-force", sets("2026-11-22T12:00:01Z", "-"), nil),
		endCase(ok, "until-edge", "UNTIL is two hours after the time of the block.", "2026-11-22T12:00:00Z"),
		endCase(unclear, "until-unclear", "UNTIL is a second less than two hours after the time of the block.", "2026-11-22T11:59:59Z"),
		endCase(unclear, "until-unclear-last", "UNTIL is two hours before the time of the block.", "2026-11-22T08:00:00Z"),
		endCase(notInForce, "after-until", "UNTIL is two hours and a second before the time of the block.", "2026-11-22T07:59:59Z"),
		endCase(ok, "retired-since", "The keys were in force then, and are not now.", "2026-11-22T12:30:00Z"),

		ok("two-of-two", "Both of two officers signed.", func(s *scene) { s.set = set(year2026, "-", 2, dean, registrar) }, onlyTwo),
		unknown("one-of-two-keys", "One of the two officers of the set signed.", "unknown-signer", func(s *scene) {
			s.set, s.signers = set(year2026, "-", 2, dean, registrar), []officer{registrar}
		}, onlyTwo),
		unknown("one-of-two-twice", "One of the two officers of the set signed, under two names.", "unknown-signer", func(s *scene) {
			s.set, s.signers = set(year2026, "-", 2, dean, registrar), []officer{registrar, registrar.as("other.example")}
		}, onlyTwo),
		unknown("two-of-three-needed-three", "Two of three officers signed, and all must.", "unknown-signer",
			func(s *scene) { s.set = set(year2026, "-", 3, dean, registrar, spare) }, func(s *scene) { s.listBy = []officer{dean, registrar, spare} }),

		// The keys changed at a time around that of the block.
		ok("new-keys-edge", "The new key signed, two hours before its set begins.", by(deputy), rotated("2026-11-22T12:00:00Z")),
		notInForce("new-keys-early", "The new key signed, two hours and a second before its set begins.", by(deputy), rotated("2026-11-22T12:00:01Z")),
		ok("new-keys-late", "The new key signed, two hours after its set began.", by(deputy), rotated("2026-11-22T08:00:00Z")),
		ok("both-keys-edge", "The keys changed at the time of the block, and both sets signed: the new one is in force.", by(dean, registrar, deputy), rotated("2026-11-22T10:00:00Z")),
		unclear("old-keys-at-rotation", "The keys changed at the time of the block, and the old ones signed.", nil, rotated("2026-11-22T10:00:00Z")),
		notInForce("stolen-since-month", "A key was stolen, and the set was closed as of a month before the block.", nil, rotated("2026-10-22T10:00:00Z")),
		ok("stolen-since-day-after", "A key was stolen, and the set was closed as of a day after the block.", nil, rotated("2026-11-23T10:00:00Z")),
		ok("key-that-stays", "The set was closed before the block, and one of its keys, which signed, stands in the next one, alone.", nil, rotatedTo("2026-10-22T10:00:00Z", 1, registrar)),
		unknown("one-key-of-each-set", "A key of the old set signed, and one of the new set, of which two must.", "unknown-signer", by(dean, deputy),
			rotatedTo("2026-10-22T10:00:00Z", 2, deputy, stranger)),
		notInForce("in-the-gap", "The old set was closed before the block, and none has begun since.", nil, func(s *scene) {
			s.issuers[0] = signed(issuerHead+strings.Replace(s.set, " - ", " 2026-10-22T10:00:00Z ", 1)+set("2026-11-22T13:00:00Z", "-", 1, deputy), deputy)
			s.listBy = []officer{deputy}
		}),

		{name: "issuer-not-known", why: "The trust store is empty.", late: func(s *scene) { s.issuers = []string{} },
			verdict: "cannot-tell", not: answers{issuer: isUnknown, status: isUnknown}, fails: "issuer/unknown-issuer"},
		{name: "issuer-id-prefix", why: "The trust store has an issuer of which the id begins as that of the statement.",
			early: func(s *scene) { s.statement.Issuer = uniID + "/2" }, verdict: "cannot-tell",
			not: answers{issuer: isUnknown, status: isUnknown}, fails: "issuer/unknown-issuer"},
		unknown("stranger", "Strangers who use the issuer's id.", "unknown-signer", by(stranger, stranger2), nil),
		unknown("one-officer", "One of two officers signed.", "unknown-signer", by(dean), nil),
		unknown("one-key-two-names", "One key signed under two names.", "unknown-signer", by(dean, dean.as("uni.example")), nil),
		unknown("alliance-signs", "Officers of another issuer, whom the verifier knows, signed.", "unknown-signer",
			by(secretary, secretary.as(uniID)), func(s *scene) {
				other := strings.NewReplacer(uniID, allianceID, "University", "Alliance").Replace(issuerHead)
				s.issuers = append(s.issuers, signed(other+set(year2026, "-", 1, secretary), secretary))
			}),
		unknown("outer-signatures", "The issuer's officers signed the outer layer, strangers the document's.", "unknown-signer",
			func(s *scene) { s.signers = []officer{stranger} }, func(s *scene) {
				joinBatches(s.p, issuer.Statement{Issuer: uniID, Network: bitcoin.Mainnet, Issued: issued}, dean, registrar)
				s.anchor(s.tx(lastRoot(s.p)))
			}),
		failed("wrong-signature", "A wrong signature by a third officer, besides enough good ones.", "bad-signature", func(s *scene) {
			s.extra = func(string) string { return spare.line(make([]byte, 64)) }
		}, nil),
		failed("statement-changed", "The title was changed after the statement was signed.", "bad-signature", nil, func(s *scene) {
			s.p.Layers[0].Signed = []byte(edit(string(s.p.Layers[0].Signed), "summer", "winter"))
			s.list.AddBatch(rootOf(s.p.Layers[0]))
			s.anchor(s.tx(lastRoot(s.p)))
		}),
		{name: "pending-keys-ended", why: "Keys that are not in force now, in a proof without a block: they may have been.", early: sets(year2026, "2026-11-22T12:30:00Z"),
			late: func(s *scene) {
				_, late := ends("2026-11-22T12:30:00Z")
				late(s)
				s.p.Bitcoin = nil
			}, verdict: "cannot-tell", not: answers{issuer: isUnknown, anchor: isUnknown, block: isUnknown}, fails: "issuer/key-time-unclear"},
		{name: "pending-present-is-tip", why: "The tip is a day later than the clock, and the keys have ended by then.", early: sets(year2026, "2026-11-23T12:00:00Z"),
			late: func(s *scene) {
				_, late := ends("2026-11-23T12:00:00Z")
				late(s)
				tip := mine(s.after[len(s.after)-2].Hash(), sum("a late tip"), blockTime.Add(2*day).Unix())
				s.chain.Headers[len(s.chain.Headers)-1] = hexHeaders([]bitcoin.Header{tip})[0]
				s.p.Bitcoin = nil
			}, verdict: "cannot-tell", not: answers{issuer: isUnknown, anchor: isUnknown, block: isUnknown}, fails: "issuer/key-time-unclear"},
	}
}

func statusCases() []verdictCase {
	unknown := func(name, why, reason string, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, late: late, verdict: "cannot-tell", not: answers{status: isUnknown}, fails: "status/" + reason}
	}
	withdrawn := func(name, why, reason string, late func(*scene)) verdictCase {
		return verdictCase{name: name, why: why, late: late, verdict: "withdrawn", not: answers{status: isFailed}, fails: "status/" + reason}
	}
	withdrawnFor := func(reason string) func(*scene) {
		return func(s *scene) {
			s.list.AddWithdrawn(issuer.Withdrawal{ID: issuer.WithdrawalID(s.p.Salt, s.p.Digest), Date: "2026-11-22", Reason: reason})
		}
	}
	retire := func(s *scene) {
		s.issuers[0] = signed(issuerHead+set(year2024, "2025-01-01T00:00:00Z", 1, deputy)+s.set, dean, registrar, spare)
		s.listBy = []officer{deputy}
	}
	return []verdictCase{
		unknown("no-list", "No status list.", "no-status-list", func(s *scene) { s.noList = true }),
		unknown("list-of-other-network", "A list for another network.", "no-status-list", func(s *scene) { s.list.Network = bitcoin.Testnet4 }),
		unknown("list-of-other-issuer", "A list of another issuer, signed by the same officers.", "no-status-list", func(s *scene) { s.list.Issuer = allianceID }),
		withdrawn("withdrawn", "The document is withdrawn.", "document-withdrawn", (*scene).withdraw),
		withdrawn("withdrawn-batch", "The batch is withdrawn.", "batch-withdrawn", func(s *scene) { s.withdrawBatch(rootOf(s.p.Layers[0])) }),
		withdrawn("withdrawn-superseded", "The document is withdrawn: a newer one takes its place.", "document-withdrawn", withdrawnFor(issuer.ReasonSuperseded)),
		withdrawn("withdrawn-in-error", "The document is withdrawn: it should never have been issued.", "document-withdrawn", withdrawnFor(issuer.ReasonIssuedInError)),
		withdrawn("withdrawn-reprint", "The document is withdrawn: the same content was issued again.", "document-withdrawn", withdrawnFor(issuer.ReasonReprint)),
		withdrawn("withdrawn-key-compromise", "The document is withdrawn: it was signed with a stolen key.", "document-withdrawn", withdrawnFor(issuer.ReasonKeyCompromise)),
		withdrawn("withdrawn-and-batch", "Document and batch are withdrawn: the document decides.", "document-withdrawn", func(s *scene) {
			s.withdraw()
			s.withdrawBatch(rootOf(s.p.Layers[0]))
		}),
		withdrawn("withdrawn-in-last-list", "A withdrawal in the last list of an institution that closed, decades later.", "document-withdrawn", func(s *scene) {
			s.withdraw()
			s.list.Next, s.policy.Now = time.Time{}, "2056-01-01T00:00:00Z"
		}),
		withdrawn("withdrawn-batch-by-retired-keys", "A withdrawal of the batch that was signed by keys which have ended.", "batch-withdrawn", func(s *scene) {
			retire(s)
			s.withdrawBatch(rootOf(s.p.Layers[0]))
		}),
		withdrawn("withdrawn-batch-unnamed", "The batch is withdrawn and is not among the batches.", "batch-withdrawn", func(s *scene) {
			s.list.Batches = nil
			s.withdrawBatch(rootOf(s.p.Layers[0]))
		}),
		withdrawn("withdrawn-in-past-list", "A withdrawal in a list that is past its next.", "document-withdrawn", func(s *scene) {
			s.withdraw()
			s.policy.Now = "2028-01-01T00:00:00Z"
		}),
		withdrawn("withdrawn-and-allowed", "A policy that accepts an unknown status accepts no withdrawal.", "document-withdrawn", func(s *scene) {
			s.withdraw()
			s.policy.AllowUnknownStatus = true
		}),
		withdrawn("withdrawn-in-fork", "A withdrawal in a list of which a fork is known.", "document-withdrawn", func(s *scene) { s.withdraw(); s.forked = true }),
		withdrawn("withdrawn-by-retired-keys", "A withdrawal that was signed by keys which have ended.", "document-withdrawn", func(s *scene) { retire(s); s.withdraw() }),
		withdrawn("withdrawn-by-unclear-keys", "A withdrawal that was signed by keys which end within two hours.", "document-withdrawn", func(s *scene) {
			s.issuers[0] = signed(issuerHead+strings.Replace(s.set, " - ", " 2026-11-22T16:00:00Z ", 1)+set("2026-11-22T16:00:00Z", "-", 1, deputy), deputy)
			s.withdraw()
		}),
		{name: "withdrawn-and-pending", why: "A withdrawn document with too few confirmations.", early: func(s *scene) { s.confirmed = 1 },
			late: (*scene).withdraw, verdict: "withdrawn", not: answers{block: isUnknown, status: isFailed}, fails: "status/document-withdrawn"},
		{name: "withdrawn-no-chain", why: "A withdrawn document, and no header chain.", late: func(s *scene) { s.withdraw(); s.chain = nil },
			verdict: "withdrawn", not: answers{block: isUnknown, status: isFailed}, fails: "status/document-withdrawn"},

		unknown("forked", "A list of which a fork is known.", "status-forked", func(s *scene) { s.forked = true }),
		unknown("forked-and-allowed", "The same, and a policy that accepts an unknown status: not this one.", "status-forked", func(s *scene) {
			s.forked, s.policy.AllowUnknownStatus = true, true
		}),
		unknown("list-one-signature", "A list that one of two officers signed.", "status-unsigned", func(s *scene) { s.listBy = []officer{dean} }),
		unknown("list-of-stranger", "A list that strangers signed, with a withdrawal.", "status-unsigned", func(s *scene) {
			s.withdraw()
			s.listBy = []officer{stranger, stranger2}
		}),
		unknown("list-wrong-signature", "A list with a wrong signature by a third officer, and a withdrawal.", "status-unsigned", func(s *scene) {
			s.withdraw()
			s.rawList = signed(must(s.list.Text()), dean, registrar) + spare.line(make([]byte, 64))
		}),
		unknown("list-retired-keys", "A list that was signed by keys which have ended.", "status-unsigned", retire),
		unknown("list-one-key-two-names", "A list that one of two officers signed under two names.", "status-unsigned", func(s *scene) {
			s.listBy = []officer{dean, dean.as("other.example")}
		}),
		unknown("list-one-key-of-each-set", "A list that a key of the set before signed, and one of the set in force, of which two must.", "status-unsigned", func(s *scene) {
			s.issuers[0] = signed(issuerHead+set(year2024, "2025-01-01T00:00:00Z", 2, deputy, stranger)+s.set, dean, registrar, spare)
			s.listBy = []officer{deputy, dean}
		}),
		unknown("last-list-retired-keys", "The last list of an institution that closed, and the keys that signed it have ended.", "status-unsigned", func(s *scene) {
			retire(s)
			s.list.Next, s.policy.Now = time.Time{}, "2056-01-01T00:00:00Z"
		}),
		unknown("withdrawn-other-salt", "The list withdraws the document under the salt of another copy, and does not name this batch.", "not-in-status-list", func(s *scene) {
			s.list.AddWithdrawn(issuer.Withdrawal{ID: issuer.WithdrawalID(sum("another salt"), s.p.Digest), Date: "2026-11-22", Reason: issuer.ReasonReprint})
			s.list.Batches = nil
		}),
		unknown("list-past", "now is a second later than next.", "status-past", func(s *scene) {
			s.list.Next, s.policy.Now = blockTime.Add(day), "2026-11-23T10:00:01Z"
		}),
		unknown("list-past-by-tip", "The clock is before next, the time of the tip is after it.", "status-past", func(s *scene) {
			s.list.Next = blockTime.Add(day)
			tip := mine(s.after[len(s.after)-2].Hash(), sum("a late tip"), blockTime.Add(2*day).Unix())
			s.chain.Headers[len(s.chain.Headers)-1] = hexHeaders([]bitcoin.Header{tip})[0]
		}),
		unknown("list-older", "The list is a second older than the block and does not name the batch.", "status-older-than-batch", func(s *scene) {
			s.list.Batches, s.list.AsOf = nil, blockTime.Add(-time.Second)
		}),
		unknown("list-as-old", "The list is of the time of the block and does not name the batch.", "not-in-status-list", func(s *scene) {
			s.list.Batches, s.list.AsOf = nil, blockTime
		}),
		unknown("not-named", "A later list names other batches only.", "not-in-status-list", func(s *scene) { s.list.Batches = [][32]byte{sum("another")} }),
		unknown("not-named-and-allowed", "The same, and a policy that accepts an unknown status: not this one.", "not-in-status-list", func(s *scene) {
			s.list.Batches, s.policy.AllowUnknownStatus = nil, true
		}),
		unknown("tree-root-named", "The list names the root hash of the tree, which is no batch root.", "not-in-status-list", func(s *scene) {
			s.list.Batches = [][32]byte{statementOf(s.p.Layers[0].Signed).Root}
		}),
		{name: "outer-batch-named", why: "The list names the batch of the second layer, and not the document's.", early: func(s *scene) { s.outer = 1 },
			late: func(s *scene) { s.list.Batches = [][32]byte{lastRoot(s.p)} }, verdict: "cannot-tell", not: answers{status: isUnknown}, fails: "status/not-in-status-list"},
		{name: "older-undated", why: "A list that is older than the batch does not tell so without a block: the verdict is that of the status.",
			late: func(s *scene) {
				s.list.Batches, s.list.AsOf = nil, blockTime.Add(-time.Hour)
				s.p.Bitcoin = nil
			}, verdict: "cannot-tell", not: answers{anchor: isUnknown, block: isUnknown, status: isUnknown}, fails: "status/not-in-status-list"},
	}
}
