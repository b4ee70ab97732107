package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/anchor/esplora"
	"gradseal/anchor/p2p"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/atomicfile"
)

func (a *app) newHeadersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "headers",
		Short: "The block headers that verification looks into",
		Long: `A proof leads to a Bitcoin block. Whether that block is in the chain, this home
answers from its own copy of the block headers, 80 bytes each, so that verify needs
no network. Every header is checked here before it is kept: that it follows the one
before, has the difficulty that the network asks for, and the work for it.

On mainnet that work is what nobody can forge, and every 2,016th block up to the
last listed one is built in: only what comes after has to be had. On a test network
work proves nothing, so the chain there is the one from the source that you name.`,
		Example: `  gradseal headers sync --from p2p:127.0.0.1:8333 --network mainnet
  gradseal headers status --network mainnet
  gradseal headers export --network mainnet -o mainnet.headers
  gradseal headers import mainnet.headers

Exit codes: 0 done; 1 an error, and the chain is as it was, or longer.`,
	}
	addCommands(cmd, a.newHeadersSyncCommand(), a.newHeadersImportCommand(), a.newHeadersExportCommand(), a.newHeadersStatusCommand(), a.newHeadersAuditCommand())
	return cmd
}

type headersOptions struct {
	network    string
	from       string
	checkpoint string
	genesis    bool
	replace    bool
	node       nodeOptions
}

// addNetwork adds the flag for whose headers are meant: those that verify asks
// for, unless it is said.
func (o *headersOptions) addNetwork(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.network, "network", "mainnet", "Bitcoin `network` of the headers")
	setConfigKey(cmd.Flags(), "network", "verify.network")
}

