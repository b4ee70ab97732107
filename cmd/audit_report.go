package cmd

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"gradseal/bitcoin"
	"gradseal/verify"
)

// auditedJSON is a document under --json.
type auditedJSON struct {
	Version     int        `json:"version"`
	File        string     `json:"file"`
	State       string     `json:"state"`
	Document    bool       `json:"document"`
	Batch       *string    `json:"batch"`
	Network     *string    `json:"network"`
	TestNetwork bool       `json:"test_network"`
	Issuer      *partyJSON `json:"issuer"`
	Block       *blockJSON `json:"block"`
	NoLaterThan *string    `json:"no_later_than"`
	StatusAsOf  *string    `json:"status_as_of"`
	SHA256      *string    `json:"sha256"`
	Finding     string     `json:"finding"`
	Hint        string     `json:"hint"`
	Exit        int        `json:"exit"`
}

func (r *auditor) newAuditedJSON(d *audited) auditedJSON {
	known := newVerdictJSON(d.judged, r.accepted, "")
	return auditedJSON{
		Version: jsonVersion, File: d.path, State: string(d.state), Document: !d.isProof && d.digest != (verify.Digest{}),
		Batch: issuedIn(d.batch), Network: known.Network, TestNetwork: known.TestNetwork, Issuer: known.Issuer,
		Block: known.Block, NoLaterThan: known.NoLaterThan, StatusAsOf: known.StatusAsOf,
		SHA256: orNull(d.sum()), Finding: d.finding, Hint: r.adviseAudit(d), Exit: d.verdict().Exit(),
	}
}

// sum is the SHA-256 of the document, read or claimed by its proof, in hex.
func (d *audited) sum() string {
	if d.digest == (verify.Digest{}) {
		return ""
	}
	return hex.EncodeToString(d.digest[:])
}

// auditHeader has the names of the cells, as tableHeader has.
const auditHeader = "\ufefffile,state,document,batch,test_network,issuer_id,issuer_name,network,no_later_than,block,status_as_of,finding,what_to_do,sha256\r\n"

// writeRow writes a document into the table.
func (r *auditor) writeRow(d *audited) error {
	j := r.newAuditedJSON(d)
	document, test, block := "not here", "no", ""
	if j.Document {
		document = "here"
	}
	if j.TestNetwork {
		test = "yes"
	}
	if j.Block != nil {
		block = strconv.FormatUint(uint64(j.Block.Height), 10)
	}
	p := d.party()
	return writeCells(r.rows, safe(j.File), j.State, document, orEmpty(j.Batch), test, p.id, safe(p.name), orEmpty(j.Network),
		orEmpty(j.NoLaterThan), block, orEmpty(j.StatusAsOf), j.Finding, j.Hint, d.sum())
}

// auditCounts is what is said of all documents: numbers, and the first of each
// state.
type auditCounts struct {
	before    func() // is called before anything is printed
	documents int
	alone     int // of them proofs without their documents
	test      int // of a test network
	states    map[auditState]int
	first     map[auditState][]string
	advices   map[auditState][]string
	worst     verify.Verdict
}

func newAuditCounts() *auditCounts {
	return &auditCounts{
		before: func() {}, states: make(map[auditState]int),
		first: make(map[auditState][]string), advices: make(map[auditState][]string), worst: verify.Valid,
	}
}

const (
	// maxShown is how many documents of each state, and how many findings of each
	// kind, are shown.
	maxShown = 10
	// maxAuditAdvices is how many different things to do are told about a state.
	maxAuditAdvices = 3
)

// take counts a document, and prints or writes it where that is wanted.
func (r *auditor) take(d *audited) error {
	c := r.counts
	c.documents++
	c.states[d.state]++
	if d.isProof {
		c.alone++
	}
	if onTestNetwork(d.Result, r.accepted) {
		c.test++
	}
	if v := d.verdict(); v.Worse(c.worst) {
		c.worst = v
	}
	if d.state != stateSound {
		if len(c.first[d.state]) < maxShown {
			c.first[d.state] = append(c.first[d.state], shown(d.path)+": "+d.finding)
		}
		if len(c.advices[d.state]) <= maxAuditAdvices {
			advice := r.adviseAudit(d)
			if advice != "" && !slices.Contains(c.advices[d.state], advice) {
				c.advices[d.state] = append(c.advices[d.state], advice)
			}
		}
	}
	switch {
	case r.rows != nil:
		return r.writeRow(d)
	case r.ui.json:
		c.before()
		return r.ui.object(r.newAuditedJSON(d))
	}
	return nil
}

// auditSummaryJSON is the last object under --json.
type auditSummaryJSON struct {
	Version     int              `json:"version"`
	CSV         *string          `json:"csv"`
	Documents   int              `json:"documents"`
	Alone       int              `json:"without_document"`
	States      []auditStateJSON `json:"states"`
	TestNetwork int              `json:"test_network"`
	Forgotten   int              `json:"forgotten"`
	Home        []homeJSON       `json:"home"`
	Exit        int              `json:"exit"`
}

