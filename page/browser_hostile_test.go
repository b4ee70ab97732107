package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

// markup is what a name could have in it. If it became a part of the page, it
// would leave a mark.
const markup = `<img src=x onerror="window.hacked=1"><script>window.hacked=2</script><b class=hacked>`

// hostileNames are names that a file can have in a browser, whatever an operating
// system thinks of them.
var hostileNames = []string{
	markup + ".pdf",
	"\" onfocus=\"window.hacked=3\" autofocus x=\".pdf",
	"javascript:window.hacked=4.pdf",
	"transcript\u202efdp.exe.pdf",
	"\u2067transcript\u2069\u200f\u061c.pdf",
	"line\nbreak\r\n\ttab\x00\x07.pdf",
	"__proto__.pdf", "constructor.pdf", "{name}{count}{why}.pdf", "ui.title.pdf",
	"..\\..\\passwd.pdf", "....pdf", ".pdf", "\\\\server\\share.pdf",
	strings.Repeat("a", 10_000) + ".pdf",
	strings.Repeat("长", 3_000) + ".pdf",
	"\ufffd\ufeff\u2028\u2029.pdf",
}

// chooseMade gives the page files that are made in it, with names that no disk
// takes. The script gives an array of Files.
func (v *visit) chooseMade(script string) {
	v.Helper()
	v.finish(func() {
		v.run(`{
			const transfer = new DataTransfer();
			for (const file of ` + script + `) transfer.items.add(file);
			const input = document.getElementById("files");
			input.files = transfer.files;
			input.dispatchEvent(new Event("change"));
		}`)
	})
}

// requireUnharmed requires that nothing of a stranger has become a part of the
// page, and that it is as wide as its window.
func (v *visit) requireUnharmed() {
	v.Helper()
	require.Equal(v, "undefined", eval[string](v, `typeof window.hacked`))
	require.Zero(v, eval[int](v, `document.querySelectorAll("img, iframe, object, embed, .hacked, [onerror], [onfocus], [autofocus], main script, footer script").length`))
	require.LessOrEqual(v, eval[int](v, `document.documentElement.scrollWidth - innerWidth`), 0)
	const invisible = `[\x{0}-\x{8}\x{b}-\x{1f}\x{200b}-\x{200f}\x{61c}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}]`
	require.NotRegexp(v, invisible, v.text("body"), "characters that change how others are read are shown as what they are")
}

// testHostileNames: a name is a text, whatever is in it.
func (c *chromium) testHostileNames(t *testing.T) {
	b := transcripts(t)
	v := c.open(t, pageOf(t, b.pack(t)))
	v.chooseMade(`(` + js(hostileNames) + `).flatMap((name) => [new File(["%PDF-1.7 of " + name], name), new File(["{}"], name + ".proof.json")])`)
	require.Len(t, v.words(), len(hostileNames), "%.3000s", v.text("#results"))
	for _, word := range v.words() {
		require.Contains(t, []string{"INVALID", "CANNOT TELL"}, word)
	}
	v.openAll()
	v.requireUnharmed()
	v.shoot("hostile names")
	v.startOver()
	// Pictures, archives, status lists and packs have texts of their own.
	v.chooseMade(`(` + js(hostileNames) + `).flatMap((name) => ["jpg", "zip", "ots", "pdf.proof.json", "json"].map((end) => new File(["no " + name], name.slice(0, -3) + end)))`)
	v.openAll()
	v.requireUnharmed()
}

// testHostileIssuer: an issuer's name and a title are texts, too: those of the
// page's own institution, and those of a stranger's proof and pack.
func (c *chromium) testHostileIssuer(t *testing.T) {
	strange := institution{"strange.example", `<img src=x onerror="window.hacked=5"> & </script><b class=hacked>`, 7}
	b := issue(t, strange, map[string][]byte{kbsu: sample(t, kbsu)})
	v := c.open(t, pageOf(t, b.pack(t)))
	require.Contains(t, v.text("#issuers"), strange.name)
	dir := t.TempDir()
	v.choose(write(t, dir, b.files, kbsu, kbsu+proof.Suffix)...)
	require.Equal(t, []string{"VALID"}, v.words())
	require.Contains(t, v.verdicts()[0].Headline, "hacked=5")
	v.openAll()
	v.requireUnharmed()
	v.shoot("hostile issuer")

	other := transcripts(t)
	w := c.open(t, pageOf(t, other.pack(t)))
	w.choose(write(t, dir, b.files, kbsu, kbsu+proof.Suffix)...)
	require.Equal(t, []string{"CANNOT TELL"}, w.words())
	require.NotContains(t, w.text("#cards"), "hacked", "the name of a stranger is not shown at all")
	w.chooseIn("#pack-file", write(t, dir, map[string][]byte{"s.pack": b.pack(t)}, "s.pack")...)
	require.Contains(t, w.text("#pack-claim"), strange.name)
	w.requireUnharmed()
}

// testMuch: much at once is much work, and no more.
func (c *chromium) testMuch(t *testing.T) {
	b := transcripts(t)
	v := c.open(t, pageOf(t, b.pack(t)))
	v.run(`window.bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
		window.pdf = bytes(` + js(b.files[kbsu]) + `); window.proofOfIt = bytes(` + js(b.files[kbsu+proof.Suffix]) + `)`)
	v.chooseMade(`[...Array(100)].map((_, i) => new File([pdf], "copy.pdf", {lastModified: i})).concat(new File([proofOfIt], "copy.pdf.proof.json"))`)
	require.Len(t, v.words(), 100)
	require.NotContains(t, v.words(), "INVALID")
	require.Equal(t, 100, eval[int](v, `[...document.querySelectorAll(".card .word")].filter((w) => w.textContent === "VALID").length`))

	v.startOver()
	v.chooseMade(`[...Array(1998)].map((_, i) => new File(["%PDF-1.7 " + i], "many/" + i + ".pdf")).concat(new File([pdf], "one.pdf"), new File([proofOfIt], "other.json"))`)
	require.Len(t, v.words(), 1999)
	require.Equal(t, "CANNOT TELL", v.words()[0])
	require.Equal(t, "VALID", v.words()[1998])
	require.Contains(t, v.text("#counts"), "1,998")
	v.requireUnharmed()

	v.startOver()
	v.chooseMade(`[new File([pdf], "a.pdf"), new File(["{", new Uint8Array(10_000_000).fill(32), "}"], "a.pdf.proof.json")]`)
	require.Equal(t, []string{"INVALID"}, v.words())
	// A list and a pack that are too large are not read at all.
	v.startOver()
	v.run(fmt.Sprintf(`window.large = new File(["gradseal status v1\n", new Uint8Array(%d)], "large.status")`, 40<<20))
	v.chooseMade(`[large]`)
	require.NotEmpty(t, v.text("#trust-said")+v.text("#notices"))
	require.Empty(t, v.words())
}
