package proof_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

// pdf is the beginning of a document; what SplitTrailer reads is its end.
const pdf = "%PDF-1.7\n1 0 obj\n<<>>\nendobj\nxref\n0 1\ntrailer\n<<>>\n"

// original is a document with these line ends in its last lines.
func original(eol, last string) string {
	return pdf + "startxref" + eol + "1234" + eol + "%%EOF" + last
}

func split(file string) (int64, []byte, error) {
	return proof.SplitTrailer(strings.NewReader(file), int64(len(file)))
}

func requireSplit(t *testing.T, file, original string, proofFile []byte) {
	t.Helper()
	n, got, err := split(file)
	require.NoError(t, err)
	require.Equal(t, int64(len(original)), n)
	require.Equal(t, original, file[:n])
	require.Equal(t, proofFile, got)
}

func requireMalformed(t *testing.T, file, want string) {
	t.Helper()
	n, got, err := split(file)
	require.ErrorContains(t, err, "malformed proof trailer: "+want)
	require.NotErrorIs(t, err, proof.ErrNoTrailer)
	require.Zero(t, n)
	require.Nil(t, got)
}

func requireNone(t *testing.T, file string) {
	t.Helper()
	n, got, err := split(file)
	require.ErrorIs(t, err, proof.ErrNoTrailer)
	require.Zero(t, n)
	require.Nil(t, got)
}

// The trailer of a proof of 60 bytes, to the byte.
func TestTrailerBytes(t *testing.T) {
	proofFile := bytes.Repeat([]byte("gradseal!\n"), 6)
	const want = "\n%gradseal-proof-1\n" +
		"%Z3JhZHNlYWwhCmdyYWRzZWFsIQpncmFkc2VhbCEKZ3JhZHNlYWwhCmdyYWRzZWFsIQpncmFkc2Vh\n" +
		"%bCEK\n" +
		"startxref\n1234\n%%EOF\n"
	require.Equal(t, want, trailer(proofFile, "1234"))
	requireSplit(t, original("\n", "\n")+want, original("\n", "\n"), proofFile)
}

func TestTrailerLineEnds(t *testing.T) {
	proofFile := []byte(write(newProof(t)))
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		for _, last := range []string{"", "\n", "\r\n", "\r"} {
			doc := original(eol, last)
			requireSplit(t, doc+trailer(proofFile, "1234"), doc, proofFile)
			requireNone(t, doc)
		}
	}
	mixed := pdf + "startxref\r\n1234\r%%EOF\n"
	requireSplit(t, mixed+trailer(proofFile, "1234"), mixed, proofFile)
	for _, n := range []string{"0", "1", "9999999999"} {
		doc := pdf + "startxref\n" + n + "\n%%EOF\n"
		requireSplit(t, doc+trailer(proofFile, n), doc, proofFile)
	}
	bare := "startxref\n1234\n%%EOF"
	requireSplit(t, bare+trailer(proofFile, "1234"), bare, proofFile)
}

func TestTrailerSizes(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	doc := original("\r\n", "\r\n")
	for _, n := range []int{1, 2, 3, 55, 56, 57, 58, 113, 114, 115, 4000, proof.MaxSize - 1, proof.MaxSize} {
		proofFile := make([]byte, n)
		random.Read(proofFile)
		requireSplit(t, doc+trailer(proofFile, "1234"), doc, proofFile)
		requireSplit(t, doc[len(pdf):]+trailer(proofFile, "1234"), doc[len(pdf):], proofFile)
	}
	long := pdf + "startxref\r\n9876543210\r\n%%EOF\r\n"
	requireSplit(t, long+trailer(make([]byte, proof.MaxSize), "9876543210"), long, make([]byte, proof.MaxSize))
	requireMalformed(t, doc+trailer(make([]byte, proof.MaxSize+1), "1234"), "the proof has 65537 bytes, more than 65536")
}

// The longest trailer behind the longest end of a document is just within what
// is read at once; a marker further up belongs to no trailer.
func TestTrailerTooFarUp(t *testing.T) {
	doc := pdf + "startxref\r\n9876543210\r\n%%EOF\r\n"
	most := trailer(make([]byte, proof.MaxSize), "9876543210")
	for _, extra := range []int{1, 40, 41, 42, 100, 1000, 300_000, 1 << 20} {
		lines := strings.Repeat("%AAAA\n", (extra+5)/6)
		requireMalformed(t, doc+strings.Replace(most, "startxref\n", lines+"startxref\n", 1), "")
	}
	n, _, err := split(doc + strings.Repeat(" ", 10) + most + strings.Repeat("x", 300_000) + "\n%%EOF\n")
	require.ErrorContains(t, err, "malformed proof trailer: content was added after the proof that begins at byte")
	require.Zero(t, n)
}

