package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNodeChanged: the headers come from a node by one way and the proofs by
// another; a block is reorganised, and neither way is stuck.
func TestNodeChanged(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"btcd", "bitcoind"} {
		t.Run(program, func(t *testing.T) {
			node := startNode(t, program)
			other := startOther(t, program)
			other.Connect(node)
			other.Disconnect()
			b := newBranch(t, node)
			p2p := []string{"headers", "sync", "--network", "regtest", "--from", "p2p:" + node.P2PAddr}
			b.gradseal(p2p...)
			folder := b.addFolder(t, 1)
			b.anchor(folder)
			node.Mine(1)
			b.gradseal(p2p...)
			b.upgrade()
			require.Equal(t, "valid", b.verdict(folder))
			require.Contains(t, b.gradseal("headers", "status"), "p2p:")

			node.Replace(1, other)
			require.Contains(t, b.upgrade(), "has left the chain")
			require.NotContains(t, b.gradseal("headers", "status"), "p2p:")
			node.Mine(1)
			b.gradseal(p2p...)
			b.upgrade()
			require.Equal(t, "valid", b.verdict(folder))

			// Another network altogether is none that follows from a reorganisation.
			alien := startOther(t, program)
			alien.Mine(node.Height() + 10)
			away := []string{"headers", "sync", "--network", "regtest", "--from", "p2p:" + alien.P2PAddr}
			require.Contains(t, b.fails(away...), "gradseal headers sync --network regtest --from p2p:"+alien.P2PAddr+" --replace")
			require.Equal(t, "valid", b.verdict(folder))
			b.gradseal(append(away, "--replace")...)
			require.Equal(t, "cannot-tell", b.verdict(folder))
		})
	}
}
