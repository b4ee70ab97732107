package page_test

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

// sparse writes a document of a size, of which only the ends take room on a disk,
// and returns its digest.
func sparse(t testing.TB, path string, size int64) (digest [32]byte) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString("%PDF-1.7\n")
	require.NoError(t, err)
	const end = "\nstartxref\n9\n%%EOF\n"
	_, err = f.WriteAt([]byte(end), size-int64(len(end)))
	require.NoError(t, err)
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(f, 0, size))
	require.NoError(t, err)
	require.Equal(t, size, n)
	return [32]byte(h.Sum(nil))
}

// testLarge has a document of 500 MB judged. Meanwhile the page is alive
// and tells how far it is; it can be stopped, and goes on with the next document.
func (c *chromium) testLarge(t *testing.T) {
	const size = int64(500_000_000)
	dir := t.TempDir()
	path := filepath.Join(dir, "large.pdf")
	b := issueDigests(t, uni, map[string][32]byte{"large.pdf": sparse(t, path, size), kbsu: sha256.Sum256(sample(t, kbsu))})
	proofFile := write(t, dir, b.files, "large.pdf"+proof.Suffix)[0]
	v := c.open(t, pageOf(t, b.pack(t)))
	// The longest time in which the page did nothing, and what it told meanwhile.
	v.run(`window.told = []; window.longest = 0; {
		let last = performance.now();
		setInterval(() => { const now = performance.now(); window.longest = Math.max(window.longest, now - last); last = now; }, 10);
		const line = document.getElementById("progress-text");
		new MutationObserver(() => { if (told.at(-1) !== line.textContent) told.push(line.textContent); })
			.observe(line, {childList: true, characterData: true, subtree: true});
	}`)
	v.setFiles("#files", path, proofFile)
	v.wait(`!document.getElementById("progress").hidden && document.getElementById("progress-bar").value > 0`)
	require.NotEmpty(t, v.text("#cancel"))
	v.shoot("progress")
	v.finish(func() { v.run(`document.getElementById("cancel").click()`) })
	require.Contains(t, v.text("#notices"), "Cancelled. Nothing was checked.")
	require.Empty(t, v.words())

	v.run(`window.told = []; window.longest = 0`)
	began := time.Now()
	v.choose(path, proofFile)
	took := time.Since(began)
	require.Equal(t, []string{"VALID"}, v.words())
	percents := eval[[]int](v, `told.map((text) => Number((/(\d+) ?%/.exec(text) ?? [0, -1])[1])).filter((n) => n >= 0)`)
	longest := time.Duration(eval[float64](v, `window.longest`) * float64(time.Millisecond))
	t.Logf("%d bytes: verdict after %v, %.0f MB/s; told %d times; the page stood still for %v at most", size, took, float64(size)/1e6/took.Seconds(), len(percents), longest)
	require.Greater(t, len(percents), 5, "%v", percents)
	require.IsNonDecreasing(t, percents)
	// What would hash in the page itself stands still until it is done.
	require.Less(t, longest, took/2)

	// Where it is judged anew, and that is cancelled, the verdict from before is gone:
	// it may have been by a list that is no longer the newest.
	v.run(`document.getElementById("language").dispatchEvent(new Event("change"))`)
	v.wait(`!document.getElementById("progress").hidden && document.getElementById("progress-bar").value > 0`)
	v.finish(func() { v.run(`document.getElementById("cancel").click()`) })
	require.Contains(t, v.text("#notices"), "Cancelled. Nothing was checked.")
	require.Empty(t, v.words())

	// A file that changes while it is read is no document.
	v.setFiles("#files", path, proofFile)
	v.wait(`!document.getElementById("progress").hidden && document.getElementById("progress-bar").value > 0`)
	require.NoError(t, os.Truncate(path, size/2))
	v.wait(`document.getElementById("cards").getAttribute("aria-busy") === "false"`)
	require.Equal(t, []verdict{{"large.pdf", "CANNOT TELL", "This file could not be read."}}, v.verdicts())
}
