package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

const committed = "../../testdata/transcripts"

func readTree(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".proof.json") { // which anchoring left there
			return err
		}
		files[name], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		return err
	}))
	return files
}

func needFonts(t *testing.T) {
	t.Helper()
	for _, f := range []*face{serif, sans, han} {
		for _, file := range f.files {
			name := filepath.Join(debianFonts, filepath.FromSlash(file))
			if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
				t.Skipf("SKIPPED: font %s is not here; Debian has it in fonts-dejavu-core and fonts-droid-fallback", name)
			}
		}
	}
}

func TestCommittedFilesAreWhatTheProgramWrites(t *testing.T) {
	needFonts(t)
	dir := t.TempDir()
	require.NoError(t, write(dir, debianFonts))
	want, got := readTree(t, committed), readTree(t, dir)
	total := 0
	for name := range want {
		require.Contains(t, got, name, "committed, but not written")
	}
	for name, data := range got {
		total += len(data)
		if !bytes.Equal(want[name], data) {
			t.Errorf("%s differs; if it was changed on purpose, or another Go release deflates otherwise: "+
				"go run ./internal/transcripts -o testdata/transcripts", name)
		}
	}
	require.GreaterOrEqual(t, len(got), 24)
	require.Less(t, total, 2<<20)
}

func TestFileNames(t *testing.T) {
	all, err := everyone()
	require.NoError(t, err)
	seen := make(map[string]bool)
	for _, one := range all {
		require.True(t, norm.NFC.IsNormalString(one.file), "%q is not in NFC", one.file)
		require.Equal(t, path.Clean(one.file), one.file)
		require.False(t, strings.ContainsAny(one.file, `\:*?"<>|`), "%q cannot be a name on Windows", one.file)
		lower := strings.ToLower(one.file)
		require.False(t, seen[lower], "%q differs from another name by case alone, or not at all", one.file)
		seen[lower] = true
	}
}

func TestFixed(t *testing.T) {
	for _, c := range []struct {
		num, den, decimals int
		want               string
	}{
		{75, 10, 1, "7.5"}, {1, 3, 3, "0.333"}, {2, 3, 3, "0.667"}, {1, 8, 2, "0.13"}, {5, 2, 0, "3"}, {400, 100, 2, "4.00"}, {9995, 1000, 2, "10.00"},
	} {
		require.Equal(t, c.want, fixed(c.num, c.den, c.decimals), "%d/%d", c.num, c.den)
	}
}

func TestTally(t *testing.T) {
	// By hand: (4×4.0 + 3×3.3 + 2×0) / 9 = 25.9 / 9 = 2.8777…; P earns, W does not, neither counts.
	sum, err := tallyTerm(term{courses: []course{
		{credits: 40, grade: "A"}, {credits: 30, grade: "B+"}, {credits: 20, grade: "F"}, {credits: 10, grade: "P"}, {credits: 50, grade: "W"},
	}}, fourPoint)
	require.NoError(t, err)
	require.Equal(t, "2.878", sum.mean(3))
	require.Equal(t, "25.90", sum.points())
	require.Equal(t, credits(150), sum.attempted)
	require.Equal(t, credits(80), sum.earned)
	require.Equal(t, credits(90), sum.counted)

	// By hand: 5 credits at 91 and 3 at 58, which is failed: (5×4.1 + 3×0) / 8 = 2.5625, (5×91 + 3×58) / 8 = 78.625.
	courses := []term{{courses: []course{{credits: 50, grade: "91"}, {credits: 30, grade: "58"}}}}
	points, err := tallyAll(courses, fivePoint)
	require.NoError(t, err)
	require.Equal(t, "2.56", points.mean(2))
	marks, err := tallyAll(courses, hundred)
	require.NoError(t, err)
	require.Equal(t, "78.63", marks.mean(2))
	require.Equal(t, credits(50), marks.earned)

	require.Equal(t, "-", tally{}.mean(2))
	_, err = tallyTerm(term{name: "Fall", courses: []course{{code: "X 1", grade: "A++"}}}, fourPoint)
	require.EqualError(t, err, `Fall: X 1 : grade "A++" is not on the scale "4.00"`)
}

func TestScales(t *testing.T) {
	for _, s := range []*scale{fourPoint, wholeLetters, nordic, czech, outOfTen, outOfTwenty, outOfSix, hundred, fivePoint} {
		last := -1
		for percent := range 101 {
			m, err := s.worth(s.spell(percent))
			require.NoError(t, err, "%s at %d", s.name, percent)
			if s == czech {
				m.points = 1000 - m.points
			}
			require.GreaterOrEqual(t, m.points, last, "%s: %d per cent is worth less than %d", s.name, percent, percent-1)
			last = m.points
		}
		_, err := s.worth("no grade")
		require.Error(t, err, s.name)
	}
}

