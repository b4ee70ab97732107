package diagnose

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// kinds are files that are no PDF, by their first bytes.
var kinds = []struct {
	magic  string
	code   Code
	format string
}{
	{"\xff\xd8\xff", Image, "JPEG"},
	{"\x89PNG\r\n\x1a\n", Image, "PNG"},
	{"GIF8", Image, "GIF"},
	{"II*\x00", Image, "TIFF"},
	{"MM\x00*", Image, "TIFF"},
	{zipMark, Archive, "ZIP"},
	{gzipMark, Archive, "gzip"},
	{"Rar!\x1a\x07", Archive, "RAR"},
	{"7z\xbc\xaf\x27\x1c", Archive, "7z"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Office, ""},
	{"{\\rtf", Office, ""},
	{"[InternetShortcut]", Shortcut, ""},
}

// kind says what a file is in which no PDF begins.
func (e *exhibit) kind() (Finding, error) {
	if e.size == 0 {
		return Finding{Code: Empty}, nil
	}
	for _, k := range kinds {
		if !bytes.HasPrefix(e.head, []byte(k.magic)) {
			continue
		}
		if k.format == "ZIP" && isOffice(e.head) {
			return Finding{Code: Office}, nil
		}
		if k.format == "" {
			return Finding{Code: k.code}, nil
		}
		return newFinding(k.code, "format", k.format), nil
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(e.head, []byte("\xef\xbb\xbf")), "\t\r\n ")
	switch {
	case isImage(e.head, "RIFF", "WEBP", 8):
		return newFinding(Image, "format", "WebP"), nil
	case isImage(e.head, "", "ftypheic", 4), isImage(e.head, "", "ftypmif1", 4):
		return newFinding(Image, "format", "HEIC"), nil
	case bytes.HasPrefix(text, []byte(proofStart)):
		return Finding{Code: ProofFile}, nil
	case isHTML(text):
		return Finding{Code: HTML}, nil
	case isMail(text):
		return Finding{Code: Mail}, nil
	case isText(e.head):
		return Finding{Code: Text}, nil
	}
	zeros, err := e.allZeros()
	if err != nil || zeros {
		return newFinding(Zeros, "size", e.size), err
	}
	return Finding{Code: NotPDF}, nil
}

// proofStart is how a proof file of any version begins (docs/format.md).
const proofStart = "{\n  \"format\": \"gradseal-proof/"

// isOffice tells the documents of word processors from other ZIP files, by the
// name of the first file in them.
func isOffice(head []byte) bool {
	first := head[:min(len(head), 100)]
	return bytes.Contains(first, []byte("[Content_Types].xml")) || bytes.Contains(first, []byte("mimetypeapplication/vnd.")) || bytes.Contains(first, []byte("_rels/.rels"))
}

func isImage(head []byte, start, brand string, at int) bool {
	return bytes.HasPrefix(head, []byte(start)) && len(head) >= at && bytes.HasPrefix(head[at:], []byte(brand))
}

func isHTML(text []byte) bool {
	start := bytes.ToLower(text[:min(len(text), 1024)])
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<")) && bytes.Contains(start, []byte("<html"))
}

// isText reports whether the beginning of a file is text in UTF-8 or ASCII.
func isText(head []byte) bool {
	b := head[:min(len(head), 64<<10)]
	for i := 0; i < utf8.UTFMax && len(b) > 0 && len(b) < len(head) && !utf8.Valid(b); i++ {
		b = b[:len(b)-1] // a letter may be cut
	}
	return utf8.Valid(b) && bytes.IndexFunc(b, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' }) < 0
}

func (e *exhibit) allZeros() (bool, error) {
	r := e.from(0)
	for b := make([]byte, e.piece()); ; {
		n, err := r.Read(b)
		if len(bytes.Trim(b[:n], "\x00")) > 0 {
			return false, nil
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return err == nil, err
		}
	}
}