func (a *app) newHeadersSyncCommand() *cobra.Command {
	var o headersOptions
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Bring the header chain up to date from a node",
		Long: `Asks a node for the headers that this home does not have, checks every one of
them, and keeps those. On mainnet the chain with the most work wins, from whatever
source. On a test network the chain is that of the first source: one that disagrees
is refused, unless --replace says that it is to be believed from now on. But for the
last 200 blocks, where the one with more work wins, as in any reorganisation: you
may change the node.

A chain begins at the last listed block (mainnet, testnet3, signet) or at the first
block. --checkpoint begins it at another block, of which you know hash and chainwork
from somebody you trust; --genesis takes all of it.`,
		Example: `  gradseal headers sync --from p2p:127.0.0.1:8333 --network mainnet
  gradseal headers sync --from bitcoind --network testnet4
  gradseal headers sync --from esplora --node https://… --network signet

Exit codes: 0 up to date; 1 an error: what was checked by then is kept.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runHeadersSync(cmd.Context(), o) },
	}
	o.addNetwork(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.from, "from", "", "`source`: bitcoind, btcd, esplora or p2p:HOST:PORT (default: that of --via)")
	flags.StringVar(&o.checkpoint, "checkpoint", "", "block to begin at, as `HEIGHT:HASH:CHAINWORK`; its height is a multiple of 2016")
	flags.BoolVar(&o.genesis, "genesis", false, "begin at the network's first block")
	flags.BoolVar(&o.replace, "replace", false, "take the source's chain instead of the one that is here (test networks)")
	cmd.MarkFlagsMutuallyExclusive("checkpoint", "genesis")
	o.node.addFlags(cmd)
	return cmd
}

func (a *app) runHeadersSync(ctx context.Context, o headersOptions) (err error) {
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return err
	}
	options := headers.Options{Replace: o.replace}
	if options.Start, err = o.start(network); err != nil {
		return err
	}
	source, name, done, err := a.openSource(ctx, o, network)
	if err != nil {
		return remedied(err)
	}
	defer func() { err = errors.Join(err, done()) }()
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	options.Name = name
	if err := a.syncFrom(ctx, network, source, options); err != nil {
		return remedied(o.believed(network, err))
	}
	return a.reportChain(network)
}

// believed says how to go on with the source, where the chain that is here
// stays: on a test network by saying that it is the one to believe.
func (o headersOptions) believed(network bitcoin.Network, err error) error {
	if !network.IsTest() || o.replace || !errors.Is(err, headers.ErrDisagree) && !errors.Is(err, headers.ErrLessWork) {
		return err
	}
	return hinted(err, "if this source is the one to believe, and not the chain here: %s", o.replaceCommand(network))
}

// replaceCommand is the command that takes the chain of the source instead of
// the one that is here.
func (o headersOptions) replaceCommand(network bitcoin.Network) string {
	command := "gradseal headers sync --network " + network.String()
	node := o.node
	if strings.HasPrefix(o.from, "p2p:") {
		node = nodeOptions{} // which the configuration may name for other commands
	}
	for _, flag := range []struct{ name, value string }{
		{"from", cmp.Or(o.from, o.node.via)},
		{"node", node.url},
		{"node-user", node.user},
		{"node-password-file", node.passwordFile},
		{"node-cookie", node.cookie},
		{"node-cert", node.cert},
		{"checkpoint", o.checkpoint},
	} {
		if flag.value != "" {
			command += fmt.Sprintf(" --%s %s", flag.name, argument(flag.value))
		}
	}
	if o.genesis {
		command += " --genesis"
	}
	return command + " --replace"
}

// argument is a value as one would type it again.
func argument(value string) string {
	value = safe(value)
	if strings.ContainsAny(value, " '()&;$") {
		return `"` + value + `"`
	}
	return value
}

// start is the block at which a new chain begins, nil for the usual one.
func (o headersOptions) start(network bitcoin.Network) (*headers.Pin, error) {
	switch {
	case o.genesis:
		pin, err := headers.Genesis(network)
		return &pin, err
	case o.checkpoint != "":
		pin, err := headers.ParsePin(o.checkpoint)
		if err != nil {
			return nil, fmt.Errorf("--checkpoint: %w", err)
		}
		return &pin, nil
	}
	return nil, nil
}

// openSource connects to where headers come from.
func (a *app) openSource(ctx context.Context, o headersOptions, network bitcoin.Network) (source headers.Source, name string, done func() error, err error) {
	done = func() error { return nil }
	if address, ok := strings.CutPrefix(o.from, "p2p:"); ok {
		client, err := p2p.Dial(ctx, address, network)
		if err != nil {
			return nil, "", nil, err
		}
		return client, client.Source(), client.Close, nil
	}
	if o.from != "" {
		o.node.via = o.from
	}
	way, err := o.node.way(network)
	switch {
	case o.node.via == "" || err == nil && (way == viaEmbedded || way == viaCalendars):
		return nil, "", nil, hinted(errors.New("no source is named"), "name one: --from bitcoind, --from btcd, --from esplora or --from p2p:HOST:PORT")
	case err != nil:
		return nil, "", nil, err
	}
	o.node.via = way
	node, _, err := a.openNode(ctx, o.node, network)
	if err != nil {
		return nil, "", nil, err
	}
	return node, node.Source(), done, nil
}

// syncFrom brings the header chain of a network up to the source's. The caller
// holds the lock. Where the chain that is here stays against a test network's
// source, the caller knows the command that says otherwise; other errors of the
// chain come with a hint.
func (a *app) syncFrom(ctx context.Context, network bitcoin.Network, source headers.Source, o headers.Options) error {
	path := a.home.headerFile(network)
	if err := atomicfile.MkdirAll(a.home.headerDir(), 0o755); err != nil {
		return err
	}
	o.Now = time.Now()
	if o.Start == nil {
		var err error
		if o.Start, err = a.recentStart(ctx, network, source, o.Replace); err != nil {
			return err
		}
	}
	said := time.Now()
	o.Progress = func(height uint32) {
		if time.Since(said) >= progressEvery {
			a.ui.note("Headers of %s: height %s", network, number(height))
			said = time.Now()
		}
	}
	err := headers.Sync(ctx, path, network, source, o)
	if !network.IsTest() || o.Replace {
		err = refused(err, network)
	}
	return repairable(err, network)
}

// refused adds the next step to an error for headers that are not to be
// believed, whatever their owner says.
func refused(err error, network bitcoin.Network) error {
	switch {
	case errors.Is(err, headers.ErrDisagree):
		return hinted(err, "these headers are not those of %s: take them from elsewhere", network)
	case errors.Is(err, headers.ErrLessWork):
		return hinted(err, "the chain here stays, and needs nothing; a node that is behind has the same one in a while")
	}
	return err
}

// repairable adds the next step to an error for headers that the clock refuses,
// or for damaged files.
func repairable(err error, network bitcoin.Network) error {
	var damaged *headers.DamagedError
	switch {
	case errors.As(err, new(hintedError)):
	case errors.Is(err, headers.ErrFuture):
		return hinted(err, "set the clock of this machine, and run the same command again; if the clock is right, whoever gave the headers is wrong")
	case errors.As(err, &damaged):
		return hinted(err, "move away %s, and sync again: gradseal headers sync --network %s --from p2p:HOST:PORT%s", files(damaged.Files()), network, again(network))
	}
	return err
}

// files are the names of one or more files, in words.
func files(paths []string) string {
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = shown(path)
	}
	return strings.Join(names, " and ")
}

// again is where else than from a node headers that were lost come from.
func again(network bitcoin.Network) string {
	if network == bitcoin.Regtest {
		return " (those of a rehearsal are made again by the next gradseal anchor)"
	}
	return ", or add an issuer's pack: gradseal trust add FILE"
}

// recentStart is where a new chain of a test network begins that comes from an
// Esplora service, ten headers at a time: not long ago, for work there proves
// nothing anyway. It is nil for the usual start, and where there is a chain that
// is not to be replaced.
func (a *app) recentStart(ctx context.Context, network bitcoin.Network, source headers.Source, replace bool) (*headers.Pin, error) {
	node, ok := source.(*esplora.Node)
	if _, err := os.Stat(a.home.headerFile(network)); !ok || !network.IsTest() || err == nil && !replace {
		return nil, nil
	}
	tip, err := node.Tip(ctx)
	if err != nil {
		return nil, err
	}
	height := headers.PinBelow(tip)
	if height == 0 {
		return nil, nil
	}
	h, err := node.HeaderAt(ctx, height)
	if err != nil {
		return nil, err
	}
	pin, err := headers.PinAt(height, h)
	return &pin, err
}

// progressEvery is how often a long sync says how far it is. How far it has to
// go, no source can be believed about.
const progressEvery = 2 * time.Second

func (a *app) newHeadersImportCommand() *cobra.Command {
	var o headersOptions
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Take headers from a file, checked as strictly as from a node",
		Long: `Takes what headers export wrote, such as across an air gap, and checks it as sync
does. The file says for which network it is; - is standard input. What differs from
the chain of a test network is refused, unless --replace says that it is the one to
believe.`,
		Example: `  gradseal headers import mainnet.headers

Exit codes: 0 taken, or there already; 1 an error, and the chain is as it was.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runHeadersImport(cmd.Context(), o, args) },
	}
	cmd.Flags().BoolVar(&o.replace, "replace", false, "take the file's chain instead of the one that is here (test networks)")
	return cmd
}

