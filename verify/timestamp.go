package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// checkTimestamp answers anchor and block for a proof of which the evidence is
// the timestamp of a calendar: operations that lead from the batch root to a
// Merkle root, and the height of a block. The header is not in the proof, so the
// header chain is asked for both answers. That it has another Merkle root there
// makes neither false: it may be another chain.
//
// Nothing rests on the calendar's word. Nobody knows two messages that one of
// the operations of a proof leads to the same result, so what leads to the
// Merkle root of a block was there before the block.
func (v *Verifier) checkTimestamp(r *Result, t *proof.OpenTimestamps, batchRoot [32]byte) {
	at, d := v.blockOfTimestamp(r, t, batchRoot)
	if d != nil {
		r.doubt(Anchor, d)
		r.doubt(Block, cmp.Or(v.otherNetwork(r), d))
		return
	}
	v.checkLead(r, at)
}

// checkLead answers anchor and block for the block that a timestamp leads to.
func (v *Verifier) checkLead(r *Result, at *BlockAt) {
	r.ok(Anchor, "the timestamp leads to the Merkle root of block %d", at.Height)
	v.checkDepth(r, at)
}

// witness returns the block that a proof's timestamp leads to beside its
// Bitcoin attestation, where the chain has it deep enough; else nil. It is another
// block: anyone can write the way of the Bitcoin attestation as a timestamp, too,
// and that says nothing more.
func (v *Verifier) witness(r *Result, p *proof.Proof, batchRoot [32]byte) *BlockAt {
	if p.OpenTimestamps.Height == p.Bitcoin.Height {
		return nil
	}
	at, d := v.blockOfTimestamp(r, p.OpenTimestamps, batchRoot)
	if d != nil || !v.isDeep(at) {
		return nil
	}
	return at
}

// blockOfTimestamp returns the block that a proof's timestamp leads to.
func (v *Verifier) blockOfTimestamp(r *Result, t *proof.OpenTimestamps, batchRoot [32]byte) (*BlockAt, *doubt) {
	if !r.isOK(Inclusion) {
		return nil, doubtf(NotChecked, "not checked: without inclusion there is no batch root to begin with")
	}
	if v.otherNetwork(r) != nil {
		return nil, doubtf(NotChecked, "not checked: only the header chain of %s can tell", r.Network)
	}
	root, err := t.MerkleRoot(batchRoot)
	if err != nil {
		return nil, doubtf(NotChecked, "%v", err)
	}
	return v.blockOfRoot(t.Height, root)
}

// blockOfRoot returns the block at a height of the header chain, if it has the
// given Merkle root.
func (v *Verifier) blockOfRoot(height uint32, root bitcoin.Hash) (*BlockAt, *doubt) {
	h, d := v.headerAt(height)
	if d != nil {
		return nil, d
	}
	if have := h.MerkleRoot(); have != root {
		return nil, doubtf(NotInChain, "the timestamp leads to Merkle root %x, block %d of the header chain has %x", root[:], height, have[:])
	}
	return v.blockAt(height, h), nil
}

// Timestamp is a bare timestamp, a detached file of OpenTimestamps (.ots), that
// was read. ReadTimestamp makes one.
type Timestamp struct {
	f   *ots.File
	err error
}

// ReadTimestamp reads a .ots file of at most ots.MaxSize bytes. JudgeTimestamp
// says what is wrong with one that could not be read.
func ReadTimestamp(otsFile []byte) Timestamp {
	f, err := ots.ParseFile(otsFile)
	return Timestamp{f, err}
}