// A document in which a proof was put once can be a document like any other.
func TestSecondTrailer(t *testing.T) {
	first, second := []byte("the first proof"), []byte("the second proof")
	doc := original("\n", "\n")
	once := doc + trailer(first, "1234")
	twice := once + trailer(second, "1234")
	requireSplit(t, once, doc, first)
	requireSplit(t, twice, once, second)
}

func TestTrailerMalformed(t *testing.T) {
	proofFile := []byte(write(newProof(t)))
	doc := original("\n", "\n")
	good := trailer(proofFile, "1234")
	swap := func(old, new string) string {
		require.Contains(t, good, old)
		return doc + strings.Replace(good, old, new, 1)
	}
	short := trailer([]byte("short"), "1234") // c2hvcnQ=
	lines := strings.SplitAfter(good, "\n")   // "", marker, lines, startxref, digits, %%EOF
	require.Greater(t, len(lines), 8)
	encoded := base64.StdEncoding.EncodeToString(proofFile)
	wrapped := func(width int) string {
		var b strings.Builder
		for text := encoded; text != ""; {
			n := min(width, len(text))
			b.WriteString("%" + text[:n] + "\n")
			text = text[n:]
		}
		return doc + "\n%gradseal-proof-1\n" + b.String() + "startxref\n1234\n%%EOF\n"
	}
	const interrupted = "something follows or interrupts the proof"
	tests := []struct{ name, file, want string }{
		{"junk after", doc + good + "junk\n%%EOF\n", interrupted},
		{"an incremental update after", doc + good + "2 0 obj\n<<>>\nendobj\nstartxref\n99\n%%EOF\n", interrupted},
		{"%%EOF again", doc + good + "%%EOF\n", interrupted},
		{"startxref again", doc + good + "startxref\n1234\n%%EOF\n", interrupted},
		{"junk between", swap("startxref", "junk\nstartxref"), interrupted},
		{"a comment between", swap("startxref", "% comment\nstartxref"), interrupted},
		{"an empty line between", swap("startxref", "\nstartxref"), interrupted},
		{"an empty comment between", swap("startxref", "%\nstartxref"), interrupted},
		{"no lines", doc + "\n%gradseal-proof-1\nstartxref\n1234\n%%EOF\n", interrupted},
		{"a space at the end of a line", doc + strings.Replace(good, lines[3], strings.TrimSuffix(lines[3], "\n")+" \n", 1), interrupted},
		{"CRLF in the trailer", doc + strings.Join(lines[:3], "") + strings.Replace(strings.Join(lines[3:], ""), "\n", "\r\n", 1), interrupted},
		{"CR in the trailer", doc + strings.Join(lines[:3], "") + strings.Replace(strings.Join(lines[3:], ""), "\n", "\r", 1), interrupted},
		{"a line without %", doc + strings.Replace(good, lines[3], lines[3][1:], 1), interrupted},
		{"77 characters in a line", wrapped(77), interrupted},
		{"all in one line", wrapped(len(encoded)), interrupted},
		{"another alphabet", doc + strings.Replace(short, "c2hvcnQ=", "c2hvcn-_", 1), interrupted},
		{"no startxref", doc + strings.Replace(good, "startxref\n1234\n", "", 1), interrupted},
		{"no digits", swap("startxref\n1234", "startxref\n"), interrupted},
		{"other digits", swap("startxref\n1234", "startxref\n1235"), "startxref 1235, the document before it has 1234"},
		{"fewer digits", swap("startxref\n1234", "startxref\n123"), "startxref 123, the document before it has 1234"},
		{"leading zero", swap("startxref\n1234", "startxref\n01234"), interrupted},
		{"eleven digits", swap("startxref\n1234", "startxref\n12345678901"), interrupted},
		{"negative", swap("startxref\n1234", "startxref\n-1"), interrupted},
		{"a space before the digits", swap("startxref\n1234", "startxref\n 1234"), interrupted},
		{"digits on the line of startxref", swap("startxref\n1234", "startxref 1234"), interrupted},
		{"75 characters in a line", wrapped(75), "line 1 has 75 characters, want 76"},
		{"4 characters in a line", wrapped(4), "line 1 has 4 characters, want 76"},
		{"a short line in the middle", doc + strings.Replace(good, lines[4], lines[4][:73]+"\n%"+lines[4][73:], 1), "line 3 has 72 characters, want 76"},
		{"non-canonical base64", doc + strings.Replace(short, "c2hvcnQ=", "c2hvcnR=", 1), "illegal base64"},
		{"base64 without padding", doc + strings.Replace(short, "c2hvcnQ=", "c2hvcnQ", 1), "illegal base64"},
		{"base64 with too much padding", doc + strings.Replace(short, "c2hvcnQ=", "c2hvcnQ==", 1), "illegal base64"},
		{"padding alone", doc + strings.Replace(short, "c2hvcnQ=", "====", 1), "illegal base64"},
		{"padding in the middle", doc + strings.Replace(short, "c2hvcnQ=", "c2g=b3J0", 1), "illegal base64"},
		{"no document", good, "the document before it does not end in startxref and %%EOF"},
		{"document without startxref", pdf + "%%EOF\n" + good, "the document before it does not end in startxref and %%EOF"},
		{"document without %%EOF", pdf + "startxref\n1234\n" + good, "the document before it does not end in startxref and %%EOF"},
		{"document with a line after %%EOF", doc + "x\n" + good, "the document before it does not end in startxref and %%EOF"},
		{"document with an empty line after %%EOF", doc + "\n" + good, "the document before it does not end in startxref and %%EOF"},
		{"document with LF CR", doc + "\r" + good, "the document before it does not end in startxref and %%EOF"},
		{"document with a leading zero", pdf + "startxref\n01234\n%%EOF\n" + trailer(proofFile, "1234"), "the document before it does not end in startxref and %%EOF"},
		{"document with eleven digits", pdf + "startxref\n12345678901\n%%EOF\n" + trailer(proofFile, "1234"), "the document before it does not end in startxref and %%EOF"},
		{"document with a space", pdf + "startxref \n1234\n%%EOF\n" + good, "the document before it does not end in startxref and %%EOF"},
		{"document with an empty line", pdf + "startxref\n\n1234\n%%EOF\n" + good, "the document before it does not end in startxref and %%EOF"},
		{"two documents, the last with other digits", doc + "startxref\n99\n%%EOF\n" + good, "startxref 1234, the document before it has 99"},
		{"marker twice", doc + "\n%gradseal-proof-1" + good, "the document before it does not end in startxref and %%EOF"},
		{"a second marker in the trailer", doc + good[:len(good)/2] + good, ""},
		{"marker in the document alone", pdf + "\n%gradseal-proof-1\n" + original("\n", "\n"), interrupted},
		{"marker as all of the document", "\n%gradseal-proof-1\n\n%%EOF\n", interrupted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { requireMalformed(t, test.file, test.want) })
	}
}

