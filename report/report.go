// Package report writes what was found out about one document as a page of HTML
// that prints well: the verdict, the six answers, what is not proven, when and
// with what it was checked, and the commands to check the proof by hand.
//
// A report is a note of whoever made it and proves nothing to others: it says so,
// and says how to repeat the check. It holds no script and loads nothing.
package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/verify"
	"gradseal/words"
)

// Report is what a report says.
type Report struct {
	Language *words.Language
	View     words.View
	Document Document
	Proof    *proof.Proof // that was judged; nil where there was none that could be read
	Check    Circumstances
}

// Document is the file that was judged, as the commands name it.
type Document struct {
	Name   string // of the file, without its folder
	Proof  string // of its proof, where that is a file beside it; else ""
	Digest verify.Digest
	// Size and Issued are the bytes of the file, and of the issued document in
	// it: fewer, where a proof stands behind it. Both are 0 where there is no file.
	Size, Issued int64
}

// Circumstances are when and with what a document was checked.
type Circumstances struct {
	Time          time.Time
	Version       string // of the program
	Network       bitcoin.Network
	Confirmations uint32
	AnyStatus     bool // documents of which the status is not known were accepted
	Tip           *Tip // of the header chain; nil where there was none
}

// Tip is the newest block of a header chain.
type Tip struct {
	Height uint32
	Hash   bitcoin.Hash
	Time   time.Time
}

//go:embed report.html
var page string

// sheet is what the template is filled with.
type sheet struct {
	*Report
	Steps   []step
	Short   []words.Fact // facts of a few words
	Long    []words.Fact // facts that take a line each
	Checked []string
	LookUp  string // where the block can be looked up, if the steps lead to one
}

// Write writes the report.
func (r *Report) Write(w io.Writer) error {
	steps, err := r.steps()
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	t, err := template.New("report").Funcs(template.FuncMap{
		"say":  func(key string) string { return r.Language.Text("report."+key, nil) },
		"mark": mark,
	}).Parse(page)
	if err != nil {
		return err
	}
	s := &sheet{Report: r, Steps: steps, Checked: r.circumstances(), LookUp: r.lookUp(steps)}
	for _, f := range r.View.Facts {
		switch {
		case slices.ContainsFunc(steps, func(s step) bool { return s.Result == f.Value }): // it is on the page
		case f.Mono || utf8.RuneCountInString(f.Value) > longest:
			s.Long = append(s.Long, f)
		default:
			s.Short = append(s.Short, f)
		}
	}
	return t.Execute(w, s)
}

// lookUp says where to look for the block that the steps lead to. Of a rehearsal
// nobody else knows it.
func (r *Report) lookUp(steps []step) string {
	if len(steps) == 0 || !steps[len(steps)-1].block {
		return ""
	}
	n := r.Proof.Layers[0].Statement.Network
	key := "report.look-up"
	switch {
	case n == bitcoin.Regtest:
		key += "-regtest"
	case n.IsTest():
		key += "-test"
	}
	return r.Language.Text(key, map[string]string{"network": n.String()})
}

// longest is how many characters a fact may have beside another one in a line.
const longest = 60

// mark is the sign of an outcome, for who does not see colours.
func mark(outcome string) string {
	switch outcome {
	case "ok":
		return "✓"
	case "failed":
		return "✗"
	}
	return "?"
}

// circumstances are the sentences about the check.
func (r *Report) circumstances() []string {
	c := r.Check
	args := map[string]string{
		"time":          c.Time.UTC().Format("2006-01-02 15:04:05 UTC"),
		"version":       words.Safe(c.Version),
		"network":       c.Network.String(),
		"confirmations": strconv.FormatUint(uint64(c.Confirmations), 10),
	}
	chain, status := "report.no-chain", "report.status-required"
	if c.AnyStatus {
		status = "report.status-any"
	}
	if c.Tip != nil {
		chain = "report.chain"
		args["tip"] = strconv.FormatUint(uint64(c.Tip.Height), 10)
		args["tip_hash"] = c.Tip.Hash.String()
		args["tip_day"] = r.Language.Day(c.Tip.Time)
	}
	var lines []string
	for _, key := range []string{"report.checked", "report.policy", status, chain} {
		lines = append(lines, r.Language.Text(key, args))
	}
	return lines
}
