package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/proof"
)

// embedJSON is the result of embed under --json.
type embedJSON struct {
	Version int             `json:"version"`
	Files   []embedFileJSON `json:"files"`
	Refused []refusalJSON   `json:"refused"`
}

type embedFileJSON struct {
	File     string `json:"file"`
	Document string `json:"document"`
	Proof    string `json:"proof"`
	Network  string `json:"network"`
	Pending  bool   `json:"pending"`
	Signed   bool   `json:"signed"`
	Change   string `json:"change"`
}

// report says what was written, and what was not.
func (e *embedder) report() error {
	if e.ui.json {
		if err := e.reportJSON(); err != nil {
			return err
		}
	} else {
		e.reportText()
	}
	e.warnOfSignatures()
	e.warnOfPending()
	e.warnOfNetworks()
	return e.leftOut()
}

func (e *embedder) reportText() {
	changes := make(map[exportChange]int)
	var last *embedJob // that was written
	for _, j := range e.jobs {
		if j.fault == nil {
			changes[j.change]++
		}
		if j.written {
			last = j
		}
	}
	switch written := changes[changeWritten] + changes[changeReplaced]; {
	case written == 1:
		e.ui.result("Wrote %s: the PDF with its proof in it", shown(last.out))
	case written > 1:
		e.ui.result("Wrote %s to %s, each a PDF with its proof in it", count(written, "file"), shown(e.output))
	}
	if n := changes[changeReplaced]; n > 0 {
		e.ui.result("  %s replaced one with a pending proof", number(n))
	}
	switch n := changes[changeUnchanged]; {
	case n == 1:
		e.ui.result("1 was there already")
	case n > 1:
		e.ui.result("%s were there already", number(n))
	}
	if changes[changeWritten] > 0 {
		e.ui.note("Keep the PDF as it was issued, too: gradseal extract gives it back only as long as nothing changes this file")
	}
}

func (e *embedder) reportJSON() error {
	out := embedJSON{Version: jsonVersion, Files: []embedFileJSON{}, Refused: newRefusalsJSON(e.faults())}
	for _, j := range e.jobs {
		if j.fault == nil {
			out.Files = append(out.Files, embedFileJSON{j.out, j.document, j.proof, j.network.String(), j.pending, j.signed, string(j.change)})
		}
	}
	return e.ui.object(out)
}

// documents are those of the jobs that were done and of which the test is true.
func (e *embedder) documents(is func(*embedJob) bool) []string {
	var paths []string
	for _, j := range e.jobs {
		if j.fault == nil && is(j) {
			paths = append(paths, j.document)
		}
	}
	return paths
}

func (e *embedder) warnOfSignatures() {
	if signed := e.documents(func(j *embedJob) bool { return j.signed }); len(signed) > 0 {
		e.ui.warn("digitally signed: %s. The signature stays valid, but a viewer will say that it does not cover the whole file (%q), as the proof stands after it. Where that matters, send the PDF and its proof as two files",
			arguments(signed), "not the total document signed")
	}
}

func (e *embedder) warnOfPending() {
	if pending := e.documents(func(j *embedJob) bool { return j.pending }); len(pending) > 0 {
		e.ui.warn("pending: %s. The proof in the file leads to no block and stays so; when gradseal upgrade has completed the one beside the PDF, run the same command again", arguments(pending))
	}
}

func (e *embedder) warnOfNetworks() {
	for _, n := range bitcoin.Networks() {
		if n.IsTest() && len(e.documents(func(j *embedJob) bool { return j.network == n })) > 0 {
			e.ui.warn("TEST NETWORK: these proofs are of %s, where anyone can make blocks", n)
		}
	}
}

// faults are the documents that were left out.
func (e *embedder) faults() []batch.Finding {
	var all []batch.Finding
	for _, j := range e.jobs {
		if j.fault != nil {
			all = append(all, batch.Finding{Path: j.document, Text: j.faultText()})
		}
	}
	return all
}

// faultText is the fault, without the path of the document, and with that of the
// file to write where it is about that.
func (j *embedJob) faultText() string {
	var pathErr *fs.PathError
	switch {
	case errors.Is(j.fault, errOtherFile), errors.Is(j.fault, errNotRegular):
		return j.out + ": " + j.fault.Error()
	case errors.As(j.fault, &pathErr):
		return strings.TrimPrefix(pathErr.Path+": ", j.document+": ") + "cannot be read: " + pathErr.Err.Error()
	}
	return strings.TrimPrefix(j.fault.Error(), j.document+": ")
}

// leftOut is the error about what was left out, nil where that is nothing.
func (e *embedder) leftOut() error {
	all := e.faults()
	switch {
	case len(all) == 0:
		return nil
	case len(e.jobs) == 1:
		return hinted(fmt.Errorf("%s: %s", all[0].Path, all[0].Text), "%s", e.hint())
	case !e.ui.json:
		e.ui.warn("left out:%s", grouped(all))
	}
	return hinted(fmt.Errorf("%s of %s were left out", number(len(all)), count(len(e.jobs), "PDF")), "%s", e.hint())
}

// hint says what to do about what was left out: about one kind of fault, the one
// that is first here.
func (e *embedder) hint() string {
	for _, h := range []struct {
		is   func(error) bool
		hint string
	}{
		{is(errNoProofBeside), "the proof of NAME.pdf is NAME.pdf" + proof.Suffix + ", from whoever issued it; one of another name is named after its PDF: gradseal embed NAME.pdf PROOF"},
		{is(errOtherDocument), "name the proof of this very file, and the file as it was downloaded: what re-saved, printed or edited it made another one"},
		{is(errStillPending), "wait until it is completed (gradseal upgrade does it where it was anchored). To put it in as it is, which cannot be completed later: --pending"},
		{is(proof.ErrHasTrailer), "nothing needs to be done: check it with gradseal verify. To put in another proof, take this one out first: gradseal extract FILE"},
		{is(proof.ErrTrailer), "the proof in it is damaged, or something was added after it: take the PDF as it was issued"},
		{isEndError, "nothing can follow such a file without making viewers stumble: send two files, the PDF and NAME.pdf" + proof.Suffix},
		{is(proof.ErrNewer), "get a newer gradseal"},
		{is(errNotRegular), "name another place with -o"},
		{is(errOtherFile), "move what is in the way to another place, or name another with -o"},
	} {
		if slices.ContainsFunc(e.jobs, func(j *embedJob) bool { return j.fault != nil && h.is(j.fault) }) {
			return h.hint
		}
	}
	return "what is wrong with a proof is told by: gradseal verify DOCUMENT PROOF"
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isEndError(err error) bool {
	var end *proof.EndError
	return errors.As(err, &end)
}

// ended says of an error that ended the run, such as a full disk, how far that
// had come.
func (e *embedder) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil || len(e.jobs) == 1 {
		return err
	}
	written := 0
	for _, j := range e.jobs {
		if j.written {
			written++
		}
	}
	return hinted(err, "written before that: %d of %s; once it is mended, run the same command again", written, count(len(e.jobs), "file"))
}

// sweepTemporary removes the temporary files that a killed process left in the
// folders. What cannot be removed only takes up room.
func sweepTemporary(folders []string) {
	slices.Sort(folders)
	for _, dir := range slices.Compact(folders) {
		left, err := fs.Glob(os.DirFS(dir), exportTemporary)
		if err != nil {
			continue
		}
		for _, name := range left {
			path := filepath.Join(dir, name)
			if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandonedAfter {
				os.Remove(path)
			}
		}
	}
}
