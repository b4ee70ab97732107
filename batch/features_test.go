package batch

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func featuresOf(data string) feature {
	var f featureScan
	f.Write([]byte(data))
	return f.finish()
}

// object is data as an object of a PDF; stream is one with a stream.
func object(body string) string { return "%PDF-1.7\n1 0 obj\n" + body + "\nendobj\n" }

func stream(dict, data string) string {
	return object("<<" + dict + ">>\nstream\r\n" + data + "\nendstream")
}

func deflate(t testing.TB, data string) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, err := w.Write([]byte(data))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func objStm(t testing.TB, objects string) string {
	return stream("/Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length 99", deflate(t, "1 0 "+objects))
}

// What is found stands alone in an object, in an object stream, and so that it
// lies across any place where the scan's buffer ends.
var featureTests = []struct {
	text string
	want feature
}{
	{"/Encrypt 5 0 R", encryption},
	{"/Encrypt<</Filter/Standard>>", encryption},
	{"/S/JavaScript/JS(app.alert)", javaScript},
	{"/S/Java#53cript", javaScript},
	{"/#4a#61#76#61#53#63#72#69#70#74", javaScript},
	{"/JavaScript", javaScript},
	{"/JS 7 0 R", javaScript},
	{"/JS\n<6170>", javaScript},
	{"/XFA[(a)5 0 R]", formFields},
	{"/FT/Tx", formFields},
	{"/FT /Btn/T(a)", formFields},
	{"/FT\r\n/Ch", formFields},
	{"/S/Launch/F(cmd.exe)", foreignParts},
	{"/S /GoToR /F(x.pdf)", foreignParts},
	{"/S/GoToE", foreignParts},
	{"/S/ImportData", foreignParts},
	{"/S/SubmitForm/F<</FS/URL/F(http://x)>>", foreignParts},
	{"/Subtype/RichMedia", foreignParts},
	{"/Subtype/Movie", foreignParts},
	{"/FS /URL", foreignParts},
	{"/Ref<</F(x.pdf)/Page 1>>", foreignParts},
	{"/Type/EmbeddedFile", attachments},
	{"/EF<</F 7 0 R>>", attachments},
	{"/T(an ( unclosed \\) one))/FT/Tx", formFields},
	{"/T(\\\\)/FT/Tx", formFields},
	{"/T<28>/FT/Tx", formFields},
	{"% (\n/FT/Tx", formFields},

	{"/FT/Sig", 0},
	{"/FT 5 0 R", 0},
	{"/S/URI/URI(https://uni.example/JavaScript /JS(x))", 0},
	{"/Title(/JavaScript)", 0},
	{"/Title(\\(/JavaScript)", 0},
	{"/Title(\\)/JavaScript)", 0},
	{"/Title((a)/JavaScript)", 0},
	{"% /JavaScript\n", 0},
	{"/JavaScripts", 0},
	{"/javascript", 0},
	{"JavaScript", 0},
	{"/JS/F1", 0},
	{"/Ref[5 0 R]", 0},
	{"/Ref 5 0 R", 0},
	{"/EF 5 0 R", 0},
	{"/EncryptMetadata true", 0},
	{"/FS/F1", 0},
	{"/GoTo/D[1 0 R]", 0},
	{"/", 0},
	{"/#", 0},
	{"/J#5", 0},
}

func TestFeatures(t *testing.T) {
	for _, test := range featureTests {
		dict := "<<" + test.text + ">>"
		require.Equal(t, test.want, featuresOf(object(dict)), test.text)
		require.Equal(t, test.want, featuresOf(object(dict)[len("%PDF-1.7\n"):]), test.text)
		require.Equal(t, test.want, featuresOf(objStm(t, dict)), "%s in an object stream", test.text)
		require.Equal(t, test.want, featuresOf(stream("/Type/ObjStm", dict)), "%s in an object stream that is not deflated", test.text)
		require.Zero(t, featuresOf(stream("/Length 99", dict)), "%s as data", test.text)
		require.Equal(t, test.want, featuresOf(stream("/Length 99", "(")+object(dict)), "%s after a stream", test.text)
		require.Equal(t, test.want, featuresOf(object("<<>>")+"trailer\n"+dict), "%s in the trailer", test.text)
	}
}

