package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the formats of photographs
	_ "image/png"
	"os"
	"strings"

	"gradseal/evidence"
	"gradseal/qr"
	"gradseal/verify"
)

// maxPhoto is the most bytes of a photograph: twice what telephones make.
const maxPhoto = 64 << 20

// judgeByCodes verifies a document by its proof on paper: args are photographs
// of it and, unless only the paper is at hand, the document.
func (a *app) judgeByCodes(ctx context.Context, o verifyOptions, args []string) ([]judged, error) {
	if o.proof != "" || o.proofs != "" || o.ots != "" {
		return nil, hinted(errors.New("--qr and another source of proofs were both named"), "run: gradseal verify --qr PHOTO… FILE")
	}
	photos, document, err := tellPhotos(args)
	if err != nil {
		return nil, err
	}
	compact, err := a.readCodes(ctx, photos)
	if err != nil {
		return nil, fmt.Errorf("nothing was judged: %w", err)
	}
	p := verify.ReadCompact(compact)
	v, closeChain, err := a.newVerifier(o)
	if err != nil {
		return nil, err
	}
	defer closeChain()
	if document == "" {
		return []judged{{path: photos[0], evidence: evidence.Evidence{Proof: &p}, Result: v.JudgeWithoutDocument(p)}}, nil
	}
	info, err := os.Stat(document)
	if err != nil {
		return nil, err
	}
	bar := a.ui.startProgress("Checking", info.Size(), true)
	defer bar.finish()
	e, err := findEvidence(&evidence.Finder{Named: &p}, document, ctxWriter{ctx, bar})
	if err != nil {
		return nil, fmt.Errorf("nothing was judged: %w", err)
	}
	return []judged{judge(v, document, e)}, nil
}

// tellPhotos tells photographs from the document by how files begin.
func tellPhotos(args []string) (photos []string, document string, err error) {
	for _, path := range args {
		start, err := readStart(path, usualProof)
		if err != nil {
			return nil, "", err
		}
		switch {
		case isPhoto(start):
			photos = append(photos, path)
		case isOtherPhoto(start):
			return nil, "", hinted(fmt.Errorf("%s: is a picture of a kind that is not read here", shown(path)), "save it as JPEG or PNG. (On an iPhone: Settings, Camera, Formats, Most Compatible)")
		case document != "":
			return nil, "", hinted(fmt.Errorf("%s and %s are both no photographs (JPEG or PNG)", shown(document), shown(path)), "name the photographs of one document's codes, and that document")
		default:
			document = path
		}
	}
	if len(photos) > 0 {
		return photos, document, nil
	}
	return nil, "", hinted(errors.New("no photograph (JPEG or PNG) was named"), "run: gradseal verify --qr PHOTO… FILE. Of a scan that is a PDF, make a picture first: pdftoppm -r 300 -png SCAN.pdf scan")
}

func isPhoto(start []byte) bool {
	return bytes.HasPrefix(start, []byte("\xff\xd8\xff")) || bytes.HasPrefix(start, []byte("\x89PNG\r\n\x1a\n"))
}

// isOtherPhoto reports whether a file begins as HEIC, AVIF, WebP, TIFF or GIF do.
func isOtherPhoto(start []byte) bool {
	box := len(start) > 12 && string(start[4:8]) == "ftyp"
	webp := len(start) > 12 && string(start[:4]) == "RIFF" && string(start[8:12]) == "WEBP"
	return box || webp || bytes.HasPrefix(start, []byte("II*\x00")) || bytes.HasPrefix(start, []byte("MM\x00*")) || bytes.HasPrefix(start, []byte("GIF8"))
}

// readCodes returns the compact proof that the codes in photographs make.
func (a *app) readCodes(ctx context.Context, photos []string) ([]byte, error) {
	var parts qr.Parts
	for _, path := range photos {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		before := parts.Have()
		if err := addPhoto(&parts, path); err != nil {
			return nil, err
		}
		a.ui.note("%s: %s", shown(path), count(parts.Have()-before, "new code"))
	}
	if compact, done := parts.Done(); done {
		return compact, nil
	}
	if parts.Of() == 0 {
		return nil, hinted(errors.New("no code of a gradseal proof could be read"), "%s", takeBetter)
	}
	var missing []string
	for _, n := range parts.Missing() {
		missing = append(missing, fmt.Sprint(n))
	}
	again := "photograph code " + missing[0] + " again"
	if last := len(missing) - 1; last > 0 {
		again = "photograph codes " + strings.Join(missing[:last], ", ") + " and " + missing[last] + " again"
	}
	return nil, hinted(fmt.Errorf("%d of %d codes were read", parts.Have(), parts.Of()), "%s, and name all the photographs. %s", again, takeBetter)
}

const takeBetter = "Hold the camera straight above the paper, in even light, so near that the codes fill the picture; one code for each photograph is read best"

// addPhoto takes in the codes of one photograph. Other codes on it, such as an
// address, are passed over; those of another proof are not.
func addPhoto(parts *qr.Parts, path string) error {
	img, err := decodePhoto(path)
	if err != nil {
		return err
	}
	texts, err := qr.Read(img)
	if err != nil && !errors.Is(err, qr.ErrNoCode) {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, text := range texts {
		switch err := parts.Add(text); {
		case errors.Is(err, qr.ErrOther):
			return hinted(fmt.Errorf("%s: %w than those before it", path, err), "name the photographs of one document's codes only")
		case err != nil && !errors.Is(err, qr.ErrNotPart):
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// decodePhoto reads a picture, after a look at how large it is.
func decodePhoto(path string) (image.Image, error) {
	data, err := readCapped(path, maxPhoto)
	if err != nil {
		return nil, err
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err == nil && (size.Width <= 0 || size.Height <= 0 || size.Width > qr.MaxPixels/size.Height) {
		err = fmt.Errorf("it has %d by %d pixels, more than is read here", size.Width, size.Height)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}
