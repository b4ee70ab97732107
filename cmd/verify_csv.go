package cmd

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"gradseal/batch/manifest"
	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/proof"
	"gradseal/verify"
	"gradseal/words"
)

// verdictRow is a document in the table, a cell each. What strangers wrote is escaped
// in it as on a terminal.
type verdictRow struct {
	File        string `json:"file"`
	Verdict     string `json:"verdict"` // as on the terminal: with the words TEST NETWORK
	Test        string `json:"test_network"`
	IssuerID    string `json:"issuer_id"` // proven, as is the name
	IssuerName  string `json:"issuer_name"`
	Network     string `json:"network"`
	NoLaterThan string `json:"no_later_than"`
	Block       string `json:"block"`
	StatusAsOf  string `json:"status_as_of"`
	Finding     string `json:"finding"`
	WhatToDo    string `json:"what_to_do"`
	Digest      string `json:"sha256"`
}

// tableHeader has the names of the cells, after a byte order mark that makes
// spreadsheets read UTF-8.
const tableHeader = "\ufefffile,verdict,test_network,issuer_id,issuer_name,network,no_later_than,block,status_as_of,finding,what_to_do,sha256\r\n"

// semicolonSign is where a formula would begin for spreadsheets that take a table
// apart at semicolons, as those of many European languages do.
var semicolonSign = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`;([ '"]*[=+@-])`)
})

func (r *verdictRow) write(w *bufio.Writer) error {
	return writeCells(w, r.File, r.Verdict, r.Test, r.IssuerID, r.IssuerName, r.Network, r.NoLaterThan, r.Block, r.StatusAsOf, r.Finding, r.WhatToDo, r.Digest)
}

// writeCells writes a row as RFC 4180 has it, with an apostrophe before what a
// spreadsheet could take for a formula.
func writeCells(w *bufio.Writer, cells ...string) error {
	for i, cell := range cells {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString(manifest.Cell(semicolonSign().ReplaceAllString(cell, `\u{3B}$1`)))
	}
	_, err := w.WriteString("\r\n")
	return err
}

// newRow says in cells what is said of the document elsewhere.
func (a *app) newRow(j judged, accepted bitcoin.Network) verdictRow {
	plain := &app{ui: new(ui)} // whose headlines have no colours
	r := verdictRow{
		File:    safe(j.path),
		Verdict: plain.headline(j.Result, accepted),
		Test:    "no",
		Finding: findingCell(j),
	}
	if onTestNetwork(j.Result, accepted) {
		r.Test = "yes"
	}
	if p := j.party(); p != (party{}) {
		r.IssuerID, r.IssuerName = p.id, safe(p.name)
	}
	if j.digest != (verify.Digest{}) {
		r.Digest = hex.EncodeToString(j.digest[:])
	}
	known := newVerdictJSON(j, accepted, "")
	r.Network, r.NoLaterThan, r.StatusAsOf = orEmpty(known.Network), orEmpty(known.NoLaterThan), orEmpty(known.StatusAsOf)
	if known.Block != nil {
		r.Block = strconv.FormatUint(uint64(known.Block.Height), 10)
	}
	r.WhatToDo = a.advice(j, nil)
	return r
}

func findingCell(j judged) string {
	switch status := j.Checks[verify.Status]; {
	case j.Verdict != verify.Valid:
		return told(j)
	case status.Outcome != verify.OK:
		return "whether it was withdrawn since is not known: " + safe(status.Detail)
	}
	return ""
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// sheet is a table of verdicts that is being made.
type sheet struct {
	*question
	a        *app
	path     string
	accepted bitcoin.Network
	partial  *partial
	tally    tally
	reused   int
	// digests of the documents, and which other document a proof is for: what is
	// known of all before the first row can be written.
	digests []verify.Digest
	claims  map[int]verify.Digest
}

// checkSheet finds out, before anything is read, whether the table may be
// written. It is never written over anything.
func checkSheet(path string) error {
	if !strings.EqualFold(filepath.Ext(path), tableExt) {
		return hinted(fmt.Errorf("%s: is no name for a table, which ends in %s", path, tableExt), "name it with --csv FILE.csv")
	}
	switch _, err := os.Lstat(path); {
	case err == nil:
		return hinted(fmt.Errorf("%s: is there already, and was not overwritten", path), "move it away, or name another file with --csv FILE.csv")
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// make judges the documents and writes the table.
func (s *sheet) make(ctx context.Context) error {
	if err := s.open(); err != nil {
		return err
	}
	if err := s.judge(ctx); err != nil {
		return withClosing(err, s.partial.close())
	}
	for _, u := range s.docs.unreadable {
		s.tally.add(verify.NotRead(u.err).Verdict, party{}, s.accepted.IsTest(), 1)
	}
	if err := s.finish(); err != nil {
		return err
	}
	return s.report()
}

// withClosing adds the error of closing a file to the one that came before, where it
// is another one: what could not be written cannot be at the end, either.
func withClosing(err, closing error) error {
	if closing == nil || err.Error() == closing.Error() {
		return err
	}
	return errors.Join(err, closing)
}

// temporary is the pattern of the temporary files beside this table, and no
// other one's.
func (s *sheet) temporary() string {
	h := sha256.Sum256([]byte(filepath.Base(s.path)))
	return fmt.Sprintf(".gradseal-verdicts-%x-*", h[:8])
}

// sweep removes the temporary files of a process that was killed. It is for the
// holder of the lock; what cannot be removed only takes up room.
func (s *sheet) sweep() {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), s.temporary()))
	if err != nil {
		return
	}
	for _, name := range left {
		os.Remove(name)
	}
}