func (a *app) runHeadersImport(ctx context.Context, o headersOptions, paths []string) error {
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := atomicfile.MkdirAll(a.home.headerDir(), 0o755); err != nil {
		return err
	}
	for _, path := range paths {
		if err := a.importHeaders(o, path); err != nil {
			return err
		}
	}
	return nil
}

// importHeaders takes the headers of one file, or of standard input for "-".
func (a *app) importHeaders(o headersOptions, path string) error {
	name := path
	var data []byte
	var err error
	if path == "-" {
		name = "standard input"
		data, err = io.ReadAll(io.LimitReader(a.ui.In, int64(headers.MaxSegmentSize)+1)) // one byte more is malformed
	} else {
		data, err = readCapped(path, headers.MaxSegmentSize)
	}
	if err != nil {
		return err
	}
	segment, err := headers.ParseSegment(data)
	if err != nil {
		return hinted(fmt.Errorf("%s: %w", name, err), "such a file is made with: gradseal headers export")
	}
	network := segment.Network
	file := a.home.headerFile(network)
	if network.IsTest() && !o.replace {
		err = checkAgainst(file, segment) // whatever source the file names
	}
	if err == nil {
		err = headers.Import(file, segment, headers.Options{Replace: o.replace, Now: time.Now()})
	}
	switch {
	case !network.IsTest() || o.replace:
		err = refused(err, network)
	case errors.Is(err, headers.ErrDisagree), errors.Is(err, headers.ErrLessWork):
		err = hinted(err, "if the file is the one to believe, and not the chain here: gradseal headers import --replace %s", argument(path))
	}
	if errors.Is(err, headers.ErrGap) {
		err = hinted(err, "import a file with the headers before it first")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, repairable(err, network))
	}
	return a.reportChain(network)
}

