package page_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"gradseal/proof"
	"gradseal/words"
)

// given is what somebody drops, and what the page answers.
type given struct {
	name  string
	files map[string][]byte // by path
	drop  []string          // of files, or the folders that they are in; all files where empty
	want  []string          // words of the cards
	says  []string          // beside the verdicts
	never string            // is not said
}

func heaps(t testing.TB, b *batch) []given {
	file := func(name string) []byte {
		require.Contains(t, b.files, name)
		return b.files[name]
	}
	const p = proof.Suffix
	changed := bytes.Replace(bytes.Clone(file(kbsu)), []byte("obj"), []byte("Obj"), 1)
	require.NotEqual(t, file(kbsu), changed)
	combined := withProof(t, file(lin), file(lin+p))
	return []given{
		{name: "a document and its proof", files: map[string][]byte{kbsu: file(kbsu), kbsu + p: file(kbsu + p)}, want: []string{"VALID"}},
		{name: "both under other names", files: map[string][]byte{"1.pdf": file(kbsu), "proof (2).json": file(kbsu + p)}, want: []string{"VALID"}},
		{
			name: "several", want: []string{"VALID", "VALID", "VALID"},
			files: map[string][]byte{kbsu: file(kbsu), reissue: file(reissue), lin: file(lin), kbsu + p: file(kbsu + p), reissue + p: file(reissue + p), lin + p: file(lin + p)},
		},
		{
			name: "several, with the names of proofs mixed up", want: []string{"VALID", "VALID"},
			files: map[string][]byte{kbsu: file(kbsu), reissue: file(reissue), kbsu + p: file(reissue + p), reissue + p: file(kbsu + p)},
		},
		{
			name: "a folder", drop: []string{"summer"}, want: []string{"CANNOT TELL", "VALID", "VALID"},
			files: map[string][]byte{
				"summer/" + kbsu: file(kbsu), "summer/" + kbsu + p: file(kbsu + p), "summer/a/b/" + lin: combined,
				"summer/a/" + reissue: file(reissue), "summer/notes.txt": []byte("notes"), "summer/.DS_Store": {0, 1},
			},
		},
		{name: "a document with its proof inside", files: map[string][]byte{lin: combined}, want: []string{"VALID"}, says: []string{"Take apart"}},
		{
			name: "the proof of another document", files: map[string][]byte{kbsu: file(kbsu), reissue + p: file(reissue + p)},
			want: []string{"INVALID"},
		},
		{name: "a document that was changed", files: map[string][]byte{kbsu: changed, kbsu + p: file(kbsu + p)}, want: []string{"INVALID"}},
		{
			name: "something added after the proof inside", files: map[string][]byte{lin: append(bytes.Clone(combined), "startxref\n9\n%%EOF\n"...)},
			want: []string{"INVALID"}, says: []string{"changed after its proof was put into it"}, never: "Take apart",
		},
		{name: "a proof alone", files: map[string][]byte{kbsu + p: file(kbsu + p)}, want: []string{"CANNOT TELL"}, says: []string{"not the document that it is for"}},
		{
			name: "a document alone", files: map[string][]byte{kbsu: file(kbsu)}, want: []string{"CANNOT TELL"},
			says: []string{"No proof was found", "What to do now"},
		},
		{
			name: "a damaged proof", files: map[string][]byte{kbsu: file(kbsu), kbsu + p: file(kbsu + p)[:900]},
			want: []string{"INVALID"}, says: []string{"damaged, or it is not a proof"},
		},
		{
			name: "an archive", files: map[string][]byte{"documents.zip": append([]byte("PK\x03\x04"), make([]byte, 300)...)},
			says: []string{"documents.zip", "is an archive. Unpack it first"},
		},
		{
			name:  "a timestamp",
			files: map[string][]byte{"a.pdf.ots": []byte("\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01")},
			says:  []string{"a.pdf.ots", "is a timestamp of OpenTimestamps"},
		},
		{name: "an empty file", files: map[string][]byte{"empty.pdf": {}}, says: []string{"empty.pdf", "is empty"}},
		{
			name: "an empty file and a proof", files: map[string][]byte{kbsu: {}, kbsu + p: file(kbsu + p)},
			want: []string{"CANNOT TELL"}, says: []string{kbsu, "is empty", "not the document that it is for"},
		},
		{name: "a picture", files: map[string][]byte{"scan.jpg": []byte("\xff\xd8\xff\xe0 no picture")}},
		{name: "a folder without documents", drop: []string{"holiday"}, files: map[string][]byte{"holiday/a.jpg": {1}, "holiday/b/c.txt": {2}}},
	}
}

