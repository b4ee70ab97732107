package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gradseal/anchor/coinkey"
	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
)

// coinFile is the secret key to the coins on a network.
func (h home) coinFile(n bitcoin.Network) string {
	return filepath.Join(h.keyDir(), "coin-"+n.String()+".key")
}

// coinAddressFile is the address of the coins: of the key in coinFile, or of one
// that is elsewhere.
func (h home) coinAddressFile(n bitcoin.Network) string {
	return filepath.Join(h.keyDir(), "coin-"+n.String()+".address")
}

func (a *app) newCoinCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "coin",
		Short: "Make and show the key to the coins that pay for anchoring",
		Long: `A transaction costs a fee. The coin key is the key to the coins that pay it: one
address for each network, to which you send some. It is needed where no node's
wallet pays (--via btcd, --via esplora).

It is not the issuer's key. Whoever steals the coins can spend them; losing them
can never mean a forged transcript. Keep no more there than anchoring needs.`,
		Example: `  gradseal coin create --network testnet4
  gradseal coin address --network testnet4
  gradseal coin import --network testnet4 descriptor.txt

Exit codes: 0 done; 1 an error.`,
	}
	addCommands(cmd, a.newCoinCreateCommand(), a.newCoinImportCommand(), a.newCoinAddressCommand(), a.newCoinShowCommand())
	return cmd
}

// coinOptions are those of all commands on a coin key.
type coinOptions struct {
	network        string
	typ            string
	passphraseFile string
	unsafe         bool
}

func (o *coinOptions) addNetwork(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.network, "network", "regtest", "Bitcoin `network` of the coins")
	setConfigKey(cmd.Flags(), "network", "anchor.network")
}

func (o *coinOptions) addPassphrase(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the coin key (default: ask)")
	flags.BoolVar(&o.unsafe, "unsafe-no-passphrase", false, "do not encrypt the key; on test networks only")
	cmd.MarkFlagsMutuallyExclusive("passphrase-file", "unsafe-no-passphrase")
}