// Hash reads a document to its end and returns its digest by the hash that the
// .ots file names documents by: SHA-256, SHA-1 or RIPEMD-160. The digest is nil,
// and nothing is read, where the file could not be read.
func (t Timestamp) Hash(document io.Reader) ([]byte, error) {
	if t.f == nil {
		return nil, nil
	}
	h := t.f.Hash.New()
	if _, err := copyInto(h, document); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// JudgeTimestamp judges a document by a bare timestamp; digest is what Hash
// returned. Such a file names no issuer and no network: it is judged on the
// policy's, and proves at most that the document existed. So the verdict is
// INVALID for another document and for a file that is none, and else CANNOT TELL.
// Of another document there is no day: nothing is proven of it.
func (v *Verifier) JudgeTimestamp(digest []byte, t Timestamp) *Result {
	switch {
	case errors.Is(t.err, ots.ErrUnknown):
		return unjudged(CannotTell, NewerProof, fmt.Errorf("the .ots file is of a newer format: %w", t.err))
	case errors.Is(t.err, ots.ErrUnsupported):
		return unjudged(CannotTell, UnsupportedTimestamp, fmt.Errorf("the .ots file may be sound, but cannot be read here: %w", t.err))
	case t.err != nil:
		return malformedTimestamp(t.err)
	case t.f == nil:
		return malformedTimestamp(errors.New("no .ots file was read"))
	}
	r := newResult()
	r.Network = v.policy.Network
	r.Existence = &Existence{WeakHash: weakHash(t.f.Hash)}
	checkTimestamped(r, digest, t.f)
	r.unknown(Inclusion, NoIssuerNamed, "an .ots file names no batch")
	r.unknown(Issuer, NoIssuerNamed, "an .ots file names no issuer")
	r.unknown(Status, NoIssuerNamed, "an .ots file names no issuer, who could withdraw the document")
	v.checkPaths(r, t.f)
	if r.isOK(Document) {
		r.date()
	}
	r.Verdict = v.verdict(r)
	return r
}

// malformedTimestamp is the result for a document whose .ots file is damaged or
// no such file.
func malformedTimestamp(err error) *Result {
	return unjudged(Invalid, MalformedProof, fmt.Errorf("the .ots file is damaged, or not one: %w", err))
}

// checkTimestamped is checkDocument for a bare timestamp.
func checkTimestamped(r *Result, digest []byte, f *ots.File) {
	name := hashNames[f.Hash]
	if !bytes.Equal(digest, f.Digest) {
		r.failed(Document, DigestDiffers, "the file has %s %x, the .ots file is for %x", name, digest, f.Digest)
		return
	}
	r.ok(Document, "%s %x", name, digest)
}

// hashNames are those of the hashes by which .ots files name documents.
var hashNames = map[ots.Operation]string{ots.SHA256: "SHA-256", ots.SHA1: "SHA-1", ots.RIPEMD160: "RIPEMD-160"}

// weakHash names the first hash among ops for which somebody can make two
// documents that it does not tell apart: those of SHA-1 are published, and 2^80
// steps, which RIPEMD-160 takes, are within reach. Empty if there is none.
func weakHash(ops ...ots.Operation) string {
	for _, op := range ops {
		if op == ots.SHA1 || op == ots.RIPEMD160 {
			return hashNames[op]
		}
	}
	return ""
}

// checkPaths answers anchor and block by the first lead that the chain confirms.
// Where it confirms none, the answer is why the first lead ends in none, or where the
// file leads instead.
func (v *Verifier) checkPaths(r *Result, f *ots.File) {
	leads, elsewhere, err := readPaths(f)
	if err != nil {
		r.unknown(Anchor, NoBitcoinBlock, "%v", err)
		r.unknown(Block, NoBitcoinBlock, "%v", err)
		return
	}
	r.Existence.Calendars = elsewhere.calendars
	l, at, why := v.follow(leads)
	if at == nil {
		why = cmp.Or(why, elsewhere.doubt())
		r.doubt(Anchor, why)
		r.doubt(Block, why)
		return
	}
	r.Existence.WeakHash, r.Existence.WeakStep = l.weak, l.weak != weakHash(f.Hash)
	v.checkLead(r, at)
}

// follow returns the first lead to a block that is deep enough, or else the first
// to a block of the chain. Where there is none, at is nil and why is about the
// first lead, if there is one.
func (v *Verifier) follow(leads []lead) (found lead, at *BlockAt, why *doubt) {
	for _, l := range leads {
		block, d := v.blockOfRoot(l.height, l.root)
		if d != nil {
			why = cmp.Or(why, d)
			continue
		}
		if v.isDeep(block) {
			return l, block, nil
		}
		if at == nil {
			found, at = l, block
		}
	}
	return found, at, why
}

// lead is a way of a bare timestamp that may end in a block of Bitcoin.
type lead struct {
	height uint32
	root   bitcoin.Hash
	weak   string // of weakHash
}

// compare gives the order in which leads are followed: those that prove this
// exact document before those that do not, and then the earliest block first.
func (l lead) compare(with lead) int {
	switch strong := l.weak == ""; {
	case strong == (with.weak == ""):
		return cmp.Compare(l.height, with.height)
	case strong:
		return -1
	}
	return 1
}

// elsewhere is where the other ways of a bare timestamp end.
type elsewhere struct {
	calendars []string // URIs
	others    []string
}

// doubt says why there is no lead.
func (e elsewhere) doubt() *doubt {
	if len(e.calendars) > 0 {
		return doubtf(NoAttestation, "the timestamp is pending at %s", list(e.calendars))
	}
	return doubtf(NoBitcoinBlock, "the timestamp leads to no Merkle root of Bitcoin, but to %s", list(e.others))
}

// maxListed is how many names a detail has at most, and maxName how many bytes
// of each: the file may have thousands.
const (
	maxListed = 4
	maxName   = 100
)

func list(names []string) string {
	var b strings.Builder
	for i, name := range names[:min(len(names), maxListed)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.*s", maxName, name)
	}
	if more := len(names) - maxListed; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

// readPaths sorts the ways of a bare timestamp by where they end.
func readPaths(f *ots.File) (leads []lead, e elsewhere, err error) {
	paths, err := f.Timestamp.Paths(f.Digest)
	if err != nil {
		return nil, elsewhere{}, err
	}
	for _, p := range paths {
		height, ok := p.Attestation.BitcoinHeight()
		uri, pending := p.Attestation.URI()
		switch {
		case ok && height <= math.MaxUint32 && len(p.Result) == len(bitcoin.Hash{}):
			weak := weakHash(append([]ots.Operation{f.Hash}, p.Ops...)...)
			leads = append(leads, lead{uint32(height), bitcoin.Hash(p.Result), weak})
		case pending:
			e.calendars = append(e.calendars, uri)
		default:
			e.others = append(e.others, p.Attestation.String())
		}
	}
	slices.SortStableFunc(leads, lead.compare)
	slices.Sort(e.calendars)
	e.calendars = slices.Compact(e.calendars)
	return leads, e, nil
}
