// Package verify decides whether a document was issued, by whom, no later than
// which block, and whether it stands. It is the package for a sceptic to read.
//
// It answers six questions separately – document, inclusion, issuer, anchor,
// block, status – and forms one verdict from the answers. It opens no socket,
// starts no program and reads no file: what it believes comes in as Trust and
// Policy, everything else is hashed here. Nothing in a proof chooses a key, a
// network, a header chain or a limit.
//
// The steps are numbered in docs/format.md, "Verification".
package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
)

// Trust is what a verifier believes before it sees a proof.
type Trust struct {
	// Issuers are the issuer files of the trust store, one for each id.
	Issuers []*issuer.File
	// Status has, for each issuer and network, the newest list seen.
	Status []StatusList
	// Chain is the header chain of the policy's network; nil when there is none.
	Chain Chain
}

// StatusList is a status list with the signatures over it.
type StatusList struct {
	*issuer.StatusList
	Note *issuer.Note
	// Forked says that another list with the same sequence number was seen.
	Forked bool
}

// Chain is a header chain whose headers were checked when it was written. It does not
// change while a Verifier has it.
type Chain interface {
	// Network returns the network whose chain it is.
	Network() bitcoin.Network
	// Height returns the height of the tip.
	Height() uint32
	// At returns the header at a height up to that of the tip, and an error for
	// one that is not held.
	At(height uint32) (bitcoin.Header, error)
}

// Policy is what the verifier asks for.
type Policy struct {
	// Network is the one network that counts.
	Network bitcoin.Network
	// Confirmations that the anchor's block needs; 1 is the tip itself.
	Confirmations uint32
	// AllowUnknownStatus accepts documents of which it is not known whether
	// they were withdrawn: there is no list, or an old one. It does not cover
	// two lists that contradict each other, nor a current one that does not name
	// the batch: then the issuer does not stand behind it.
	AllowUnknownStatus bool
	// UnsafeCarriedWork accepts, on mainnet, work that the proof carries where
	// the header chain does not reach its block. nil, the default, accepts none.
	UnsafeCarriedWork *Yardstick
	// Now is the present time. It dates keys of proofs without a proven block
	// and the status list.
	Now time.Time
}

// Verifier judges documents. It may be used by several goroutines at once.
type Verifier struct {
	policy  Policy
	issuers map[string]*issuer.File
	status  map[statusKey]*statusEntry
	chain   Chain
	tip     bitcoin.Header // of the chain, where there is one
	present time.Time      // the later of the clock and the newest header
	signers signerMemory
	blocks  blockMemory
	reader  Reader // for Verify
}

type statusKey struct {
	issuer  string
	network bitcoin.Network
}

// New returns a verifier with the given trust and policy. It refuses a policy
// that does not name a network, a number of confirmations and the time, or that
// accepts carried work and has no block to measure it by; a header chain of
// another network; two issuers with one id; and two status lists for one issuer
// and network.
func New(trust Trust, policy Policy) (*Verifier, error) {
	if policy.Network == 0 || policy.Confirmations == 0 || policy.Now.IsZero() {
		return nil, errors.New("the policy must name a network, at least 1 confirmation and the time")
	}
	if err := policy.UnsafeCarriedWork.check(); err != nil {
		return nil, err
	}
	v := &Verifier{
		policy:  policy,
		issuers: make(map[string]*issuer.File),
		status:  make(map[statusKey]*statusEntry),
		chain:   trust.Chain,
		present: policy.Now,
	}
	for _, f := range trust.Issuers {
		if v.issuers[f.ID] != nil {
			return nil, fmt.Errorf("the trust store has two issuers with the id %s", f.ID)
		}
		v.issuers[f.ID] = f
	}
	for _, l := range trust.Status {
		key := statusKey{l.Issuer, l.Network}
		if v.status[key] != nil {
			return nil, fmt.Errorf("two status lists of %s for %s", l.Issuer, l.Network)
		}
		v.status[key] = &statusEntry{list: l}
	}
	if v.chain != nil {
		if n := v.chain.Network(); n != policy.Network {
			return nil, fmt.Errorf("the header chain is that of %s, the policy asks for %s", n, policy.Network)
		}
		var err error
		v.tip, err = v.chain.At(v.chain.Height())
		if err != nil {
			return nil, fmt.Errorf("header chain of %s: %w", policy.Network, err)
		}
		if t := v.tip.Time(); t.After(v.present) {
			v.present = t
		}
	}
	return v, nil
}

// Digest is the SHA-256 of a whole document.
type Digest [32]byte

// Hash reads a document to its end and returns its digest and its length in
// bytes.
func Hash(document io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := copyInto(h, document)
	if err != nil {
		return Digest{}, n, err
	}
	return Digest(h.Sum(nil)), n, nil
}

// copyInto reads a document to its end.
func copyInto(h hash.Hash, document io.Reader) (int64, error) {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	// Without a WriteTo of the document's own, CopyBuffer uses the buffer.
	return io.CopyBuffer(h, struct{ io.Reader }{document}, buf[:])
}

// buffers are for copyInto: a new one for each document would be more memory
// than most documents.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// Proof is a proof file that was read, once for all that is asked about it.
// ReadProof makes one.
type Proof struct {
	p   *proof.Proof
	err error
}

// ReadProof reads a proof file. Judge says what is wrong with one that could
// not be read.
func ReadProof(proofFile []byte) Proof {
	p, err := proof.Parse(proofFile)
	return Proof{p, err}
}

