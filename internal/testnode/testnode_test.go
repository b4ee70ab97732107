package testnode

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// both runs a test on each of the programs.
func both(t *testing.T, test func(t *testing.T, start func(t testing.TB, options ...string) *Node)) {
	t.Run("btcd", func(t *testing.T) { test(t, StartBtcd) })
	t.Run("bitcoind", func(t *testing.T) { test(t, StartBitcoind) })
}

func TestNodesReorganize(t *testing.T) {
	both(t, func(t *testing.T, start func(t testing.TB, options ...string) *Node) {
		a, b := start(t), start(t)
		require.Zero(t, a.Height())
		a.Mine(3)
		a.Connect(b)
		require.Equal(t, 3, b.Height())
		a.Disconnect()

		lost := a.Mine(2)
		require.Equal(t, lost[1], a.Tip())
		require.Equal(t, lost[0], a.Block(4))
		a.Replace(2, b)
		require.Equal(t, 6, a.Height())
		require.NotEqual(t, lost[0], a.Block(4))
		require.Equal(t, b.Tip(), a.Tip())
	})
}

func TestErrorsOfTheNode(t *testing.T) {
	both(t, func(t *testing.T, start func(t testing.TB, options ...string) *Node) {
		n := start(t)
		_, err := n.Try("nosuchmethod")
		var rpc *RPCError
		require.ErrorAs(t, err, &rpc)
		require.Equal(t, -32601, rpc.Code)
		n.Stop()
		_, err = n.Try("getblockcount")
		require.Error(t, err)
		n.Restart()
		require.Zero(t, n.Height())
	})
}
