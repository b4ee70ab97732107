// Package testnode runs Bitcoin node programs for tests, btcd and Bitcoin Core,
// each on a regression test network of its own, on the loopback interface, in a
// directory that goes with the test. Nothing of a node is imitated. It runs
// versitygw, an object store, in the same way.
//
// A test that needs a program which is not installed is skipped and says how to
// install it.
package testnode

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// patience is how long a node may take over anything.
const patience = 60 * time.Second

// Node is a running node program.
type Node struct {
	Program    string // "btcd" or "bitcoind"
	RPCURL     string
	User       string
	Password   string
	CertFile   string // btcd: the certificate of its RPC server
	CertPEM    []byte // what is in CertFile
	CookieFile string // bitcoind: made anew at each start
	P2PAddr    string // host:port
	Dir        string // its data

	t       testing.TB
	process *process
	start   func() error
}

// Key owns what Mine earns. Everybody knows it.
func Key() *btcec.PrivateKey {
	secret := sha256.Sum256([]byte("gradseal test miner"))
	key, _ := btcec.PrivKeyFromBytes(secret[:])
	return key
}

// Script pays to Key: a witness public key hash (BIP 141).
func Script() []byte {
	return append([]byte{0, 20}, address.Hash160(Key().PubKey().SerializeCompressed())...)
}

// Address is the address of Script on the regression test network.
func Address() string {
	a, err := address.NewAddressWitnessPubKeyHash(Script()[2:], &chaincfg.RegressionNetParams)
	if err != nil {
		panic(err)
	}
	return a.EncodeAddress()
}

// RPCError is an error that the node answered with.
type RPCError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *RPCError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Message) }

// Call asks the node and decodes the answer into result, unless that is nil.
// Any error ends the test.
func (n *Node) Call(result any, method string, params ...any) {
	n.t.Helper()
	answer, err := n.Try(method, params...)
	require.NoError(n.t, err, "%s %s", n.Program, method)
	if result != nil {
		require.NoError(n.t, json.Unmarshal(answer, result), "%s %s", n.Program, method)
	}
}

// Try asks the node. The error is an *RPCError where the node answered. A
// method of a wallet is written "wallet/method".
func (n *Node) Try(method string, params ...any) (json.RawMessage, error) {
	url := n.RPCURL
	if wallet, name, ok := strings.Cut(method, "/"); ok {
		url, method = url+"/wallet/"+wallet, name
	}
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(n.User, n.Password)
	client, err := n.client()
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Result json.RawMessage
		Error  *RPCError
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", resp.Status, text, err)
	}
	if answer.Error != nil {
		return nil, answer.Error
	}
	return answer.Result, nil
}

// client trusts the node's certificate, where it has one, and keeps no
// connection: btcd closes them, and takes ten at a time.
func (n *Node) client() (*http.Client, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	if n.CertFile != "" {
		pem, err := os.ReadFile(n.CertFile)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &http.Client{Transport: transport}, nil
}

// Mine makes blocks that pay to Key and returns their hashes.
func (n *Node) Mine(count int) []bitcoin.Hash {
	n.t.Helper()
	if n.Program == "btcd" {
		return n.hashes("generate", count)
	}
	return n.hashes("generatetoaddress", count, Address())
}

func (n *Node) hashes(method string, params ...any) []bitcoin.Hash {
	n.t.Helper()
	var texts []string
	n.Call(&texts, method, params...)
	hashes := make([]bitcoin.Hash, len(texts))
	for i, text := range texts {
		hash, err := bitcoin.ParseHash(text)
		require.NoError(n.t, err)
		hashes[i] = hash
	}
	return hashes
}

// Height is the height of the tip.
func (n *Node) Height() int {
	n.t.Helper()
	var height int
	n.Call(&height, "getblockcount")
	return height
}

// Tip is the hash of the tip.
func (n *Node) Tip() bitcoin.Hash {
	n.t.Helper()
	var text string
	n.Call(&text, "getbestblockhash")
	hash, err := bitcoin.ParseHash(text)
	require.NoError(n.t, err)
	return hash
}

// Block is the hash of the block at a height.
func (n *Node) Block(height int) bitcoin.Hash {
	n.t.Helper()
	var text string
	n.Call(&text, "getblockhash", height)
	hash, err := bitcoin.ParseHash(text)
	require.NoError(n.t, err)
	return hash
}

// Connect joins two nodes and waits until both have the same tip: that of the
// chain with most work.
func (n *Node) Connect(other *Node) {
	n.t.Helper()
	n.Call(nil, "addnode", other.P2PAddr, "onetry")
	n.wait("both are connected", func() bool { return n.peers() > 0 && other.peers() > 0 })
	n.WaitForTip(other)
}

// WaitForTip waits until the nodes have the same tip.
func (n *Node) WaitForTip(other *Node) {
	n.t.Helper()
	n.wait("both have the same tip", func() bool { return n.Tip() == other.Tip() })
}

// Disconnect parts a node from all others.
func (n *Node) Disconnect() {
	n.t.Helper()
	var peers []struct {
		ID   int    `json:"id"`
		Addr string `json:"addr"`
	}
	n.Call(&peers, "getpeerinfo")
	for _, peer := range peers {
		// The peer may have left by itself.
		if n.Program == "btcd" {
			_, _ = n.Try("node", "disconnect", peer.Addr)
		} else {
			_, _ = n.Try("disconnectnode", peer.Addr)
		}
	}
	n.wait("the others are gone", func() bool { return n.peers() == 0 })
}

func (n *Node) peers() int {
	n.t.Helper()
	var count int
	n.Call(&count, "getconnectioncount")
	return count
}

// Replace takes the last depth blocks of the node's chain out of it: the other
// node, which must not have them and has what is below, mines one more, and is
// connected for as long as it takes. Transactions of those blocks wait again
// then, at n alone.
func (n *Node) Replace(depth int, other *Node) {
	n.t.Helper()
	fork := n.Height() - depth
	require.Equal(n.t, n.Block(fork), other.Tip(), "the other node must end where the chains part")
	other.Mine(depth + 1)
	want := other.Tip()
	n.Connect(other)
	n.Disconnect()
	require.Equal(n.t, want, n.Tip())
}

// wait asks again until done says so.
func (n *Node) wait(what string, done func() bool) {
	n.t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			n.t.Fatalf("%s: not within %s: %s", n.Program, patience, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Stop asks the program to end and waits until it has.
func (n *Node) Stop() {
	n.t.Helper()
	n.Call(nil, "stop")
	n.process.wait(patience)
}

// Kill ends the program without giving it time for anything.
func (n *Node) Kill() { n.process.kill() }

// Restart starts a program that has ended, at the same addresses. Bitcoin Core
// has its data, with no wallet loaded; btcd begins with an empty chain.
func (n *Node) Restart() {
	n.t.Helper()
	require.NoError(n.t, n.start())
	if !n.answers() {
		n.t.Fatalf("%s does not answer after its restart", n.Program)
	}
}

// RestartSoon is Restart that does not wait until the program answers.
func (n *Node) RestartSoon() {
	n.t.Helper()
	require.NoError(n.t, n.start())
}
