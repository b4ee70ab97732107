package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"gradseal/anchor"
	"gradseal/anchor/bitcoind"
	"gradseal/anchor/btcd"
	"gradseal/anchor/embedded"
	"gradseal/anchor/esplora"
	"gradseal/anchor/jsonrpc"
	"gradseal/bitcoin"
	"gradseal/headers"
)

// The ways to reach a network.
const (
	viaEmbedded = "embedded"
	viaBitcoind = "bitcoind"
	viaBtcd     = "btcd"
	viaEsplora  = "esplora"
)

// nodeOptions say which node or service to talk to.
type nodeOptions struct {
	via          string
	url          string
	user         string
	passwordFile string
	cookie       string
	cert         string
	wallet       string
}

func (o *nodeOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.via, "via", "", "`way` to the network: embedded (regtest), bitcoind, btcd, esplora; or calendars")
	flags.StringVar(&o.url, "node", "", "`URL` of the node's RPC server, or of the Esplora API")
	flags.StringVar(&o.user, "node-user", "", "user `name` for the node's RPC server")
	flags.StringVar(&o.passwordFile, "node-password-file", "", "`file` with the password for the node's RPC server")
	flags.StringVar(&o.cookie, "node-cookie", "", "cookie `file` of bitcoind, instead of user and password")
	flags.StringVar(&o.cert, "node-cert", "", "`file` with the certificate of the node's RPC server")
	flags.StringVar(&o.wallet, "wallet", "", "`name` of the wallet of bitcoind that pays")
	for flag, key := range map[string]string{
		"via": "anchor.via", "node": "node.url", "node-user": "node.user", "node-password-file": "node.password-file",
		"node-cookie": "node.cookie", "node-cert": "node.cert", "wallet": "node.wallet",
	} {
		setConfigKey(flags, flag, key)
	}
}

// way is the way to the network, or the reason why there is none. It is
// viaCalendars where calendars are all that was named.
func (o nodeOptions) way(network bitcoin.Network) (string, error) {
	via, withCalendars, err := splitVia(o.via)
	if err != nil {
		return "", err
	}
	switch via {
	case "":
		if withCalendars {
			return viaCalendars, nil
		}
		if network == bitcoin.Regtest && o.url == "" {
			return viaEmbedded, nil
		}
		return "", hinted(fmt.Errorf("there is no way to %s yet", network), "say how to reach it: --via bitcoind, --via btcd, or --via esplora --node https://…; or have calendars anchor for nothing: --via calendars. Rehearse with --network regtest")
	case viaEmbedded:
		if network != bitcoin.Regtest {
			return "", hinted(fmt.Errorf("the embedded node is on regtest, and cannot reach %s", network), "say how to reach it: --via bitcoind, --via btcd, or --via esplora --node https://…")
		}
	case viaBitcoind, viaBtcd, viaEsplora:
	case "psbt":
		return "", hinted(errors.New("a signer elsewhere needs a way to the network too"), "name it with --via bitcoind, btcd or esplora, and the file for the signer with --psbt-out FILE")
	default:
		return "", fmt.Errorf("unknown way %s, want embedded, bitcoind, btcd, esplora or calendars", quoted(via))
	}
	return via, nil
}

// remedied turns what a node's error says can be done into a hint, and adds one
// where the node could not know it.
func remedied(err error) error {
	var r *anchor.Remedy
	var h hintedError
	var wrong *anchor.NetworkError
	var fee *anchor.FeeError
	switch {
	case err == nil || errors.As(err, &h):
		return err
	case errors.As(err, &r):
		return hinted(err, "%s", r.Text)
	case errors.As(err, &wrong):
		return hinted(err, "name a node of %s with --node, or the node's network with --network", wrong.Want)
	case errors.As(err, &fee):
		return hinted(err, "allow more with --max-fee %d, or ask for less with --fee-rate", fee.Fee)
	case errors.Is(err, anchor.ErrSyncing):
		return hinted(err, "wait until it has, and run the same command again")
	case errors.Is(err, anchor.ErrPruned):
		return hinted(err, "run the same command with a node that has it, such as --via esplora --node https://…")
	case errors.Is(err, anchor.ErrPassword):
		return hinted(err, "give the node's own: --node-user and --node-password-file, or --node-cookie for bitcoind")
	case errors.Is(err, anchor.ErrUnreachable):
		return hinted(err, "is it running, and is the address right? --node URL names it")
	}
	return err
}

