package diagnose_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"

	"gradseal/diagnose"
	"gradseal/proof"
	"gradseal/verify"
	"gradseal/words"
)

// samples are the transcripts of the project, by their names.
func samples(t testing.TB) map[string][]byte {
	files := make(map[string][]byte)
	require.NoError(t, filepath.WalkDir("../testdata/transcripts", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.EqualFold(filepath.Ext(path), ".pdf") {
			return err
		}
		data, err := os.ReadFile(path)
		files[e.Name()] = data
		return err
	}))
	require.Greater(t, len(files), 20)
	return files
}

func section(data []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
}

// look says what Document finds in a file of which another is the issued one.
func look(t testing.TB, file, issued []byte) []diagnose.Finding {
	found, err := diagnose.Document(section(file), sha256.Sum256(issued))
	require.NoError(t, err)
	return found
}

func codes(found []diagnose.Finding) []string {
	names := []string{}
	for _, f := range found {
		names = append(names, string(f.Code))
	}
	return names
}

// TestIntact: nothing is said of the issued document, nor of one that is another
// and intact, which the digest alone tells from it.
func TestIntact(t *testing.T) {
	var last []byte
	for name, data := range samples(t) {
		require.Empty(t, look(t, data, data), name)
		if last != nil {
			require.Empty(t, look(t, data, last), name)
		}
		last = data
	}
}

// TestProven damages every transcript in each way that can be undone.
func TestProven(t *testing.T) {
	update := "\n1 0 obj\n<</GPA (4.00)>>\nendobj\nstartxref\n123\n%%EOF\n"
	random := rand.New(rand.NewPCG(1, 2))
	long := make([]byte, 700_000)
	for i := range long {
		long[i] = byte(random.Uint32())
	}
	for name, issued := range samples(t) {
		size := strconv.Itoa(len(issued))
		tests := []struct {
			what, want string
			file       []byte
			args       map[string]string
		}{
			{"an incremental update", "appended", joined(issued, []byte(update)), map[string]string{"issued": size, "size": strconv.Itoa(len(issued) + len(update))}},
			{"a long tail", "appended", joined(issued, long), map[string]string{"issued": size, "size": strconv.Itoa(len(issued) + 700_000)}},
			{"one byte", "appended", joined(issued, []byte("x")), map[string]string{"issued": size, "size": strconv.Itoa(len(issued) + 1)}},
			{"a line end", "appended-blank", joined(issued, []byte("\n")), map[string]string{"issued": size, "size": strconv.Itoa(len(issued) + 1)}},
			{"zeros up to a sector", "appended-blank", joined(issued, make([]byte, 4096)), map[string]string{"issued": size, "size": strconv.Itoa(len(issued) + 4096)}},
			{"many zeros", "appended-blank", joined(issued, make([]byte, 900_000)), map[string]string{"issued": size, "size": strconv.Itoa(len(issued) + 900000)}},
			{"without the line end", "end-lost", issued[:len(issued)-1], map[string]string{"lost": "1"}},
			{"without the last line", "end-lost", bytes.TrimSuffix(issued, []byte("\n%%EOF\n")), map[string]string{"lost": "7"}},
			{"cut within the last line", "end-lost", issued[:len(issued)-4], map[string]string{"lost": "4"}},
			{"CRLF for the last line end", "end-changed", joined(issued[:len(issued)-1], []byte("\r\n")), nil},
			{"CR for the last line end", "end-changed", joined(issued[:len(issued)-1], []byte("\r")), nil},
			{"a byte order mark", "prepended", joined([]byte("\xef\xbb\xbf"), issued), map[string]string{"added": "3"}},
			{"headers and a padding", "prepended", joined(make([]byte, 128), issued, make([]byte, 77)), map[string]string{"added": "128"}},
			{"to UTF-8", "transcoded", toUTF8(t, issued), nil},
			{"base64", "base64", toBase64(issued, 76, "\r\n"), nil},
			{"base64 without lines", "base64", toBase64(issued, 1<<30, ""), nil},
			{"a data URL", "base64", joined([]byte("data:application/pdf;base64,"), toBase64(issued, 1<<30, "")), nil},
			{"quoted-printable", "quoted-printable", toQuoted(t, issued, true), nil},
			{"gzip", "in-archive", toGzip(t, issued), map[string]string{"format": "gzip"}},
			{"ZIP", "in-archive", toZIP(t, zip.Deflate, issued), map[string]string{"format": "ZIP"}},
			{"ZIP, not compressed", "in-archive", toZIP(t, zip.Store, issued), map[string]string{"format": "ZIP"}},
		}
		for _, test := range tests {
			found := look(t, test.file, issued)
			require.Equal(t, []string{test.want}, codes(found), "%s: %s", name, test.what)
			require.True(t, found[0].Proven(), test.want)
			for arg, want := range test.args {
				require.Equal(t, want, found[0].Args[arg], "%s: %s: %s", name, test.what, arg)
			}
			if name != "transcript_R00482137.pdf" {
				continue
			}
			// The same damage of another document proves nothing.
			other := bytes.Clone(issued)
			other[len(other)/2] ^= 1
			for _, f := range look(t, test.file, other) {
				require.False(t, f.Proven(), "%s: %s: %s", name, test.what, f.Code)
			}
		}
	}
}

