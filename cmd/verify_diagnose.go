package cmd

import (
	"io"
	"strings"
	"sync"

	"gradseal/diagnose"
	"gradseal/evidence"
	"gradseal/verify"
	"gradseal/words"
)

// diagnosisJSON is one thing that was found in a document that is not the one of
// its proof.
type diagnosisJSON struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// diagnoseDocument looks in a file that was judged for why it is not the document
// of its proof. An explanation must keep no verdict back: a file that can no
// longer be read has none.
func diagnoseDocument(path string, e evidence.Evidence, r *verify.Result) []diagnose.Finding {
	if r.Checks[verify.Document].Reason != verify.DigestDiffers {
		return nil // without opening it once more
	}
	f, err := openRegular(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	found, err := diagnose.Explain(io.NewSectionReader(f, 0, info.Size()), e, r)
	if err != nil {
		return nil
	}
	return found
}

// english has the words for findings.
var english = sync.OnceValue(func() *words.Language {
	l, err := words.Load(words.Default)
	if err != nil {
		panic(err) // it is part of the program
	}
	return l
})

// diagnosis is what was found, a sentence or two each.
func diagnosis(found []diagnose.Finding) []string {
	var lines []string
	for _, f := range found {
		lines = append(lines, safe(english().Text("diagnosis."+string(f.Code), f.Args)))
	}
	return lines
}

// adviseFound is what to do about the weightiest thing that was found, as all
// advice here: without a capital and a full stop.
func adviseFound(found []diagnose.Finding) string {
	return inLine(safe(english().Text("diagnosis."+string(found[0].Code)+".advice", found[0].Args)))
}

// inLine is a sentence without its capital and its full stop.
func inLine(sentence string) string {
	return strings.ToLower(sentence[:1]) + strings.TrimSuffix(sentence[1:], ".")
}

// provenOnly is for a document whose proof was mixed up with that of another.
func provenOnly(found []diagnose.Finding) []diagnose.Finding { return diagnose.Proven(found) }

func newDiagnosisJSON(found []diagnose.Finding) []diagnosisJSON {
	out := make([]diagnosisJSON, 0, len(found))
	for _, f := range found {
		out = append(out, diagnosisJSON{string(f.Code), english().Text("diagnosis."+string(f.Code), f.Args)})
	}
	return out
}
