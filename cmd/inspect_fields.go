package cmd

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
)

// field is a value in a proof beside its way to the block, with the checks of
// verify that must be ok before it means anything: none means that it never does
// (docs/format.md, section 17).
type field struct {
	part, name, value string
	by                checks
	foreign           bool // words that anybody may have chosen
}

// checks are names of checks, for fields.
type checks []string

var (
	byDocument  = checks{"document"}
	byInclusion = checks{"inclusion", "issuer"}
	byIssuer    = checks{"issuer"}
	byAnchor    = checks{"anchor"}
	byChain     = checks{"anchor", "block"}
	byBlock     = checks{"block"}
	byOuter     = checks{"inclusion", "anchor", "block"}
	byNothing   = checks(nil)
)

// fieldList collects the fields of one part.
type fieldList struct {
	part string
	all  []field
}

func (l *fieldList) add(by checks, name, format string, args ...any) {
	l.all = append(l.all, field{part: l.part, name: name, value: fmt.Sprintf(format, args...), by: by})
}

func (l *fieldList) addForeign(by checks, name, value string) {
	l.all = append(l.all, field{part: l.part, name: name, value: value, by: by, foreign: true})
}

// proofFields are the fields of a proof, in their order.
func proofFields(p *proof.Proof) []field {
	l := &fieldList{part: "document"}
	l.add(byDocument, "sha256", "%x", p.Digest)
	l.add(byInclusion, "salt", "%x", p.Salt)
	for i, layer := range p.Layers {
		l.part = fmt.Sprintf("layer %d", i+1)
		l.layer(layer, i == 0)
	}
	if b := p.Bitcoin; b != nil {
		l.part = "bitcoin"
		l.bitcoin(b)
	}
	if o := p.OpenTimestamps; o != nil {
		l.part = "opentimestamps"
		by := byChain
		if p.Bitcoin != nil {
			by = byNothing // a second witness, on which no check rests
		}
		l.add(by, "operations", "%d", len(o.Ops))
		l.add(by, "height", "%d", o.Height)
	}
	return l.all
}

// layer adds the fields of a layer and its statement. Who signed an outer one
// counts for nothing: it only carries the batch root to the next.
func (l *fieldList) layer(layer proof.Layer, first bool) {
	tree, word := byInclusion, byIssuer
	if !first {
		tree, word = byOuter, byNothing
	}
	s := layer.Statement
	root := proof.BatchRoot(layer.Signed, s.Root)
	l.add(tree, "index", "%d", layer.Index)
	l.add(tree, "audit path", "%s", count(len(layer.Path), "sibling"))
	l.add(word, "type", "%s", s.Type)
	l.addForeign(word, "issuer", s.Issuer)
	l.add(word, "network", "%s", s.Network)
	if first {
		tree = byIssuer
	}
	l.add(tree, "size", "%d", s.Size)
	l.add(tree, "root", "%x", s.Root)
	l.add(word, "issued", "%s", s.Issued.Format(time.RFC3339))
	if s.After != nil {
		l.add(word, "after", "block %d, %s", s.After.Height, s.After.Hash)
	}
	if s.Title != "" {
		l.addForeign(word, "title", s.Title)
	}
	for _, sig := range layer.Note.Signatures {
		l.signature(word, sig)
	}
	l.add(tree, "batch root", "%x", root)
}

func (l *fieldList) signature(by checks, s issuer.Signature) {
	l.add(by, "signature", "key id %08x, %s of %s", s.KeyID, hex.EncodeToString(s.Bytes), count(len(s.Bytes), "byte"))
	l.addForeign(by, "signed as", s.Name)
}

