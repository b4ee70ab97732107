package proof_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
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
	require.ErrorContains(t, err, want)
	require.ErrorIs(t, err, proof.ErrTrailer)
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
	file := doc + most + strings.Repeat("x", 300_000) + "\n%%EOF\n"
	requireMalformed(t, file, fmt.Sprintf("content was added after the proof, which ends at byte %d of %d", len(doc)+len(most), len(file)))
	requireMalformed(t, doc+most[:40_000]+strings.Repeat("x", 300_000), "something interrupts the lines of the proof that begins at byte")
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
	doc := original("\n", "\n")
	p := newProof(t)
	p.Digest = sha256.Sum256([]byte(doc))
	proofFile := []byte(write(p))
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
	const (
		interrupted = "something interrupts the lines of the proof that begins at byte"
		added       = "content was added after issue; the issued document ends at byte"
		cut         = "the file is cut off within the proof that begins at byte"
		lineEnds    = "the line ends at the proof were changed"
		notOriginal = "what stands before the proof does not end in startxref, a number and %%EOF"
	)
	tests := []struct{ name, file, want string }{
		{"junk after", doc + good + "junk\n%%EOF\n", added},
		{"an incremental update after", doc + good + "2 0 obj\n<<>>\nendobj\nstartxref\n99\n%%EOF\n", added},
		{"%%EOF again", doc + good + "%%EOF\n", added},
		{"startxref again", doc + good + "startxref\n1234\n%%EOF\n", added},
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
		{"other digits", swap("startxref\n1234", "startxref\n1235"), "the startxref after the proof is 1235, and that of the document before it 1234"},
		{"fewer digits", swap("startxref\n1234", "startxref\n123"), "the startxref after the proof is 123, and that of the document before it 1234"},
		{"leading zero", swap("startxref\n1234", "startxref\n01234"), interrupted},
		{"eleven digits", swap("startxref\n1234", "startxref\n12345678901"), interrupted},
		{"negative", swap("startxref\n1234", "startxref\n-1"), interrupted},
		{"a space before the digits", swap("startxref\n1234", "startxref\n 1234"), interrupted},
		{"digits on the line of startxref", swap("startxref\n1234", "startxref 1234"), interrupted},
		{"75 characters in a line", wrapped(75), "line 1 of the proof has 75 characters, want 76"},
		{"4 characters in a line", wrapped(4), "line 1 of the proof has 4 characters, want 76"},
		{"a short line in the middle", doc + strings.Replace(good, lines[4], lines[4][:73]+"\n%"+lines[4][73:], 1), "line 3 of the proof has 72 characters, want 76"},
		{"non-canonical base64", doc + strings.Replace(short, "c2hvcnQ=", "c2hvcnR=", 1), "illegal base64"},
		{"base64 without padding", doc + strings.Replace(short, "c2hvcnQ=", "c2hvcnQ", 1), "illegal base64"},
		{"base64 with too much padding", doc + strings.Replace(short, "c2hvcnQ=", "c2hvcnQ==", 1), "illegal base64"},
		{"padding alone", doc + strings.Replace(short, "c2hvcnQ=", "====", 1), "illegal base64"},
		{"padding in the middle", doc + strings.Replace(short, "c2hvcnQ=", "c2g=b3J0", 1), "illegal base64"},
		{"no document", good, notOriginal},
		{"document without startxref", pdf + "%%EOF\n" + good, notOriginal},
		{"document without %%EOF", pdf + "startxref\n1234\n" + good, notOriginal},
		{"document with a line after %%EOF", doc + "x\n" + good, notOriginal},
		{"document with an empty line after %%EOF", doc + "\n" + good, notOriginal},
		{"document with LF CR", doc + "\r" + good, notOriginal},
		{"document with a leading zero", pdf + "startxref\n01234\n%%EOF\n" + trailer(proofFile, "1234"), notOriginal},
		{"document with eleven digits", pdf + "startxref\n12345678901\n%%EOF\n" + trailer(proofFile, "1234"), notOriginal},
		{"document with a space", pdf + "startxref \n1234\n%%EOF\n" + good, notOriginal},
		{"document with an empty line", pdf + "startxref\n\n1234\n%%EOF\n" + good, notOriginal},
		{"two documents, the last with other digits", doc + "startxref\n99\n%%EOF\n" + good, "the startxref after the proof is 1234, and that of the document before it 99"},
		{"marker twice", doc + "\n%gradseal-proof-1" + good, notOriginal},
		{"a second marker in the trailer", doc + good[:len(good)/2] + good, ""},
		{"marker in the document alone", pdf + "\n%gradseal-proof-1\n" + original("\n", "\n"), interrupted},
		{"marker as all of the document", "\n%gradseal-proof-1\n\n%%EOF\n", interrupted},
		{"junk after, without an end", doc + good + "junk", added},
		{"a byte after", doc + good + " ", added},
		{"an empty line after", doc + good + "\n", added},
		{"another document's proof, and junk after", doc[1:] + good + "junk", "content was added after the proof, which ends at byte"},
		{"no proof, and junk after", doc + short + "junk", "content was added after the proof, which ends at byte"},
		{"all line ends CR LF", strings.ReplaceAll(doc+good, "\n", "\r\n"), lineEnds},
		{"all line ends CR", strings.ReplaceAll(doc+good, "\n", "\r"), lineEnds},
		{"CR LF after the marker", doc + strings.Replace(good, "-1\n", "-1\r\n", 1), lineEnds},
		{"CR before the marker", doc + "\r" + good[1:], lineEnds},
		{"CR LF at the end", doc + good[:len(good)-1] + "\r\n", interrupted},
		{"the marker over the border of %%EOF", "\n%gradseal-proof-1\n%%EOF", interrupted},
		{"CR before %%EOF", doc + strings.Replace(good, "1234\n%%EOF", "1234\r%%EOF", 1), interrupted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { requireMalformed(t, test.file, test.want) })
	}
}