func TestNoTrailer(t *testing.T) {
	doc := original("\n", "\n")
	good := doc + trailer([]byte(write(newProof(t))), "1234")
	for name, file := range map[string]string{
		"empty":                          "",
		"one byte":                       "x",
		"the shortest end":               "\n%%EOF\n",
		"a plain document":               doc,
		"a large plain document":         strings.Repeat(doc, 30_000),
		"end cut off":                    good[:len(good)-1],
		"CRLF after the last %%EOF":      good[:len(good)-1] + "\r\n",
		"a space after the last %%EOF":   good + " ",
		"marker in the first line":       "%gradseal-proof-1\n" + doc,
		"marker with a space":            pdf + "\n%gradseal-proof-1 \n" + doc,
		"marker with CR":                 pdf + "\n%gradseal-proof-1\r\n" + doc,
		"marker after CR":                pdf + "\r%gradseal-proof-1\n" + doc,
		"marker of another version":      pdf + "\n%gradseal-proof-2\n" + doc,
		"marker at the end":              doc + "\n%gradseal-proof-1\n",
		"marker, and CR before %%EOF":    doc + "\n%gradseal-proof-1\nstartxref\n1234\r%%EOF\n",
		"marker over the border of %%EO": "\n%gradseal-proof-1\n%%EOF",
	} {
		t.Run(name, func(t *testing.T) { requireNone(t, file) })
	}
}

