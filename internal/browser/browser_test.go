package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func TestNew(t *testing.T) {
	ctx := New(t, time.Minute)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("data:text/html,<title>a page</title>")))
	title, err := chromedp.Run(ctx, chromedp.Title())
	require.NoError(t, err)
	require.Equal(t, "a page", title)
}
