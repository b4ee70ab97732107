package words

import (
	"fmt"
	"strconv"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/verify"
)

// factList collects the facts of a view.
type factList struct {
	t   *teller
	all []Fact
}

func (l *factList) add(key, value string) {
	l.all = append(l.all, Fact{Label: l.t.say("fact." + key), Value: value})
}

// mono adds a value of which every digit counts.
func (l *factList) mono(key, format string, args ...any) {
	l.all = append(l.all, Fact{Label: l.t.say("fact." + key), Value: fmt.Sprintf(format, args...), Mono: true})
}

// facts are the values behind the answers. What no check has found to be so is
// said to be the proof's word alone.
func (t *teller) facts() []Fact {
	l := &factList{t: t, all: []Fact{}}
	l.document()
	if t.r.Problem != nil {
		l.add("problem", Safe(t.r.Problem.Error()))
		return l.all
	}
	l.issuer()
	if t.proof != nil {
		l.proof(t.proof)
	}
	l.block()
	l.details()
	return l.all
}

func (l *factList) document() {
	e, p := l.t.Evidence, l.t.proof
	here := e.Digest != verify.Digest{}
	if here {
		l.mono("sha256", "%x", e.Digest)
	}
	if p != nil && e.Digest != p.Digest {
		l.mono("sha256-proof", "%x", p.Digest)
	}
	if here {
		l.add("bytes", l.t.Text("bytes", map[string]string{"n": grouped(e.Size)}))
	}
}

// issuer says who is believed to have issued the document, and by which file.
func (l *factList) issuer() {
	r := l.t.r
	if r.Existence != nil {
		return
	}
	if r.Issuer == nil {
		l.add("claimed", "“"+named(r.ClaimedIssuer)+"”")
		return
	}
	key := "issuer"
	if r.Checks[verify.Issuer].Outcome != verify.OK {
		key = "issuer-unproven"
	}
	l.add(key, fmt.Sprintf("“%s” (%s)", named(r.Issuer.Name), r.Issuer.ID))
	l.add("issuer-file", l.t.Text("issuer-file", map[string]string{
		"sequence": strconv.FormatUint(r.Issuer.Sequence, 10), "fingerprint": r.Issuer.Fingerprint().String(),
	}))
	if !r.StatusAsOf.IsZero() {
		l.add("status", clock(r.StatusAsOf))
	}
}

// proof adds what stands in the proof.
func (l *factList) proof(p *proof.Proof) {
	first := p.Layers[0]
	word := "" // whose it is, where the signature is not known to be the issuer's
	if !l.t.isOK(verify.Issuer) {
		word = "-unproven"
	}
	if title := first.Statement.Title; title != "" {
		l.add("title"+word, "“"+named(title)+"”")
	}
	l.add("signed", clock(first.Statement.Issued))
	l.add("place", l.t.say("place"))
	for i, layer := range p.Layers {
		root := proof.BatchRoot(layer.Signed, layer.Statement.Root)
		key := "batch-root"
		if i > 0 {
			key = "outer-batch-root"
		}
		l.mono(key, "%x", root)
	}
	if p.Bitcoin == nil {
		return
	}
	if tx, err := bitcoin.ParseTransaction(p.Bitcoin.Transaction); err == nil {
		l.mono("transaction", "%s", tx.ID())
	}
	if l.t.r.Header == nil { // the proof's word: no chain has it
		l.mono("block-unproven", "%s", p.Bitcoin.Header.Hash())
	}
}

// block adds the block that the header chain has, and whose chain that is.
func (l *factList) block() {
	r := l.t.r
	l.add("network", network(r, l.t.Accepted).String())
	if r.Header == nil {
		return
	}
	h := r.Header
	l.add("block", strconv.FormatUint(uint64(h.Height), 10))
	l.mono("block-hash", "%s", h.Hash)
	l.add("block-time", clock(h.Time))
	l.add("confirmations", strconv.FormatUint(uint64(h.Confirmations), 10))
	basis := "basis.mainnet"
	if r.Network.IsTest() {
		basis = "basis.test"
	}
	l.add("basis", l.t.Text(basis, map[string]string{
		"network": r.Network.String(), "tip": strconv.FormatUint(uint64(h.Height)+uint64(h.Confirmations)-1, 10),
	}))
	if r.Witness != nil {
		l.mono("witness", "%d, %s", r.Witness.Height, r.Witness.Hash)
	}
}

// details are verify's own words about what is not ok, for who is asked for help.
func (l *factList) details() {
	for i, c := range l.t.r.Checks {
		if c.Outcome == verify.OK && (l.t.r.Existence == nil || i != verify.Document) {
			continue
		}
		l.all = append(l.all, Fact{
			Label: l.t.Text("fact.detail", map[string]string{"check": c.Name}),
			Value: Safe(c.Detail),
		})
	}
}

// grouped is 12345 as 12,345.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
