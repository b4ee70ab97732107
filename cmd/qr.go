package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gradseal/evidence"
	"gradseal/internal/atomicfile"
	"gradseal/proof"
	"gradseal/qr"
	"gradseal/verify"
)

type qrOptions struct {
	output string
	each   bool
}

func (o *qrOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "picture `file` to write, .png or .svg (default: NAME.pdf.qr.png beside the document)")
	flags.BoolVar(&o.each, "each", false, "write each code to a file of its own, NAME.1.png and so on")
}

func (a *app) newQRCommand() *cobra.Command {
	var o qrOptions
	cmd := &cobra.Command{
		Use:   "qr PROOF",
		Short: "Write a proof as QR codes, for a diploma on paper",
		Long: `Writes the whole proof as QR codes, in one picture, to be printed with the
document. PROOF is a proof, or a document with its proof beside or inside it.

Whoever holds the paper photographs the codes and checks them with the file:
gradseal verify --qr PHOTO… FILE. Nothing of the document is in the codes but its
digest. They prove the file, not the paper: print on it where the file is to be had.

The codes cannot stand inside the PDF that they are for: that would be another
file. Print them on the back, or on a page of their own. A square of a code should
have 0.4 mm or more on paper, which is what an .svg has.`,
		Example: `  gradseal qr transcript.pdf.proof.json
  gradseal qr transcript.pdf -o codes.svg
  gradseal qr transcript.pdf -o code.png --each

Exit codes: 0 done; 1 an error.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return hinted(fmt.Errorf("%s named, want one", count(len(args), "file")), "run: gradseal qr PROOF")
			}
			return a.runQR(o, args[0])
		},
	}
	o.addFlags(cmd)
	return cmd
}

// qrJSON is the result under --json.
type qrJSON struct {
	Version int      `json:"version"`
	Proof   string   `json:"proof"`
	SHA256  string   `json:"sha256"`
	Bytes   int      `json:"bytes"`
	Codes   int      `json:"codes"`
	Files   []string `json:"files"`
}

func (a *app) runQR(o qrOptions, path string) error {
	p, from, err := readOneProof(path)
	if err != nil {
		return err
	}
	if err := isProofOf(p, path, from); err != nil {
		return err
	}
	compact, err := proof.MarshalCompact(p)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	parts, err := qr.Split(compact)
	if err != nil {
		return err
	}
	if o.output == "" {
		o.output = strings.TrimSuffix(from, proof.Suffix) + ".qr.png"
	}
	out := qrJSON{
		Version: jsonVersion, Proof: from, SHA256: fmt.Sprintf("%x", p.Digest),
		Bytes: len(compact), Codes: len(parts),
	}
	pictures, err := o.draw(parts, out.SHA256)
	if err != nil {
		return err
	}
	for _, picture := range pictures {
		if err := writePicture(picture.path, picture.data); err != nil {
			return err
		}
		out.Files = append(out.Files, picture.path)
	}
	a.warnOfQR(p, len(parts))
	if a.ui.json {
		return a.ui.object(out)
	}
	for _, file := range out.Files {
		a.ui.result("Wrote %s", shown(file))
	}
	a.ui.note("%s, %s in all. To check them: gradseal verify --qr PHOTO… FILE", count(len(parts), "QR code"), size(int64(len(compact))))
	return nil
}

// isProofOf refuses the proof of another document: what is printed cannot be
// taken back. path is the document, or the proof itself; the proof was read from
// the file from.
func isProofOf(p *proof.Proof, path, from string) error {
	if isProofFile(path, from) {
		return nil
	}
	data, err := proof.Marshal(p)
	if err != nil {
		return err
	}
	named := verify.ReadProof(data)
	e, err := findEvidence(&evidence.Finder{Named: &named}, path, io.Discard)
	if err != nil {
		return err
	}
	if e.Digest != p.Digest {
		return hinted(fmt.Errorf("%s: %w", path, errOtherDocument),
			"name the proof of this very file, and the file as it was issued: what re-saved, printed or edited it made another one")
	}
	return nil
}

// isProofFile reports whether the file that was named is a proof and no document.
func isProofFile(path, from string) bool {
	if path != from {
		return false // it lies beside the document
	}
	if isProofName(path) {
		return true
	}
	data, err := readStart(path, proof.MaxSize)
	if err != nil {
		return false
	}
	_, err = proof.Parse(data)
	return err == nil
}

// readOneProof reads a proof, or that of a document.
func readOneProof(path string) (*proof.Proof, string, error) {
	data, from, err := readEvidence(path)
	if err != nil {
		return nil, "", err
	}
	p, err := proof.Parse(data)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", from, err)
	}
	return p, from, nil
}

// warnOfQR says what printing cannot be taken back for.
func (a *app) warnOfQR(p *proof.Proof, codes int) {
	const many = 12
	switch n := p.Layers[0].Statement.Network; {
	case p.Bitcoin == nil && p.OpenTimestamps == nil:
		a.ui.warn("the proof is pending: printed, it stays so. Run gradseal upgrade first")
	case n.IsTest():
		a.ui.warn("TEST NETWORK: the proof is for %s, and proves nothing to others", n)
	}
	if codes > many {
		a.ui.warn("%d codes are many to photograph", codes)
	}
}

type qrPicture struct {
	path string
	data []byte
}

// draw makes the pictures: one, or one for each part.
func (o qrOptions) draw(parts [][]byte, digest string) ([]qrPicture, error) {
	ext := strings.ToLower(filepath.Ext(o.output))
	if ext != ".png" && ext != ".svg" {
		return nil, hinted(fmt.Errorf("%s: is the name of neither a picture (.png) nor a drawing (.svg)", o.output), "name a file with -o, such as codes.svg")
	}
	sheets, names := [][][]byte{parts}, []string{o.output}
	if o.each {
		sheets, names = nil, nil
		for i := range parts {
			sheets = append(sheets, parts[i:i+1])
			names = append(names, fmt.Sprintf("%s.%d%s", o.output[:len(o.output)-len(ext)], i+1, ext))
		}
	}
	var pictures []qrPicture
	for i, some := range sheets {
		sheet, err := qr.NewSheet(some)
		if err != nil {
			return nil, err
		}
		data := sheet.SVG("Proof of the file with SHA-256 " + digest)
		if ext == ".png" {
			if data, err = sheet.PNG(); err != nil {
				return nil, err
			}
		}
		pictures = append(pictures, qrPicture{names[i], data})
	}
	return pictures, nil
}

// writePicture writes a file that is not there yet, or is there with these bytes.
func writePicture(path string, data []byte) error {
	err := atomicfile.WriteNew(path, data, 0o644)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	old, err := readCapped(path, len(data))
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	return hinted(fmt.Errorf("%s: is there already, and is something else", path), "name another file with -o, or take it away")
}