// testFiles drops and chooses what visitors drop and choose.
func (c *chromium) testFiles(t *testing.T) {
	b := transcripts(t)
	whole := c.open(t, pageOf(t, b.pack(t)))
	for _, g := range heaps(t, b) {
		t.Run(g.name, func(t *testing.T) {
			v := whole.within(t)
			paths := g.write(t)
			v.drop(paths...)
			g.requireAnswer(v)
			v.startOver()
			if len(g.drop) > 0 {
				v.chooseIn("#folder", paths...)
			} else {
				v.choose(paths...)
			}
			g.requireAnswer(v)
			v.shoot("files " + g.name)
			v.startOver()
		})
	}
}

// write writes the files and returns the paths of what is dropped.
func (g given) write(t testing.TB) []string {
	dir := t.TempDir()
	paths := write(t, dir, g.files, slices.Sorted(maps.Keys(g.files))...)
	if len(g.drop) == 0 {
		return paths
	}
	paths = nil
	for _, name := range g.drop {
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths
}

func (g given) requireAnswer(v *visit) {
	v.Helper()
	require.Equal(v, append([]string{}, g.want...), v.words(), "the page says:\n%s", v.text("#results"))
	for _, text := range g.says { // some of it a moment later
		v.wait(`document.getElementById("results").innerText.includes(` + js(text) + `)`)
	}
	if g.never != "" {
		// What the page offers depends on the end of the file: by then it has read that.
		v.run(`Promise.all(state.documents.map(({file}) => carriesProof(file)))`)
		require.NotContains(v, v.text("#results"), g.never)
	}
	require.NotEmpty(v, v.text("#announce")+v.text("#notices"), "something is said")
	require.Equal(v, len(g.want) > 0, eval[bool](v, `document.body.classList.contains("has-results")`))
	require.Empty(v, v.text("#trouble-text"))
}

// Files that come one after the other belong together: first the proof, then the
// document, and the other way round.
func (c *chromium) testOneByOne(t *testing.T) {
	b := transcripts(t)
	v := c.open(t, pageOf(t, b.pack(t)))
	dir := t.TempDir()
	document, proofFile := write(t, dir, b.files, kbsu)[0], write(t, dir, b.files, kbsu+proof.Suffix)[0]
	v.choose(proofFile)
	require.Equal(t, []string{"CANNOT TELL"}, v.words())
	v.choose(document)
	require.Equal(t, []string{"VALID"}, v.words())
	v.startOver()
	v.drop(document)
	require.Equal(t, []string{"CANNOT TELL"}, v.words())
	// Whoever lets go just when another part of the page comes under the hand.
	v.dropAt(20, proofFile)
	require.Equal(t, []string{"VALID"}, v.words())
	// Another document begins anew: nothing of the one before must stay.
	v.drop(write(t, dir, b.files, reissue)...)
	require.Equal(t, []verdict{{reissue, "CANNOT TELL", "No proof was found for this document."}}, v.verdicts())
}

// testOrder: of many documents the worst stand first, and under each verdict they
// are in the order of their names, numbers as people count.
func (c *chromium) testOrder(t *testing.T) {
	documents := make(map[string][]byte)
	for _, name := range []string{"10.pdf", "9.pdf", "Zoe.pdf", "adam.pdf", "Émile.pdf"} {
		documents[name] = append(bytes.Clone(sample(t, kbsu)), name...)
	}
	b := issue(t, uni, documents)
	for _, name := range []string{"9.pdf", "Zoe.pdf", "adam.pdf"} {
		b.files[name] = append(b.files[name], "changed"...)
	}
	v := c.open(t, pageOf(t, b.pack(t)))
	chosen := []string{"Zoe.pdf", "10.pdf", "Émile.pdf", "adam.pdf", "9.pdf"}
	for _, name := range chosen {
		chosen = append(chosen, name+proof.Suffix)
	}
	v.choose(write(t, t.TempDir(), b.files, chosen...)...)
	var seen []string
	for _, card := range v.verdicts() {
		seen = append(seen, card.Word+" "+card.File)
	}
	require.Equal(t, []string{"INVALID 9.pdf", "INVALID adam.pdf", "INVALID Zoe.pdf", "VALID 10.pdf", "VALID Émile.pdf"}, seen)
}

// testOtherDocument: of a file that was changed nothing but the first answer is
// about it. The others say so before them, and no Yes among them is green.
func (c *chromium) testOtherDocument(t *testing.T) {
	b := transcripts(t)
	b.files[lin] = append(bytes.Clone(b.files[lin]), "changed"...)
	v := c.open(t, pageOf(t, b.pack(t)))
	v.choose(write(t, t.TempDir(), b.files, kbsu, kbsu+proof.Suffix)...)
	const green = `getComputedStyle(document.querySelector("#cards .checks .answer")).color`
	colour := eval[string](v, green)
	require.Empty(t, v.texts(".body h5"))
	require.Len(t, v.texts(".checks .answer"), 6)
	v.startOver()
	v.choose(write(t, t.TempDir(), b.files, lin, lin+proof.Suffix)...)
	for _, tag := range words.Languages() {
		v.finish(func() {
			v.run(`{ const choice = document.getElementById("language"); choice.value = ` + js(tag) + `; choice.dispatchEvent(new Event("change")) }`)
		})
		l, err := words.Load(tag)
		require.NoError(t, err)
		no, yes := l.Text("outcome.failed", nil), l.Text("outcome.ok", nil)
		require.Equal(t, []string{no}, v.texts(".body ul:has(+ h5) .answer"))
		require.Equal(t, []string{l.Text("other-document", nil)}, v.texts(".body h5"))
		require.Equal(t, []string{yes, yes, yes, yes, yes}, v.texts(".body h5 + ul .answer"))
		require.NotContains(t, eval[[]string](v, `[...document.querySelectorAll("h5 + ul .answer")].map((e) => getComputedStyle(e).color)`), colour)
		require.NotContains(t, eval[[]string](v, `[...document.querySelectorAll("h5 + ul .badge")].map((e) => getComputedStyle(e).backgroundColor)`), colour)
		v.shoot("other document " + tag)
	}
}

// testTools makes one file of two, and two of one, and compares the bytes.
func (c *chromium) testTools(t *testing.T) {
	b := transcripts(t)
	v := c.open(t, pageOf(t, b.pack(t)))
	dir, downloads := t.TempDir(), t.TempDir()
	v.downloadTo(downloads)
	v.choose(write(t, dir, b.files, kbsu, kbsu+proof.Suffix)...)
	v.wait(`document.querySelector(".tools button")`)
	v.finish(func() { v.run(`document.querySelector(".tools button").click()`) })
	require.Contains(t, v.text(".tools"), "Saved: ")
	combined := v.downloaded(downloads)
	require.Len(t, combined, 1)
	require.Equal(t, withProof(t, b.files[kbsu], b.files[kbsu+proof.Suffix]), slices.Collect(maps.Values(combined))[0])

	v.startOver()
	inside := t.TempDir()
	v.choose(write(t, inside, map[string][]byte{lin: withProof(t, b.files[lin], b.files[lin+proof.Suffix])}, lin)...)
	require.Equal(t, []string{"VALID"}, v.words())
	v.wait(`document.querySelector(".tools button")`)
	apart := t.TempDir()
	v.downloadTo(apart)
	v.finish(func() { v.run(`document.querySelector(".tools button").click()`) })
	issued := strings.TrimSuffix(lin, ".pdf") + "-issued.pdf" // the one that carries its proof keeps its name
	require.Equal(t, map[string][]byte{issued: b.files[lin], issued + proof.Suffix: b.files[lin+proof.Suffix]}, v.downloaded(apart))
}

// downloadTo lets the page save files, to a folder.
func (v *visit) downloadTo(dir string) {
	v.Helper()
	c := chromedp.FromContext(v.ctx)
	v.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
			Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: c.BrowserContextID, DownloadPath: dir,
		})
		return chromedp.Void{}, err
	})
}

// downloaded waits until nothing is being saved any more, and returns the files.
func (v *visit) downloaded(dir string) map[string][]byte {
	v.Helper()
	files := make(map[string][]byte)
	require.Eventually(v, func() bool {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) == 0 {
			return false
		}
		clear(files)
		for _, e := range entries {
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil || strings.HasSuffix(e.Name(), ".crdownload") || strings.HasPrefix(e.Name(), ".") {
				return false
			}
			files[e.Name()] = data
		}
		return len(files) == eval[int](v, `document.querySelector(".tools [role=status]").textContent.split(", ").length`)
	}, patience, 20*time.Millisecond)
	return files
}