// flags are the flags that say which node, as one would type them again, but for
// what the defaults say as well. Passwords are in files and are not shown.
func (o nodeOptions) flags(defaults nodeOptions) string {
	text := ""
	for _, f := range []struct{ name, value, usual string }{
		{"node", o.url, defaults.url}, {"node-user", o.user, defaults.user}, {"node-password-file", o.passwordFile, defaults.passwordFile},
		{"node-cookie", o.cookie, defaults.cookie}, {"node-cert", o.cert, defaults.cert}, {"wallet", o.wallet, defaults.wallet},
	} {
		if f.value != f.usual {
			text += " --" + f.name + " " + argument(f.value)
		}
	}
	return text
}

// openNode connects to the node and checks that it is on the network. wallet is
// nil where the node has none.
func (a *app) openNode(ctx context.Context, o nodeOptions, network bitcoin.Network) (node anchor.Node, wallet func() anchor.Signer, err error) {
	if o.user != "" && o.passwordFile == "" && o.via != viaEsplora {
		return nil, nil, hinted(fmt.Errorf("there is no password for the user %s of the node", quoted(o.user)), "name the file that holds it: --node-password-file FILE")
	}
	switch o.via {
	case viaBitcoind:
		n, err := bitcoind.New(bitcoind.Config{
			URL:      cmp.Or(o.url, fmt.Sprintf("http://127.0.0.1:%d", bitcoindPorts[network])),
			Login:    o.login(cmp.Or(o.cookie, defaultCookie(network))),
			CertFile: o.cert,
		})
		if err != nil {
			return nil, nil, err
		}
		node, wallet = n, func() anchor.Signer { return n.Wallet(o.wallet) }
	case viaBtcd:
		url, cert := o.url, o.cert
		if url == "" {
			url = fmt.Sprintf("https://127.0.0.1:%d", btcdPorts[network])
			cert = cmp.Or(cert, filepath.Join(appDir("btcd"), "rpc.cert"))
		}
		if o.user == "" {
			return nil, nil, hinted(errors.New("btcd wants a user name"), "give those of its configuration: --node-user NAME --node-password-file FILE")
		}
		if node, err = btcd.New(btcd.Config{URL: url, Login: o.login(""), CertFile: cert}); err != nil {
			return nil, nil, err
		}
	case viaEsplora:
		if o.url == "" {
			return nil, nil, hinted(errors.New("no Esplora service is named"), "name one: --node https://…, or node.url in the configuration")
		}
		if node, err = esplora.New(esplora.Config{URL: o.url, Network: network}); err != nil {
			return nil, nil, err
		}
	}
	return node, wallet, node.Check(ctx, network)
}

// appDir is where the node programs keep their data: btcutil does not look at
// HOME, and they do.
func appDir(name string) string {
	if home := os.Getenv("HOME"); home != "" && runtime.GOOS != "windows" && runtime.GOOS != "darwin" {
		return filepath.Join(home, "."+name)
	}
	return btcutil.AppDataDir(name, false)
}

// login is how the node's RPC server is told who asks.
func (o nodeOptions) login(cookie string) jsonrpc.Login {
	if o.user != "" {
		return jsonrpc.PasswordFile(o.user, o.passwordFile)
	}
	return jsonrpc.Cookie(cookie)
}

// The usual ports of the RPC servers.
var (
	bitcoindPorts = map[bitcoin.Network]int{bitcoin.Mainnet: 8332, bitcoin.Testnet3: 18332, bitcoin.Testnet4: 48332, bitcoin.Signet: 38332, bitcoin.Regtest: 18443}
	btcdPorts     = map[bitcoin.Network]int{bitcoin.Mainnet: 8334, bitcoin.Testnet3: 18334, bitcoin.Testnet4: 48334, bitcoin.Signet: 38334, bitcoin.Regtest: 18334}
)

