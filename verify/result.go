package verify

import (
	"fmt"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
)

// Outcome is the answer to one of the six questions.
type Outcome uint8

// Unknown is the zero value: what was not answered is not known.
const (
	Unknown Outcome = iota
	OK
	Failed
)

func (o Outcome) String() string {
	switch o {
	case OK:
		return "ok"
	case Failed:
		return "failed"
	}
	return "unknown"
}

// Verdict is the one answer about a document.
type Verdict uint8

// The verdicts. The zero value is CannotTell.
const (
	CannotTell Verdict = iota
	Valid
	Pending
	Withdrawn
	Invalid
)

func (v Verdict) String() string {
	switch v {
	case Valid:
		return "valid"
	case Pending:
		return "pending"
	case Withdrawn:
		return "withdrawn"
	case Invalid:
		return "invalid"
	}
	return "cannot-tell"
}

// Exit returns the exit code of the verdict: 0 valid, 3 invalid, 4 pending,
// 5 cannot tell, 6 withdrawn.
func (v Verdict) Exit() int {
	switch v {
	case Valid:
		return 0
	case Invalid:
		return 3
	case Pending:
		return 4
	case Withdrawn:
		return 6
	}
	return 5
}

// Worse reports whether v says something worse about a set of documents than
// w does: invalid, withdrawn, cannot tell, pending, valid.
func (v Verdict) Worse(w Verdict) bool { return v.severity() > w.severity() }

func (v Verdict) severity() int {
	switch v {
	case Valid:
		return 0
	case Pending:
		return 1
	case CannotTell:
		return 2
	case Withdrawn:
		return 3
	}
	return 4
}

// Reason names why a check is not ok, for callers that give advice.
type Reason string

// The reasons. The empty reason belongs to a check that is ok.
const (
	NotChecked          Reason = "not-checked"
	Unreadable          Reason = "unreadable"
	NoProof             Reason = "no-proof"
	MalformedProof      Reason = "malformed-proof"
	BrokenTrailer       Reason = "broken-trailer"
	NewerProof          Reason = "newer-proof"
	NoDocument          Reason = "no-document"
	DigestDiffers       Reason = "digest-differs"
	NotInTree           Reason = "not-in-tree"
	UnknownIssuer       Reason = "unknown-issuer"
	UnknownSigner       Reason = "unknown-signer"
	BadSignature        Reason = "bad-signature"
	KeyTimeUnclear      Reason = "key-time-unclear"
	KeysNotInForce      Reason = "keys-not-in-force"
	NoAttestation       Reason = "no-attestation"
	BadAnchor           Reason = "bad-anchor"
	BadHeader           Reason = "bad-header"
	OtherNetwork        Reason = "other-network"
	NoHeaderChain       Reason = "no-header-chain"
	NotInChain          Reason = "not-in-chain"
	TooFewConfirmations Reason = "too-few-confirmations"
	NoStatusList        Reason = "no-status-list"
	StatusForked        Reason = "status-forked"
	StatusUnsigned      Reason = "status-unsigned"
	StatusPast          Reason = "status-past"
	StatusOlder         Reason = "status-older-than-batch"
	NotInStatusList     Reason = "not-in-status-list"
	DocumentWithdrawn   Reason = "document-withdrawn"
	BatchWithdrawn      Reason = "batch-withdrawn"
	NoIssuerNamed       Reason = "no-issuer-named"
	NoBitcoinBlock      Reason = "no-bitcoin-block"

	UnsupportedTimestamp Reason = "unsupported-timestamp"
)

// Check is the answer to one question, with the reason and a detail in words.
type Check struct {
	Name    string
	Outcome Outcome
	Reason  Reason
	Detail  string
}

// The six questions, in their order.
const (
	Document = iota
	Inclusion
	Issuer
	Anchor
	Block
	Status
	numChecks
)

var checkNames = [numChecks]string{"document", "inclusion", "issuer", "anchor", "block", "status"}