func TestPlanErrors(t *testing.T) {
	for text, want := range map[string]string{
		"A 1 | 3 | Early":            `course "A 1 | 3 | Early" before the first term`,
		"# Fall {0}\nA 1 | 3":        `course "A 1 | 3" has 2 fields, want 3 to 5`,
		"# Fall {0}\nA 1 | x | Name": `course "A 1 | x | Name": strconv.ParseFloat: parsing "x": invalid syntax`,
	} {
		_, err := parsePlan(text, 2020)
		require.EqualError(t, err, want)
	}
	_, err := study("# Fall {0}\nA 1 | 3 | Name", 2020, fourPoint, "7", performance{grades: map[string]string{"B 2": "A"}})
	require.EqualError(t, err, "7: no course B 2 in the plan")
}

// What does not fit or has no glyph must fail rather than be drawn.
func TestSheetRefuses(t *testing.T) {
	s := newSheet(classic, newFonts("testdata/none"))
	s.page()
	s.set(times, regular, 10)
	s.fit(0, 20, 30, 'l', "far too long for its column")
	require.ErrorContains(t, s.Error(), "room for 30.0")

	s = newSheet(classic, newFonts("testdata/none"))
	s.page()
	s.set(helvetica, regular, 10)
	s.text(0, 20, "Dvořáčková")
	require.ErrorContains(t, s.Error(), "core faces have no 'ř'")

	needFonts(t)
	s = newSheet(classic, newFonts(debianFonts))
	s.page()
	s.set(sans, regular, 10)
	s.text(0, 20, "\u2c2f")
	require.ErrorContains(t, s.Error(), "has no glyph")
}

func signedFile(t *testing.T) string {
	t.Helper()
	all, err := everyone()
	require.NoError(t, err)
	for _, one := range all {
		if one.signed {
			return filepath.Join(committed, filepath.FromSlash(one.file))
		}
	}
	t.Fatal("no transcript is signed")
	return ""
}

func TestSignatureCoversTheFile(t *testing.T) {
	pdf, err := os.ReadFile(signedFile(t))
	require.NoError(t, err)
	m := regexp.MustCompile(`/ByteRange \[0 (\d+) (\d+) (\d+)\]`).FindSubmatch(pdf)
	require.NotNil(t, m)
	var first, second, rest int
	_, err = fmt.Sscan(string(bytes.Join(m[1:], []byte(" "))), &first, &second, &rest)
	require.NoError(t, err)
	require.Equal(t, len(pdf), second+rest)
	require.Equal(t, "<>", string(pdf[first])+string(pdf[second-1]))

	cms := make([]byte, (second-first-2)/2)
	_, err = hex.Decode(cms, pdf[first+1:second-1])
	require.NoError(t, err)
	var info contentInfo
	padding, err := asn1.Unmarshal(cms, &info)
	require.NoError(t, err)
	require.Empty(t, bytes.Trim(padding, "\x00"))

	signer := info.Content.Signers[0]
	digest := sha256.Sum256(append(bytes.Clone(pdf[:first]), pdf[second:]...))
	require.True(t, bytes.Contains(signer.Signed.FullBytes, digest[:]), "the digest of the byte range is not signed")
	cert, err := x509.ParseCertificate(info.Content.Certificates.Bytes)
	require.NoError(t, err)
	set := bytes.Clone(signer.Signed.FullBytes)
	set[0] = 0x31 // SET, as it was signed
	signed := sha256.Sum256(set)
	require.True(t, ecdsa.VerifyASN1(cert.PublicKey.(*ecdsa.PublicKey), signed[:], signer.Signature))
}

func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("SKIPPED: %s is not on PATH", name)
	}
}

func TestPdfsigAccepts(t *testing.T) {
	tool(t, "pdfsig")
	// Its exit status speaks of the certificate, which nobody vouches for.
	out, _ := exec.Command("pdfsig", signedFile(t)).CombinedOutput()
	require.Contains(t, string(out), "Signature is Valid.")
	require.Contains(t, string(out), "Total document signed")
}

func TestQpdfAccepts(t *testing.T) {
	tool(t, "qpdf")
	for name := range readTree(t, committed) {
		out, err := exec.Command("qpdf", "--check", filepath.Join(committed, filepath.FromSlash(name))).CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
	}
}

var space = regexp.MustCompile(`\s+`)

func TestPdftotextFindsNamesAndGrades(t *testing.T) {
	tool(t, "pdftotext")
	all, err := everyone()
	require.NoError(t, err)
	for _, one := range all {
		out, err := exec.Command("pdftotext", "-raw", filepath.Join(committed, filepath.FromSlash(one.file)), "-").Output()
		require.NoError(t, err, one.file)
		text := space.ReplaceAllString(string(out), " ")
		require.Contains(t, text, one.student.name, one.file)
		require.Contains(t, text, one.number, one.file)
		for _, term := range one.terms {
			for _, c := range term.courses {
				requireNear(t, one.file, text, c.title, c.grade)
			}
		}
		for _, d := range one.deposits {
			requireNear(t, one.file, text, d.title, d.outcome)
		}
	}
}

// requireNear wants a word soon after some occurrence of a title.
func requireNear(t *testing.T, file, text, title, word string) {
	t.Helper()
	parts := strings.Split(text, title)
	require.Greater(t, len(parts), 1, "%s: no %q", file, title)
	for _, after := range parts[1:] {
		if strings.Contains(after[:min(len(after), 160)], " "+word+" ") {
			return
		}
	}
	t.Errorf("%s: no %q after %q", file, word, title)
}