// bitcoin adds the fields of a Bitcoin attestation.
func (l *fieldList) bitcoin(b *proof.Bitcoin) {
	tx, err := bitcoin.ParseTransaction(b.Transaction)
	if err != nil {
		l.add(byNothing, "transaction", "%v", err)
	} else {
		l.transaction(tx)
	}
	l.add(byChain, "position", "%d", b.Position)
	l.add(byChain, "path", "%s", count(len(b.Path), "sibling"))
	h := b.Header
	l.add(byBlock, "block hash", "%s", h.Hash())
	l.add(byBlock, "version", "%#x", uint32(h.Version()))
	l.add(byBlock, "previous", "%s", h.Previous())
	root := h.MerkleRoot()
	l.add(byBlock, "merkle root", "%x", root[:])
	l.add(byBlock, "time", "%s", h.Time().Format(time.RFC3339))
	l.add(byBlock, "bits", "%#x", h.Bits())
	l.add(byBlock, "nonce", "%d", h.Nonce())
	l.add(byBlock, "height", "%d", b.Height)
	l.add(byNothing, "successors", "%s", count(len(b.Successors), "header"))
}

func (l *fieldList) transaction(tx *bitcoin.Transaction) {
	l.add(byChain, "transaction", "%s", tx.ID())
	if root, err := proof.ParseCommitment(tx); err != nil {
		l.add(byNothing, "commitment", "%v", err)
	} else {
		l.add(byAnchor, "commitment", "%x", root)
	}
	l.add(byNothing, "who paid", "%s, %s", count(len(tx.Inputs()), "input"), count(len(tx.Outputs()), "output"))
}

// String is how the checks stand in a line.
func (c checks) String() string {
	if len(c) == 0 {
		return "never"
	}
	return strings.Join(c, ", ")
}

var longHex = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[0-9a-f]{40,}`)
})

// shown is the value as it is printed.
func (f field) shown(d *drawing) string {
	if f.foreign {
		return quoted(f.value)
	}
	return longHex().ReplaceAllStringFunc(safe(f.value), d.digits)
}

// otsNotes and proofNotes are what to know about what was shown.
const (
	otsNotes = `Whether a block has such a Merkle root, only a header chain can tell:
  gradseal verify FILE --ots FILE.ots
Even then it proves that the document existed, not who issued it. A transaction
is recognised by its form alone, and the names of calendars are the file's word.
--full prints all digits.`

	proofNotes = `Never authenticated, whatever verify says: who paid for the transaction, which
calendar made a timestamp, successors, the names and places of files. The proof
as a whole is not signed: attestations can be added or taken away, and
successors and height be changed, by anybody. What is signed is the statement of
layer 1. A proof is the same as another if leaf hash, batch root and transaction
are. To have it judged, with the document: gradseal verify FILE
--full prints all digits.`
)

// printInspection prints what is in a file of evidence.
func (a *app) printInspection(i *inspection, full bool) {
	what := "OpenTimestamps file"
	if i.kind == kindProof {
		what = "proof"
	}
	a.ui.result("%s", shown(i.path))
	a.ui.result("%s of %s.", capital(what), count(i.bytes, "byte"))
	a.ui.result("inspect reads, verify judges: nothing below is checked.")
	a.ui.result("")
	d := &drawing{full: full, line: a.ui.result}
	a.ui.result("%s of the document: %s", i.named.Name(), d.hex(i.root.message))
	d.draw(i.root, "")
	if i.isPending() {
		a.ui.result("└─ no attestation yet: the proof is pending")
	}
	for _, u := range i.undrawn {
		a.ui.result("Not drawn: %s.", safe(u))
	}
	a.ui.result("")
	if i.kind == kindOTS {
		a.ui.result("%s", otsNotes)
		return
	}
	a.printFields(i.fields, d)
	a.ui.result("")
	a.ui.result("%s", proofNotes)
}

// isPending reports whether a proof has no attestation.
func (i *inspection) isPending() bool {
	for _, f := range i.fields {
		if f.part == "bitcoin" || f.part == "opentimestamps" {
			return false
		}
	}
	return i.kind == kindProof
}

// printFields prints the fields with the checks that make each mean something.
func (a *app) printFields(fields []field, d *drawing) {
	a.ui.result("What else is in it, and what of verify must be ok before it means anything:")
	part := ""
	for _, f := range fields {
		if f.part != part {
			part = f.part
			a.ui.result("")
			a.ui.result("%s", part)
		}
		d.text(fmt.Sprintf("  %-12s %-24s ", f.name, f.by), fmt.Sprintf("  %-12s %-24s ", "", ""), f.shown(d))
	}
}