func TestNoTrailer(t *testing.T) {
	doc := original("\n", "\n")
	for name, file := range map[string]string{
		"empty":                         "",
		"one byte":                      "x",
		"the shortest end":              "\n%%EOF\n",
		"a plain document":              doc,
		"a large plain document":        strings.Repeat(doc, 30_000),
		"marker in the first line":      "%gradseal-proof-1\n" + doc,
		"marker cut off":                doc + "\n%gradseal-proof-1",
		"marker with a space":           pdf + "\n%gradseal-proof-1 \n" + doc,
		"marker with a space before it": pdf + "\n %gradseal-proof-1\n" + doc,
		"marker of another version":     pdf + "\n%gradseal-proof-2\n" + doc,
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
	const found = "something interrupts the lines of the proof that begins at byte %d"
	for _, border := range []int{piece, 2 * piece} {
		for at := border - len(marker) - 1; at <= border+1; at++ {
			copy(file[at:], marker)
			require.EqualError(t, read(), fmt.Sprintf(found, at))
			file[at+len(marker)-1] = 'x'
			require.ErrorIs(t, read(), proof.ErrNoTrailer, "cut marker at %d", at)
			copy(file[at:], bytes.Repeat([]byte{'x'}, len(marker)))
		}
	}
	copy(file, marker)
	require.EqualError(t, read(), fmt.Sprintf(found, 0))
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

// Cut off anywhere within its trailer, a file is refused; before the marker is
// whole, it carries no proof.
func TestTrailerCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a file cut off at every byte takes a while")
	}
	doc := original("\n", "\n")
	file := doc + trailer([]byte(write(newProof(t))), "1234")
	marked := len(doc) + len("\n%gradseal-proof-1\n")
	for n := len(doc); n < marked; n++ {
		requireNone(t, file[:n])
	}
	for n := marked; n < len(file); n++ {
		requireMalformed(t, file[:n], fmt.Sprintf("the file is cut off within the proof that begins at byte %d", len(doc)))
	}
}

