package page_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
	"gradseal/words"
)

// foreign are words in Latin letters that a Chinese page may have: names, units,
// and what is not translated anywhere.
var foreign = regexp.MustCompile(`^(English|PDF|SHA|UTC|Bitcoin|OpenTimestamps|QR|JSON|ZIP|JPEG|gradseal|regtest|TEST|NETWORK|Firefox|Chrome|Edge|Safari|RFC|iPhone|iPad|JavaScript|NAME)$`)

var latinWord = regexp.MustCompile(`[A-Za-z][A-Za-z’']+`)

// gloss is the English word for a technical term, behind the Chinese one.
var gloss = regexp.MustCompile(`(\p{Han})（[A-Za-z -]+）`)

// hexDigits are those of fingerprints and hashes.
var hexDigits = regexp.MustCompile(`([0-9a-f]{4} )+[0-9a-f]{4}|[0-9a-f]{8,}`)

// textOf is all text of the page, hidden or not, but that in the scripts, in the
// languages' own names and in names and hashes that are the same everywhere.
const textOf = `(() => {
	const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT, (node) =>
		node.parentElement.closest("script, style, noscript, .mono, .file, bdi, .issuer h3, #unable, #built, option, [data-original]") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
	const all = [];
	while (walker.nextNode()) all.push(walker.currentNode.textContent.trim());
	for (const name of ["aria-label", "placeholder", "title", "alt"]) {
		for (const element of document.querySelectorAll("[" + name + "]")) all.push(element.getAttribute(name));
	}
	return all.filter((text) => text !== "");
})()`

// requireChinese requires that there is Chinese, and no English and no name of a
// text, but for what stays as it is.
func requireChinese(v *visit, allowed ...string) {
	v.Helper()
	texts, err := words.Load("zh")
	require.NoError(v, err)
	require.Equal(v, "zh-Hans", eval[string](v, `document.documentElement.lang`))
	require.Regexp(v, `\p{Han}`, v.text("h1"))
	// The program's own words, for who is asked for help, are in no language but its own.
	for _, key := range []string{"fact.detail", "fact.problem"} {
		label, _, _ := strings.Cut(texts.Text(key, map[string]string{"check": "|"}), "|")
		v.run(`[...document.querySelectorAll(".facts dt")].filter((dt) => dt.textContent.startsWith(` + js(label) + `))
			.forEach((dt) => { dt.dataset.original = dt.nextElementSibling.dataset.original = ""; })`)
	}
	for _, text := range eval[[]string](v, textOf) {
		require.NotRegexp(v, `\{[a-z_]+\}`, text, "a placeholder is filled")
		for _, name := range append(allowed, ".proof.json") {
			text = regexp.MustCompile(regexp.QuoteMeta(name)).ReplaceAllString(text, "")
		}
		text = gloss.ReplaceAllString(text, "$1")
		text = hexDigits.ReplaceAllString(text, "")
		for _, word := range latinWord.FindAllString(text, -1) {
			require.Regexp(v, foreign, word, "in %q", text)
		}
	}
}

// testChinese: the page speaks the language of the browser, all of it, and
// another one when the visitor wants that, with what is shown already.
func (c *chromium) testChinese(t *testing.T) {
	b := transcripts(t)
	v := c.open(t, pageOf(t, b.pack(t)), inLanguage("zh-CN,zh"))
	require.Equal(t, []string{"zh-CN", "zh"}, eval[[]string](v, `[...navigator.languages]`))
	requireChinese(v, uni.name, uni.id)
	v.shoot("chinese start")

	dir := t.TempDir()
	v.choose(write(t, dir, b.files, lin, lin+proof.Suffix)...)
	require.Equal(t, []string{"有效"}, v.words())
	require.Contains(t, v.text("#announce"), "有效")
	v.run(`document.querySelectorAll("details").forEach((d) => { d.open = true; })`)
	requireChinese(v, uni.name, uni.id, "Summer 2026")
	v.shoot("chinese valid")

	// Each kind of answer, and of trouble, in Chinese.
	for _, g := range heaps(t, b) {
		v.startOver()
		if len(g.drop) > 0 {
			v.drop(g.write(t)...)
		} else {
			v.choose(g.write(t)...)
		}
		v.run(`(async () => {
			for (let closed; (closed = [...document.querySelectorAll("details:not([open])")]).length > 0;) {
				closed.forEach((d) => { d.open = true; });
				await new Promise((done) => setTimeout(done, 50));
			}
		})()`)
		requireChinese(v, uni.name, uni.id, "Summer 2026", "summer", kbsu, reissue, "documents.zip", "a.pdf.ots", "empty.pdf", "scan.jpg", "pdf")
	}

	v.startOver()
	v.choose(write(t, dir, b.files, lin, lin+proof.Suffix)...)
	v.wait(`document.querySelector(".tools button")`) // comes a moment after the rest
	chinese := eval[[]string](v, textOf)
	v.finish(func() {
		v.run(`{ const select = document.getElementById("language"); select.value = "en"; select.dispatchEvent(new Event("change")); }`)
	})
	require.Equal(t, []string{"VALID"}, v.words())
	require.Equal(t, "en", eval[string](v, `document.documentElement.lang`))
	for _, text := range eval[[]string](v, textOf) {
		require.NotRegexp(t, `\p{Han}`, text)
	}
	v.finish(func() {
		v.run(`{ const select = document.getElementById("language"); select.value = "zh"; select.dispatchEvent(new Event("change")); }`)
	})
	v.wait(`document.querySelector(".tools button")`)
	require.Equal(t, chinese, eval[[]string](v, textOf), "there and back")
}

// A visitor whose languages the page does not have reads that of its maker; the
// first of his languages that it has goes before.
func (c *chromium) testLanguages(t *testing.T) {
	b := transcripts(t)
	html := pageOf(t, b.pack(t))
	v := c.browse(t)
	for tags, want := range map[string]string{"de-DE,de": "en", "de,zh-TW,en": "zh", "en-US,zh": "en"} {
		v.do(inLanguage(tags))
		v.navigate(html)
		v.ready()
		require.Equal(t, want, eval[string](v, `document.getElementById("language").value`), tags)
	}
}