// Where the bytes lie in the scan's buffer makes no difference.
func TestFeaturesAcrossBuffers(t *testing.T) {
	for _, test := range featureTests {
		dict := "<<" + test.text + ">>"
		var f featureScan
		scan := func(pad int, data string) {
			f.reset()
			f.Write(bytes.Repeat([]byte{'\n'}, pad))
			f.Write([]byte(data))
			f.Write(bytes.Repeat([]byte{'\n'}, 2*lookAhead)) // so that the buffer becomes full
			require.Equal(t, test.want, f.finish(), "%s after %d bytes", test.text, pad)
		}
		within, plain := objStm(t, dict), stream("/Type/ObjStm", dict)
		for place := range lookAhead + len(dict) + 40 {
			scan(scanBuffer-place, object(dict))
		}
		for place := 0; place < lookAhead+len(within); place += 7 {
			scan(scanBuffer-place, within)
			scan(scanBuffer-place, plain)
		}
		for _, place := range []int{0, 1, 2, 9, lookAhead - 1, lookAhead, lookAhead + 1, lookAhead + 9} {
			pad := strings.Repeat(" ", scanBuffer-place)
			scan(0, stream("/Type/ObjStm", "("+pad+")"+dict))
			scan(0, stream("/Type/ObjStm", pad+dict))
		}
	}
}

// A stream of which the dictionary was looked at already, in every place.
func TestStreamsAcrossBuffers(t *testing.T) {
	data := stream("/XFA 1/Type/ObjStm/Filter/FlateDecode", deflate(t, "/JS(x)")) + object("/S/Launch")
	long := strings.Repeat(" ", 2*lookAhead) // so that the buffer becomes full
	for place := range lookAhead + len(data) {
		require.Equal(t, formFields|javaScript|foreignParts, featuresOf(strings.Repeat(" ", scanBuffer-place)+data+long), place)
	}
}

// Of an object that begins more than lookBack before, nothing is known.
func TestFeaturesInLongObjects(t *testing.T) {
	for _, n := range []int{lookBack + 1, scanBuffer, 2 * scanBuffer} {
		long := strings.Repeat(" ", n)
		require.Equal(t, javaScript, featuresOf("1 0 obj("+long+"/JS(x)"))
		require.Equal(t, javaScript, featuresOf(object("(")+"2 0 obj<</XFA("+long+"/JS(x)")&javaScript)
		require.Equal(t, formFields, featuresOf("1 0 obj<</XFA 1/Type/ObjStm"+long+">>stream\n/JS(x)\nendstream"))
	}
	require.Zero(t, featuresOf("1 0 obj("+strings.Repeat(" ", lookBack-9)+"/JS(x)"))
	require.Equal(t, formFields|javaScript, featuresOf("1 0 obj<</XFA 1/Type/ObjStm"+strings.Repeat(" ", lookBack-99)+">>stream\n/JS(x)\nendstream"))
}

