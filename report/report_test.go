package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/words"
)

// sample is a document with a proof of it.
type sample struct {
	name     string
	document string
	file     string // the proof
	proof    *proof.Proof
}

// samples are the documents of the verdict vectors with their proofs, each proof
// once: of one layer and of several, pending, by a transaction and by a calendar.
func samples(t *testing.T) []sample {
	t.Helper()
	data, err := os.ReadFile("../testdata/vectors/verdict.json")
	require.NoError(t, err)
	var file struct {
		Vectors []struct {
			Name, Document, Proof, Verdict string
		}
	}
	require.NoError(t, json.Unmarshal(data, &file))
	seen := make(map[string]bool)
	var all []sample
	for _, v := range file.Vectors {
		p, err := proof.Parse([]byte(v.Proof))
		if err != nil || seen[v.Proof] || v.Verdict == "invalid" || p.Digest != sha256.Sum256([]byte(v.Document)) {
			continue
		}
		seen[v.Proof] = true
		all = append(all, sample{v.Name, v.Document, v.Proof, p})
	}
	require.Greater(t, len(all), 20)
	return all
}

func load(t *testing.T, tag string) *words.Language {
	t.Helper()
	l, err := words.Load(tag)
	require.NoError(t, err)
	return l
}

// reportOf is a report of a sample under a name.
func reportOf(t *testing.T, s sample, name string) *Report {
	t.Helper()
	return &Report{
		Language: load(t, "en"),
		View: words.View{File: name, Verdict: "valid", Word: "VALID", Headline: "Issued.", Checks: []words.Check{
			{Name: "document", Question: "Is it?", Outcome: "ok", Word: "Yes", Text: "It is."},
		}},
		Document: Document{Name: name, Proof: name + proof.Suffix, Digest: s.proof.Digest, Size: int64(len(s.document)), Issued: int64(len(s.document))},
		Proof:    s.proof,
		Check:    Circumstances{Time: time.Unix(1_800_000_000, 0), Version: "v1.2.3", Network: bitcoin.Mainnet, Confirmations: 6},
	}
}

func write(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, r.Write(&b))
	return b.String()
}

var stepOnPage = regexp.MustCompile(`(?s)<samp>(.*?)</samp></div>\n<pre>(.*?)</pre>`)

// requireByHand does what a page says, in sh and in a folder with the files: no
// code of this program takes part.
func requireByHand(t *testing.T, folder, page string) (steps int) {
	t.Helper()
	var script strings.Builder
	var want []string
	for _, m := range stepOnPage.FindAllStringSubmatch(page, -1) {
		fmt.Fprintf(&script, "%s\n", html.UnescapeString(m[2]))
		want = append(want, html.UnescapeString(m[1]))
	}
	cmd := exec.Command("sh", "-eu")
	cmd.Dir, cmd.Stdin = folder, strings.NewReader(script.String())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", script.String(), out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, len(want), "%s\n%s", script.String(), out)
	for i, line := range lines {
		require.Equal(t, want[i], strings.Fields(line)[0], "step %d", i+1)
	}
	return len(want)
}

func requireTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"sh", "sha256sum", "xxd", "jq", "fold", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed", tool)
		}
	}
}

// TestByHand: the commands on the page lead from the file to the block.
func TestByHand(t *testing.T) {
	requireTools(t)
	kinds := map[string]int{}
	for _, s := range samples(t) {
		if kind := kindOf(s.proof); kinds[kind] >= 3 {
			continue
		} else {
			kinds[kind]++
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			folder, name := t.TempDir(), "it's a “Diplom” & 学历.pdf"
			require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(s.document), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(folder, name+proof.Suffix), []byte(s.file), 0o600))
			page := write(t, reportOf(t, s, name))
			steps := requireByHand(t, folder, page)
			require.GreaterOrEqual(t, steps, 4)
			root := proof.BatchRoot(s.proof.Layers[0].Signed, s.proof.Layers[0].Statement.Root)
			requireResult(t, page, hex.EncodeToString(root[:]))
			if b := s.proof.Bitcoin; b != nil {
				tx, err := bitcoin.ParseTransaction(b.Transaction)
				require.NoError(t, err)
				requireResult(t, page, tx.ID().String())
				requireResult(t, page, b.Header.Hash().String())
			}
		})
	}
	require.GreaterOrEqual(t, len(kinds), 5, "%v", kinds)
}

// requireResult finds a value among those that the commands print.
func requireResult(t *testing.T, page, value string) {
	t.Helper()
	require.True(t, strings.Contains(page, "<samp>"+value+"</samp>"), value)
}

// kindOf tells proofs apart by the ways that lead from the document to a block.
func kindOf(p *proof.Proof) string {
	paths := 0
	if p.Bitcoin != nil {
		paths = len(p.Bitcoin.Path)
	}
	return fmt.Sprint(len(p.Layers), len(p.Layers[0].Path) > 0, p.Bitcoin != nil, paths > 0, p.OpenTimestamps != nil)
}

