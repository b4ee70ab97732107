package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"gradseal/internal/gotool"
	"gradseal/internal/pagebuild"
)

// programWithPage builds the program as people do after "go generate ./page", in
// a directory of the test's own, and returns that directory.
func programWithPage(t *testing.T) string {
	t.Helper()
	tools, err := gotool.New(t.Context(), ".")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, pagebuild.Build(t.Context(), tools, dir))
	overlay, err := pagebuild.Overlay(tools, dir)
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o600))
	program := filepath.Join(dir, "bin", "gradseal")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	_, err = gotool.Output(tools.Command(t.Context(), "build", "-mod=readonly", "-buildvcs=false", "-overlay="+file, "-o", program, "."))
	require.NoError(t, err)
	return filepath.Dir(program)
}

// TestPageScript runs the stories in testdata/script/page with a program that has
// a page in it.
func TestPageScript(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: building the program with a page takes a while")
	}
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("the go command is not on PATH: %v", err)
	}
	bin := programWithPage(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script/page",
		Cmds:                scriptCommands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			return useEmptyUser(env)
		},
	})
}