// TestQuotedLines: quoted-printable as of a text, in which line ends are not
// spelled out, and mail programs that have LF for CRLF around it.
func TestQuotedLines(t *testing.T) {
	issued := []byte("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + strings.Repeat("1 0 obj\n<< /Name (Zo\xeb = \x00\xff) >>\nendobj\n", 200) + "startxref\n9\n%%EOF\n")
	quoted := toQuoted(t, issued, false)
	require.Contains(t, string(quoted), "=3D")
	require.Equal(t, []string{"quoted-printable"}, codes(look(t, quoted, issued)))
	quoted = bytes.ReplaceAll(quoted, []byte("\r\n"), []byte("\n"))
	require.Equal(t, []string{"quoted-printable"}, codes(look(t, quoted, issued)))
}

func joined(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func toUTF8(t testing.TB, b []byte) []byte {
	latin, err := charmap.ISO8859_1.NewDecoder().Bytes(b)
	require.NoError(t, err)
	return latin
}

func toBase64(b []byte, width int, end string) []byte {
	var out bytes.Buffer
	for text := base64.StdEncoding.EncodeToString(b); text != ""; {
		n := min(width, len(text))
		out.WriteString(text[:n] + end)
		text = text[n:]
	}
	return out.Bytes()
}

func toQuoted(t testing.TB, b []byte, binary bool) []byte {
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	w.Binary = binary
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func toGzip(t testing.TB, b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func toZIP(t testing.TB, method uint16, b []byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "transcript.pdf", Method: method})
	require.NoError(t, err)
	_, err = f.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// TestWindows1252: bytes that Windows has letters for, and those that it has
// none for, come back.
func TestWindows1252(t *testing.T) {
	issued := []byte("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	for b := 0x80; b <= 0xff; b++ {
		issued = append(issued, byte(b))
	}
	var file []byte
	for _, b := range issued {
		r := charmap.Windows1252.DecodeByte(b)
		if r == 0xfffd {
			r = rune(b)
		}
		file = append(file, string(r)...)
	}
	require.Equal(t, []string{"transcoded"}, codes(look(t, file, issued)))
}

// TestLineEnds: in documents whose line ends are all of one kind, all six changes
// are proven. The transcripts have all kinds in their streams: of them, only what
// made CRLF of every LF can be undone.
func TestLineEnds(t *testing.T) {
	ends := []struct{ name, end string }{{"LF", "\n"}, {"CRLF", "\r\n"}, {"CR", "\r"}}
	lines := strings.Repeat("%PDF-1.4;1 0 obj;<< /GPA (2.10) >>;endobj;;startxref;9;%%EOF;", 5000)
	for _, issued := range ends {
		for _, now := range ends {
			if issued == now {
				continue
			}
			file := strings.ReplaceAll(lines, ";", now.end)
			found := look(t, []byte(file), []byte(strings.ReplaceAll(lines, ";", issued.end)))
			require.Equal(t, []string{"line-ends"}, codes(found), "%s to %s", issued.name, now.name)
			require.Equal(t, map[string]string{"issued": issued.name, "found": now.name}, found[0].Args)
		}
	}
	for name, issued := range samples(t) {
		dos := bytes.ReplaceAll(issued, []byte("\n"), []byte("\r\n"))
		require.Equal(t, []string{"line-ends"}, codes(look(t, dos, issued)), name)
		unix := bytes.ReplaceAll(issued, []byte("\r\n"), []byte("\n"))
		for _, f := range look(t, unix, issued) {
			require.False(t, f.Proven() && f.Code != diagnose.LineEnds, "%s: %s", name, f.Code)
		}
	}
}

// TestMail: the document in an e-mail, before and after other parts of it.
func TestMail(t *testing.T) {
	issued := samples(t)["transcript_R00482137.pdf"]
	head := "Received: from a (b)\r\n by c; Mon, 23 Nov 2026\r\nFrom: Ada <ada@uni.example>\r\nSubject: x\r\nMIME-Version: 1.0\r\n\r\n--b\r\n"
	part := func(encoding, body string) string {
		return "Content-Type: application/pdf\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + body + "\r\n--b\r\n"
	}
	other := part("base64", string(toBase64([]byte("%PDF-1.7 of somebody else"), 76, "\r\n")))
	base := part("base64", string(toBase64(issued, 76, "\r\n")))
	for name, mail := range map[string]string{
		"base64":             head + base,
		"base64, the second": head + other + base + "--b--\r\n",
		"base64 with LF":     strings.ReplaceAll(head+base, "\r\n", "\n"),
		"quoted-printable":   head + part("quoted-printable", string(toQuoted(t, issued, true))),
		"8bit":               head + part("8bit", string(issued)),
		"from an mbox":       "From ada@uni.example Mon Nov 23\n" + head + base,
	} {
		want := diagnose.InMail
		if name == "quoted-printable" {
			// What stands after it cannot be told from it.
			mail = mail[:strings.LastIndex(mail, "\r\n--b")]
		}
		require.Equal(t, []diagnose.Finding{{Code: want}}, look(t, []byte(mail), issued), name)
	}
	require.Equal(t, []string{"mail"}, codes(look(t, []byte(head+other), issued)))
}

// TestFacts: what files are that are something else, and what is missing in
// PDFs, where the digest proves nothing.
func TestFacts(t *testing.T) {
	pdf := samples(t)["transcript_R00482137.pdf"]
	cut := pdf[:len(pdf)*2/3]
	linearized := []byte("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Linearized 1 /L 99999 /H [ 1 2 ] /O 3 >>\nendobj\nstartxref\n0\n%%EOF\n" + string(cut))
	shift := bytes.Replace(pdf, []byte("endobj"), []byte("end of obj"), 1)
	lossy := []byte(strings.ToValidUTF8(string(pdf), "\uFFFD"))
	tests := []struct {
		name, want string
		file       []byte
		args       map[string]string
	}{
		{"nothing", "empty", nil, nil},
		{"zeros", "zeros", make([]byte, 5000), map[string]string{"size": "5000"}},
		{"a log-in page", "html", []byte("\n<!DOCTYPE html>\n<html><body>Log in"), nil},
		{"XHTML", "html", []byte("<?xml version=\"1.0\"?>\n<html xmlns="), nil},
		{"JPEG", "image", []byte("\xff\xd8\xff\xe0\x00\x10JFIF"), map[string]string{"format": "JPEG"}},
		{"PNG", "image", []byte("\x89PNG\r\n\x1a\n\x00\x00"), map[string]string{"format": "PNG"}},
		{"WebP", "image", []byte("RIFF\x10\x00\x00\x00WEBPVP8 "), map[string]string{"format": "WebP"}},
		{"HEIC", "image", []byte("\x00\x00\x00\x18ftypheic\x00\x00"), map[string]string{"format": "HEIC"}},
		{"ZIP", "archive", []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00transcript.pdf"), map[string]string{"format": "ZIP"}},
		{"Word", "office", []byte("PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml"), nil},
		{"old Word", "office", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00"), nil},
		{"a link", "shortcut", []byte("[InternetShortcut]\r\nURL=https://uni.example/\r\n"), nil},
		{"a proof", "proof-file", []byte("{\n  \"format\": \"gradseal-proof/1\",\n"), nil},
		{"text", "text", []byte("成绩单\nGPA 4.00\n"), nil},
		{"noise", "not-pdf", []byte("\x01\x02\xff\xfe\x00noise"), nil},
		{"other gzip", "archive", toGzip(t, []byte("x")), map[string]string{"format": "gzip"}},
		{"broken gzip", "archive", []byte("\x1f\x8b\x08\x00broken"), map[string]string{"format": "gzip"}},
		{"other base64", "text", toBase64(pdf, 76, "\n"), nil},
		{"two thirds", "truncated", cut, map[string]string{"size": strconv.Itoa(len(cut))}},
		{"one line", "truncated", pdf[:20], map[string]string{"size": "20"}},
		{"cut, and it says so", "truncated-length", linearized, map[string]string{"length": "99999", "size": strconv.Itoa(len(linearized))}},
		{"a download that was interrupted", "zeros-at-end", joined(cut, make([]byte, 9000)), map[string]string{"zeros": "9000"}},
		{"junk after the end", "bad-end", joined(pdf, bytes.Repeat([]byte("junk "), 1000)), nil},
		{"a longer word", "shifted", shift, nil},
		{"bytes before", "leading", joined([]byte("HTTP/1.1 200 OK\r\n\r\n"), pdf), map[string]string{"added": "19"}},
		{"as text", "replaced-characters", lossy, map[string]string{"count": strconv.Itoa(strings.Count(string(lossy), "\uFFFD"))}},
	}
	for _, test := range tests {
		found := look(t, test.file, []byte("the issued document"))
		require.NotEmpty(t, found, test.name)
		require.Equal(t, test.want, string(found[0].Code), test.name)
		require.False(t, found[0].Proven(), test.name)
		for arg, want := range test.args {
			require.Equal(t, want, found[0].Args[arg], "%s: %s", test.name, arg)
		}
	}
}

// TestProducers: who wrote a PDF, by all the ways in which it may say so, and
// what must not count.
func TestProducers(t *testing.T) {
	utf16 := func(s string) string {
		out := "\xfe\xff"
		for _, r := range s {
			out += string([]byte{byte(r >> 8), byte(r)})
		}
		return out
	}
	tests := []struct{ name, info, want, producer string }{
		{"literal", "<< /Producer (Skia/PDF m120) >>", "printed", "Skia/PDF m120"},
		{"without a blank", "<</Producer(GPL Ghostscript 10.00.0)>>", "printed", "GPL Ghostscript 10.00.0"},
		{"parentheses", `<< /Producer (iText\(R\) (AGPL); modified using iText 5) >>`, "resaved", "iText(R) (AGPL); modified using iText 5"},
		{"UTF-16", "<< /Producer (" + utf16("Microsoft: Print To PDF") + ") >>", "printed", "Microsoft: Print To PDF"},
		{"hexadecimal", fmt.Sprintf("<< /Producer <%x> >>", utf16("pypdf")), "resaved", "pypdf"},
		{"another object", "<< /Producer 25 0 R >>\nendobj\n25 0 obj\n(macOS Version 14.1 \\(Build 23B74\\) Quartz PDFContext)", "printed", "macOS Version 14.1 (Build 23B74) Quartz PDFContext"},
		{"XMP element", "<pdf:Producer>iLovePDF</pdf:Producer>", "resaved", "iLovePDF"},
		{"XMP attribute", `<rdf:Description pdf:Producer="PDFsam Basic v4.3"/>`, "resaved", "PDFsam Basic v4.3"},
		{"the last counts", "<< /Producer (FPDF 1.7) >>\nendobj\n9 0 obj\n<< /Producer (Skia/PDF m99) >>", "printed", "Skia/PDF m99"},
		{"hostile", "<< /Producer (qpdf\x1b[2J\r\n\"VALID\"\xa0\xad" + strings.Repeat(" ", 90) + strings.Repeat("x", 900) + ") >>", "resaved", "qpdf??2J???VALID??? " + strings.Repeat("x", 60) + "..."},
		{"FPDF", "<< /Producer (FPDF 1.7) >>", "", ""},
		{"LibreOffice", "<< /Producer (LibreOffice 7.4) /Creator (Writer) >>", "", ""},
		{"iText that made it", "<< /Producer (iText 2.1.7 by 1T3XT) >>", "", ""},
		{"no string", "<< /Producer /qpdf >>", "", ""},
		{"a reference to nothing", "<< /Producer 999 0 R >>", "", ""},
		{"saved on another day", "<< /CreationDate (D:20260611094700+08'00') /ModDate (D:20260711094700Z) >>", "saved-again", ""},
		{"saved on the same day", "<< /CreationDate (D:20260611094700) /ModDate (D:20260611234700) >>", "", ""},
		{"saved before it was made", "<< /CreationDate (D:20260611094700) /ModDate (D:20250611234700) >>", "", ""},
		{"no dates", "<< /CreationDate (D:2026) /ModDate (yesterday) >>", "", ""},
	}
	for _, test := range tests {
		for _, filler := range []int{0, 1 << 21} { // a small file, and one of which only beginning and end are looked at
			body := "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + strings.Repeat("% filler\n", filler/9) + "1 0 obj\n" + test.info + "\nendobj\n"
			file := fmt.Sprintf("%sxref\ntrailer\nstartxref\n%d\n%%%%EOF\n", body, len(body))
			found := look(t, []byte(file), nil)
			if test.want == "" {
				require.Empty(t, found, test.name)
				continue
			}
			require.Equal(t, []string{test.want}, codes(found), test.name)
			require.Equal(t, test.producer, found[0].Args["producer"], test.name)
		}
	}
}

// TestEncrypted: an encrypted file's strings are not looked at.
func TestEncrypted(t *testing.T) {
	body := "%PDF-1.7\n1 0 obj\n<< /Producer (qpdf) >>\nendobj\n"
	file := fmt.Sprintf("%sxref\ntrailer\n<< /Root 1 0 R /Encrypt 5 0 R >>\nstartxref\n%d\n%%%%EOF\n", body, len(body))
	require.Equal(t, []string{"encrypted"}, codes(look(t, []byte(file), nil)))
	plain := strings.Replace(file, "/Encrypt 5 0 R", "/EncryptMetadata false", 1)
	require.Equal(t, []string{"resaved"}, codes(look(t, []byte(plain), nil)))
}

// TestWords: every finding has its words and its advice in every language, and
// they have places for nothing but what it brings.
func TestWords(t *testing.T) {
	place := regexp.MustCompile(`\{([a-z]+)\}`)
	args := map[diagnose.Code]string{
		diagnose.Appended: "issued size", diagnose.AppendedBlank: "issued size", diagnose.EndLost: "lost", diagnose.Prepended: "added",
		diagnose.LineEnds: "issued found", diagnose.Zeros: "size", diagnose.Image: "format", diagnose.Archive: "format", diagnose.InArchive: "format", diagnose.Leading: "added",
		diagnose.Truncated: "size", diagnose.TruncatedLength: "size length", diagnose.ZerosAtEnd: "size zeros", diagnose.BadEnd: "size",
		diagnose.Replaced: "count", diagnose.Printed: "program producer", diagnose.Resaved: "program producer",
		diagnose.ResavedMark: "program", diagnose.SavedAgain: "made saved",
	}
	for _, tag := range words.Languages() {
		l, err := words.Load(tag)
		require.NoError(t, err)
		for _, code := range diagnose.Codes() {
			for _, key := range []string{"diagnosis." + string(code), "diagnosis." + string(code) + ".advice"} {
				require.True(t, l.Has(key), "%s: %s", tag, key)
				for _, m := range place.FindAllStringSubmatch(l.Text(key, nil), -1) {
					require.Contains(t, strings.Fields(args[code]), m[1], "%s: %s", tag, key)
				}
			}
		}
	}
}

// failing is a file that cannot be read from an offset on.
type failing struct {
	*bytes.Reader
	from int64
}

var errDisk = errors.New("input/output error")

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > f.from {
		return 0, errDisk
	}
	return f.Reader.ReadAt(b, off)
}

// TestReadErrors: a disk that fails is an error, and never a finding.
func TestReadErrors(t *testing.T) {
	file := joined([]byte("%PDF-1.4\n"), bytes.Repeat([]byte("0123456789abcde\n"), 300_000), []byte("startxref\n0\n%%EOF\n"))
	for _, from := range []int{0, 5, 2_000_000, len(file) - 1} {
		doc := io.NewSectionReader(failing{bytes.NewReader(file), int64(from)}, 0, int64(len(file)))
		found, err := diagnose.Document(doc, verify.Digest{})
		require.ErrorIs(t, err, errDisk, from)
		require.Nil(t, found)
	}
	short := io.NewSectionReader(bytes.NewReader(file), 0, int64(len(file))+10)
	_, err := diagnose.Document(short, verify.Digest{})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// TestEndsAcrossPieces moves the end of the issued document over the borders of
// the pieces in which a file is read.
func TestEndsAcrossPieces(t *testing.T) {
	const piece = 256 << 10
	for _, end := range []string{"%%EOF", "%%EOF\n", "%%EOF\r\n", "%%EOF\r"} {
		for _, at := range []int{piece, piece - 64, 2*piece - 64} {
			for n := at - 12; n <= at+12; n++ {
				issued := joined([]byte("%PDF-1.4\n"), bytes.Repeat([]byte{'x'}, n-9-len(end)), []byte(end))
				file := joined(issued, bytes.Repeat([]byte("added "), 100))
				require.Equal(t, []string{"appended"}, codes(look(t, file, issued)), "%q at %d", end, n)
			}
		}
	}
}

// TestTrailer: a file that carries a proof is not the document alone.
func TestTrailer(t *testing.T) {
	issued := samples(t)["transcript_R00482137.pdf"]
	trailer, err := proof.Trailer(bytes.NewReader(issued), int64(len(issued)), []byte("{}\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"appended"}, codes(look(t, joined(issued, trailer), issued)))
}

// FuzzDocument: whatever a file holds, it is looked at without a panic, nothing
// is said of the issued document, and what is appended to one is found.
func FuzzDocument(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data[:600], data[len(data)-400:])
	}
	f.Add([]byte("%PDF-1.4\n1 0 obj<</Producer 1 0 R/ModDate(D:20260101000000)>>"), []byte("startxref\n0\n%%EOF\n\x00"))
	f.Add([]byte("From: a\nTo: b\n\nJVBERi0xLjQK=\n--"), []byte("\x1f\x8b\x08"))
	f.Add([]byte("%PDF-=\r\n=3D=E2\xc3\xa2"), []byte("%%%EOF\r"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		file := joined(a, b)
		require.Empty(t, look(t, file, file))
		for _, found := range look(t, file, []byte("another")) {
			require.False(t, found.Proven(), found.Code)
		}
		issued := joined(a, []byte("%%EOF\n"))
		tail := []byte("!") // not blank, so that no shorter end is the document's
		found := look(t, joined(issued, tail, b, tail), issued)
		require.Equal(t, []string{"appended"}, codes(found))
		require.Equal(t, strconv.Itoa(len(issued)), found[0].Args["issued"])
	})
}
