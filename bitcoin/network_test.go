package bitcoin_test

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

var networks = []struct {
	network bitcoin.Network
	name    string
	params  *chaincfg.Params
}{
	{bitcoin.Mainnet, "mainnet", &chaincfg.MainNetParams},
	{bitcoin.Testnet3, "testnet3", &chaincfg.TestNet3Params},
	{bitcoin.Testnet4, "testnet4", &chaincfg.TestNet4Params},
	{bitcoin.Signet, "signet", &chaincfg.SigNetParams},
	{bitcoin.Regtest, "regtest", &chaincfg.RegressionNetParams},
}

func TestGenesisIsThatOfBtcd(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			var want bytes.Buffer
			require.NoError(t, n.params.GenesisBlock.Header.Serialize(&want))
			got := n.network.Genesis()
			require.Equal(t, want.Bytes(), got[:])
			require.Equal(t, n.params.GenesisHash.String(), got.Hash().String())
			require.NoError(t, got.CheckWork())
			require.Zero(t, got.Previous())
		})
	}
}

func TestNetworkNames(t *testing.T) {
	for _, n := range networks {
		require.Equal(t, n.name, n.network.String())
		got, err := bitcoin.ParseNetwork(n.name)
		require.NoError(t, err)
		require.Equal(t, n.network, got)
	}
	for _, name := range []string{"", "Mainnet", "main", "testnet", "testnet5", "simnet", "regtest ", " regtest", "unknown network 0"} {
		got, err := bitcoin.ParseNetwork(name)
		require.ErrorContains(t, err, "mainnet, testnet3, testnet4, signet, regtest", "%q", name)
		require.Zero(t, got)
	}
}

func TestOnlyMainnetIsNoTest(t *testing.T) {
	for n := range 256 {
		network := bitcoin.Network(n)
		require.Equal(t, network != bitcoin.Mainnet, network.IsTest(), network)
	}
}

func TestNoNetwork(t *testing.T) {
	for _, n := range []bitcoin.Network{0, bitcoin.Regtest + 1, 255} {
		require.Contains(t, n.String(), "unknown network")
		require.Zero(t, n.Genesis())
		require.Error(t, n.Genesis().CheckWork())
	}
}
