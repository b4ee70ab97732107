package cmd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gradseal/internal/atomicfile"
	"gradseal/proof"
	"gradseal/verify"
)

type extractOptions struct{ output string }

func (o *extractOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "`file` or folder to write the PDF to; its proof is written beside it")
}

// extractedSuffix is what is added to the name of the document that is taken out
// of a file, where the file's own name says nothing of a proof.
const extractedSuffix = "-issued"

func (a *app) newExtractCommand() *cobra.Command {
	var o extractOptions
	cmd := &cobra.Command{
		Use:   "extract FILE",
		Short: "Take a PDF that carries its proof apart: the issued PDF, and the proof",
		Long: `Writes the two files that gradseal embed has made one of: the PDF, byte for byte as
it was issued, and its proof beside it. From NAME` + embeddedSuffix + `.pdf they are NAME.pdf and
NAME.pdf.proof.json; from NAME.pdf they are NAME` + extractedSuffix + `.pdf and its proof.

It does so only where the proof is for that PDF, and nothing was added to the file.
Whether the proof is worth anything is for gradseal verify to say.`,
		Example: `  gradseal extract transcript-with-proof.pdf
  gradseal extract received.pdf -o transcript.pdf

Exit codes: 0 both files are there; 1 an error, nothing was overwritten.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return hinted(fmt.Errorf("%d files were named, want one", len(args)), "name the PDF that carries its proof")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runExtract(cmd.Context(), o, args[0]) },
	}
	o.addFlags(cmd)
	return cmd
}

// extractJSON is the result of extract under --json.
type extractJSON struct {
	Version int    `json:"version"`
	File    string `json:"file"`
	Proof   string `json:"proof"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
}

func (a *app) runExtract(ctx context.Context, o extractOptions, path string) error {
	file, err := openDocument(path)
	if err != nil {
		return err
	}
	defer file.Close()
	x, err := readExtract(ctx, file.SectionReader)
	if err != nil {
		return hintExtract(path, err)
	}
	if err := x.place(path, o.output); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	sweepTemporary([]string{filepath.Dir(x.out)})
	if err := x.write(ctx, info.Mode().Perm()); err != nil {
		return err
	}
	if a.ui.json {
		return a.ui.object(extractJSON{jsonVersion, x.out, x.out + proof.Suffix, fmt.Sprintf("%x", x.digest), x.document.Size()})
	}
	a.ui.result("Wrote %s, the PDF as it was issued, and its proof, %s", shown(x.out), shown(x.out+proof.Suffix))
	return nil
}

// extract is what is taken out of a file.
type extract struct {
	document  *io.SectionReader
	digest    verify.Digest
	proofFile []byte
	out       string // path of the document to write
}

// readExtract takes a file apart, and finds out whether its parts belong
// together.
func readExtract(ctx context.Context, file *io.SectionReader) (*extract, error) {
	n, data, err := proof.SplitTrailer(file, file.Size())
	if err != nil {
		return nil, err
	}
	p, err := parseSound(data)
	if err != nil {
		return nil, fmt.Errorf("the proof in it: %w", err)
	}
	x := &extract{document: io.NewSectionReader(file, 0, n), digest: p.Digest, proofFile: data}
	return x, x.writeDocument(ctx, io.Discard)
}

// errNotIssued says that the proof in a file is not for what stands before it.
var errNotIssued = errors.New("what stands before the proof is not, byte for byte, the document that the proof is for")

// hintExtract says what to do about a file that cannot be taken apart.
func hintExtract(path string, err error) error {
	named := fmt.Errorf("%s: %w", path, err)
	switch {
	case errors.Is(err, proof.ErrNoTrailer):
		return hinted(named, "nothing has to be taken out of it; its proof is another file, NAME.pdf%s", proof.Suffix)
	case errors.Is(err, proof.ErrTrailer), errors.Is(err, errNotIssued):
		return hinted(named, "no part of it can be taken for the issued PDF: ask for the original download")
	case errors.Is(err, proof.ErrNewer):
		return hinted(named, "get a newer gradseal")
	}
	return named
}

// place decides where the document is written.
func (x *extract) place(path, output string) error {
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(filepath.Base(path), ext)
	name := stem + extractedSuffix + ext
	if plain, ok := strings.CutSuffix(stem, embeddedSuffix); ok && plain != "" {
		name = plain + ext
	}
	info, err := os.Stat(output)
	switch isDir := err == nil && info.IsDir() || os.IsPathSeparator(lastByte(output)); {
	case output == "-":
		return hinted(errors.New("two files are written, and not to standard output"), "name a file with -o")
	case output == "":
		x.out = filepath.Join(filepath.Dir(path), name)
	case isDir:
		x.out = filepath.Join(output, name)
	default:
		x.out = filepath.Clean(output)
	}
	if same(x.out, path) || same(x.out+proof.Suffix, path) {
		return hinted(fmt.Errorf("%s: is what is read, and is not overwritten", path), "name another file with -o")
	}
	return nil
}

// write writes the two files. One that is there already is left as it is where it
// holds what it has to, and is an error otherwise, before any is written.
func (x *extract) write(ctx context.Context, mode fs.FileMode) error {
	beside := x.out + proof.Suffix
	hasDocument, err := x.holds(x.out, x.document)
	if err != nil {
		return err
	}
	hasProof, err := x.holds(beside, io.NewSectionReader(bytes.NewReader(x.proofFile), 0, int64(len(x.proofFile))))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(x.out), 0o777); err != nil {
		return err
	}
	if !hasDocument {
		fill := func(w io.Writer) error { return x.writeDocument(ctx, w) }
		if err := atomicfile.CreateNew(x.out, fill, mode, exportTemporary); err != nil {
			return err
		}
	}
	if hasProof {
		return nil
	}
	fill := func(w io.Writer) error { _, err := w.Write(x.proofFile); return err }
	return atomicfile.CreateNew(beside, fill, mode, exportTemporary)
}

// writeDocument writes the document, and checks while it does that it is the one
// of the proof.
func (x *extract) writeDocument(ctx context.Context, w io.Writer) error {
	h := sha256.New()
	_, err := io.Copy(io.MultiWriter(w, h, untilDone{ctx}), io.NewSectionReader(x.document, 0, x.document.Size()))
	if err == nil && verify.Digest(h.Sum(nil)) != x.digest {
		err = errNotIssued
	}
	return err
}

// holds reports whether a file is there that holds just what it has to. Anything
// else in its place is an error.
func (x *extract) holds(path string, want *io.SectionReader) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.Mode().IsRegular() && info.Size() == want.Size() {
		file, err := openDocument(path)
		if err != nil {
			return false, err
		}
		defer file.Close()
		is, _, err := verify.Hash(file)
		if err != nil {
			return false, err
		}
		wanted, _, err := verify.Hash(io.NewSectionReader(want, 0, want.Size()))
		if err != nil || is == wanted {
			return is == wanted, err
		}
	}
	return false, hinted(fmt.Errorf("%s: %w", path, errOtherFile), "name another file with -o")
}