type auditStateJSON struct {
	State     string `json:"state"`
	Documents int    `json:"documents"`
}

// report says how many documents are in which state, and what does not agree in
// the home. It returns the worst as the exit code.
func (r *auditor) report(table string) error {
	worst := r.counts.worst
	for _, f := range r.home.found() {
		if f.verdict.Worse(worst) {
			worst = f.verdict
		}
	}
	if r.ui.json {
		if err := r.reportJSON(table, worst); err != nil {
			return err
		}
	} else {
		r.print(table)
	}
	if worst != verify.Valid {
		return verdictError{worst.Exit()}
	}
	return nil
}

func (r *auditor) reportJSON(table string, worst verify.Verdict) error {
	out := auditSummaryJSON{
		Version: jsonVersion, CSV: orNull(table), Documents: r.counts.documents, Alone: r.counts.alone, States: []auditStateJSON{},
		TestNetwork: r.counts.test, Forgotten: r.skipped, Home: []homeJSON{}, Exit: worst.Exit(),
	}
	for _, s := range auditStates {
		if n := r.counts.states[s]; n > 0 {
			out.States = append(out.States, auditStateJSON{string(s), n})
		}
	}
	for _, f := range r.home.found() {
		out.Home = append(out.Home, f.homeJSON)
	}
	return r.ui.object(out)
}

func (r *auditor) print(table string) {
	c := r.counts
	var parts []string
	for _, s := range auditStates {
		if n := c.states[s]; n > 0 {
			parts = append(parts, number(n)+" "+s.words())
		}
	}
	text := count(c.documents, "document")
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	r.ui.result("%s", text)
	if c.alone > 0 {
		r.ui.result("Of %s there is the proof alone: the document is not here", count(c.alone, "document"))
	}
	if c.test > 0 {
		r.ui.result("%s: %s about blocks that prove nothing to others", r.ui.paint(red, "TEST NETWORK"), count(c.test, "finding"))
	}
	if !r.ui.quiet {
		r.printStates()
		if r.skipped > 0 {
			r.ui.result("Left out %s", count(r.skipped, "forgotten document"))
		}
	}
	r.printHome()
	if table != "" {
		r.ui.note("Wrote %s", shown(table))
	}
}

// printStates prints the first documents of each state, and what to do about them.
func (r *auditor) printStates() {
	for _, s := range auditStates {
		n := r.counts.states[s]
		if n == 0 || s == stateSound {
			continue
		}
		r.ui.result("%s", r.ui.paint(bold, s.words()))
		for _, line := range r.counts.first[s] {
			r.ui.result("  %s", line)
		}
		if more := n - len(r.counts.first[s]); more > 0 {
			r.ui.result("  and %s more, which --csv FILE.csv lists", number(more))
		}
		advices := r.counts.advices[s]
		for _, advice := range advices[:min(maxAuditAdvices, len(advices))] {
			r.ui.result("  What to do: %s", advice)
		}
		if len(advices) > maxAuditAdvices {
			r.ui.result("  What to do about the others, --csv FILE.csv says for each")
		}
	}
}

// words is the state as people read it.
func (s auditState) words() string { return strings.ReplaceAll(string(s), "-", " ") }

// homeJSON is something that does not agree in a home, under --json.
type homeJSON struct {
	Kind    string  `json:"kind"`
	Issuer  *string `json:"issuer"`
	Network *string `json:"network"`
	Batch   *string `json:"batch"`
	Root    *string `json:"batch_root"`
	Finding string  `json:"finding"`
	Hint    string  `json:"hint"`
}

// printHome prints what does not agree in the home.
func (r *auditor) printHome() {
	if r.home == nil {
		return
	}
	found := r.home.found()
	if len(found) == 0 {
		r.ui.result("Batches on disk, journal and status lists agree")
		return
	}
	shownOf := make(map[string]int)
	for _, f := range found {
		shownOf[f.Kind]++
		switch n := shownOf[f.Kind]; {
		case n <= maxShown:
			r.ui.result("%s  %s", r.ui.paint(f.color(), "HOME"), f.Finding)
		case n == maxShown+1:
			r.ui.result("      and more of this kind, which --json lists")
		}
		if shownOf[f.Kind] == 1 && !r.ui.quiet {
			r.ui.result("      What to do: %s", f.Hint)
		}
	}
}

func (f *homeFinding) color() string {
	if f.verdict == verify.Invalid {
		return red
	}
	return yellow
}

func orNullNetwork(n bitcoin.Network) *string {
	if n == 0 {
		return nil
	}
	return ptr(n.String())
}
