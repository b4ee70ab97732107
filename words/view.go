package words

import (
	"encoding/hex"
	"strconv"
	"time"

	"gradseal/bitcoin"
	"gradseal/diagnose"
	"gradseal/evidence"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

// View is everything that is said about one document, as plain text: nothing in
// it is markup, and what strangers wrote is escaped.
type View struct {
	File        string   `json:"file"`
	Verdict     string   `json:"verdict"`      // valid, invalid, pending, cannot-tell, withdrawn
	Word        string   `json:"word"`         // the verdict in the language
	Headline    string   `json:"headline"`     // one sentence: who issued it, no later than when; or what is wrong
	TestNetwork string   `json:"test_network"` // "" or the whole warning
	Story       []string `json:"story"`        // further plain sentences
	Advice      string   `json:"advice"`       // what to do now; "" where the document is valid
	Checks      []Check  `json:"checks"`       // six, in order; none where the proof could not be read
	Other       string   `json:"other"`        // "", or what all checks but the first are about: not this file
	NotProven   []string `json:"not_proven"`
	Facts       []Fact   `json:"facts"`
	StatusAsOf  string   `json:"status_as_of"` // a day in words, or ""
	StatusDate  string   `json:"status_date"`  // the same as 2006-01-02
}

// Check is the answer to one of the six questions.
type Check struct {
	Name     string `json:"name"` // as verify has it: document, inclusion, …
	Question string `json:"question"`
	Outcome  string `json:"outcome"` // ok, failed, unknown
	Word     string `json:"word"`    // yes, no, not known
	Text     string `json:"text"`    // one sentence
}

// Fact is a value for who looks closer.
type Fact struct {
	Label string `json:"label"`
	Value string `json:"value"`
	Mono  bool   `json:"mono"` // a value of which every digit counts
}

// Surface is where a view is read: the advice names what can be done there.
type Surface uint8

// The surfaces.
const (
	CommandLine Surface = iota
	Page
)

// Subject is what a view is of.
type Subject struct {
	Name     string            // of the file, as its sender wrote it
	Evidence evidence.Evidence // zero where a bare timestamp was judged
	Result   *verify.Result
	Found    []diagnose.Finding
	Accepted bitcoin.Network // that the policy names
	Surface  Surface
}

// teller puts a view together.
type teller struct {
	*Language
	Subject
	r     *verify.Result
	proof *proof.Proof // that was judged; nil where there was none that could be read
	why   verify.Reason
	args  map[string]string
}

// View says what a result means.
func (l *Language) View(s Subject) View {
	t := &teller{Language: l, Subject: s, r: s.Result, proof: JudgedProof(s.Evidence, s.Result), why: Reason(s.Result)}
	t.args = t.arguments()
	v := View{
		File:       Safe(s.Name),
		Verdict:    t.r.Verdict.String(),
		Word:       t.say("verdict." + t.r.Verdict.String()),
		Headline:   t.say(t.headline()),
		Story:      t.story(),
		Advice:     t.advice(),
		Checks:     t.checks(),
		NotProven:  t.notProven(),
		Facts:      t.facts(),
		StatusAsOf: l.Day(t.r.StatusAsOf),
	}
	if len(v.Checks) > 0 && t.r.Checks[verify.Document].Outcome == verify.Failed {
		v.Other = t.say("other-document")
	}
	if !t.r.StatusAsOf.IsZero() {
		v.StatusDate = t.r.StatusAsOf.UTC().Format(time.DateOnly)
	}
	if OnTestNetwork(t.r, s.Accepted) {
		v.TestNetwork = t.say("test-network")
	}
	return v
}

// say is a text about this document.
func (t *teller) say(key string) string { return t.Text(key, t.args) }

// JudgedProof returns the one of the proofs found that the result can be of: of
// several, the first with the statement that was judged, and with its block where
// that is proven.
func JudgedProof(e evidence.Evidence, r *verify.Result) *proof.Proof {
	if e.Proof == nil || r.Problem != nil {
		return nil
	}
	for _, candidate := range append([]*verify.Proof{e.Proof}, e.Spare...) {
		if p := candidate.Parsed(); p != nil && isOf(r, p) {
			return p
		}
	}
	return nil
}

func isOf(r *verify.Result, p *proof.Proof) bool {
	s := p.Layers[0].Statement
	if s.Issuer != r.ClaimedIssuer || s.Title != r.Title || s.Network != r.Network {
		return false
	}
	attested := p.Bitcoin != nil || p.OpenTimestamps != nil
	switch {
	case r.Header == nil:
		return attested == (r.Checks[verify.Anchor].Reason != verify.NoAttestation)
	case p.Bitcoin != nil:
		return p.Bitcoin.Height == r.Header.Height
	}
	return attested && p.OpenTimestamps.Height == r.Header.Height
}

// arguments are what texts have for their placeholders. Names are escaped for
// the quotation marks “ ”, in which every text has them.
func (t *teller) arguments() map[string]string {
	r := t.r
	args := map[string]string{
		"claimed":    named(r.ClaimedIssuer),
		"issuer":     named(r.ClaimedIssuer),
		"network":    network(r, t.Accepted).String(),
		"day":        t.Day(r.NoLaterThan),
		"status_day": t.Day(r.StatusAsOf),
	}
	if r.Issuer != nil {
		args["issuer"] = named(r.Issuer.Name)
	}
	if r.Existence != nil {
		args["hash"] = r.Existence.WeakHash
	}
	if w := r.Withdrawal; w != nil {
		args["withdrawal_reason"] = t.Text("withdrawal."+w.Reason, nil)
		if day, err := time.Parse(time.DateOnly, w.Date); err == nil {
			args["withdrawal_day"] = t.Day(day)
		}
	}
	t.addBlock(args, "", r.Header)
	t.addBlock(args, "after_", r.NoEarlier)
	t.addBlock(args, "witness_", r.Witness)
	if b := r.NoEarlier; b != nil { // it can be two hours older than its time says
		args["after_block_day"] = t.Day(b.Time.Add(-issuer.BlockTimeSlack))
	}
	if b := r.Witness; b != nil {
		args["witness_day"] = t.Day(b.Day())
	}
	if p := t.proof; p != nil {
		args["digest"] = hex.EncodeToString(p.Digest[:])
		args["index"] = strconv.FormatUint(p.Layers[0].Index+1, 10)
		args["size"] = strconv.FormatUint(p.Layers[0].Statement.Size, 10)
	}
	return args
}

// addBlock adds what is said of a block itself: its day is that of its own time,
// as of every block that is named, and no bound for anything.
func (t *teller) addBlock(args map[string]string, prefix string, b *verify.BlockAt) {
	if b == nil {
		return
	}
	args[prefix+"height"] = strconv.FormatUint(uint64(b.Height), 10)
	args[prefix+"block_day"] = t.Day(b.Time)
	args[prefix+"confirmations"] = strconv.FormatUint(uint64(b.Confirmations), 10)
}

// isOK reports whether a check is answered with ok.
func (t *teller) isOK(i int) bool { return t.r.Checks[i].Outcome == verify.OK }