// open takes in what an earlier run has judged.
func (s *sheet) open() error {
	now, err := newTerms(s.believed, s.policy, s.named)
	if err != nil {
		return err
	}
	var changed string
	s.partial, changed, err = openPartial(s.path+partialExt, s.a.home.resumeKey(), s.docs.paths, now, s.believed)
	switch {
	case errors.Is(err, errOtherTable):
		return err
	case err != nil:
		return hinted(fmt.Errorf("%s: the table cannot be made here: %w", s.path, err), "name another place with --csv FILE.csv")
	case changed != "":
		s.a.ui.note("%s: what was judged before is judged again, because of %s", shown(s.partial.path), changed)
	case s.partial.old > 0:
		s.a.ui.note("%s: %s of %s were judged before, and are judged again only where a file has changed", shown(s.partial.path), number(s.partial.old), count(len(s.docs.paths), "document"))
	}
	// Whoever made it before this one had the lock has also removed its partial file.
	if err := checkSheet(s.path); err != nil {
		return errors.Join(err, s.partial.remove())
	}
	s.sweep()
	s.digests, s.claims = make([]verify.Digest, len(s.docs.paths)), make(map[int]verify.Digest)
	return nil
}

// judge verifies all documents that were not judged before.
func (s *sheet) judge(ctx context.Context) error {
	paths := s.docs.paths
	bar := s.a.startChecking(paths)
	defer bar.finish()
	return inOrder(ctx, len(paths), func(ctx context.Context, i int) (*record, error) {
		r := &record{Path: paths[i], Document: stampOf(paths[i]), Beside: stampOf(paths[i] + proof.Suffix)}
		old, err := s.partial.before(i)
		if err != nil {
			return nil, err
		}
		if old != nil && s.same(old, r) {
			old.reused = true
			return old, nil
		}
		j, err := judgeOne(s.verifier, s.find, paths[i], bar.writer(ctx), true)
		if err != nil {
			return nil, err
		}
		s.fill(r, j)
		return r, nil
	}, func(i int, r *record) error {
		bar.done(r.unread())
		return s.take(i, r)
	})
}

// same reports whether a document and what may prove it are as they were.
func (s *sheet) same(old, now *record) bool {
	return old.Digest != "" && old.Document == now.Document && old.Beside == now.Beside && old.Folder == s.folder.stamp(old.digest())
}

func (r *record) digest() verify.Digest {
	var d verify.Digest
	hex.Decode(d[:], []byte(r.Digest)) // which is empty, or was made from a digest
	return d
}

