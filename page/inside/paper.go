package inside

import (
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"io"
	"path"
	"strings"

	"gradseal/proof"
	"gradseal/qr"
	"gradseal/verify"
)

// embeddedSuffix is what is added to the name of a document that carries its
// proof, before .pdf; extractedSuffix to that of one taken out of a file whose
// name says nothing of a proof.
const (
	embeddedSuffix  = "-with-proof"
	extractedSuffix = "-issued"
)

// Embedded is a document with its proof inside: the document's own bytes with
// the trailer after them.
type Embedded struct {
	Name    string
	Trailer []byte
	Warning string // in the language of the page; "" where there is none
}

// Embed makes one file of a document and its proof. The error, in the language of
// the page, says why this document cannot carry it.
func (p *Page) Embed(doc, proofFile File) (*Embedded, error) {
	data, err := io.ReadAll(io.LimitReader(io.NewSectionReader(proofFile, 0, proofFile.Size()), proof.MaxSize+1))
	if err != nil {
		return nil, p.refuse("embed.not", err)
	}
	trailer, err := proof.Trailer(doc, doc.Size(), data)
	if err != nil {
		return nil, p.refuse("embed.not", err)
	}
	var signed proof.SignatureFinder
	digest, _, err := verify.Hash(io.TeeReader(io.NewSectionReader(doc, 0, doc.Size()), &signed))
	if err != nil {
		return nil, p.refuse("embed.not", err)
	}
	if err := p.mayEmbed(digest, data); err != nil {
		return nil, err
	}
	ext := path.Ext(doc.Name)
	e := &Embedded{Name: strings.TrimSuffix(path.Base(doc.Name), ext) + embeddedSuffix + ext, Trailer: trailer}
	if signed.Found {
		e.Warning = p.say("embed.signed", nil)
	}
	return e, nil
}

// mayEmbed refuses a proof that is worth nothing for the document, and one that
// leads to no block yet: what is in a file is not completed later.
func (p *Page) mayEmbed(digest verify.Digest, proofFile []byte) error {
	v, err := p.verifier()
	if err != nil {
		return p.refuse("embed.not", err)
	}
	r := v.Verify(digest, proofFile)
	switch {
	case r.Problem != nil:
		return p.refuse("embed.not", r.Problem)
	case r.Checks[verify.Document].Outcome != verify.OK:
		return p.refuse("embed.other", nil)
	case r.Verdict == verify.Invalid:
		return p.refuse("embed.not", errors.New(r.First().Detail))
	case r.Checks[verify.Anchor].Reason == verify.NoAttestation:
		return p.refuse("embed.pending", nil)
	}
	return nil
}

// Extracted is a file taken apart: the document is its first Size bytes.
type Extracted struct {
	Name      string
	Size      int64
	Proof     []byte
	ProofName string
}

// Extract takes a file with a proof inside apart. It does so only where the proof
// is for what stands before it. The error is in the language of the page.
func (p *Page) Extract(doc File) (*Extracted, error) {
	size, data, err := proof.SplitTrailer(doc, doc.Size())
	switch {
	case errors.Is(err, proof.ErrNoTrailer):
		return nil, p.refuse("extract.none", nil)
	case err != nil:
		return nil, p.refuse("extract.not", err)
	}
	whole, err := proof.Parse(data)
	if err != nil {
		return nil, p.refuse("extract.not", err)
	}
	digest, _, err := verify.Hash(io.NewSectionReader(doc, 0, size))
	if err != nil {
		return nil, p.refuse("extract.not", err)
	}
	if digest != whole.Digest {
		return nil, p.refuse("extract.other", nil)
	}
	ext := path.Ext(doc.Name)
	stem := strings.TrimSuffix(path.Base(doc.Name), ext)
	name := stem + extractedSuffix + ext
	if plain, ok := strings.CutSuffix(stem, embeddedSuffix); ok && plain != "" {
		name = plain + ext
	}
	return &Extracted{Name: name, Size: size, Proof: data, ProofName: name + proof.Suffix}, nil
}

// MaxPhoto is the most pixels of a photo that is looked through: at four bytes
// each it is in memory as a whole.
const MaxPhoto = 16 << 20

// Scanned is how far a proof was read from the codes on paper.
type Scanned struct {
	Have   int    `json:"have"` // codes of the proof that are there
	Of     int    `json:"of"`   // and how many it has; 0 before the first
	Added  int    `json:"added"`
	Done   bool   `json:"done"`
	Digest string `json:"digest"` // that the document must have, in hex, where the proof is whole
	Proof  []byte `json:"-"`      // the proof file, where it is whole
}

// Scan looks for QR codes in a photo, given as four bytes for each pixel, and
// adds what it finds to what was found before.
func (p *Page) Scan(rgba []byte, width, height int) (*Scanned, error) {
	if width < 1 || height < 1 || width > MaxPhoto/height || len(rgba) != 4*width*height {
		return nil, p.refuse("scan.not", fmt.Errorf("%d × %d pixels in %d bytes", width, height, len(rgba)))
	}
	texts, err := qr.Read(&image.NRGBA{Pix: rgba, Stride: 4 * width, Rect: image.Rect(0, 0, width, height)})
	if errors.Is(err, qr.ErrNoCode) {
		return nil, p.refuse("scan.none", nil)
	}
	if err != nil {
		return nil, p.refuse("scan.not", err)
	}
	before := p.codes.Have()
	if err := p.collect(texts); err != nil {
		return nil, err
	}
	s := &Scanned{Have: p.codes.Have(), Of: p.codes.Of(), Added: p.codes.Have() - before}
	compact, done := p.codes.Done()
	if !done {
		return s, nil
	}
	whole, err := proof.ParseCompact(compact)
	if err != nil {
		return nil, p.refuse("scan.broken", err)
	}
	if s.Proof, err = proof.Marshal(whole); err != nil {
		return nil, p.refuse("scan.broken", err)
	}
	s.Done, s.Digest = true, hex.EncodeToString(whole.Digest[:])
	return s, nil
}

// collect adds the texts of codes. Other codes on the paper are nobody's fault,
// unless there is nothing else.
func (p *Page) collect(texts [][]byte) error {
	found, others := 0, 0
	for _, text := range texts {
		switch err := p.codes.Add(text); {
		case errors.Is(err, qr.ErrNotPart):
			others++
		case errors.Is(err, qr.ErrOther):
			return p.refuse("scan.other", nil)
		case err != nil:
			return p.refuse("scan.broken", err)
		default:
			found++
		}
	}
	if found == 0 && others > 0 {
		return p.refuse("scan.not-part", nil)
	}
	return nil
}

// ResetScan forgets the codes that were found.
func (p *Page) ResetScan() { p.codes = qr.Parts{} }
