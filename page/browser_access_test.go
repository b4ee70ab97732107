package page_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

// judgeAll gives the page documents with all five verdicts, and opens everything.
func judgeAll(v *visit, b *batch) {
	v.Helper()
	dir := v.TempDir()
	withdrawn := map[string][]byte{"second.status": b.status(v, 2, reissue)}
	pending := *b.proofs["pending.pdf"]
	pending.Bitcoin = nil
	files := map[string][]byte{
		kbsu: b.files[kbsu], kbsu + proof.Suffix: b.files[kbsu+proof.Suffix], // VALID
		reissue: b.files[reissue], reissue + proof.Suffix: b.files[reissue+proof.Suffix], // WITHDRAWN
		"pending.pdf": b.files["pending.pdf"], "pending.pdf" + proof.Suffix: b.marshal(v, &pending),
		"unknown.pdf": b.files[kbsu][:3000],
		"damaged.pdf": b.files[lin][:3000], "damaged.pdf" + proof.Suffix: []byte("{"),
	}
	v.chooseIn("#status-file", write(v, dir, withdrawn, "second.status")...)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	v.choose(write(v, dir, files, names...)...)
	require.Equal(v, []string{"INVALID", "WITHDRAWN", "CANNOT TELL", "PENDING", "VALID"}, v.words())
}

// fiveKinds are documents of which each gets another verdict.
func fiveKinds(t testing.TB) *batch {
	t.Helper()
	return issue(t, uni, map[string][]byte{
		kbsu: sample(t, kbsu), reissue: sample(t, reissue), lin: sample(t, lin), "pending.pdf": sample(t, "KBSU-884377.PDF"),
	})
}

// openAll opens all that is folded, also what comes out of it.
func (v *visit) openAll() {
	v.Helper()
	v.run(`(async () => {
		for (let closed; (closed = [...document.querySelectorAll("details:not([open])")]).length > 0;) {
			closed.forEach((d) => { d.open = true; });
			await new Promise((done) => setTimeout(done, 50)); // they are told of it later
		}
	})()`)
}

// contrasts are the texts whose contrast with what is behind them is too low: less
// than 4.5, and 3 where they are large, as WCAG 2.1 AA has it.
const contrasts = `(() => {
	const rgb = (text) => {
		const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
		return {r, g, b, a};
	};
	const over = (top, below) => Object.fromEntries(["r", "g", "b"].map((c) => [c, top[c] * top.a + below[c] * (1 - top.a)]).concat([["a", 1]]));
	const light = ({r, g, b}) => {
		const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
		return .2126 * x + .7152 * y + .0722 * z;
	};
	const behind = (element) => {
		const layers = [];
		for (let e = element; e; e = e.parentElement) {
			const c = rgb(getComputedStyle(e).backgroundColor);
			if (c.a > 0) layers.push(c);
			if (c.a === 1) break;
		}
		return layers.reverse().reduce((below, top) => over(top, below), rgb(matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(0,0,0)" : "rgb(255,255,255)"));
	};
	const low = [], seen = {least: 99, count: 0};
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
		const box = element.getBoundingClientRect(), style = getComputedStyle(element);
		if (text === "" || !element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) || box.width <= 1 || element.closest("script, option, :disabled")) continue;
		const ground = behind(element), front = over(rgb(style.color), ground);
		const [high, deep] = [light(front), light(ground)].sort((a, b) => b - a);
		const ratio = (high + .05) / (deep + .05), size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
		seen.count++;
		seen.least = Math.min(seen.least, ratio);
		if (ratio < (size >= 24 || bold && size >= 18.66 ? 3 : 4.5)) low.push(text.slice(0, 40) + ": " + ratio.toFixed(2));
	}
	return {low, ...seen};
})()`

type contrast struct {
	Low   []string
	Least float64
	Count int
}

// testContrast measures the contrast of all text that is shown, in both
// colour schemes, with documents of all five verdicts, and in the dialog.
func (c *chromium) testContrast(t *testing.T) {
	b := fiveKinds(t)
	v := c.open(t, pageOf(t, b.pack(t)))
	measure := func(what string) {
		for _, scheme := range []string{"light", "dark"} {
			v.do(prefers("prefers-color-scheme", scheme))
			v.wait(fmt.Sprintf(`matchMedia("(prefers-color-scheme: %s)").matches`, scheme))
			c := eval[contrast](v, contrasts)
			require.Empty(t, c.Low, "%s, %s", what, scheme)
			require.Greater(t, c.Count, 10)
			t.Logf("%s, %s: %d texts, contrast at least %.2f", what, scheme, c.Count, c.Least)
			v.shoot(what + " " + scheme)
		}
	}
	v.openAll()
	measure("start")
	judgeAll(v, b)
	measure("many folded")
	v.openAll()
	measure("many")
	v.chooseIn("#pack-file", write(t, t.TempDir(), map[string][]byte{"a.pack": b.pack(t)}, "a.pack")...)
	v.finish(func() { v.run(`document.getElementById("pack-add").click()`) })
	measure("dialog")
}

