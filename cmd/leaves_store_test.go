//go:build !darwin

package cmd

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// An object that a store lists twice is one document, and no twin of itself.
func TestFindListedTwice(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "someone")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "something")
	t.Setenv("AWS_REGION", "us-east-1")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := ""
		for _, name := range []string{"a", "b", "a", "b", "c"} {
			text += fmt.Sprintf("<Contents><Key>2026/%s.pdf</Key><Size>5</Size><LastModified>2026-11-22T09:00:00.000Z</LastModified></Contents>", name)
		}
		text += "<Contents><Key>2026/huge.pdf</Key><Size>9223372036854775807</Size><LastModified>2026-11-22T09:00:00.000Z</LastModified></Contents>"
		fmt.Fprintf(w, `<?xml version="1.0"?><ListBucketResult><Name>registry</Name><Prefix>2026/</Prefix><IsTruncated>false</IsTruncated>%s</ListBucketResult>`, text)
	}))
	defer server.Close()
	source, err := openSource([]string{"s3://registry/2026"}, storeOptions{endpoint: server.URL, requests: 1})
	require.NoError(t, err)
	r := &leavesRun{leavesOptions: leavesOptions{of: 1}, source: source}
	require.NoError(t, r.find(t.Context()))
	var names []string
	for _, d := range r.documents {
		names = append(names, d.name)
	}
	require.Equal(t, []string{"a.pdf", "b.pdf", "c.pdf"}, names)
	require.Len(t, r.refusals, 1)
	require.Contains(t, r.refusals[0].Text, "is larger than ")
}