// Result is what verification found out about one document.
type Result struct {
	Verdict Verdict
	Checks  [numChecks]Check

	// Problem says, where the proof could not be read at all, why.
	Problem error
	Reason  Reason // of the problem

	// WorkOnly says that the block check is ok by work that the proof carries,
	// and by no header chain: that has a cost, but no date. Header is nil then.
	WorkOnly bool

	// What the trust store and the header chain say; zero where not proven.
	Issuer      *issuer.File    // the trusted issuer with the statement's id
	Network     bitcoin.Network // of the statement; of the policy for a bare timestamp
	Header      *BlockAt        // the proof's block, where the chain has it deep enough
	NoLaterThan time.Time       // a day; zero unless anchor is ok and there is a Header
	NoEarlier   *BlockAt        // the statement's "after" block, where the chain has it
	Withdrawal  *issuer.Withdrawal
	StatusAsOf  time.Time // of the status list that was used

	// Witness is the block of the proof's OpenTimestamps attestation where a
	// Bitcoin one decides: nil unless it is another one, which the chain has deep
	// enough. No check rests on it.
	Witness *BlockAt

	// Existence is there only where a bare timestamp was judged. Then nothing
	// but existence is proven, whatever the checks say.
	Existence *Existence

	// ClaimedIssuer and Title stand in the statement. They are unauthenticated
	// unless the issuer check is ok.
	ClaimedIssuer string
	Title         string
}

// Existence is what else there is to say about a bare timestamp.
type Existence struct {
	// WeakHash is "SHA-1" or "RIPEMD-160" where the document is named by it, or
	// the way to the block leads through it: two documents with one such hash
	// can be made, so that not this exact one is proven. Else it is empty.
	WeakHash string
	// WeakStep says that the weak hash is a step of the way, and that the document
	// is named by a strong one.
	WeakStep bool
	// Calendars are the URIs of those that had not anchored the document yet
	// when the file was written. The file's word.
	Calendars []string
}

// BlockAt is a block of the verifier's header chain.
type BlockAt struct {
	Height        uint32
	Hash          bitcoin.Hash
	Time          time.Time
	Confirmations uint32
}

// Day returns the day by which the block existed, and what it commits to: its
// time can be two hours off.
func (b *BlockAt) Day() time.Time {
	return b.Time.Add(issuer.BlockTimeSlack).UTC().Truncate(24 * time.Hour)
}

func newResult() *Result {
	r := new(Result)
	for i := range r.Checks {
		r.Checks[i] = Check{Name: checkNames[i], Reason: NotChecked, Detail: "not checked"}
	}
	return r
}

func (r *Result) ok(i int, format string, args ...any) {
	r.set(i, OK, "", format, args...)
}

func (r *Result) failed(i int, why Reason, format string, args ...any) {
	r.set(i, Failed, why, format, args...)
}

func (r *Result) unknown(i int, why Reason, format string, args ...any) {
	r.set(i, Unknown, why, format, args...)
}

// doubt is why something is unknown.
type doubt struct {
	why    Reason
	detail string
}

func doubtf(why Reason, format string, args ...any) *doubt {
	return &doubt{why, fmt.Sprintf(format, args...)}
}

func (r *Result) doubt(i int, d *doubt) {
	r.unknown(i, d.why, "%s", d.detail)
}

func (r *Result) set(i int, o Outcome, why Reason, format string, args ...any) {
	r.Checks[i] = Check{Name: checkNames[i], Outcome: o, Reason: why, Detail: fmt.Sprintf(format, args...)}
}

// isOK reports whether check i is answered with ok.
func (r *Result) isOK(i int) bool { return r.Checks[i].Outcome == OK }

// First returns the first check that is not ok and decided the verdict. It is
// nil where the document is valid, and where there is a Problem.
func (r *Result) First() *Check {
	want := Unknown
	switch {
	case r.Verdict == Valid || r.Problem != nil:
		return nil
	case r.Verdict == Invalid || r.Verdict == Withdrawn:
		want = Failed
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Outcome == want && (r.Verdict != CannotTell || !waiting(c.Reason)) {
			return c
		}
	}
	return nil
}
