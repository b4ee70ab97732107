package page_test

import (
	"context"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pagecdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

// onPhone is a small touch screen.
func onPhone() chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(360, 740, chromedp.EmulateScale(3), chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
}

// testPhone: on a telephone nothing has to be moved sideways, a finger hits
// what it is meant for, and the page says what one does there.
func (c *chromium) testPhone(t *testing.T) {
	b := fiveKinds(t)
	v := c.open(t, pageOf(t, b.pack(t)), onPhone())
	require.Equal(t, 360, eval[int](v, `innerWidth`))
	fits := func(what string) {
		v.Helper()
		require.LessOrEqual(t, eval[int](v, `document.documentElement.scrollWidth`), 360, what)
		require.Empty(t, eval[[]string](v, `[...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && !e.closest("svg, .visually-hidden, .skip") && e.getBoundingClientRect().right > 360.5).map((e) => e.outerHTML.slice(0, 120))`), what)
		require.Empty(t, eval[[]string](v, `[...document.querySelectorAll("button, select, summary")].filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML.slice(0, 120))`), "large enough for a finger: %s", what)
		v.shoot("phone " + what)
	}
	require.Equal(t, "Choose the document and its proof", v.text("#intake-title"), "nothing is dropped there")
	fits("start")
	v.do(keepFileChooser)
	chooser := make(chan struct{}, 4)
	require.NoError(t, chromedp.Listen(v.ctx, func(event any) {
		if _, ok := event.(*pagecdp.EventFileChooserOpened); ok {
			chooser <- struct{}{}
		}
	}))
	v.do(chromedp.Tap(chromedp.CSS("#choose-files")))
	select {
	case <-chooser:
	case <-time.After(patience):
		require.Fail(t, "a tap on the button opens nothing")
	}
	v.choose(write(t, t.TempDir(), b.files, kbsu, kbsu+proof.Suffix)...)
	require.Equal(t, []string{"VALID"}, v.words())
	v.openAll()
	fits("valid")
	v.run(`scrollTo({top: 0, behavior: "instant"})`) // it was being scrolled
	v.do(chromedp.Tap(chromedp.CSS(".card > summary .headline")))
	v.wait(`!document.querySelector(".card").open`)
	v.startOver()
	judgeAll(v, b)
	fits("many")
	v.openAll()
	fits("all open")
}

// keepFileChooser has the browser tell of the dialog for files, and not open it.
func keepFileChooser(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	_, err := chromedp.Call(ctx, pagecdp.SetInterceptFileChooserDialog, pagecdp.SetInterceptFileChooserDialogParams{Enabled: true})
	return chromedp.Void{}, err
}

// testPrint: what is printed is a report to file.
func (c *chromium) testPrint(t *testing.T) {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed")
	}
	b := fiveKinds(t)
	v := c.open(t, pageOf(t, b.pack(t)), prefers("prefers-color-scheme", "dark"))
	v.choose(write(t, t.TempDir(), b.files, kbsu, kbsu+proof.Suffix)...)
	closed := eval[int](v, `document.querySelectorAll("details:not([open])").length`)
	require.Positive(t, closed)
	text := v.print("print")
	digest := b.proofs[kbsu].Digest
	questions := v.texts(".checks .question")
	require.Len(t, questions, 6)
	for _, want := range append(questions,
		"Verification report", kbsu, "VALID", "TEST NETWORK", "Issued by", uni.name, "no later than", "Checked on", time.Now().UTC().Format("2006"),
		hexOf(digest[:]), uni.fingerprint(t), "What this does not prove", "A page from the applicant proves nothing",
		hexOf(b.root[:]),
	) {
		require.Contains(t, text, want)
	}
	for _, no := range []string{"Choose files", "Start over", "Save as one file", "Load a newer"} {
		require.NotContains(t, text, no)
	}
	require.Equal(t, closed, eval[int](v, `document.querySelectorAll("details:not([open])").length`), "as it was before")
	require.Equal(t, 1, strings.Count(text, "\f"), "it fits a page:\n%s", text)

	v.startOver()
	judgeAll(v, b)
	text = v.print("print many")
	for name, p := range b.proofs {
		if name != lin {
			require.Contains(t, text, hexOf(p.Digest[:]), "a card that was never opened, too")
		}
	}
}

// print prints the page and returns the text on the paper, with blanks for line
// ends within it.
func (v *visit) print(name string) string {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	data, err := chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPaper(chromedp.PaperA4)))
	require.NoError(v, err)
	dir := v.TempDir()
	if shots := os.Getenv("TEST_SCREENSHOTS"); shots != "" {
		dir = shots
		require.NoError(v, os.MkdirAll(dir, 0o755))
	}
	file := filepath.Join(dir, name+".pdf")
	require.NoError(v, os.WriteFile(file, data, 0o644))
	out, err := exec.Command("pdftotext", file, "-").Output()
	require.NoError(v, err)
	pages := strings.Split(string(out), "\f")
	for i, p := range pages {
		pages[i] = strings.Join(strings.Fields(p), " ")
	}
	return strings.Join(pages, "\f")
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