// What an error tells beside its words, and that a digest is claimed only by
// a proof.
func TestTrailerError(t *testing.T) {
	doc := original("\r\n", "\r\n")
	p := newProof(t)
	p.Digest = sha256.Sum256([]byte(doc))
	good := trailer([]byte(write(p)), "1234")
	far := strings.Repeat("x", 300_000)
	tests := []struct {
		file   string
		marker int
		claims bool
		want   string
	}{
		{doc + good + "x", len(doc), true, "content was added after issue; the issued document ends at byte %d"},
		{doc + good + far, len(doc), true, "content was added after issue; the issued document ends at byte %d"},
		{far + doc + good + far, len(far + doc), true, "content was added after the proof"},
		{doc + "x" + good, len(doc) + 1, true, "what stands before the proof does not end"},
		{doc + strings.Replace(good, "\n1234\n", "\n1233\n", 1), len(doc), true, "the startxref after the proof is 1233"},
		{doc + trailer([]byte("no proof"), "1234") + "x", len(doc), false, "content was added after the proof"},
		{doc + trailer([]byte("no proof"), "1233"), len(doc), false, "the startxref after the proof is 1233"},
		{doc + good[:len(good)-1], len(doc), false, "the file is cut off"},
	}
	for _, test := range tests {
		_, _, err := split(test.file)
		var e *proof.TrailerError
		require.ErrorAs(t, err, &e, test.want)
		require.EqualValues(t, test.marker, e.Marker, test.want)
		require.Equal(t, test.claims, e.Claimed != nil, test.want)
		if test.claims {
			require.Equal(t, p.Digest, *e.Claimed)
		}
		require.ErrorContains(t, err, strings.ReplaceAll(test.want, "%d", fmt.Sprint(len(doc))))
	}
}

// Trailer writes what the writer of these tests does, over every end that the
// grammar allows, and refuses every other.
func TestTrailer(t *testing.T) {
	for _, size := range []int{1, 56, 57, 58, 114, 4000, proof.MaxSize} {
		proofFile := bytes.Repeat([]byte("p"), size)
		for _, eol := range []string{"\n", "\r\n", "\r"} {
			for _, last := range []string{"", "\n", "\r\n", "\r"} {
				doc := original(eol, last)
				added, err := proof.Trailer(strings.NewReader(doc), int64(len(doc)), proofFile)
				require.NoError(t, err)
				require.Equal(t, trailer(proofFile, "1234"), string(added))
				requireSplit(t, doc+string(added), doc, proofFile)
			}
		}
	}
	large := strings.Repeat("x", 1<<20) + original("\n", "")
	added, err := proof.Trailer(strings.NewReader(large), int64(len(large)), []byte("p"))
	require.NoError(t, err)
	require.Equal(t, trailer([]byte("p"), "1234"), string(added))
}

