package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindTargets(t *testing.T) {
	all, err := findTargets("../..", regexp.MustCompile(`/proof\.FuzzParse$|/verify\.`))
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, []string{"FuzzParse"}, all[0].targets)
	require.Contains(t, all[1].targets, "FuzzVerify")
	_, err = findTargets("../..", regexp.MustCompile("no such target"))
	require.ErrorContains(t, err, "no fuzz target")
}

func TestOutput(t *testing.T) {
	const running = "fuzz: elapsed: 3s, execs: 100 (33/sec), new interesting: 1 (total: 2)\nfuzz: elapsed: 6s, execs: 12345 (33/sec), new interesting: 1 (total: 2)\n"
	require.EqualValues(t, 12345, executions([]byte(running)))
	require.Zero(t, executions([]byte("PASS\n")))
	late := []byte(running + "--- FAIL: FuzzX (6.01s)\n    context deadline exceeded\nFAIL\n")
	require.True(t, onlyLate(late))
	failed := []byte(running + "--- FAIL: FuzzX (1s)\n    Failing input written to testdata/fuzz/FuzzX/0123\n    context deadline exceeded\n")
	require.False(t, onlyLate(failed))
	require.Equal(t, "testdata/fuzz/FuzzX/0123", finding(failed))
	require.Equal(t, "a / b / FAIL", finding([]byte("more\na\nb\nFAIL\n")))
}
