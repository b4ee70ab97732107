// Package browser starts a headless Chromium, for tests of what a browser shows
// and for pictures of it.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// programs are the names under which distributions install Chromium.
var programs = []string{"chromium", "chromium-browser", "google-chrome"}

// Find returns the path of Chromium.
func Find() (string, error) {
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("chromium is not installed")
}

// Start starts a browser with one empty tab, for chromedp.Run and chromedp.Do;
// profile is an empty directory. What a browser asks of the network by itself –
// updates, look-ups at its start – is switched off, so that what is seen of the
// network comes from the page. stop waits for its end, after which the profile
// can be removed.
func Start(ctx context.Context, profile string, more ...chromedp.ExecAllocatorOption) (tab context.Context, stop func(), err error) {
	path, err := Find()
	if err != nil {
		return nil, nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.WSURLReadTimeout(time.Minute), // where many tests run at once
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, end := chromedp.NewExecAllocator(ctx, append(options, more...)...)
	tab, closeTab := chromedp.NewContext(ctx)
	stop = func() {
		chromedp.Cancel(tab)
		closeTab()
		end()
	}
	if err := chromedp.Do(tab); err != nil {
		stop()
		return nil, nil, fmt.Errorf("starting Chromium: %w", err)
	}
	return tab, stop, nil
}

// Need skips the test where there is no Chromium.
func Need(t testing.TB) {
	t.Helper()
	if _, err := Find(); err != nil {
		t.Skip(err)
	}
}

// New is Start for a test, which is skipped where there is no Chromium. The
// browser ends with it, or after most.
func New(t testing.TB, most time.Duration, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	Need(t)
	ctx, cancel := context.WithTimeout(context.Background(), most)
	t.Cleanup(cancel)
	tab, stop, err := Start(ctx, t.TempDir(), more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return tab
}