func (a *app) newHeadersExportCommand() *cobra.Command {
	var o headersOptions
	var out, span string
	cmd := &cobra.Command{
		Use:   "export -o FILE",
		Short: "Write headers to a file, for a machine without network",
		Long: `Writes the headers from one height to another, both included, or all of the range
that grows, without the hashes that the reader can compute: 48 bytes each.`,
		Example: `  gradseal headers export --network mainnet -o mainnet.headers
  gradseal headers export --network testnet4 --range 2016-4031 -o part.headers

Exit codes: 0 written; 1 an error.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.runHeadersExport(o, span, out) },
	}
	o.addNetwork(cmd)
	cmd.Flags().StringVar(&span, "range", "", "heights, as `FROM-TO`")
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write, which must not exist; - is standard output")
	return cmd
}

func (a *app) runHeadersExport(o headersOptions, span, out string) error {
	if out == "" {
		return hinted(errors.New("no file is named"), "name one: -o FILE")
	}
	chain, err := a.openChain(o.network)
	if err != nil {
		return err
	}
	defer chain.Close()
	ranges := chain.Ranges()
	from, to := ranges[len(ranges)-1].From, chain.Height()
	if span != "" {
		var rest string
		if n, err := fmt.Sscanf(span+"\n", "%d-%d%s", &from, &to, &rest); n != 2 || err == nil || fmt.Sprintf("%d-%d", from, to) != span {
			return fmt.Errorf("--range: %s, want two heights such as 2016-4031", quoted(span))
		}
	}
	segment, err := chain.Segment(from, to)
	if err != nil {
		return err
	}
	data, err := segment.Marshal()
	if err != nil {
		return err
	}
	if out == "-" {
		_, err := a.ui.Out.Write(data)
		return err
	}
	err = atomicfile.WriteNew(out, data, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return hinted(fmt.Errorf("%s: exists: it was not overwritten", out), "name another file")
	}
	if err != nil {
		return err
	}
	if a.ui.json {
		return a.ui.object(exportedJSON{jsonVersion, o.network, from, to, len(data), out})
	}
	a.ui.result("Wrote %s: headers of %s from height %d to %d, %s", shown(out), o.network, from, to, size(int64(len(data))))
	return nil
}

// exportedJSON is the result of "headers export" under --json.
type exportedJSON struct {
	Version int    `json:"version"`
	Network string `json:"network"`
	From    uint32 `json:"from"`
	To      uint32 `json:"to"`
	Bytes   int    `json:"bytes"`
	File    string `json:"file"`
}

// openChain opens the header chain of a network, of which there must be one.
func (a *app) openChain(name string) (*headers.Chain, error) {
	network, err := bitcoin.ParseNetwork(name)
	if err != nil {
		return nil, err
	}
	chain, err := a.openHeaders(network)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hinted(fmt.Errorf("this home has no header chain of %s", network), "run: gradseal headers sync --network %s --from p2p:HOST:PORT, or add an issuer's pack: gradseal trust add FILE", network)
	}
	return chain, err
}

// openHeaders opens the header chain of a network. The error is fs.ErrNotExist
// where there is none.
func (a *app) openHeaders(network bitcoin.Network) (*headers.Chain, error) {
	chain, err := headers.Open(a.home.headerFile(network), network)
	return chain, repairable(err, network)
}

func (a *app) newHeadersStatusCommand() *cobra.Command {
	var network string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which header chains this home has, and how far they go",
		Example: `  gradseal headers status
  gradseal headers status --network testnet4

Exit codes: 0 done; 1 an error.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.runHeadersStatus(network) },
	}
	cmd.Flags().StringVar(&network, "network", "", "one `network` (default: all)")
	return cmd
}

