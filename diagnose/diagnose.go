// Package diagnose says why a file is not the document that was issued, from
// evidence in the file and the digest of the issued document alone.
//
// It explains a verdict and never takes part in one: that the issued bytes are
// found in a file makes no file valid, because what stands beside them can change
// what is shown. What it says is of two kinds. Some causes are proven: undoing
// the damage gives bytes with the issued digest. Others are facts about the file,
// such as the program that it says wrote it; the words for them (package words,
// "diagnosis.CODE") do not say more than that. Where there is neither it is silent.
//
// It trusts nothing, opens nothing but the file, and reads it as a stream: however
// large a file is, it holds a few megabytes of it. A PDF is looked at as bytes; no
// stream in it is unpacked.
package diagnose

import (
	"io"
	"slices"

	"gradseal/evidence"
	"gradseal/verify"
)

// Code names what was found. The words are in words/lang, under "diagnosis."
// and the code, and what to do about it under that and ".advice".
type Code string

// What the issued digest proves: undoing it gives the issued document.
const (
	Appended        Code = "appended"         // bytes after it. Args: issued, size
	AppendedBlank   Code = "appended-blank"   // only line ends, blanks or zero bytes after it. Args: issued, size
	EndLost         Code = "end-lost"         // its last bytes are missing. Args: lost
	EndChanged      Code = "end-changed"      // the line end after its last line is another
	Prepended       Code = "prepended"        // bytes before it. Args: added
	LineEnds        Code = "line-ends"        // Args: issued, found: LF, CRLF or CR
	Transcoded      Code = "transcoded"       // each byte was taken for a letter and written in UTF-8
	Base64          Code = "base64"           // it stands there in base64
	QuotedPrintable Code = "quoted-printable" // or in quoted-printable
	InMail          Code = "in-mail"          // it is in an e-mail
	InArchive       Code = "in-archive"       // or in a packed file. Args: format
)

// Facts about the file. None of them proves what happened.
const (
	Empty     Code = "empty"      // no bytes at all
	Zeros     Code = "zeros"      // nothing but zero bytes. Args: size
	HTML      Code = "html"       // a web page
	Mail      Code = "mail"       // an e-mail in which the document was not found
	Image     Code = "image"      // Args: format
	Archive   Code = "archive"    // Args: format
	Office    Code = "office"     // a document of a word processor
	Shortcut  Code = "shortcut"   // a link to a web page
	ProofFile Code = "proof-file" // the proof of a document
	Text      Code = "text"
	NotPDF    Code = "not-pdf" // something else

	Leading         Code = "leading"             // bytes before "%PDF-". Args: added
	Truncated       Code = "truncated"           // no end. Args: size
	TruncatedLength Code = "truncated-length"    // shorter than it says. Args: size, length
	ZerosAtEnd      Code = "zeros-at-end"        // zero bytes where its end should be. Args: size, zeros
	BadEnd          Code = "bad-end"             // an end, and more after it. Args: size
	Shifted         Code = "shifted"             // its offsets do not fit it
	Replaced        Code = "replaced-characters" // Args: count
	Encrypted       Code = "encrypted"
	Printed         Code = "printed"      // Args: program, producer
	Resaved         Code = "resaved"      // Args: program, producer
	ResavedMark     Code = "resaved-mark" // Args: program
	SavedAgain      Code = "saved-again"  // Args: made, saved: days
)

// Codes returns all codes, the proven ones first.
func Codes() []Code {
	return []Code{
		Appended, AppendedBlank, EndLost, EndChanged, Prepended, LineEnds, Transcoded, Base64, QuotedPrintable, InMail, InArchive,
		Empty, Zeros, HTML, Mail, Image, Archive, Office, Shortcut, ProofFile, Text, NotPDF,
		Leading, Truncated, TruncatedLength, ZerosAtEnd, BadEnd, Shifted, Replaced, Encrypted, Printed, Resaved, ResavedMark, SavedAgain,
	}
}

// Finding is one thing that was found. Args fill the places in its words. They
// may hold text from the file, of which nothing is left but letters, digits,
// single blanks and plain punctuation, 80 characters and "..." at most.
type Finding struct {
	Code Code
	Args map[string]string
}

// Proven reports whether the digest proves the finding.
func (f Finding) Proven() bool {
	switch f.Code {
	case Appended, AppendedBlank, EndLost, EndChanged, Prepended, LineEnds, Transcoded, Base64, QuotedPrintable, InMail, InArchive:
		return true
	}
	return false
}

// Proven returns the findings that the digest proves. The others are left out
// where they may be as true of the issued document, such as where only its proof
// was mixed up with that of another.
func Proven(found []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return !f.Proven() })
}

// Explain is Document for a file that was judged, where it is not the document
// of its proof. Of a file with another fault it says nothing: the result names it.
// What the digest proves it says only where that digest is one that an institution
// known here signed for.
func Explain(file *io.SectionReader, e evidence.Evidence, r *verify.Result) ([]Finding, error) {
	claimed, ok := e.Claimed()
	if !ok || r.Checks[verify.Document].Reason != verify.DigestDiffers {
		return nil, nil
	}
	found, err := Document(io.NewSectionReader(file, 0, min(e.Size, file.Size())), claimed)
	if r.Checks[verify.Inclusion].Outcome != verify.OK || r.Checks[verify.Issuer].Outcome != verify.OK {
		// Anyone can make a proof for what is in a file: no words may call it issued.
		found = slices.DeleteFunc(found, Finding.Proven)
	}
	return found, err
}

// Document says why doc is not the document with the issued digest: what is
// proven, or else what is found in it, the weightiest first. It says nothing of
// a file that is the issued one, nor of one that shows no reason. Errors are
// those of reading.
func Document(doc *io.SectionReader, issued verify.Digest) ([]Finding, error) {
	e, err := look(doc)
	if err != nil {
		return nil, err
	}
	found, same, err := e.prove(issued)
	if err != nil || same || found != nil {
		return found, err
	}
	return e.facts()
}

const (
	// window is how much of the beginning and of the end of a file is looked at
	// for facts, in bytes. What programs write about a file stands there.
	window = 1 << 20
	// headSearch is how far from the beginning "%PDF-" may stand, in bytes. An
	// e-mail has its headers and its text before it.
	headSearch = 256 << 10
	// mostUndone is the size of the largest file of which damage is undone, in
	// bytes: each kind of damage costs a pass, and who sends files must not decide
	// for how long they keep a machine busy.
	mostUndone = 32 << 20
)

// exhibit is a file with its beginning and its end at hand.
type exhibit struct {
	doc        *io.SectionReader
	size       int64
	head, tail []byte // at most window bytes each; they may overlap
}

func look(doc *io.SectionReader) (*exhibit, error) {
	e := &exhibit{doc: doc, size: doc.Size()}
	n := min(e.size, window)
	e.head, e.tail = make([]byte, n), make([]byte, n)
	if err := readAt(doc, e.head, 0); err != nil {
		return nil, err
	}
	return e, readAt(doc, e.tail, e.size-n)
}

// readAt fills b; a file that ends before that has become shorter.
func readAt(doc *io.SectionReader, b []byte, off int64) error {
	_, err := io.ReadFull(io.NewSectionReader(doc, off, int64(len(b))), b)
	return err
}

// from reads the file from an offset on.
func (e *exhibit) from(off int64) io.Reader {
	return io.NewSectionReader(e.doc, off, e.size-off)
}

// piece is how much of the file is read at once, in bytes.
func (e *exhibit) piece() int {
	return int(max(smallestPiece, min(e.size, largestPiece)))
}
