package main

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/proof"
)

// TestProofsKilled kills the program while it writes proofs again. The same
// command then writes those that anchor wrote, and leaves nothing else.
func TestProofsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: anchors and kills")
	}
	t.Parallel()
	r := newRegistrar(t, builtProgram(t))
	folder := r.addFolder(t, 500)
	r.run(t, "anchor", folder)
	dir := filepath.Join(r.dir, folder)
	want := proofsIn(t, dir)
	require.Len(t, want, 500)
	list, err := batch.Open(filepath.Join(r.home(), "batches")).List()
	require.NoError(t, err)
	write := []string{"proofs", list[0].ID}
	whole, killed := time.Second, 0
	for round := 0; killed < 2; round++ {
		require.Less(t, round, 30, "no kill came in time")
		for name := range want {
			require.NoError(t, os.Remove(filepath.Join(dir, name)))
		}
		start := time.Now()
		if r.killed(t, rand.N(whole), write...) {
			killed++
		} else {
			whole = min(whole, time.Since(start))
		}
		for name, text := range proofsIn(t, dir) {
			require.True(t, want[name] == text, "a part of %s", name)
		}
		r.run(t, write...)
		require.True(t, maps.Equal(want, proofsIn(t, dir)))
	}
	r.check(t)
}

// proofsIn are the proofs in a folder, by their names.
func proofsIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	all := make(map[string]string)
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), proof.Suffix) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, name.Name()))
		require.NoError(t, err)
		all[name.Name()] = string(data)
	}
	return all
}

// TestArchive: proofs of a real node's blocks are written again as they were. A
// copy of them in an archive is audited after a block left the chain, and after
// the batch came into another one.
func TestArchive(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts nodes")
	}
	t.Parallel()
	node := startNode(t, "btcd")
	other := startOther(t, "btcd")
	other.Connect(node)
	other.Disconnect()
	b := newBranch(t, node)
	folder := b.addFolder(t, 3)
	dir := filepath.Join(b.dir, folder)
	b.anchor(folder)
	proofs := func(word string) {
		t.Helper()
		want := proofsIn(t, dir)
		require.Contains(t, b.gradseal("proofs", b.batch().ID, "-o", "again"), "Wrote 3 "+word)
		require.Equal(t, want, proofsIn(t, filepath.Join(b.dir, "again")))
	}
	proofs("pending proofs")
	require.Contains(t, b.audit(4, folder), "3 not upgraded")
	node.Mine(1)
	b.upgrade()
	require.Contains(t, b.audit(4, "again"), "3 not upgraded")
	require.Contains(t, b.audit(4, "again"), "gradseal proofs "+b.batch().ID+" -o FOLDER")
	proofs("proofs")
	require.Contains(t, b.audit(0, "again", folder), "3 documents: 3 sound")
	require.Contains(t, b.audit(0), "3 documents: 3 sound")

	// The block leaves the chain: the home's own proofs are pending again.
	node.Replace(1, other)
	require.Contains(t, b.upgrade(), "has left the chain")
	require.Contains(t, b.audit(4), "3 documents: 3 not upgraded")
	out := b.audit(5, "again")
	require.Contains(t, out, "3 documents: 3 reorganised")
	require.Contains(t, out, "complete the proof: gradseal upgrade --network regtest")
	node.Mine(1)
	b.upgrade()
	require.Contains(t, b.audit(0), "3 documents: 3 sound")
	out = b.audit(5, "again")
	require.Contains(t, out, "3 documents: 3 reorganised")
	require.Contains(t, out, "gradseal proofs "+b.batch().ID+" -o FOLDER")
	proofs("proofs")
	require.Contains(t, b.audit(0, "again"), "3 documents: 3 sound")
}

// audit returns what audit says, which must end with the exit code.
func (b *branch) audit(exit int, paths ...string) string {
	b.t.Helper()
	cmd := b.command(b.t.Context(), append([]string{"audit", "--network", "regtest"}, paths...)...)
	out, _ := cmd.CombinedOutput()
	require.Equal(b.t, exit, cmd.ProcessState.ExitCode(), "%s", out)
	return string(out)
}