func (a *app) newCoinCreateCommand() *cobra.Command {
	var o coinOptions
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a coin key and its address",
		Long: `Makes a secret key from the system's random source, encrypted with a passphrase,
and shows the address to send coins to. No wallet is needed.

The key file is all that there is: back it up. With the passphrase, it opens the
coins for this program alone.`,
		Example: `  gradseal coin create --network testnet4
  gradseal coin create --network signet --type tr --passphrase-file pass.txt

Exit codes: 0 done; 1 an error, and nothing was made.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runCoinCreate(cmd.Context(), o) },
	}
	o.addNetwork(cmd)
	o.addPassphrase(cmd)
	cmd.Flags().StringVar(&o.typ, "type", "wpkh", "`type` of the address: wpkh (P2WPKH), or tr (P2TR, taproot)")
	return cmd
}

func (a *app) runCoinCreate(ctx context.Context, o coinOptions) error {
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return err
	}
	typ, err := coinkey.ParseType(o.typ)
	if err != nil {
		return fmt.Errorf("--type: %w", err)
	}
	key, err := coinkey.Generate(typ, network)
	if err != nil {
		return err
	}
	return a.addCoinKey(ctx, o, key)
}

func (a *app) newCoinImportCommand() *cobra.Command {
	var o coinOptions
	cmd := &cobra.Command{
		Use:   "import [FILE|-]",
		Short: "Take over a coin key, or an address whose key is elsewhere",
		Long: `Reads one line from the file, or asks for it: a descriptor with its checksum,
wpkh(KEY) or tr(KEY) with a tprv… (mainnet: xprv…) and a path, for one address; or
a key in WIF, which means wpkh. It is kept encrypted with a passphrase.

With a public descriptor (tpub…, xpub…), or an address alone, this home finds the
coins and makes the transactions, and a signer elsewhere signs them (--psbt-out).`,
		Example: `  gradseal coin import --network testnet4 descriptor.txt
  gradseal coin import --network testnet4        asks for it, and does not show it

Exit codes: 0 done; 1 an error, and nothing was kept.`,
		Args: oneArg(0, "name one file, or none to be asked for it"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runCoinImport(cmd.Context(), o, args) },
	}
	o.addNetwork(cmd)
	o.addPassphrase(cmd)
	return cmd
}

func (a *app) runCoinImport(ctx context.Context, o coinOptions, args []string) error {
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return err
	}
	text, err := a.readDescriptor(ctx, args)
	if err != nil {
		return err
	}
	key, err := coinkey.Parse(text, network)
	if err == nil {
		return a.addCoinKey(ctx, o, key)
	}
	public, publicErr := coinkey.ParsePublic(text, network)
	switch {
	case publicErr == nil:
		return a.addCoinAddress(ctx, public)
	case errors.Is(err, coinkey.ErrPublic) || isAddress(text):
		err = publicErr
	}
	if errors.Is(err, coinkey.ErrUnsupported) {
		err = hinted(err, "want a descriptor of one address, such as wpkh(tprv…/84h/1h/0h/0/0)#checksum")
	}
	return err
}

// isAddress tells whether text begins as the addresses do that can be watched.
func isAddress(text string) bool {
	for _, prefix := range []string{"bc1", "tb1", "bcrt1"} {
		if strings.HasPrefix(strings.ToLower(text), prefix) {
			return true
		}
	}
	return false
}

// maxDescriptorFile is the size in bytes of the largest file that a key is
// imported from.
const maxDescriptorFile = 4096

// readDescriptor returns the one line of a file or of standard input, or what is
// typed. No secret is an argument, where every process could read it.
func (a *app) readDescriptor(ctx context.Context, args []string) (string, error) {
	if len(args) == 0 {
		text, err := a.ui.askSecret(ctx, "Descriptor, or key in WIF (it is not shown): ")
		if errors.Is(err, errNoTerminal) {
			err = hinted(errors.New("no file was named, and there is no terminal to ask at"), "gradseal coin import FILE")
		}
		return strings.TrimSpace(text), err
	}
	in, name := a.ui.In, "standard input"
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			// The argument may be the secret itself, by mistake: it is not shown.
			var pathErr *fs.PathError
			if errors.As(err, &pathErr) {
				err = fmt.Errorf("the file that was named cannot be read: %w", pathErr.Err)
			}
			return "", hinted(err, "write the descriptor or key into a file and name that, or give no argument to be asked for it")
		}
		defer f.Close()
		in, name = f, args[0]
	}
	data, err := io.ReadAll(io.LimitReader(in, maxDescriptorFile+1))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if len(data) > maxDescriptorFile || text == "" || strings.Contains(text, "\n") {
		return "", fmt.Errorf("%s: want one line with a descriptor or a key", name)
	}
	return text, nil
}

// addCoinKey keeps a key that this home does not have yet. The key is written
// before its address: there is never an address here whose key is lost.
func (a *app) addCoinKey(ctx context.Context, o coinOptions, key *coinkey.Key) error {
	n := key.Public().Network()
	if o.unsafe && !n.IsTest() {
		return hinted(fmt.Errorf("a coin key of %s must be encrypted", n), "leave --unsafe-no-passphrase out")
	}
	release, err := a.lockForCoin(ctx, n)
	if err != nil {
		return err
	}
	defer release()
	path := a.home.coinFile(n)
	if o.unsafe {
		a.ui.warn("the coin key is not encrypted")
		err = key.WriteUnsafe(path)
	} else {
		var passphrase string
		if passphrase, err = a.choosePassphrase(ctx, o.passphraseFile, "coin key"); err != nil {
			return err
		}
		err = key.Write(path, passphrase)
	}
	if err != nil {
		return err
	}
	if err := key.Public().Write(a.home.coinAddressFile(n)); err != nil {
		return err
	}
	return a.reportCoin(key.Public())
}

// addCoinAddress keeps an address whose key is elsewhere.
func (a *app) addCoinAddress(ctx context.Context, p *coinkey.Public) error {
	release, err := a.lockForCoin(ctx, p.Network())
	if err != nil {
		return err
	}
	defer release()
	if err := p.Write(a.home.coinAddressFile(p.Network())); err != nil {
		return err
	}
	return a.reportCoin(p)
}

// lockForCoin locks a home that has no coin key for the network. One that it has
// is never overwritten: there may be coins.
func (a *app) lockForCoin(ctx context.Context, n bitcoin.Network) (release func(), err error) {
	if release, err = a.lock(ctx); err != nil {
		return nil, err
	}
	for _, path := range []string{a.home.coinFile(n), a.home.coinAddressFile(n)} {
		if _, err := os.Lstat(path); err == nil {
			release()
			return nil, hinted(fmt.Errorf("this home has a coin address of %s already: %s", n, shown(path)), "look at it with: gradseal coin show --network %s", n)
		}
	}
	if err := atomicfile.MkdirAll(a.home.keyDir(), 0o700); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// reportCoin shows what was made.
func (a *app) reportCoin(p *coinkey.Public) error {
	if err := a.showCoin(p); err != nil {
		return err
	}
	if a.ui.json {
		return nil
	}
	if a.hasCoinKey(p.Network()) {
		a.ui.note("Back up %s: it is all that opens the coins.", shown(a.home.coinFile(p.Network())))
	}
	a.ui.note("Next: send some coins to the address, and wait until a block has them.")
	return nil
}

func (a *app) newCoinAddressCommand() *cobra.Command {
	var o coinOptions
	cmd := &cobra.Command{
		Use:   "address",
		Short: "Print the address to send coins to",
		Example: `  gradseal coin address --network testnet4

Exit codes: 0 done; 1 an error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.ownCoin(cmd.Context(), o)
			if err == nil && !a.ui.json {
				a.ui.result("%s", p.Address())
				return nil
			}
			if err == nil {
				err = a.showCoin(p)
			}
			return err
		},
	}
	o.addNetwork(cmd)
	return cmd
}