func TestFeaturesAndStreams(t *testing.T) {
	js := "<</JS(x)>>"
	deflated := deflate(t, js)
	tests := []struct {
		name, data string
		want       feature
	}{
		{"no stream before the data ends", stream("/Length 2", "/JS(x) endobj 2 0 obj /JS(x)"), 0},
		{"the word in a string", object("(>>\nstream\n)") + object(js), javaScript},
		{"the word in a comment", object("% >> stream\n") + object(js), javaScript},
		{"the word without a dictionary", object("stream\n") + object(js), javaScript},
		{"the word in a word", object("<<>>streams\n") + object(js), javaScript},
		{"a stream that is never closed", object("<<>>\nstream\n") + object(js), 0},
		{"an object stream that is cut off", "1 0 obj<</Type/ObjStm/Filter/FlateDecode>>stream\n" + deflated[:len(deflated)-5], javaScript},
		{"line ends CR alone", "1 0 obj<</Type/ObjStm/Filter/FlateDecode>>stream\r" + deflated + "\rendstream", javaScript},
		{"filters in a list", stream("/Type/ObjStm/Filter[/FlateDecode]", deflated), javaScript},
		{"name in escapes", stream("/Type/Obj#53tm/Filter/Flate#44ecode", deflated), javaScript},
		{"deflated twice", stream("/Type/ObjStm/Filter[/FlateDecode/FlateDecode]", deflate(t, deflated)), 0},
		{"another filter", stream("/Type/ObjStm/Filter[/ASCIIHexDecode/FlateDecode]", deflated), 0},
		{"a predictor", stream("/Type/ObjStm/Filter/FlateDecode/DecodeParms<</Predictor 12>>", deflated), 0},
		{"a parenthesis in data, and no endobj", "1 0 obj<<>>stream\n(\nendstream\ntrailer" + js, javaScript},
		{"not zlib", stream("/Type/ObjStm/Filter/FlateDecode", js), 0},
		{"not zlib, then zlib", stream("/Type/ObjStm/Filter/FlateDecode", js) + stream("/Type/ObjStm/Filter/FlateDecode", deflated), javaScript},
		{"zlib, not zlib, zlib", objStm(t, "") + stream("/Type/ObjStm/Filter/FlateDecode", js) + objStm(t, js), javaScript},
		{"a string that one object stream leaves open", objStm(t, "(") + objStm(t, js), javaScript},
		{"a stream in an object stream", objStm(t, "<<>>\nstream\n"+js), javaScript},
		{"a cross-reference stream", stream("/Type/XRef/Encrypt 5 0 R", "x"), encryption},
		{"a string that an object leaves open", object("(") + object(js), javaScript},
		{"all", object("/JS(x)/FT/Tx") + objStm(t, "/S/Launch") + stream("/Type/EmbeddedFile", "") + "trailer<</Encrypt 5 0 R>>",
			encryption | javaScript | formFields | foreignParts | attachments},
	}
	for _, test := range tests {
		require.Equal(t, test.want, featuresOf(test.data), test.name)
	}
}

// withLengths is featuresOf where the data of streams is passed over.
func withLengths(data string) (found feature, misled bool) {
	f := featureScan{lengths: true}
	f.Write([]byte(data))
	return f.finish(), f.misled
}

// TestLengths: a stream is passed over where its dictionary says its length, and the
// same is found.
func TestLengths(t *testing.T) {
	for _, test := range featureTests {
		dict := "<<" + test.text + ">>"
		for _, eol := range []string{"", "\n", "\r\n", " \n\n"} {
			for _, pad := range []int{0, scanBuffer - 30, scanBuffer, 3 * scanBuffer} {
				data := dict + strings.Repeat("x", pad)
				whole := fmt.Sprintf("1 0 obj\n<</Length %d>>\nstream\n%s%sendstream\nendobj\n", len(data), data, eol) + object(dict)
				found, misled := withLengths(whole)
				require.False(t, misled, test.text)
				require.Equal(t, test.want, found, "%s after %d bytes", test.text, pad)
			}
		}
	}
	for _, path := range transcriptFiles(t) {
		for _, path := range []string{path, qpdf(t, path, "--object-streams=generate"), qpdf(t, path, "--qdf")} {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			found, misled := withLengths(string(data))
			require.False(t, misled, path)
			require.Zero(t, found, path)
		}
	}
	// The end of one stream within the data of another, which says its length.
	found, misled := withLengths(stream("/Length 31", "1 0 obj\nendstream\nendobj /JS(x) "))
	require.False(t, misled)
	require.Zero(t, found)
}

// TestLengthsAcrossBuffers: where the data of streams lies in the buffer, how much of
// it there is, and how it is written makes no difference; nor that the buffer was
// dropped for what is passed over.
func TestLengthsAcrossBuffers(t *testing.T) {
	content := func(n, length int) string {
		return fmt.Sprintf("1 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n2 0 obj\n<</FT/Tx(>>/JS(x)>>stream\n)>>\nendobj\n", length, strings.Repeat("/JS(x) ", n/7+1)[:n])
	}
	for _, n := range []int{0, 1, 127, 128, scanBuffer - 1, scanBuffer, 70_001} {
		for _, wrong := range []int{0, -1, 5, 200_000} {
			one := content(n, n+wrong)
			whole := one + content(n, n) + object("<</S/Launch>>") + strings.Repeat(" ", 2*lookAhead)
			for place := -10; place < 300; place += 31 {
				data := strings.Repeat(" ", scanBuffer-place) + whole
				want, misled := withLengths(data)
				if wrong == 0 {
					require.Equal(t, formFields|foreignParts, want)
				}
				require.Equal(t, wrong != 0 && n+wrong >= 0, misled, "%d bytes, %d more said", n, wrong)
				for _, size := range []int{4096, 100_000} {
					f := featureScan{lengths: true}
					for rest := data; rest != ""; rest = rest[min(size, len(rest)):] {
						f.Write([]byte(rest[:min(size, len(rest))]))
					}
					require.Equal(t, want, f.finish(), "%d bytes, %d more said, at %d, in pieces of %d", n, wrong, place, size)
					require.Equal(t, misled, f.misled)
				}
			}
		}
	}
}

