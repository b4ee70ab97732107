package page_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

// testVerdict measures the way from a page that is opened to the verdict
// on a document.
func (c *chromium) testVerdict(t *testing.T) {
	b := transcripts(t)
	html := pageOf(t, b.pack(t))
	paths := write(t, t.TempDir(), b.files, kbsu, kbsu+proof.Suffix)
	v := c.browse(t)
	began := time.Now()
	v.navigate(html)
	loaded := time.Since(began)
	v.ready()
	ready := time.Since(began)
	v.choose(paths...)
	require.Equal(t, []string{"VALID"}, v.words())
	judged := time.Since(began)
	t.Logf("page of %d bytes: loaded after %v, ready after %v, verdict after %v", len(html), loaded, ready, judged)
	require.Less(t, judged, 20*time.Second, "a page that hangs; 2 s are the aim")
	v.shoot("valid")
}