func (a *app) runHeadersStatus(name string) error {
	networks := bitcoin.Networks()
	if name != "" {
		n, err := bitcoin.ParseNetwork(name)
		if err != nil {
			return err
		}
		networks = []bitcoin.Network{n}
	}
	shown := 0
	for _, n := range networks {
		err := a.reportChain(n)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		shown++
	}
	if shown == 0 {
		a.ui.note("There is no header chain here yet. Get one with: gradseal headers sync --from p2p:HOST:PORT --network mainnet")
	}
	return nil
}

// chainJSON is a header chain under --json.
type chainJSON struct {
	Version int         `json:"version"`
	Network string      `json:"network"`
	Source  string      `json:"source"`
	Ranges  []rangeJSON `json:"ranges"`
	Time    string      `json:"time"`
}

type rangeJSON struct {
	From      uint32 `json:"from"`
	To        uint32 `json:"to"`
	Hash      string `json:"hash"`
	Chainwork string `json:"chainwork"`
}

// reportChain shows the header chain of a network.
func (a *app) reportChain(n bitcoin.Network) error {
	chain, err := a.openHeaders(n)
	if err != nil {
		return err
	}
	defer chain.Close()
	tip, err := chain.At(chain.Height())
	if err != nil {
		return repairable(err, n)
	}
	out := chainJSON{Version: jsonVersion, Network: n.String(), Source: chain.Source(), Time: tip.Time().Format(time.RFC3339)}
	for _, r := range chain.Ranges() {
		out.Ranges = append(out.Ranges, rangeJSON{r.From, r.To, r.Hash.String(), r.Work.String()})
	}
	if a.ui.json {
		return a.ui.object(out)
	}
	a.ui.result("%s: up to height %s, of %s (%s ago)", n, number(chain.Height()), tip.Time().Format(time.DateOnly), age(time.Since(tip.Time())))
	for _, r := range out.Ranges {
		a.ui.result("  heights      %d to %d, %s", r.From, r.To, r.Hash)
	}
	a.ui.result("  source       %s", safe(out.Source))
	return nil
}

func (a *app) newHeadersAuditCommand() *cobra.Command {
	var o headersOptions
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check every header again, and print height, hash and chainwork",
		Long: `Reads the whole header chain, checks every header by every rule again and reckons
the chainwork from the start. Compare height, hash and chainwork with those of a node
that you trust. What cannot be checked from headers alone is said.`,
		Example: `  gradseal headers audit --network mainnet

Exit codes: 0 all is as it should be; 1 an error.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.runHeadersAudit(o) },
	}
	o.addNetwork(cmd)
	return cmd
}

// auditJSON is one range of "headers audit" under --json.
type auditJSON struct {
	Version   int      `json:"version"`
	Network   string   `json:"network"`
	From      uint32   `json:"from"`
	Start     string   `json:"start"`
	To        uint32   `json:"to"`
	Hash      string   `json:"hash"`
	Chainwork string   `json:"chainwork"`
	Headers   int      `json:"headers"`
	Proven    bool     `json:"proven"`
	Unchecked []string `json:"unchecked"`
}

func (a *app) runHeadersAudit(o headersOptions) error {
	chain, err := a.openChain(o.network)
	if err != nil {
		return err
	}
	defer chain.Close()
	reports, err := headers.Audit(chain, nil)
	if err != nil {
		return repairable(err, chain.Network())
	}
	for _, r := range reports {
		if a.ui.json {
			out := auditJSON{jsonVersion, o.network, r.From, r.Start.String(), r.To, r.Hash.String(), r.Work.String(), r.Headers(), r.Proven, append([]string{}, r.Unchecked...)}
			if err := a.ui.object(out); err != nil {
				return err
			}
			continue
		}
		a.ui.result("%s: %s checked", o.network, count(r.Headers(), "header"))
		a.ui.result("  from         height %d, %s", r.From, r.Start)
		a.ui.result("  to           height %d, %s", r.To, r.Hash)
		a.ui.result("  chainwork    %s", r.Work)
		for _, what := range r.Unchecked {
			a.ui.result("  not checked  %s", what)
		}
	}
	return nil
}
