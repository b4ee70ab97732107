// Package browsertest starts a headless Chromium for tests of what a browser
// shows.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// programs are the names under which distributions install Chromium.
var programs = []string{"chromium", "chromium-browser", "google-chrome"}

// Path returns the path of Chromium, and skips the test where there is none.
func Path(t testing.TB) string {
	t.Helper()
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("Chromium is not installed")
	return ""
}

// New starts a browser with an empty profile and one empty tab, for chromedp.Run
// and chromedp.Do.
// It ends with the test, or after most. What a browser asks of the network by
// itself – updates, look-ups at its start – is switched off, so that what is
// seen of the network comes from the page.
func New(t testing.TB, most time.Duration, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(Path(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.WSURLReadTimeout(time.Minute), // where many tests run at once
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(context.Background(), most)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewExecAllocator(ctx, append(options, more...)...)
	t.Cleanup(end)
	ctx, closeTab := chromedp.NewContext(ctx)
	// Waits for the end, so that the profile can be removed.
	t.Cleanup(func() {
		chromedp.Cancel(ctx)
		closeTab()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return ctx
}