func (a *app) newCoinShowCommand() *cobra.Command {
	var o coinOptions
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the coin address: network, type, public descriptor",
		Long: `Shows what is public. The public descriptor is for a wallet that is to watch the
coins, or to sign for them. The secret is never shown.`,
		Example: `  gradseal coin show --network testnet4

Exit codes: 0 done; 1 an error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.ownCoin(cmd.Context(), o)
			if err != nil {
				return err
			}
			return a.showCoin(p)
		},
	}
	o.addNetwork(cmd)
	return cmd
}

// ownCoin is the coin address of the network that was named.
func (a *app) ownCoin(ctx context.Context, o coinOptions) (*coinkey.Public, error) {
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return nil, err
	}
	return a.coinAddress(ctx, network, o.passphraseFile)
}

// coinAddress is the coin address of this home. Where "create" was killed before
// it wrote the address, it is taken from the key.
func (a *app) coinAddress(ctx context.Context, n bitcoin.Network, passphraseFile string) (*coinkey.Public, error) {
	p, err := coinkey.ReadPublic(a.home.coinAddressFile(n), n)
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	key, err := a.coinKey(ctx, n, passphraseFile)
	if err != nil {
		return nil, err
	}
	return key.Public(), nil
}

func (a *app) hasCoinKey(n bitcoin.Network) bool {
	_, err := os.Lstat(a.home.coinFile(n))
	return err == nil
}

// coinKey opens the coin key of this home.
func (a *app) coinKey(ctx context.Context, n bitcoin.Network, passphraseFile string) (*coinkey.Key, error) {
	ask := func() (string, error) {
		if passphraseFile != "" {
			return readPassphraseFile(passphraseFile)
		}
		p, err := a.ui.askSecret(ctx, fmt.Sprintf("Passphrase of the coin key of %s: ", n))
		if errors.Is(err, errNoTerminal) {
			err = hinted(errors.New("needs a passphrase, and there is no terminal to ask at"), "run it at a terminal, or anchor with --coin-passphrase-file FILE")
		}
		return p, err
	}
	key, err := coinkey.Read(a.home.coinFile(n), n, ask)
	for range 2 {
		if passphraseFile != "" || !errors.Is(err, coinkey.ErrPassphrase) {
			break
		}
		a.ui.warn("that is not the passphrase of this key")
		key, err = coinkey.Read(a.home.coinFile(n), n, ask)
	}
	switch {
	case errors.Is(err, coinkey.ErrPassphrase):
		return nil, hinted(err, "it is the one that was chosen at: gradseal coin create, or import")
	case errors.Is(err, fs.ErrNotExist):
		return nil, a.errNoCoinKey(n)
	}
	return key, err
}

// errNoCoinKey says that there is no secret key for the network, and whether
// there is an address.
func (a *app) errNoCoinKey(n bitcoin.Network) error {
	if _, err := os.Lstat(a.home.coinAddressFile(n)); err == nil {
		return hinted(fmt.Errorf("this home has the coin address of %s, and not the key to it", n), "write the transaction for a signer elsewhere: --psbt-out FILE")
	}
	return hinted(fmt.Errorf("this home has no coin key of %s", n), "run: gradseal coin create --network %s", n)
}

// choosePassphrase is the passphrase for a new key or a backup, from a file or asked
// for twice.
func (a *app) choosePassphrase(ctx context.Context, file, of string) (string, error) {
	if file != "" {
		return readPassphraseFile(file)
	}
	for {
		first, err := a.ui.askSecret(ctx, fmt.Sprintf("New passphrase for the %s: ", of))
		if errors.Is(err, errNoTerminal) {
			return "", hinted(fmt.Errorf("the %s needs a passphrase, and there is no terminal to ask at", of), "give --passphrase-file FILE")
		}
		if err != nil {
			return "", err
		}
		if len(first) < coinkey.MinPassphrase {
			a.ui.warn("the passphrase needs at least %d characters", coinkey.MinPassphrase)
			continue
		}
		second, err := a.ui.askSecret(ctx, "The same again: ")
		if err != nil {
			return "", err
		}
		if first == second {
			return first, nil
		}
		a.ui.warn("the two are not the same")
	}
}

// coinAddressJSON is a coin address under --json.
type coinAddressJSON struct {
	Version    int     `json:"version"`
	Network    string  `json:"network"`
	Type       string  `json:"type"`
	Address    string  `json:"address"`
	Descriptor *string `json:"descriptor"`
	Signs      bool    `json:"signs"`
}

// showCoin prints what is public.
func (a *app) showCoin(p *coinkey.Public) error {
	descriptor := p.String()
	signs := a.hasCoinKey(p.Network())
	if a.ui.json {
		out := coinAddressJSON{Version: jsonVersion, Network: p.Network().String(), Type: p.Type().String(), Address: p.Address(), Signs: signs}
		if p.PublicKey() != nil {
			out.Descriptor = &descriptor
		}
		return a.ui.object(out)
	}
	a.ui.result("Coins on %s", p.Network())
	a.ui.result("  address     %s", p.Address())
	a.ui.result("  type        %s", p.Type())
	if p.PublicKey() != nil {
		a.ui.result("  descriptor  %s", descriptor)
	}
	if signs {
		a.ui.result("  key         %s", shown(a.home.coinFile(p.Network())))
	} else {
		a.ui.result("  key         not here: a signer elsewhere has it")
	}
	return nil
}
