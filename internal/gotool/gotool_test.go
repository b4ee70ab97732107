package gotool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCleanEnvironment(t *testing.T) {
	settings := map[string]string{"GOFLAGS": "-race", "GOAMD64": "v3", "CGO_ENABLED": "1", "GOPROXY": "off", "GOENV": "/home/a/env", "GOSUMDB": ""}
	environ := []string{"PATH=/bin", "GOFLAGS=-race", "GOPROXY=other", "GOAMD64=v3", "CGO_ENABLED=1", "GOOGLE=1"}
	require.Equal(t, []string{"PATH=/bin", "GOOGLE=1", "GOPROXY=off", "GOENV=off", "GOWORK=off", "CGO_ENABLED=0"}, cleanEnvironment(environ, settings))
	require.Equal(t, "GOFLAGS=-race", environ[1], "the caller's is as it was")
}

func TestNew(t *testing.T) {
	t.Setenv("GOFLAGS", "-tags=other")
	tools, err := New(t.Context(), ".")
	require.NoError(t, err)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	require.Equal(t, root, tools.Root)
	out, err := Output(tools.Command(t.Context(), "env", "GOFLAGS"))
	require.NoError(t, err)
	require.Equal(t, "\n", string(out))

	elsewhere := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "go.mod"), []byte("module other\n"), 0o600))
	_, err = New(t.Context(), elsewhere)
	require.EqualError(t, err, `this is module "other": run it in a checkout of gradseal`)
}