// unread is how many bytes of the document this run did not read.
func (r *record) unread() int64 {
	if !r.reused {
		return 0
	}
	text, _, _ := strings.Cut(r.Document, " ")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (s *sheet) fill(r *record, j judged) {
	r.Verdict, r.Test = j.Verdict.String(), onTestNetwork(j.Result, s.accepted)
	p := j.party()
	r.ID, r.Name = p.id, p.name
	r.Row = s.a.newRow(j, s.accepted)
	r.Digest, r.Folder = r.Row.Digest, s.folder.stamp(j.digest)
	if words.Reason(j.Result) == verify.DigestDiffers {
		r.Claimed = hex.EncodeToString(j.claimed[:])
		j.found = provenOnly(j.found)
		r.MixedUp = findingCell(j)
	}
}

// take counts a document, and keeps its record.
func (s *sheet) take(i int, r *record) error {
	s.digests[i] = r.digest()
	if r.Claimed != "" {
		s.claims[i] = (&record{Digest: r.Claimed}).digest()
	}
	verdict, err := parseVerdict(r.Verdict)
	if err != nil {
		return err
	}
	s.tally.add(verdict, party{r.ID, r.Name}, r.Test, 1)
	if r.reused {
		s.reused++
		return nil
	}
	return s.partial.add(i, r)
}

func parseVerdict(s string) (verify.Verdict, error) {
	for _, v := range verdicts {
		if v.String() == s {
			return v, nil
		}
	}
	return 0, fmt.Errorf("unknown verdict %q", s)
}

// finish writes the table, whole or not at all, and then needs its partial file
// no longer.
func (s *sheet) finish() error {
	if err := s.partial.out.Flush(); err != nil {
		return err
	}
	err := atomicfile.CreateNew(s.path, s.write, 0o600, s.temporary())
	if errors.Is(err, fs.ErrExist) {
		return checkSheet(s.path) // it came there meanwhile
	}
	if err != nil {
		return fmt.Errorf("%s: the table was not written: %w", s.path, err)
	}
	return s.partial.remove()
}

// write writes the rows in the order of the paths, and then those of folders
// that could not be read.
func (s *sheet) write(out io.Writer) error {
	w := bufio.NewWriterSize(out, 64<<10)
	w.WriteString(tableHeader)
	others := s.others()
	for i := range s.docs.paths {
		r, err := s.partial.before(i)
		if err != nil {
			return err
		}
		if r == nil {
			return fmt.Errorf("%s: was not judged", s.docs.paths[i])
		}
		s.tellOther(i, r, others)
		if err := r.Row.write(w); err != nil {
			return err
		}
	}
	for _, u := range s.docs.unreadable {
		j := judged{path: u.path, Result: verify.NotRead(u.err)}
		line := s.a.newRow(j, s.accepted)
		if err := line.write(w); err != nil {
			return err
		}
	}
	return w.Flush()
}

// others are the documents that proofs of other documents are for.
func (s *sheet) others() map[verify.Digest]string {
	claimed := make(map[verify.Digest]bool, len(s.claims))
	for _, d := range s.claims {
		claimed[d] = true
	}
	others := make(map[verify.Digest]string)
	for i, d := range s.digests {
		if claimed[d] {
			others[d] = s.docs.paths[i]
		}
	}
	return others
}

// tellOther says in the row of a document with the proof of another one which
// one that is.
func (s *sheet) tellOther(i int, r *record, others map[verify.Digest]string) {
	claimed, ok := s.claims[i]
	if !ok {
		return
	}
	j := judged{path: r.Path, digest: s.digests[i], claimed: claimed, Result: new(verify.Result)}
	if _, mixedUp := otherDocument(j, others); mixedUp {
		r.Row.Finding, r.Row.WhatToDo = r.MixedUp, s.a.adviseDigest(j, others)
	}
}

// sheetJSON is a table of verdicts under --json.
type sheetJSON struct {
	Version     int           `json:"version"`
	CSV         string        `json:"csv"`
	Documents   int           `json:"documents"`
	Reused      int           `json:"reused"`
	TestNetwork int           `json:"test_network"`
	Verdicts    []verdictTold `json:"verdicts"`
	Exit        int           `json:"exit"`
}

// verdictTold counts the documents of an issuer with a verdict.
type verdictTold struct {
	Issuer    *string `json:"issuer"`
	Name      *string `json:"name"`
	Verdict   string  `json:"verdict"`
	Documents int     `json:"documents"`
}

// report says what is in the table.
func (s *sheet) report() error {
	t := &s.tally
	exit := t.exit()
	if s.a.ui.json {
		out := sheetJSON{Version: jsonVersion, CSV: s.path, Documents: t.documents, Reused: s.reused, TestNetwork: t.test, Verdicts: []verdictTold{}}
		if worst, ok := exit.(verdictError); ok {
			out.Exit = worst.exit
		}
		for _, p := range t.sorted() {
			for _, v := range verdicts {
				if n := t.parties[p][v]; n > 0 {
					out.Verdicts = append(out.Verdicts, verdictTold{orNull(p.id), orNull(p.name), v.String(), n})
				}
			}
		}
		if err := s.a.ui.object(out); err != nil {
			return err
		}
		return exit
	}
	s.a.printSummary(t, true)
	if t.test > 0 {
		s.a.ui.result("%s: %s", s.a.ui.paint(red, "TEST NETWORK"), count(t.test, "verdict")+" about blocks that prove nothing to others")
	}
	s.a.ui.note("Wrote %s", shown(s.path))
	return exit
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