// testKeyboard goes through the page with the tabulator key: everything
// that can be clicked is reached, in the order in which it stands, and is seen.
func (c *chromium) testKeyboard(t *testing.T) {
	b := transcripts(t)
	v := c.open(t, pageOf(t, b.pack(t)))
	v.choose(write(t, t.TempDir(), b.files, kbsu, kbsu+proof.Suffix)...)
	v.wait(`document.querySelector(".tools button")`)
	const clickable = `[...document.querySelectorAll("a[href], button, select, textarea, input, summary, [tabindex='0']")].filter((e) => e.checkVisibility())`
	want := eval[[]string](v, clickable+`.map((e, i) => { e.dataset.place = i; return String(i); })`)
	require.Greater(t, len(want), 9)
	v.run(`document.activeElement.blur(); scrollTo(0, 0); getSelection().removeAllRanges()`)
	v.do(chromedp.Focus(chromedp.CSS(".skip"))) // the first
	got := []string{"0"}
	for range want[1:] {
		v.do(chromedp.KeyEvent(kb.Tab))
		place := eval[string](v, `document.activeElement.dataset.place ?? document.activeElement.outerHTML`)
		require.True(t, eval[bool](v, `{
			const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
			style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.top < innerHeight && box.bottom > 0;
		}`), "%s: the focus is seen", place)
		got = append(got, place)
	}
	require.Equal(t, want, got)
	// The keyboard does what the mouse does: a card folds, and the skip link skips.
	v.do(chromedp.Focus(chromedp.CSS(".card > summary")), chromedp.KeyEvent(kb.Enter))
	require.False(t, eval[bool](v, `document.querySelector(".card").open`))
	v.do(chromedp.Focus(chromedp.CSS(".skip")), chromedp.KeyEvent(kb.Enter))
	require.Equal(t, "main", eval[string](v, `document.activeElement.id`))
}

// testScreenReader: what a screen reader is told of the page.
func (c *chromium) testScreenReader(t *testing.T) {
	b := fiveKinds(t)
	v := c.open(t, pageOf(t, b.pack(t)))
	require.NotEmpty(t, v.roles()["main"])
	for _, role := range []string{"banner", "main", "contentinfo"} {
		require.Len(t, v.roles()[role], 1, role)
	}
	require.Equal(t, "polite", eval[string](v, `document.getElementById("announce").ariaLive`))
	require.Empty(t, v.text("#announce"))
	dir := t.TempDir()
	v.choose(write(t, dir, b.files, kbsu, kbsu+proof.Suffix)...)
	said := v.text("#announce")
	for _, text := range []string{"TEST NETWORK", "VALID", uni.name} {
		require.Contains(t, said, text)
	}
	v.startOver()
	require.NotEmpty(t, v.text("#announce"))
	judgeAll(v, b)
	for _, text := range []string{"5", "1 INVALID", "1 WITHDRAWN", "1 CANNOT TELL", "1 PENDING", "1 VALID"} {
		require.Contains(t, v.text("#announce"), text)
	}
	v.openAll()
	named := v.roles()
	for _, role := range []string{"button", "combobox", "textbox", "heading", "region", "DisclosureTriangle", "link", "dialog", "image", "progressbar"} {
		for _, name := range named[role] {
			require.NotEmpty(t, strings.TrimSpace(name), "%s without a name", role)
		}
	}
	require.GreaterOrEqual(t, len(named["button"]), 6)
	require.Equal(t, 1, eval[int](v, `document.querySelectorAll("h1").length`))
	levels := eval[[]int](v, `[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]))`)
	for i, level := range levels[1:] {
		require.LessOrEqual(t, level, levels[i]+1, "no level of headings is left out: %v", levels)
	}
	// A verdict is an icon, a word and a sentence; its colour tells nothing alone.
	require.Equal(t, eval[int](v, `document.querySelectorAll(".card").length`), eval[int](v, `document.querySelectorAll(".card > summary > .badge use").length`))
	require.Len(t, eval[[]string](v, `[...new Set([...document.querySelectorAll(".card > summary > .badge use")].map((u) => u.getAttribute("href")))]`), 5)
}

// roles are the names of what is in the accessibility tree, by role.
func (v *visit) roles() map[string][]string {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	tree, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	require.NoError(v, err)
	found := make(map[string][]string)
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		name := ""
		if n.Name != nil {
			name = strings.Trim(string(n.Name.Value), `"`)
		}
		role := strings.Trim(string(n.Role.Value), `"`)
		found[role] = append(found[role], name)
	}
	return found
}

// testAxe has another program look at the page: axe-core, of which
// TEST_AXE names the file axe.min.js.
func (c *chromium) testAxe(t *testing.T) {
	file := os.Getenv("TEST_AXE")
	if file == "" {
		t.Skip("TEST_AXE does not name axe.min.js of axe-core")
	}
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	b := fiveKinds(t)
	v := c.open(t, pageOf(t, b.pack(t)))
	v.run(string(source) + "\n;undefined")
	check := func(what string) {
		for _, scheme := range []string{"light", "dark"} {
			v.do(prefers("prefers-color-scheme", scheme))
			require.Empty(t, eval[[]string](v, `axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(({violations}) =>
				violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 200) + " " + n.failureSummary)))`), "%s, %s", what, scheme)
		}
	}
	check("start")
	judgeAll(v, b)
	check("many")
	v.openAll()
	check("all open")
}

// testStill: nothing moves where the visitor does not want it.
func (c *chromium) testStill(t *testing.T) {
	b := transcripts(t)
	v := c.open(t, pageOf(t, b.pack(t)), prefers("prefers-reduced-motion", "reduce"))
	v.choose(write(t, t.TempDir(), b.files, kbsu, kbsu+proof.Suffix)...)
	require.True(t, eval[bool](v, `matchMedia("(prefers-reduced-motion: reduce)").matches`))
	require.Empty(t, eval[[]string](v, `[...document.querySelectorAll("*")].filter((e) => {
		const s = getComputedStyle(e);
		return s.transitionDuration.split(", ").some((d) => parseFloat(d) > 0) && s.transitionProperty !== "none" || s.scrollBehavior === "smooth" || s.animationIterationCount === "infinite" && s.animationName !== "none";
	}).map((e) => e.outerHTML.slice(0, 100))`))
	require.Empty(t, eval[[]string](v, `document.getAnimations().map((a) => a.animationName ?? a.transitionProperty)`))
}