// TestWrongLengths: what a wrong length passes over is found all the same, but where
// it leads to the end of another stream.
func TestWrongLengths(t *testing.T) {
	const first, second = "0123456789", "abc"
	js := object("<</JS(x)>>")
	dict := func(length string) string {
		return stream("/Length "+length, first) + js + stream("/Length 3", second) + strings.Repeat(" ", 200)
	}
	whole := dict("100")
	data := strings.Index(whole, first)
	another := strings.LastIndex(whole, second) + len(second) - data
	content := NewContent()
	for length := range len(whole) + 50 {
		whole := dict(fmt.Sprintf("%03d", length))
		_, misled := withLengths(whole)
		leads := length >= len(first) && length <= len(first)+1 || length >= another && length <= another+1
		require.Equal(t, !leads, misled, length)
		_, warnings, err := content.Read(t.Context(), strings.NewReader(whole), strings.NewReader(whole), int64(len(whole)))
		require.NoError(t, err)
		if length < another || length > another+1 {
			require.Equal(t, []string{featureWarnings[1].text}, warnings, length)
		}
	}
	for _, length := range []string{"", "x", "-1", "12 0 R", "4.5", "10/Length 10", "9999999999999999999", "999999999999999999"} {
		_, warnings, err := content.Read(t.Context(), strings.NewReader(dict(length)), strings.NewReader(dict(length)), int64(len(dict(length))))
		require.NoError(t, err)
		require.Equal(t, []string{featureWarnings[1].text}, warnings, length)
	}
	cut := whole[:data+5]
	_, misled := withLengths(cut)
	require.True(t, misled)
}

func TestFeatureWarnings(t *testing.T) {
	var f featureScan
	f.Write([]byte(object("/JS(x)/FT/Tx") + objStm(t, "/S/Launch") + stream("/Type/EmbeddedFile", "") + "trailer<</Encrypt 5 0 R>>"))
	warnings := f.warnings()
	require.Len(t, warnings, 5)
	require.Equal(t, warnings, f.warnings())
	for i, text := range []string{"is encrypted: ", "has JavaScript: ", "has form fields: ", "refers to other files or programs", "carries other files: "} {
		require.Contains(t, warnings[i], text)
		require.Less(t, len(warnings[i]), 100)
	}
	f.reset()
	f.Write([]byte(object("<</Type/Catalog>>")))
	require.Empty(t, f.warnings())
}

// What a file can make the scan do has an end.
func TestFeatureScanIsBounded(t *testing.T) {
	held := func(f *featureScan) int { return cap(f.buf) + cap(f.stream) + cap(f.inner.buf) }
	zeros := strings.Repeat("\x00", maxInflated+1<<20)
	var f featureScan
	f.Write([]byte(objStm(t, zeros+"/JavaScript")))
	require.Zero(t, f.finish(), "it is beyond the limit")
	require.EqualValues(t, maxInflated, f.inflated)
	require.Less(t, held(&f), 1<<20)

	f.reset()
	f.inflated = maxAllInflated - 100
	f.Write([]byte(objStm(t, strings.Repeat(" ", 90)+"/XFA ")))
	require.Equal(t, formFields, f.finish())
	f.Write([]byte(objStm(t, "/JavaScript")))
	require.Equal(t, formFields, f.finish())
	require.EqualValues(t, maxAllInflated, f.inflated)

	f.reset()
	f.Write([]byte(object("<</Type/ObjStm>>stream\n")[:40]))
	for range 64 {
		f.Write([]byte(zeros[:1<<20]))
	}
	require.Zero(t, f.finish())
	require.Less(t, held(&f), 6<<20)
}

