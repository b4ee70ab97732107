package testnode

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// StartBtcd runs btcd with its transaction and address indexes, and with
// options from its command line, such as "--miningaddr=bcrt1…". The options
// "--txindex=false", "--addrindex=false" and "--regtest=false", which btcd does
// not have, leave out what is the default here.
//
// The node's certificate is made here, over P-256: btcd makes itself one over
// P-521, with which a call takes 7 ms, and 40 under the race detector. OwnCert
// has it do so.
func StartBtcd(t testing.TB, options ...string) *Node {
	t.Helper()
	path, err := find("btcd")
	if err != nil {
		skip(t, "btcd", "go install github.com/btcsuite/btcd@v0.26.2")
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
	if i := slices.Index(options, OwnCert); i >= 0 {
		options = slices.Delete(slices.Clone(options), i, i+1)
	} else {
		require.NoError(t, makeCertificate(n.CertFile, filepath.Join(dir, "rpc.key")))
	}
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

// OwnCert is an option of StartBtcd, and none of btcd's.
const OwnCert = "own certificate"

// makeCertificate writes a self-signed certificate as btcd makes it, and its
// key.
func makeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{Organization: []string{"test"}},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(keyFile, "EC PRIVATE KEY", secret); err != nil {
		return err
	}
	return writePEM(certFile, "CERTIFICATE", cert)
}

func writePEM(file, kind string, data []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600)
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
