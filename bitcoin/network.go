// Package bitcoin reads the parts of Bitcoin that a proof carries: block
// headers, stripped transactions and the path from a transaction id to the
// Merkle root in a header. It follows the consensus rules that can be judged
// from those bytes alone, and refuses what only an attack would contain.
//
// It trusts nothing and knows no chain: a header that passes here may still be
// one that nobody else has seen. Whether a header is in the chain of its
// network is what package headers answers. There is no script execution, no
// signature check and no network access.
package bitcoin

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Network is one of the Bitcoin networks. The zero value is none of them.
type Network uint8

// The networks. Mainnet is the only one whose work has a cost.
const (
	Mainnet Network = iota + 1
	Testnet3
	Testnet4 // BIP 94
	Signet   // BIP 325, the default one
	Regtest
)

// networks holds the names, and the genesis headers as every node has them
// built in.
var networks = [...]struct{ name, genesis string }{
	Mainnet:  {"mainnet", "01000000" + noHash + firstRoot + "29ab5f49" + "ffff001d" + "1dac2b7c"},
	Testnet3: {"testnet3", "01000000" + noHash + firstRoot + "dae5494d" + "ffff001d" + "1aa4ae18"},
	Testnet4: {"testnet4", "01000000" + noHash + bip94Root + "046f3566" + "ffff001d" + "bb0c7817"},
	Signet:   {"signet", "01000000" + noHash + firstRoot + "008f4d5f" + "ae77031e" + "8ad22203"},
	Regtest:  {"regtest", "01000000" + noHash + firstRoot + "dae5494d" + "ffff7f20" + "02000000"},
}

const (
	// noHash is the hash of the block before the first.
	noHash = "0000000000000000000000000000000000000000000000000000000000000000"
	// firstRoot is the Merkle root of the first block of all networks but
	// testnet4: the id of one and the same transaction.
	firstRoot = "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
	bip94Root = "4e7b2b9128fe0291db0693af2ae418b767e657cd407e80cb1434221eaea7a07a"
)

// ParseNetwork returns the network of that name: mainnet, testnet3, testnet4,
// signet or regtest, in exactly this spelling.
func ParseNetwork(name string) (Network, error) {
	var known []string
	for n := Mainnet; n <= Regtest; n++ {
		if networks[n].name == name {
			return n, nil
		}
		known = append(known, networks[n].name)
	}
	return 0, fmt.Errorf("unknown network %q, want one of %s", name, strings.Join(known, ", "))
}

// String is the name that ParseNetwork takes.
func (n Network) String() string {
	if !n.known() {
		return fmt.Sprintf("unknown network %d", uint8(n))
	}
	return networks[n].name
}

// IsTest tells whether the network's coins and work are worth nothing. It is
// true of every value but Mainnet, so that a forgotten network is never taken
// for the real one.
func (n Network) IsTest() bool { return n != Mainnet }

// Genesis is the network's header at height 0. Of no network it is all zero,
// which is a header that CheckWork refuses.
func (n Network) Genesis() Header {
	var h Header
	if !n.known() {
		return h
	}
	if size, err := hex.Decode(h[:], []byte(networks[n].genesis)); err != nil || size != HeaderSize {
		panic(fmt.Sprintf("bitcoin: genesis header of %s: %d bytes, %v", n, size, err))
	}
	return h
}

// Networks returns all networks in their order.
func Networks() []Network { return []Network{Mainnet, Testnet3, Testnet4, Signet, Regtest} }

func (n Network) known() bool { return n >= Mainnet && n <= Regtest }