// A file is searched in pieces of 256 KiB; the marker is found wherever it
// stands, and told from one that is cut short.
func TestMarkerAcrossPieces(t *testing.T) {
	const piece, marker = 256 << 10, "\n%gradseal-proof-1\n"
	file := bytes.Repeat([]byte{'x'}, 3*piece+1000)
	copy(file[len(file)-len("\n%%EOF\n"):], "\n%%EOF\n")
	read := func() error {
		_, _, err := proof.SplitTrailer(bytes.NewReader(file), int64(len(file)))
		return err
	}
	require.ErrorIs(t, read(), proof.ErrNoTrailer)
	for _, border := range []int{piece, 2 * piece} {
		for at := border - len(marker) - 1; at <= border+1; at++ {
			copy(file[at:], marker)
			require.ErrorContains(t, read(), "malformed proof trailer: content was added", "marker at %d", at)
			file[at+len(marker)-1] = 'x'
			require.ErrorIs(t, read(), proof.ErrNoTrailer, "cut marker at %d", at)
			copy(file[at:], bytes.Repeat([]byte{'x'}, len(marker)))
		}
	}
	copy(file, marker)
	require.ErrorContains(t, read(), "begins at byte 0")
}

// Every flipped bit of the trailer is refused, is no trailer, or gives another
// proof: never the same document and proof.
func TestTrailerFlippedBits(t *testing.T) {
	proofFile := []byte(write(newProof(t)))[:200]
	doc := original("\n", "\n")
	file := []byte(doc + trailer(proofFile, "1234"))
	for i := len(doc) - len("startxref\n1234\n%%EOF\n"); i < len(file); i++ {
		for bit := range 8 {
			file[i] ^= 1 << bit
			n, got, err := split(string(file))
			if err == nil {
				require.False(t, string(file[:n]) == doc && bytes.Equal(got, proofFile), "byte %d, bit %d", i, bit)
				require.Equal(t, string(file), string(file[:n])+trailer(got, "1234"))
			}
			file[i] ^= 1 << bit
		}
	}
}

// brokenFile fails at an offset, as a disk may.
type brokenFile struct {
	*strings.Reader
	from int64
}

var errDisk = errors.New("input/output error")

func (f brokenFile) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > f.from {
		return 0, errDisk
	}
	return f.Reader.ReadAt(b, off)
}

func TestTrailerReadErrors(t *testing.T) {
	doc := strings.Repeat("x", 1<<20) + original("\n", "\n")
	_, _, err := proof.SplitTrailer(brokenFile{strings.NewReader(doc), 1000}, int64(len(doc)))
	require.ErrorIs(t, err, errDisk)
	_, _, err = proof.SplitTrailer(failingStart{strings.NewReader(doc)}, int64(len(doc)))
	require.ErrorIs(t, err, errDisk, "in the search for the marker")
	_, _, err = proof.SplitTrailer(strings.NewReader(doc), int64(len(doc))+10)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the file became shorter")
}

// failingStart fails in the first half of the file.
type failingStart struct{ *strings.Reader }

func (f failingStart) ReadAt(b []byte, off int64) (int, error) {
	if off < f.Size()/2 {
		return 0, errDisk
	}
	return f.Reader.ReadAt(b, off)
}

// TestMarkerFinder writes a marker in pieces of every size, and near misses.
func TestMarkerFinder(t *testing.T) {
	const marker = "\n%gradseal-proof-1\n"
	for _, content := range []string{marker, "x" + marker, marker + "x", "\n\n" + marker, "abc" + marker[:10] + marker + "abc", marker[:18] + marker} {
		for size := 1; size <= len(content)+1; size++ {
			m := writePieces(t, content, size)
			require.True(t, m.Found, "%q in pieces of %d", content, size)
		}
	}
	for _, content := range []string{"", marker[:18], marker[1:], "\n%gradseal-proof-2\n", marker[:9] + "x" + marker[9:]} {
		for size := 1; size <= len(content)+1; size++ {
			require.False(t, writePieces(t, content, size).Found, "%q in pieces of %d", content, size)
		}
	}
}

func writePieces(t *testing.T, content string, size int) *proof.MarkerFinder {
	m := new(proof.MarkerFinder)
	for rest := []byte(content); len(rest) > 0; rest = rest[min(size, len(rest)):] {
		n, err := m.Write(rest[:min(size, len(rest))])
		require.NoError(t, err)
		require.Equal(t, min(size, len(rest)), n)
	}
	return m
}