func TestTrailerRefused(t *testing.T) {
	doc := original("\n", "\n")
	once := doc + trailer([]byte("the first"), "1234")
	tests := []struct{ name, doc, want string }{
		{"empty", "", "does not end in %%EOF: it may be cut off, or be no PDF"},
		{"text", "Dear graduate,\n", "does not end in %%EOF: it may be cut off, or be no PDF"},
		{"cut off", doc[:len(doc)-2], "does not end in %%EOF: it may be cut off, or be no PDF"},
		{"cut off after another revision", doc + "1 0 obj\n<<", fmt.Sprintf("goes on after its last %%%%EOF, which ends at byte %d of", len(doc)-1)},
		{"two line ends", doc + "\n", fmt.Sprintf("goes on after its last %%%%EOF, which ends at byte %d of", len(doc)-1)},
		{"zero bytes at the end", doc + "\x00\x00", fmt.Sprintf("goes on after its last %%%%EOF, which ends at byte %d of", len(doc)-1)},
		{"a space at the end", doc[:len(doc)-1] + " ", fmt.Sprintf("goes on after its last %%%%EOF, which ends at byte %d of", len(doc)-1)},
		{"LF CR", doc + "\r", fmt.Sprintf("goes on after its last %%%%EOF, which ends at byte %d of", len(doc)-1)},
		{"no startxref", pdf + "%%EOF\n", "the last lines of the document are not startxref, a number and %%EOF"},
		{"a leading zero", pdf + "startxref\n01234\n%%EOF\n", "the last lines of the document are not startxref, a number and %%EOF"},
		{"a space", pdf + "startxref \n1234\n%%EOF\n", "the last lines of the document are not startxref, a number and %%EOF"},
		{"an empty line", pdf + "startxref\n1234\n\n%%EOF\n", "the last lines of the document are not startxref, a number and %%EOF"},
		{"eleven digits", pdf + "startxref\n12345678901\n%%EOF\n", "the last lines of the document are not startxref, a number and %%EOF"},
		{"a damaged trailer", once + "x", "content was added after the proof"},
		{"a marker far up", "%PDF-1.4\n%gradseal-proof-1\n" + strings.Repeat("x", 300_000) + doc, "something interrupts the lines of the proof"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			added, err := proof.Trailer(strings.NewReader(test.doc), int64(len(test.doc)), []byte("proof"))
			require.ErrorContains(t, err, test.want)
			require.Nil(t, added)
		})
	}
	_, err := proof.Trailer(strings.NewReader(once), int64(len(once)), []byte("proof"))
	require.ErrorIs(t, err, proof.ErrHasTrailer)
	for _, size := range []int{0, proof.MaxSize + 1} {
		_, err := proof.Trailer(strings.NewReader(doc), int64(len(doc)), make([]byte, size))
		require.ErrorContains(t, err, "want 1 to 65536")
	}
	_, err = proof.Trailer(brokenFile{strings.NewReader(doc), 10}, int64(len(doc)), []byte("proof"))
	require.ErrorIs(t, err, errDisk)
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
	for _, content := range []string{marker, "\r%gradseal-proof-1\r", "%gradseal-proof-1" + marker, "x" + marker, marker + "x", "\n\n" + marker, "abc" + marker[:10] + marker + "abc", marker[:18] + marker} {
		for size := 1; size <= len(content)+1; size++ {
			m := writePieces(t, content, size)
			require.True(t, m.Found, "%q in pieces of %d", content, size)
		}
	}
	for _, content := range []string{"", marker[:18], marker[1:], "x" + marker[1:], "\n%gradseal-proof-1 \n", "\n%gradseal-proof-2\n", marker[:9] + "x" + marker[9:]} {
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

// zeros is a file of zero bytes that ends in a text.
type zeros struct {
	size int64
	end  string
}

func (z zeros) ReadAt(b []byte, off int64) (int, error) {
	clear(b)
	from := z.size - int64(len(z.end))
	if at := from - off; at < int64(len(b)) {
		copy(b[max(at, 0):], z.end[max(-at, 0):])
	}
	return len(b), nil
}

// A file of 20 GiB is taken apart by its end alone.
func TestTrailerLargeFile(t *testing.T) {
	const size = 20 << 30
	doc := zeros{size, original("\n", "\n")}
	file := zeros{size, doc.end + trailer([]byte("proof"), "1234")}
	n, got, err := proof.SplitTrailer(file, size)
	require.NoError(t, err)
	require.EqualValues(t, size-int64(len(trailer([]byte("proof"), "1234"))), n)
	require.Equal(t, "proof", string(got))
}

// TestSignatureFinder writes a signature in pieces of every size, and near misses.
func TestSignatureFinder(t *testing.T) {
	find := func(content string, size int) bool {
		s := new(proof.SignatureFinder)
		for rest := []byte(content); len(rest) > 0; rest = rest[min(size, len(rest)):] {
			n, err := s.Write(rest[:min(size, len(rest))])
			require.NoError(t, err)
			require.Equal(t, min(size, len(rest)), n)
		}
		return s.Found
	}
	filler := strings.Repeat("/ByteRang [ ", 20)
	for _, content := range []string{
		"/ByteRange[0 1 2 3]", "<</Type/Sig/ByteRange [0 1 2 3]", "/ByteRange\r\n\t[", "/ByteRange" + strings.Repeat(" ", 32) + "[",
		"/ByteRange /ByteRange [", filler + "/ByteRange [" + filler,
	} {
		for size := 1; size <= len(content)+1; size++ {
			require.True(t, find(content, size), "%q in pieces of %d", content, size)
		}
	}
	for _, content := range []string{"", "/ByteRange", "/ByteRange 5 0 R", "ByteRange [", "/ByteRanges [", "/ByteRange" + strings.Repeat(" ", 33) + "[", filler} {
		for size := 1; size <= len(content)+1; size++ {
			require.False(t, find(content, size), "%q in pieces of %d", content, size)
		}
	}
}