func TestFeatureScanKeepsNothingBetweenFiles(t *testing.T) {
	var f featureScan
	for _, before := range []string{"(", "%", "1 0 obj<<>>stream\n", "1 0 obj<</Type/ObjStm>>stream\n(", objStm(t, "("), "/J", strings.Repeat("(", scanBuffer)} {
		for _, test := range featureTests {
			f.reset()
			f.Write([]byte(before))
			f.finish()
			f.reset()
			f.Write([]byte("<<" + test.text + ">>"))
			require.Equal(t, test.want, f.finish(), "%q and then %s", before, test.text)
		}
	}
}

// scanFile scans in pieces of the size that documents are read in.
func scanFile(t testing.TB, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var f featureScan
	for len(data) > 0 {
		n, err := f.Write(data[:min(len(data), 10_000)])
		require.NoError(t, err)
		data = data[n:]
	}
	return f.warnings()
}

func transcriptFiles(t testing.TB) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir("../testdata/transcripts", func(path string, d fs.DirEntry, err error) error {
		if strings.EqualFold(filepath.Ext(path), ".pdf") {
			paths = append(paths, path)
		}
		return err
	}))
	require.GreaterOrEqual(t, len(paths), 27)
	return paths
}

// qpdf makes another PDF of one.
func qpdf(t testing.TB, from string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("qpdf"); err != nil {
		t.Skip("SKIPPED: qpdf is not on PATH")
	}
	to := filepath.Join(t.TempDir(), "out.pdf")
	out, err := exec.Command("qpdf", append(args, "--warning-exit-0", from, to)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return to
}

// Transcripts, one of them digitally signed, are no reason to warn, however
// their objects are stored; encrypted ones are.
func TestTranscriptsHaveNoFeatures(t *testing.T) {
	for _, path := range transcriptFiles(t) {
		require.Empty(t, scanFile(t, path), path)
		for _, args := range [][]string{{"--object-streams=generate"}, {"--qdf"}} {
			require.Empty(t, scanFile(t, qpdf(t, path, args...)), "%s %v", path, args)
		}
		encrypted := qpdf(t, path, "--object-streams=generate", "--encrypt", "", "owner", "256", "--")
		require.Equal(t, []string{featureWarnings[0].text}, scanFile(t, encrypted), path)
	}
}

// wholePDF is a PDF of one page whose catalog has more entries, and more objects
// from number 4 on.
func wholePDF(catalog string, more ...string) string {
	b := new(strings.Builder)
	b.WriteString("%PDF-1.7\n")
	var offsets []int
	for i, body := range append([]string{
		"<</Type/Catalog/Pages 2 0 R" + catalog + ">>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>",
	}, more...) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	start := b.Len()
	fmt.Fprintf(b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.String()
}

// The same is found in what qpdf makes of a PDF, in object streams too.
func TestFeaturesInWhatQpdfWrites(t *testing.T) {
	for _, test := range []struct {
		pdf  string
		want feature
	}{
		{wholePDF(""), 0},
		{wholePDF("/OpenAction 4 0 R", "<</S/JavaScript/JS(this.getField)>>"), javaScript},
		{wholePDF("/OpenAction 4 0 R", "<</S/Launch/F(calc.exe)>>"), foreignParts},
		{wholePDF("/OpenAction 4 0 R", "<</S/GoToR/F(other.pdf)/D[0/Fit]>>"), foreignParts},
		{wholePDF("/OpenAction 4 0 R", "<</S/URI/URI(https://uni.example/Launch /JS)>>"), 0},
		{wholePDF("/AcroForm<</Fields[4 0 R]>>", "<</FT/Tx/T(grade)/V(A)>>"), formFields},
		{wholePDF("/AcroForm<</Fields[4 0 R]/SigFlags 3>>", "<</FT/Sig/T(signature)>>"), 0},
		{wholePDF("/Names<</EmbeddedFiles<</Names[(x)4 0 R]>>>>", "<</Type/Filespec/F(x)/EF<</F 5 0 R>>>>",
			"<</Type/EmbeddedFile/Length 1>>\nstream\nx\nendstream"), attachments},
	} {
		path := filepath.Join(t.TempDir(), "in.pdf")
		require.NoError(t, os.WriteFile(path, []byte(test.pdf), 0o600))
		require.Equal(t, test.want, featuresOf(test.pdf), test.pdf)
		for _, args := range [][]string{{"--object-streams=generate"}, {"--object-streams=generate", "--compress-streams=n"}, {"--qdf"}, {"--linearize"}} {
			data, err := os.ReadFile(qpdf(t, path, args...))
			require.NoError(t, err)
			require.Equal(t, test.want, featuresOf(string(data)), "%v %s", args, test.pdf)
		}
	}
}

// TEST_FOREIGN_PDFS names a folder of PDFs that this project did not make;
// .ci/run sets it. One of them has form fields.
func TestFeaturesOfForeignPDFs(t *testing.T) {
	from := os.Getenv("TEST_FOREIGN_PDFS")
	if from == "" {
		t.Skip("TEST_FOREIGN_PDFS does not name a folder of PDFs")
	}
	paths, err := filepath.Glob(filepath.Join(from, "*.pdf"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(paths), 10)
	for _, path := range paths {
		var want []string
		if filepath.Base(path) == "formexample.pdf" {
			want = []string{featureWarnings[2].text}
		}
		require.Equal(t, want, scanFile(t, path), path)
	}
}

// What is found depends neither on how the bytes are split among writes, nor on
// where they lie in the buffer.
func FuzzFeatureScan(f *testing.F) {
	for _, test := range featureTests {
		f.Add([]byte("<<"+test.text+">>"), uint(3), uint(scanBuffer-20))
	}
	f.Add([]byte(objStm(f, "(/JS(x))/JS(x)")), uint(99), uint(scanBuffer-lookAhead))
	f.Add([]byte("<</Length 20>>stream\n/JS(x)\nendstream endobj /JS(x)"), uint(20), uint(scanBuffer-30))
	f.Add([]byte(stream("/Length 3", "/JS")+object("/JS(x)")), uint(30), uint(scanBuffer-60))
	f.Add([]byte("("+strings.Repeat("/JS(x) ", 2*lookBack/7)+" obj/FT/Tx"), uint(1), uint(scanBuffer-lookBack))
	f.Fuzz(func(t *testing.T, data []byte, cut, pad uint) {
		whole := "1 0 obj " + string(data)
		want := featuresOf(whole)
		cut %= uint(len(whole) + 1)

		var split featureScan
		split.Write([]byte(whole[:cut]))
		for _, c := range []byte(whole[cut:]) {
			split.Write([]byte{c})
		}
		require.Equal(t, want, split.finish())

		split.reset()
		split.Write(bytes.Repeat([]byte{' '}, int(pad%(2*scanBuffer))))
		split.Write([]byte(whole))
		require.Equal(t, want, split.finish())

		want, misled := withLengths(whole)
		split.reset()
		split.lengths = true
		split.Write(bytes.Repeat([]byte{' '}, int(pad%(2*scanBuffer))))
		split.Write([]byte(whole[:cut]))
		for _, c := range []byte(whole[cut:]) {
			split.Write([]byte{c})
		}
		require.Equal(t, want, split.finish())
		require.Equal(t, misled, split.misled)
	})
}

// BenchmarkFeatureScan compares the scan with what is done to the same bytes
// anyway: SHA-256. The bytes are random ones as no stream at all, as a stream,
// and the transcripts as they are and with their objects in object streams.
func BenchmarkFeatureScan(b *testing.B) {
	random := make([]byte, 200_000)
	rand.NewChaCha8([32]byte{}).Read(random)
	var transcripts, compact []byte
	for _, path := range transcriptFiles(b) {
		data, err := os.ReadFile(path)
		require.NoError(b, err)
		transcripts = append(transcripts, data...)
		data, err = os.ReadFile(qpdf(b, path, "--object-streams=generate"))
		require.NoError(b, err)
		compact = append(compact, data...)
	}
	for _, test := range []struct {
		name string
		data []byte
	}{
		{"random", random}, {"stream", []byte(stream("/Length 200000", string(random)))}, {"transcripts", transcripts}, {"object-streams", compact},
	} {
		b.Run(test.name+"/sha256", func(b *testing.B) {
			b.SetBytes(int64(len(test.data)))
			for b.Loop() {
				sha256.Sum256(test.data)
			}
		})
		b.Run(test.name+"/scan", func(b *testing.B) {
			b.SetBytes(int64(len(test.data)))
			b.ReportAllocs()
			var f featureScan
			for b.Loop() {
				f.reset()
				f.lengths = true
				f.Write(test.data)
				f.finish()
			}
		})
	}
}
