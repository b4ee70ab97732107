package testnode

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// StartBitcoind runs Bitcoin Core with its transaction index, and with options
// from its command line: "-txindex=0" leaves the index out, as "-prune=1" needs
// it. The node takes the password and the cookie, and has no wallet until
// CreateWallet.
func StartBitcoind(t testing.TB, options ...string) *Node {
	t.Helper()
	path, err := find("bitcoind")
	if err != nil {
		skip(t, "bitcoind", "build Bitcoin Core 30 or later and put bitcoind on PATH")
	}
	dir := t.TempDir()
	n := &Node{
		Program:    "bitcoind",
		User:       "test user",
		Password:   "test password of bitcoind: ü",
		CookieFile: filepath.Join(dir, "regtest", ".cookie"),
		Dir:        dir,
		t:          t,
	}
	config := filepath.Join(dir, "bitcoin.conf")
	require.NoError(t, writeConfig(config,
		"regtest=1",
		"server=1",
		"rpcauth="+rpcAuth(n.User, n.Password),
		"dnsseed=0",
		"fixedseeds=0",
		"discover=0",
		"listenonion=0",
		"natpmp=0",
		"fallbackfee=0.00002",
	))
	// Two nodes that mine at the same second to the same address would make the
	// same block: the version tells them apart.
	version := fmt.Sprintf("-blockversion=%d", 0x20000000+bitcoinds.Add(1)%4096)
	var rpc string
	n.start = func() error {
		_, port, err := net.SplitHostPort(rpc)
		if err != nil {
			return err
		}
		args := append([]string{"-datadir=" + dir, "-rpcport=" + port, "-bind=" + n.P2PAddr, "-txindex=1", version}, options...)
		n.process, err = launch(t, path, args...)
		return err
	}
	n.begin(func() {
		addrs := freeAddrs(t, 2)
		rpc, n.P2PAddr = addrs[0], addrs[1]
		n.RPCURL = "http://" + rpc
	})
	return n
}

// bitcoinds counts the nodes that were started.
var bitcoinds atomic.Uint32

// rpcAuth is the value of Bitcoin Core's option of that name: a user with the
// HMAC of a password.
func rpcAuth(user, password string) string {
	const salt = "0123456789abcdef"
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(password))
	return user + ":" + salt + "$" + hex.EncodeToString(mac.Sum(nil))
}

// CreateWallet makes a wallet and gives it coins: outputs of 50 bitcoin, each
// with at least 100 blocks on it.
func (n *Node) CreateWallet(name string, coins int) {
	n.t.Helper()
	n.Call(nil, "createwallet", name)
	var address string
	n.Call(&address, name+"/getnewaddress")
	n.Call(nil, "generatetoaddress", coins, address)
	n.Mine(100)
}
