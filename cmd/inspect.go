package cmd

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gradseal/proof"
	"gradseal/proof/ots"
)

type inspectOptions struct {
	full bool
	svg  string
}

func (o *inspectOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.full, "full", false, "print all digits, and the message behind every operation")
	cmd.Flags().StringVar(&o.svg, "svg", "", "draw the way as a picture into this SVG `file`, or to standard output (-)")
}

func (a *app) newInspectCommand() *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what is in a proof or an OpenTimestamps file, step by step",
		Long: `Draws the way from the document to the block, and names everything else in the
file. FILE is a proof, a document with its proof beside or inside it, or a timestamp
file of OpenTimestamps (.ots).

inspect reads, verify judges: nothing that is shown is checked, and much of it anybody
can write. Of a proof it says which check of verify makes a value mean something.
No network and no trust store are needed.`,
		Example: `  gradseal inspect transcript.pdf.proof.json
  gradseal inspect --full transcript.pdf
  gradseal inspect --json essay.txt.ots
  gradseal inspect --svg way.svg transcript.pdf

Exit codes: 0 the file could be read; 1 an error, or the file is neither.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return hinted(fmt.Errorf("%s named, want one", count(len(args), "file")), "run: gradseal inspect FILE")
			}
			return a.runInspect(o, args[0])
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (a *app) runInspect(o inspectOptions, path string) error {
	i, err := inspect(path)
	if err != nil {
		return err
	}
	if o.svg != "" {
		if err := a.writeSVG(i, o.svg); err != nil || !a.ui.json || o.svg == "-" {
			return err
		}
	}
	if a.ui.json {
		return a.ui.object(newInspectionJSON(i))
	}
	a.printInspection(i, o.full)
	return nil
}

// inspection is what is in a file of evidence.
type inspection struct {
	path    string
	bytes   int // of the proof, or of the .ots file
	kind    string
	named   ots.Operation // the hash that the document is named by
	root    *stop         // whose message is that hash of the document
	fields  []field       // of a proof; an .ots file has nothing but its tree
	undrawn []string      // why a part of a proof's way is not in the tree
	proof   *proof.Proof  // nil of an .ots file
}

// The kinds of an inspection.
const (
	kindProof = "proof"
	kindOTS   = "ots"
)

// inspect reads a file of evidence, or that of a document.
func inspect(path string) (*inspection, error) {
	data, from, err := readEvidence(path)
	if err != nil {
		return nil, err
	}
	i := &inspection{path: from, bytes: len(data)}
	if ots.IsFile(data) {
		err = i.readTimestamp(data)
	} else {
		err = i.readProof(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return i, nil
}

// readEvidence returns the bytes of a proof or an .ots file, and the path of the
// file that they are in: the one that is named, or that beside it.
func readEvidence(path string) (data []byte, from string, err error) {
	data, err = readStart(path, max(proof.MaxSize, ots.MaxSize))
	if err != nil {
		return nil, "", err
	}
	if len(data) == 0 {
		return nil, "", hinted(fmt.Errorf("%s: is empty", path), "ask for it again where it came from. What was made here is written again: an .ots file by gradseal export, a proof by gradseal anchor")
	}
	if ots.IsFile(data) || isProofName(path) {
		return data, path, nil
	}
	if _, err := proof.Parse(data); err == nil || errors.Is(err, proof.ErrNewer) { // under any name
		return data, path, nil
	}
	beside := path + proof.Suffix
	if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
		data, err = readProofFile(beside)
		return data, beside, err
	}
	data, err = readInside(path)
	if errors.Is(err, proof.ErrNoTrailer) {
		return nil, "", hinted(fmt.Errorf("%s: is no proof and no .ots file, and has no proof beside or inside it", path), "name the proof itself, NAME.pdf%s", proof.Suffix)
	}
	return data, path, err
}

// readInside returns the proof file inside a document.
func readInside(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	_, data, err := proof.SplitTrailer(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

func (i *inspection) readTimestamp(data []byte) error {
	f, err := ots.ParseFile(data)
	if err != nil {
		return err
	}
	i.kind, i.named, i.root = kindOTS, f.Hash, &stop{message: f.Digest}
	g := newGrower()
	if err := g.timestamp(i.root, f.Timestamp); err != nil {
		return err
	}
	i.root.nameTransactions()
	return nil
}

func (i *inspection) readProof(data []byte) error {
	p, err := proof.Parse(data)
	if err != nil {
		return err
	}
	i.kind, i.named, i.root, i.fields, i.proof = kindProof, ots.SHA256, &stop{message: p.Digest[:]}, proofFields(p), p
	g := newGrower()
	steps, err := p.Steps()
	if err != nil { // the parser does not count hashes
		i.undrawn = append(i.undrawn, fmt.Sprintf("the way to the batch root: %v", err))
		return nil
	}
	last, err := g.steps(i.root, steps)
	if err != nil {
		return err
	}
	if p.Bitcoin != nil {
		steps, err := p.Bitcoin.Steps()
		if err != nil {
			i.undrawn = append(i.undrawn, fmt.Sprintf("the way of the Bitcoin attestation: %v", err))
		} else if err := g.path(last, steps, p.Bitcoin.Height); err != nil {
			return err
		}
	}
	if o := p.OpenTimestamps; o != nil {
		if err := g.path(last, calendarSteps(o), o.Height); err != nil {
			return err
		}
	}
	i.root.nameTransactions()
	return nil
}

// calendarSteps says of a calendar's operations whose they are; what they are
// there for only the calendar knows.
func calendarSteps(o *proof.OpenTimestamps) []proof.Step {
	steps := make([]proof.Step, len(o.Ops))
	for i, op := range o.Ops {
		steps[i].Op = op
	}
	if len(steps) > 0 {
		steps[0].What = "the timestamp of a calendar begins"
	}
	return steps
}