// Reader is ReadProof for many proofs: of those of one batch it reads once what is
// the same in all. The zero Reader is ready, and several goroutines may use it at
// once.
type Reader struct{ reader proof.Reader }

// Read does what ReadProof does. What was read must not be changed.
func (r *Reader) Read(proofFile []byte) Proof {
	p, err := r.reader.Parse(proofFile)
	return Proof{p, err}
}

// ReadCompact reads a proof in its compact form, as ReadProof does a file.
func ReadCompact(compact []byte) Proof {
	p, err := proof.ParseCompact(compact)
	return Proof{p, err}
}

// Digest returns the digest of the document that the proof says it is for, and
// false for a proof that could not be read.
func (p Proof) Digest() (Digest, bool) {
	if p.p == nil {
		return Digest{}, false
	}
	return p.p.Digest, true
}

// Parsed returns what was read, of which nothing is checked; nil for a proof
// that could not be read.
func (p Proof) Parsed() *proof.Proof { return p.p }

// Verify judges the document with the given digest by the proof file.
func (v *Verifier) Verify(digest Digest, proofFile []byte) *Result {
	return v.Judge(digest, v.reader.Read(proofFile))
}

// Judge is Verify for a proof that was read. The zero Proof is malformed.
func (v *Verifier) Judge(digest Digest, p Proof) *Result {
	return v.judge(&digest, p)
}

// JudgeWithoutDocument judges a proof of which the document is not at hand, such
// as one on paper: document is unknown, so that the verdict is never better than
// CannotTell.
func (v *Verifier) JudgeWithoutDocument(p Proof) *Result {
	return v.judge(nil, p)
}

func (v *Verifier) judge(digest *Digest, p Proof) *Result {
	switch {
	case errors.Is(p.err, proof.ErrNewer):
		return unjudged(CannotTell, NewerProof, p.err)
	case p.err != nil:
		return Malformed(p.err)
	case p.p == nil:
		return Malformed(errors.New("no proof file was read"))
	}
	return v.verify(digest, p.p)
}

// WithoutProof is the result for a document for which no proof was found.
func WithoutProof() *Result {
	return unjudged(CannotTell, NoProof, errors.New("no proof was found for this document"))
}

// NotRead is the result for a document, one of several, that cannot be read.
func NotRead(err error) *Result {
	return unjudged(CannotTell, Unreadable, fmt.Errorf("it cannot be read: %w", err))
}

// Malformed is the result for a document whose proof is damaged or no proof.
func Malformed(err error) *Result {
	return unjudged(Invalid, MalformedProof, fmt.Errorf("the proof is damaged, or not a proof: %w", err))
}

// Broken is the result for a document with a proof inside that is not as it
// was put there (proof.ErrTrailer): something was added or changed since.
func Broken(err error) *Result { return unjudged(Invalid, BrokenTrailer, err) }

func unjudged(v Verdict, why Reason, problem error) *Result {
	r := newResult()
	r.Verdict, r.Reason, r.Problem = v, why, problem
	return r
}

// verify judges by a proof that could be read; digest is nil where there is no
// document.
func (v *Verifier) verify(digest *Digest, p *proof.Proof) *Result {
	r := newResult()
	s := p.Layers[0].Statement
	r.ClaimedIssuer, r.Title, r.Network = s.Issuer, s.Title, s.Network
	r.Issuer = v.issuers[s.Issuer]

	checkDocument(r, digest, p)
	batchRoot := checkInclusion(r, p)
	switch {
	case p.OpenTimestamps == nil:
		v.checkBitcoin(r, p.Bitcoin, batchRoot)
	case p.Bitcoin == nil:
		v.checkTimestamp(r, p.OpenTimestamps, batchRoot)
	default:
		v.checkBitcoin(r, p.Bitcoin, batchRoot)
		r.Witness = v.witness(r, p, batchRoot)
	}
	keyTime := v.present
	dated := r.date()
	if dated {
		keyTime = r.Header.Time
		v.noteEarliest(r, s.After)
	}
	v.checkIssuer(r, p.Layers[0], keyTime, dated)
	v.checkStatus(r, p)

	r.Verdict = v.verdict(r)
	return r
}

// date notes the day of the block where one is proven, and reports whether it is.
func (r *Result) date() bool {
	dated := r.isOK(Anchor) && r.Header != nil
	if dated {
		r.NoLaterThan = r.Header.Day()
	}
	return dated
}

// verdict forms the verdict from the six answers. The order of the rules is
// the order of severity: what was checked and is false comes first.
func (v *Verifier) verdict(r *Result) Verdict {
	for i := Document; i <= Block; i++ {
		if r.Checks[i].Outcome == Failed {
			return Invalid
		}
	}
	if r.Checks[Status].Outcome == Failed {
		return Withdrawn
	}
	verdict := Valid
	for i, c := range r.Checks {
		switch {
		case c.Outcome == OK:
		case i == Status && v.policy.AllowUnknownStatus && !disowned(c.Reason):
		case waiting(c.Reason):
			verdict = Pending
		default:
			return CannotTell
		}
	}
	return verdict
}

// disowned reports whether the status is unknown because of what the issuer
// says, and not because of what this verifier lacks.
func disowned(why Reason) bool {
	return why == StatusForked || why == NotInStatusList
}

// waiting reports whether time alone answers a check that is unknown for this
// reason.
func waiting(why Reason) bool {
	return why == NoAttestation || why == TooFewConfirmations
}
