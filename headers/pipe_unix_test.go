//go:build unix

package headers_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
)

// TestNamedPipe would wait for ever if the pipe were opened.
func TestNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := headers.Open(path, bitcoin.Regtest)
	require.ErrorContains(t, err, "not a regular file")
	require.ErrorContains(t, headers.Extend(path, bitcoin.Regtest, 1, nil), "not a regular file")
}