// TestInside: of a document with its proof inside, what stands before it counts.
func TestInside(t *testing.T) {
	requireTools(t)
	s := samples(t)[0]
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "-a.pdf"), []byte(s.document+"\ntrailer"), 0o600))
	r := reportOf(t, s, "-a.pdf")
	r.Document.Size += 8
	r.Document.Proof = ""
	page := write(t, r)
	require.Contains(t, page, "head -c")
	require.NotContains(t, page, "jq")
	requireByHand(t, folder, page)
}

// TestOtherFile: of a file that is not the document there is its digest alone.
func TestOtherFile(t *testing.T) {
	r := reportOf(t, samples(t)[0], "a.pdf")
	r.Document.Digest[0] ^= 1
	require.Len(t, stepOnPage.FindAllString(write(t, r), -1), 1)
	r.Proof = nil
	require.Len(t, stepOnPage.FindAllString(write(t, r), -1), 1)
	r.Document = Document{Name: "a.pdf"}
	require.Empty(t, stepOnPage.FindAllString(write(t, r), -1))
}

// TestOtherDocument: the answers that are about another document than the file say
// so before them, and no Yes among them is green.
func TestOtherDocument(t *testing.T) {
	r := reportOf(t, samples(t)[0], "a.pdf")
	r.View.Checks[0].Outcome = "failed"
	for range 5 {
		r.View.Checks = append(r.View.Checks, words.Check{Name: "x", Question: "And it?", Outcome: "ok", Word: "Yes", Text: "It is."})
	}
	require.NotContains(t, write(t, r), `class="other"`)
	r.View.Other = "About another:"
	page := write(t, r)
	requireWellFormed(t, page)
	first, rest, found := strings.Cut(page, `<tr><th colspan="4">About another:</th></tr>`)
	require.True(t, found)
	require.Equal(t, 1, strings.Count(first, "<tr"))
	require.Equal(t, 5, strings.Count(rest, `<tr class="other">`))
}

// TestFalseProof: of a proof that leads elsewhere, the steps end where it does.
func TestFalseProof(t *testing.T) {
	s := samples(t)[0]
	require.NotEmpty(t, s.proof.Layers[0].Path)
	for name, c := range map[string]struct {
		change func(*proof.Proof)
		steps  int
	}{
		"sound":          {func(*proof.Proof) {}, 9},
		"path too short": {func(p *proof.Proof) { p.Layers[0].Path = nil }, 1},
		"other salt":     {func(p *proof.Proof) { p.Salt[0] ^= 1 }, 3},
		"no transaction": {func(p *proof.Proof) { p.Bitcoin.Transaction = nil }, 5},
		"another block":  {func(p *proof.Proof) { p.Bitcoin.Header[40] ^= 1 }, 7},
		"pending":        {func(p *proof.Proof) { p.Bitcoin = nil }, 5},
	} {
		p, err := proof.Parse([]byte(s.file))
		require.NoError(t, err)
		c.change(p)
		r := reportOf(t, s, "a.pdf")
		r.Proof = p
		require.Len(t, stepOnPage.FindAllString(write(t, r), -1), c.steps, name)
	}
}

// TestMarkup: nothing that a stranger wrote becomes markup or a command, and the
// page asks for nothing.
func TestMarkup(t *testing.T) {
	evil := "<script>alert(1)</script>'; touch evil; '"
	r := reportOf(t, samples(t)[0], evil+"\x1b[31m")
	r.View.File = words.Safe(evil)
	r.View.Headline, r.View.Advice = evil, evil
	r.View.Facts = []words.Fact{{Label: evil, Value: evil}, {Label: "x", Value: evil, Mono: true}}
	r.Check.Version = evil
	page := write(t, r)
	require.NotContains(t, page, "<script")
	require.NotContains(t, page, "\x1b")
	require.NotRegexp(t, `(src|href|url)\s*[=(]`, page)
	require.Contains(t, page, `default-src 'none'`)
	require.Contains(t, page, `sha256sum &#39;FILE.pdf&#39;`)
	requireWellFormed(t, page)
}

// requireWellFormed reads a page as XML, which is stricter, but for its void tags.
func requireWellFormed(t *testing.T, page string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(regexp.MustCompile(`<meta [^>]*>`).ReplaceAllString(page, "")))
	dec.Entity = xml.HTMLEntity
	for {
		_, err := dec.Token()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
	}
}

func TestLanguages(t *testing.T) {
	for _, tag := range words.Languages() {
		r := reportOf(t, samples(t)[0], "a.pdf")
		r.Language = load(t, tag)
		r.Check.Tip = &Tip{Height: 900000, Time: time.Unix(1_790_000_000, 0)}
		page := write(t, r)
		require.Contains(t, page, `<html lang="`+tag+`">`)
		require.NotRegexp(t, `report\.[a-z]|[^$]\{[a-z_]+\}`, strings.Split(page, "</style>")[1])
		require.Contains(t, page, "900000")
		requireWellFormed(t, page)
	}
}