// defaultCookie is where bitcoind puts its cookie where nobody tells it another
// place.
func defaultCookie(network bitcoin.Network) string {
	dir := appDir("bitcoin")
	if network != bitcoin.Mainnet {
		dir = filepath.Join(dir, network.String())
	}
	return filepath.Join(dir, ".cookie")
}

// open makes the carrier ready to make, send and find transactions. The caller
// calls done at the end.
func (c *carrier) open(ctx context.Context, o nodeOptions) (done func() error, err error) {
	done = func() error { return nil }
	if o.via, err = o.way(c.network); err != nil || o.via == viaCalendars {
		return done, err
	}
	_, noNode := os.Stat(c.home.nodeDir())
	if o.via != viaEmbedded && c.network == bitcoin.Regtest && noNode == nil {
		return done, hinted(errors.New("this home has the chain of its embedded node, which is another regtest than that of a node outside"), "keep that apart: give this one a home of its own with --home DIR")
	}
	if o.via == viaEmbedded {
		c.confirmations = 1 // nobody else makes blocks on it
		node, err := embedded.Open(ctx, c.home.nodeDir(), c.home.headerFile(c.network))
		if err != nil {
			return done, repairable(err, c.network)
		}
		c.backend = node
		return node.Close, nil
	}
	var wallet func() anchor.Signer
	if c.node, wallet, err = c.openNode(ctx, o, c.network); err != nil {
		return done, err
	}
	var signer anchor.Signer
	if wallet != nil {
		signer = wallet()
	} else {
		signer = &coinSigner{carrier: c}
	}
	c.backend, c.way = external{c.node, signer}, o
	return done, nil
}

// external is a node that somebody runs, with what signs for it.
type external struct {
	anchor.Node
	anchor.Signer
}

// locker is a signer whose coins others spend too.
type locker interface {
	Lock(ctx context.Context, outputs []wire.OutPoint) error
}

// lockCoins keeps a node's wallet from spending elsewhere what a stored request
// spends, while somebody else signs it. The node forgets it when it stops.
func (c *carrier) lockCoins(ctx context.Context, request *anchor.Request) error {
	e, ok := c.backend.(external)
	if !ok {
		return nil
	}
	wallet, ok := e.Signer.(locker)
	if !ok {
		return nil
	}
	var outPoints []wire.OutPoint
	for _, coin := range request.Coins() {
		outPoints = append(outPoints, coin.OutPoint)
	}
	return wallet.Lock(ctx, outPoints)
}

// syncHeaders brings the header chain of this home up to the node's, once in a
// run. The embedded node keeps it itself.
func (c *carrier) syncHeaders(ctx context.Context) error {
	if c.node == nil || c.synced {
		return nil
	}
	err := c.syncFrom(ctx, c.network, c.node, headers.Options{Name: c.node.Source()})
	if err != nil {
		return headersOptions{node: c.way}.believed(c.network, err)
	}
	c.synced = true
	return nil
}

// coinSigner spends the coins of this home's coin key. It opens the key when
// something is to be signed: the address is enough to find them.
type coinSigner struct{ *carrier }

func (s *coinSigner) Fund(ctx context.Context, order anchor.Order) (*anchor.Request, error) {
	public, err := s.coinAddress(ctx, s.network, s.money.coinPassphraseFile)
	if err != nil {
		return nil, err
	}
	return anchor.NewWatchSigner(s.node, public).Fund(ctx, order)
}

func (s *coinSigner) Sign(ctx context.Context, request *anchor.Request) ([]byte, error) {
	key, err := s.coinKey(ctx, s.network, s.money.coinPassphraseFile)
	if err != nil {
		return nil, err
	}
	return anchor.NewKeySigner(s.node, key).Sign(ctx, request)
}
