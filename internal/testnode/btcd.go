package testnode

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// StartBtcd runs btcd with its transaction and address indexes, and with
// options from its command line, such as "--miningaddr=bcrt1…". The options
// "--txindex=false", "--addrindex=false" and "--regtest=false", which btcd does
// not have, leave out what is the default here. The program makes its own key
// and certificate.
func StartBtcd(t testing.TB, options ...string) *Node {
	t.Helper()
	path, err := find("btcd")
	if err != nil {
		skip(t, "btcd", "go install github.com/btcsuite/btcd@v0.26.2", err)
	}
	dir := t.TempDir()
	n := &Node{
		Program:  "btcd",
		User:     "test user",
		Password: "test password of btcd: ü",
		CertFile: filepath.Join(dir, "rpc.cert"),
		Dir:      dir,
		t:        t,
	}
	config := filepath.Join(dir, "btcd.conf")
	require.NoError(t, writeConfig(config,
		"[Application Options]",
		"rpcuser="+n.User,
		"rpcpass="+n.Password,
		"rpccert="+n.CertFile,
		"rpckey="+filepath.Join(dir, "rpc.key"),
		"datadir="+filepath.Join(dir, "data"),
		"logdir="+filepath.Join(dir, "logs"),
		"nodnsseed=1",
		"nobanning=1",
	))
	options = withDefaults(options, "--regtest", "--txindex", "--addrindex", "--miningaddr="+Address())
	var rpc string
	n.start = func() error {
		args := append([]string{"--configfile=" + config, "--rpclisten=" + rpc, "--listen=" + n.P2PAddr}, options...)
		n.process, err = launch(t, path, args...)
		return err
	}
	n.begin(func() {
		addrs := freeAddrs(t, 2)
		rpc, n.P2PAddr = addrs[0], addrs[1]
		n.RPCURL = "https://" + rpc
	})
	n.CertPEM, err = os.ReadFile(n.CertFile)
	require.NoError(t, err)
	return n
}

// withDefaults adds those of the defaults that options do not set, and drops
// the options that are false.
func withDefaults(options []string, defaults ...string) []string {
	for _, option := range defaults {
		name, _, _ := strings.Cut(option, "=")
		set := func(o string) bool { return o == name || strings.HasPrefix(o, name+"=") }
		if !slices.ContainsFunc(options, set) {
			options = append(options, option)
		}
	}
	return slices.DeleteFunc(slices.Clone(options), func(o string) bool { return strings.HasSuffix(o, "=false") })
}
