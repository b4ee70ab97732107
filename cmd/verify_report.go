package cmd

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/proof"
	"gradseal/report"
	"gradseal/words"
)

// reportFile is where the report of the one document that is verified goes. nil
// is nowhere.
type reportFile struct {
	a        *app
	path     string
	language *words.Language
	o        verifyOptions
}

// newReportFile is for what --report says. It refuses now what would be refused
// when all was judged.
func (a *app) newReportFile(o verifyOptions) (*reportFile, error) {
	if o.report == "" && o.language == "" {
		return nil, nil
	}
	l, err := reportLanguage(o.language)
	if err != nil {
		return nil, err
	}
	switch o.report {
	case "":
		return nil, nil
	case "-":
		return nil, hinted(errors.New("a report is not written to standard output"), "name a file with --report")
	}
	if _, err := os.Lstat(o.report); err == nil {
		return nil, reportExists(o.report)
	}
	return &reportFile{a: a, path: o.report, language: l, o: o}, nil
}

func reportExists(path string) error {
	return hinted(fmt.Errorf("%s: exists: it was not overwritten", path), "name another file with --report")
}

// reportLanguage is the language that was asked for, or that of the user, or
// English.
func reportLanguage(tag string) (*words.Language, error) {
	if tag != "" {
		return words.Load(tag)
	}
	if l, err := words.Load(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG"))); err == nil {
		return l, nil
	}
	return words.Load(words.Default)
}

// check refuses a report of other than one document.
func (f *reportFile) check(documents int) error {
	if f == nil || documents == 1 {
		return nil
	}
	return hinted(fmt.Errorf("--report writes the report of one document, and there are %s", number(documents)), "name one document")
}

// write writes the report of a document.
func (f *reportFile) write(j judged, accepted bitcoin.Network) error {
	if f == nil {
		return nil
	}
	r, err := f.of(j, accepted)
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := r.Write(&html); err != nil {
		return err
	}
	err = atomicfile.WriteNew(f.path, html.Bytes(), 0o644)
	if errors.Is(err, fs.ErrExist) {
		return reportExists(f.path)
	}
	if err == nil {
		f.a.ui.note("Wrote %s", shown(f.path))
	}
	return err
}

func (f *reportFile) of(j judged, accepted bitcoin.Network) (*report.Report, error) {
	r := &report.Report{
		Language: f.language,
		View: f.language.View(words.Subject{
			Name: filepath.Base(j.path), Evidence: j.evidence, Result: j.Result, Found: j.found, Accepted: accepted,
		}),
		Proof: words.JudgedProof(j.evidence, j.Result),
		Check: report.Circumstances{
			Time: time.Now(), Version: version(), Network: accepted,
			Confirmations: cmp.Or(f.o.confirmations, defaultConfirmations(accepted)), AnyStatus: f.o.allowUnknownStatus,
		},
	}
	r.Document = reportDocument(j, r.Proof)
	var err error
	r.Check.Tip, err = f.a.reportTip(accepted)
	return r, err
}

// reportDocument is the file as the commands of the report name it.
func reportDocument(j judged, p *proof.Proof) report.Document {
	d := report.Document{Name: filepath.Base(j.path), Digest: j.evidence.Digest, Issued: j.evidence.Size, Size: j.evidence.Size}
	if info, err := os.Stat(j.path); err == nil && d.Issued > 0 {
		d.Size = info.Size()
	}
	if p == nil {
		return d
	}
	beside := j.path + proof.Suffix
	data, err := readProofFile(beside)
	if err != nil {
		return d
	}
	// A proof has one spelling: these bytes are the proof that was judged, or not.
	if judged, err := proof.Marshal(p); err == nil && bytes.Equal(data, judged) {
		d.Proof = filepath.Base(beside)
	}
	return d
}

// reportTip is the newest block header here; nil where there is none.
func (a *app) reportTip(network bitcoin.Network) (*report.Tip, error) {
	chain, err := a.openHeaders(network)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer chain.Close()
	header, err := chain.At(chain.Height())
	if err != nil {
		return nil, err
	}
	return &report.Tip{Height: chain.Height(), Hash: header.Hash(), Time: header.Time()}, nil
}
