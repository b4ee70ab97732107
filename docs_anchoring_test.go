package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/bitcoind"
	"gradseal/anchor/btcd"
	"gradseal/anchor/calendar"
	"gradseal/anchor/coinkey"
	"gradseal/anchor/jsonrpc"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/internal/calendartest"
	"gradseal/internal/esploratest"
	"gradseal/internal/testnode"
	"gradseal/proof"
	"gradseal/proof/ots"
)

// The pages in docs/anchoring are run as they stand, in their order, against
// real nodes, with regtest for testnet4 and, on the page about calendars, for
// mainnet. Their blocks are
//
//	sh           lines for the registrar's shell; "sh NAME" for somebody else's
//	cron         a line of a crontab, whose command is run once
//	ini          the node's configuration, which the test's node gets
//	yaml         the registrar's config.yaml

// anchoringDir is where the pages are.
const anchoringDir = "docs/anchoring"

// pageBlock is a fenced block of a page.
type pageBlock struct {
	kind    string // such as sh
	person  string // empty for the registrar
	section string // the heading that it is under, and the one above that
	text    string
}

var pagePart = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$|^(##+) ([^\n]*)$")

// pageBlocks are the blocks of a page, in order.
func pageBlocks(t *testing.T, name string) []pageBlock {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(anchoringDir, name))
	require.NoError(t, err)
	var blocks []pageBlock
	var chapter, section string
	for _, m := range pagePart.FindAllStringSubmatch(string(page), -1) {
		switch {
		case m[3] == "##":
			chapter, section = m[4], m[4]
		case m[3] != "":
			section = chapter + "/" + m[4]
		default:
			kind, person, _ := strings.Cut(m[1], " ")
			require.Contains(t, []string{"sh", "cron", "ini", "yaml"}, kind, "%s: a block that no test runs", name)
			blocks = append(blocks, pageBlock{kind, person, section, m[2]})
		}
	}
	require.NotEmpty(t, blocks, name)
	return blocks
}

// pageLine says how a line of a page is run where it does not run as it stands.
type pageLine struct {
	before func(w *walk) // what happens meanwhile
	add    string        // arguments that answer what the line asks for at a terminal
	skip   string        // why it is not run
	exit   int
	want   string // regular expression, in what is printed
}

// walk is one person's way, and that of others, through a page.
type walk struct {
	t    *testing.T
	node *testnode.Node
	cold *testnode.Node // of the person "signer"; nil where there is none

	calendars []*calendartest.Calendar // on the node's chain; none on most pages

	people map[string]person
	spell  []string // what of the page is called otherwise here, in pairs
	env    []string // the registrar's settings that come from the node
	out    string   // what the last line printed

	address     string // that the coins go to
	fingerprint string
}

// person is somebody with a machine: an empty home directory, and a folder with
// the program.
type person struct {
	dir string
	env []string
}

func newWalk(t *testing.T, node *testnode.Node) *walk {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: the pages take nodes, and a key under a passphrase for each")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the pages are written for Linux")
	}
	return &walk{t: t, node: node, people: make(map[string]person), spell: []string{
		"testnet4", "regtest",
		"seed.testnet4.bitcoin.sprovoost.nl:48333", node.P2PAddr,
	}}
}

// here is a text of the page as it is for this test. What begins first in the
// text is replaced whole: an address before the name of the network in it.
func (w *walk) here(text string) string { return strings.NewReplacer(w.spell...).Replace(text) }

// person is the one of that name, who begins with nothing but the program. The
// folder is $HOME/gradseal, as on the pages.
func (w *walk) person(name string) person {
	w.t.Helper()
	if p, ok := w.people[name]; ok {
		return p
	}
	home := w.t.TempDir()
	p := person{dir: filepath.Join(home, "gradseal"), env: append(cleanEnvironment(), "HOME="+home)}
	require.NoError(w.t, os.MkdirAll(filepath.Join(home, "bin"), 0o777))
	require.NoError(w.t, os.MkdirAll(p.dir, 0o777))
	program, err := filepath.Abs(builtProgram(w.t))
	require.NoError(w.t, err)
	require.NoError(w.t, os.Symlink(program, filepath.Join(p.dir, "gradseal")))
	node := w.node
	switch name {
	case "":
		p.env = append(p.env, w.env...)
		for _, of := range []string{"2022110417", "2022110418"} {
			write(w.t, filepath.Join(p.dir, "transcripts", of+".pdf"), smallPDF(of))
		}
		write(w.t, filepath.Join(p.dir, "pass.txt"), []byte("correct horse battery\n"))
	case "signer":
		node = w.cold
	default:
		node = nil
	}
	if node != nil && node.Program == "bitcoind" {
		// Its directory is where everybody looks for it. Its port is another one.
		_, port, err := net.SplitHostPort(strings.TrimPrefix(node.RPCURL, "http://"))
		require.NoError(w.t, err)
		cli, err := exec.LookPath("bitcoin-cli")
		require.NoError(w.t, err, "it comes with bitcoind")
		script := fmt.Sprintf("#!/bin/sh\nexec '%s' -rpcport=%s \"$@\"\n", cli, port)
		require.NoError(w.t, os.WriteFile(filepath.Join(home, "bin", "bitcoin-cli"), []byte(script), 0o755))
		require.NoError(w.t, os.Symlink(node.Dir, filepath.Join(home, ".bitcoin")))
		p.env = append(p.env, "PATH="+filepath.Join(home, "bin")+":"+os.Getenv("PATH"))
	}
	w.people[name] = p
	return p
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

// carry copies a file or a folder from one person to another.
func (w *walk) carry(name, from, to string) {
	w.t.Helper()
	target := filepath.Join(w.person(to).dir, name)
	require.NoError(w.t, os.RemoveAll(target))
	out, err := exec.Command("cp", "-r", filepath.Join(w.person(from).dir, name), target).CombinedOutput()
	require.NoError(w.t, err, "%s", out)
}

// run runs the blocks. Every line of lines must be among theirs.
func (w *walk) run(blocks []pageBlock, lines map[string]pageLine) {
	w.t.Helper()
	seen := make(map[string]bool)
	for _, b := range blocks {
		switch b.kind {
		case "ini":
		case "yaml":
			config := filepath.Join(filepath.Dir(w.person("").dir), ".local", "share", "gradseal", "config.yaml")
			require.NoError(w.t, os.WriteFile(config, []byte(w.here(b.text)), 0o600), "the page makes the folder first")
		default:
			for line := range strings.Lines(b.text) {
				line = strings.TrimSuffix(line, "\n")
				seen[line] = true
				w.line(b, line, lines[line])
			}
		}
	}
	for line := range lines {
		require.True(w.t, seen[line], "the page has no line %q any more", line)
	}
}

// cronTime is when a line of a crontab is run.
var cronTime = regexp.MustCompile(`^(\S+ ){5}`)

func (w *walk) line(b pageBlock, line string, l pageLine) {
	w.t.Helper()
	if l.skip != "" {
		w.t.Logf("$ %s\nnot run: %s", line, l.skip)
		return
	}
	p := w.person(b.person)
	if l.before != nil {
		l.before(w)
	}
	command, dir := line, p.dir
	if b.kind == "cron" {
		require.Regexp(w.t, cronTime, line)
		command, dir = cronTime.ReplaceAllString(line, ""), filepath.Dir(p.dir)
	}
	if l.add == addFingerprint {
		l.add = fmt.Sprintf("--fingerprint %q", w.fingerprint)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", strings.TrimSpace(w.here(command)+" "+l.add))
	cmd.Dir, cmd.Env = dir, p.env
	out, err := cmd.CombinedOutput()
	w.out = string(out)
	w.t.Logf("%s$ %s\n%s", b.person, cmd.Args[2], out)
	exit := 0
	var exitErr *exec.ExitError
	if errors.As(err, &exitErr) {
		exit = exitErr.ExitCode()
	} else {
		require.NoError(w.t, err)
	}
	require.Equal(w.t, l.exit, exit, "%s\n%s", line, out)
	require.Regexp(w.t, l.want, w.out, line)
	if f := regexp.MustCompile(`(?:[0-9a-f]{4} ){9}[0-9a-f]{4}`).FindString(w.out); f != "" && w.fingerprint == "" {
		w.fingerprint = f
	}
	if a := regexp.MustCompile(`\bbcrt1[0-9a-z]{39,59}\b`).FindString(w.out); a != "" {
		w.address = a
	}
}

// addFingerprint is for what the person who adds a pack types: the fingerprint
// that the registrar's command printed.
const addFingerprint = "--fingerprint …"

// fund sends what the page says to the address that was printed last, and puts
// it into a block.
func (w *walk) fund() {
	w.t.Helper()
	require.NotEmpty(w.t, w.address, "no address was printed")
	a, err := address.DecodeAddress(w.address, &chaincfg.RegressionNetParams)
	require.NoError(w.t, err)
	script, err := txscript.PayToAddrScript(a)
	require.NoError(w.t, err)
	pay(w.t, w.node, script, 10_000)
	w.node.Mine(1)
}

// pay spends the first block's reward, which pays to testnode.Key and must be
// ripe: value to script, the rest back.
func pay(t *testing.T, node *testnode.Node, script []byte, value int64) {
	t.Helper()
	var block struct{ Tx []string }
	node.Call(&block, "getblock", node.Block(1).String(), 1)
	var text string
	node.Call(&text, "getrawtransaction", block.Tx[0])
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	coinbase := new(wire.MsgTx)
	require.NoError(t, coinbase.Deserialize(bytes.NewReader(raw)))
	spent := coinbase.TxOut[0]
	require.Equal(t, testnode.Script(), spent.PkScript)

	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: coinbase.TxHash()}})
	tx.AddTxOut(wire.NewTxOut(value, script))
	tx.AddTxOut(wire.NewTxOut(spent.Value-value-1000, spent.PkScript))
	outs := txscript.NewCannedPrevOutputFetcher(spent.PkScript, spent.Value)
	tx.TxIn[0].Witness, err = txscript.WitnessSignature(tx, txscript.NewTxSigHashes(tx, outs), 0, spent.Value, spent.PkScript,
		txscript.SigHashAll, testnode.Key(), true)
	require.NoError(t, err)
	var signed bytes.Buffer
	require.NoError(t, tx.Serialize(&signed))
	node.Call(nil, "sendrawtransaction", hex.EncodeToString(signed.Bytes()))
}

// summer is the line about the page's batch in a list with other ones, such as
// that of a rehearsal, or else the text as it is.
func summer(text string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "Summer 2026") {
			return line
		}
	}
	return text
}

// nameBatch takes the batch that was named last for the one of the page.
func (w *walk) nameBatch() {
	w.t.Helper()
	name := regexp.MustCompile(`\b20\d{6}-[0-9a-f]{8}\b`).FindString(summer(w.out))
	require.NotEmpty(w.t, name, "no batch was named")
	w.spell = append(w.spell, "20261122-10b7b705", name)
}

// transactions are the versions that the registrar's one batch keeps.
func (w *walk) transactions() [][]byte {
	w.t.Helper()
	list, err := batch.Open(filepath.Join(filepath.Dir(w.person("").dir), ".local", "share", "gradseal", "batches")).List()
	require.NoError(w.t, err)
	require.Len(w.t, list, 1)
	return list[0].Transactions
}

// mine puts what was sent into a block.
func (w *walk) mine() { w.node.Mine(1) }

// bring gives the second person what the page says that they need.
func (w *walk) bring() {
	w.carry("uni.pack", "", "verifier")
	w.carry("transcripts", "", "verifier")
}

// Arguments in place of what is typed at a terminal.
const (
	addIssuerPassphrase = "--passphrase-file pass.txt"
	addBothPassphrases  = "--passphrase-file pass.txt --coin-passphrase-file pass.txt"
	addNewIssuer        = "--passphrase-file pass.txt --recovery recovery-key.txt"
)

// wayLines are the lines that the pages have in common. sign is what answers
// for the passphrases when a batch is anchored.
func wayLines(sign string) map[string]pageLine {
	return map[string]pageLine{
		`go build -o gradseal .`: {skip: "the program is built once for all tests"},
		`./gradseal issuer create --id uni.example/registrar --name "University of Example"`: {
			add: addNewIssuer, want: "fingerprint"},
		`./gradseal anchor --dry-run transcripts/`: {
			before: (*walk).fund, add: sign, want: `fee +[\d,]+ satoshi`},
		`./gradseal anchor --title "Summer 2026" transcripts/`: {
			add: sign, want: `(?s)Sent the transaction for 2 documents to regtest.*Wrote 2 pending proofs`},
		`./gradseal upgrade`: {want: "is in no block yet"},
		`*/10 * * * * cd "$HOME/gradseal" && ./gradseal --quiet upgrade`: {
			before: (*walk).mine, want: "Wrote 2 proofs"},
		`./gradseal batches`:                                {want: "complete +2 +regtest"},
		`./gradseal verify transcripts/`:                    {want: "2 VALID"},
		`./gradseal issuer pack -o uni.pack`:                {want: `1 status list, headers of regtest`},
		`./gradseal trust add uni.pack`:                     {before: (*walk).bring, add: addFingerprint, want: "Added"},
		`./gradseal verify --network testnet4 transcripts/`: {want: "(?s)TEST NETWORK.*2 VALID"},
	}
}

// with adds lines to a table, or replaces them.
func with(lines, more map[string]pageLine) map[string]pageLine {
	for line, l := range more {
		lines[line] = l
	}
	return lines
}

// options are the node's options in the ini block of a page. given are those
// that the test's node gets; replaced those that it has otherwise, by name: the
// network, and how to log in.
func options(t *testing.T, page string) (given, replaced []string) {
	t.Helper()
	blocks := pageBlocks(t, page)
	i := slices.IndexFunc(blocks, func(b pageBlock) bool { return b.kind == "ini" })
	require.GreaterOrEqual(t, i, 0)
	for line := range strings.Lines(blocks[i].text) {
		line = strings.TrimSpace(line)
		name, _, _ := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "["):
		case slices.Contains([]string{"testnet4", "rpcuser", "rpcpass"}, name):
			replaced = append(replaced, name)
		default:
			given = append(given, line)
		}
	}
	require.Contains(t, replaced, "testnet4")
	return given, replaced
}

// requireKnown looks whether a node program has the options, in its help.
func requireKnown(t *testing.T, program, help string, names []string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil { // where "go install" puts it
		out, err := exec.Command("go", "env", "GOBIN", "GOPATH").Output()
		require.NoError(t, err)
		bin, gopath, _ := strings.Cut(strings.TrimRight(string(out), "\n"), "\n")
		path = filepath.Join(cmp.Or(bin, filepath.Join(gopath, "bin")), program)
	}
	out, _ := exec.Command(path, help).CombinedOutput() // btcd exits with 1 after it
	for _, name := range names {
		require.Regexp(t, `[ -]-`+name+`\b`, string(out))
	}
}

// newBtcdWalk has a btcd with the configuration of its page.
func newBtcdWalk(t *testing.T) *walk {
	t.Helper()
	given, replaced := options(t, "btcd.md")
	for i, option := range given {
		given[i] = "--" + strings.TrimSuffix(option, "=1")
	}
	for _, index := range []string{"--txindex", "--addrindex"} { // which testnode adds
		if !slices.Contains(given, index) {
			given = append(given, index+"=false")
		}
	}
	node := testnode.StartBtcd(t, given...)
	requireKnown(t, "btcd", "--help", replaced)
	node.Mine(101)
	w := newWalk(t, node)
	w.env = []string{"GRADSEAL_NODE_URL=" + node.RPCURL, "GRADSEAL_NODE_CERT=" + node.CertFile}
	w.spell = append(w.spell, "user: registrar", "user: "+node.User)
	return w
}

// newEsploraWalk has a service in front of a btcd.
func newEsploraWalk(t *testing.T) *walk {
	t.Helper()
	node := testnode.StartBtcd(t)
	node.Mine(101)
	service, err := esploratest.New(node.RPCURL, node.User, node.Password, node.CertPEM)
	require.NoError(t, err)
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	w := newWalk(t, node)
	w.spell = append(w.spell, "https://mempool.space/testnet4/api", server.URL)
	return w
}

// newBitcoindWalk has a Bitcoin Core with the configuration of its page, and no
// wallet.
func newBitcoindWalk(t *testing.T) *walk {
	t.Helper()
	given, replaced := options(t, "bitcoind.md")
	for i, option := range given {
		given[i] = "-" + option
	}
	node := testnode.StartBitcoind(t, given...)
	requireKnown(t, "bitcoind", "-help", replaced)
	node.Mine(101)
	w := newWalk(t, node)
	w.env = []string{"GRADSEAL_NODE_URL=" + node.RPCURL, "GRADSEAL_NODE_COOKIE=" + node.CookieFile}
	return w
}

// btcdLines are those of the btcd page's first chapters.
func btcdLines() map[string]pageLine {
	return map[string]pageLine{
		`go install github.com/btcsuite/btcd@v0.26.2`: {skip: "it is what the tests found installed"},
		`~/go/bin/btcd`: {skip: "the node runs since the test began"},
		`chmod 600 btcd-password.txt`: {before: func(w *walk) {
			write(w.t, filepath.Join(w.person("").dir, "btcd-password.txt"), []byte(w.node.Password+"\n"))
		}},
		`./gradseal headers sync`: {want: "regtest"},
	}
}

// TestBtcdPage: from an empty machine to VALID at a second person's.
func TestBtcdPage(t *testing.T) {
	newBtcdWalk(t).run(pageBlocks(t, "btcd.md"), with(with(wayLines(addBothPassphrases), btcdLines()), map[string]pageLine{
		`./gradseal coin create`: {add: addIssuerPassphrase, want: "address"},
	}))
}

// TestEsploraPage is the same without a node.
func TestEsploraPage(t *testing.T) {
	newEsploraWalk(t).run(pageBlocks(t, "esplora.md"), with(wayLines(addBothPassphrases), map[string]pageLine{
		`./gradseal headers sync --from p2p:seed.testnet4.bitcoin.sprovoost.nl:48333`: {want: "regtest"},
		`./gradseal coin create`: {add: addIssuerPassphrase, want: "address"},
	}))
}

// bitcoindLines are those of the Bitcoin Core page's first chapters, without
// the wallet.
func bitcoindLines() map[string]pageLine {
	return map[string]pageLine{
		`bitcoind -daemon`:              {skip: "the node runs since the test began"},
		`bitcoin-cli getblockchaininfo`: {want: `"initialblockdownload": `},
		`./gradseal headers sync`:       {want: "regtest"},
	}
}

// TestBitcoindPage is the same with the node's wallet.
func TestBitcoindPage(t *testing.T) {
	newBitcoindWalk(t).run(pageBlocks(t, "bitcoind.md"), with(with(wayLines(addIssuerPassphrase), bitcoindLines()), map[string]pageLine{
		`bitcoin-cli -named createwallet wallet_name=registrar load_on_startup=true`: {want: "registrar"},
		`bitcoin-cli -rpcwallet=registrar getnewaddress`:                             {want: "^bcrt1q"},
	}))
}

// device signs as a hardware wallet does: it knows nothing but its seed, and
// what the request says. It wants to be told which key of its own an input
// needs, and to see the transaction that made a P2WPKH coin.
type device struct {
	t      *testing.T
	typ    coinkey.Type
	master *hdkeychain.ExtendedKey
}

func newDevice(t *testing.T, typ coinkey.Type) *device {
	t.Helper()
	master, err := hdkeychain.NewMaster(bytes.Repeat([]byte{7}, hdkeychain.RecommendedSeedLen), &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	return &device{t, typ, master}
}

// purpose is the first step to the keys of a type (BIP 84, BIP 86).
func (d *device) purpose() uint32 {
	return map[coinkey.Type]uint32{coinkey.P2WPKH: 84, coinkey.P2TR: 86}[d.typ]
}

func (d *device) derive(path []uint32) *hdkeychain.ExtendedKey {
	d.t.Helper()
	key := d.master
	for _, step := range path {
		var err error
		key, err = key.Derive(step)
		require.NoError(d.t, err)
	}
	return key
}

// fingerprint is that of the master key (BIP 32).
func (d *device) fingerprint() []byte {
	d.t.Helper()
	key, err := d.master.ECPubKey()
	require.NoError(d.t, err)
	return address.Hash160(key.SerializeCompressed())[:4]
}

// descriptor is of the first receiving address.
func (d *device) descriptor() string {
	d.t.Helper()
	const hardened = hdkeychain.HardenedKeyStart
	account, err := d.derive([]uint32{hardened + d.purpose(), hardened + 1, hardened}).Neuter()
	require.NoError(d.t, err)
	text := fmt.Sprintf("%s([%x/%dh/1h/0h]%s/0/0)", d.typ, d.fingerprint(), d.purpose(), account)
	sum, err := coinkey.Checksum(text)
	require.NoError(d.t, err)
	return text + "#" + sum
}

// sign signs every input and finishes none, as most devices do.
func (d *device) sign(request []byte) []byte {
	d.t.Helper()
	packet, err := psbt.NewFromRawBytes(bytes.NewReader(request), false)
	require.NoError(d.t, err)
	tx := packet.UnsignedTx
	outs := txscript.NewMultiPrevOutFetcher(nil)
	for i, in := range tx.TxIn {
		outs.AddPrevOut(in.PreviousOutPoint, packet.Inputs[i].WitnessUtxo)
	}
	hashes := txscript.NewTxSigHashes(tx, outs)
	for i := range tx.TxIn {
		if d.typ == coinkey.P2TR {
			d.signTaproot(packet, hashes, i)
		} else {
			d.signWitness(packet, hashes, i)
		}
	}
	var signed bytes.Buffer
	require.NoError(d.t, packet.Serialize(&signed))
	return signed.Bytes()
}

// signFile signs what is in a file of the registrar's.
func (d *device) signFile(w *walk, request, signed string) {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.person("").dir, request))
	require.NoError(d.t, err)
	write(d.t, filepath.Join(w.person("").dir, signed), d.sign(data))
}

func (d *device) signWitness(packet *psbt.Packet, hashes *txscript.TxSigHashes, i int) {
	d.t.Helper()
	input, at := &packet.Inputs[i], packet.UnsignedTx.TxIn[i].PreviousOutPoint
	require.NotNil(d.t, input.NonWitnessUtxo)
	require.Equal(d.t, at.Hash, input.NonWitnessUtxo.TxHash())
	spent := input.NonWitnessUtxo.TxOut[at.Index]
	require.Len(d.t, input.Bip32Derivation, 1)
	own := input.Bip32Derivation[0]
	require.Equal(d.t, d.fingerprint(), binary.LittleEndian.AppendUint32(nil, own.MasterKeyFingerprint))
	key, err := d.derive(own.Bip32Path).ECPrivKey()
	require.NoError(d.t, err)
	require.Equal(d.t, key.PubKey().SerializeCompressed(), own.PubKey)
	signature, err := txscript.RawTxInWitnessSignature(packet.UnsignedTx, hashes, i, spent.Value, spent.PkScript, txscript.SigHashAll, key)
	require.NoError(d.t, err)
	updater, err := psbt.NewUpdater(packet)
	require.NoError(d.t, err)
	outcome, err := updater.Sign(i, signature, own.PubKey, nil, nil)
	require.NoError(d.t, err)
	require.EqualValues(d.t, psbt.SignSuccesful, outcome)
}

func (d *device) signTaproot(packet *psbt.Packet, hashes *txscript.TxSigHashes, i int) {
	d.t.Helper()
	input := &packet.Inputs[i]
	require.Len(d.t, input.TaprootBip32Derivation, 1)
	own := input.TaprootBip32Derivation[0]
	require.Equal(d.t, d.fingerprint(), binary.LittleEndian.AppendUint32(nil, own.MasterKeyFingerprint))
	key, err := d.derive(own.Bip32Path).ECPrivKey()
	require.NoError(d.t, err)
	require.Equal(d.t, schnorr.SerializePubKey(key.PubKey()), own.XOnlyPubKey)
	spent := input.WitnessUtxo
	signature, err := txscript.RawTxInTaprootSignature(packet.UnsignedTx, hashes, i, spent.Value, spent.PkScript, nil, txscript.SigHashDefault, key)
	require.NoError(d.t, err)
	input.TaprootKeySpendSig = signature
}

// The chapters of the page about signers elsewhere that are alternatives.
const (
	watchAddress = "2. What gradseal has to know of the coins' key/btcd or Esplora, with a hardware wallet"
	watchWallet  = "2. What gradseal has to know of the coins' key/Bitcoin Core, here and as the signer"
	signDevice   = "4. Sign/With a hardware wallet"
	higherFee    = "5. Go on/If no block takes it"
	signWallet   = "4. Sign/With Bitcoin Core"
)

// psbtBlocks are the blocks of that page without some chapters.
func psbtBlocks(t *testing.T, without ...string) []pageBlock {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(anchoringDir, "psbt.md"))
	require.NoError(t, err)
	for _, chapter := range without {
		_, heading, _ := strings.Cut(chapter, "/")
		require.Contains(t, string(page), "\n### "+heading+"\n")
	}
	return slices.DeleteFunc(pageBlocks(t, "psbt.md"), func(b pageBlock) bool { return slices.Contains(without, b.section) })
}

// setUp runs the first chapters of a way's page, up to where it makes keys.
func (w *walk) setUp(page string, lines map[string]pageLine) {
	w.t.Helper()
	blocks := pageBlocks(w.t, page)
	end := slices.IndexFunc(blocks, func(b pageBlock) bool { return strings.Contains(b.text, "gradseal issuer create") })
	require.Positive(w.t, end)
	w.run(blocks[:end], with(lines, map[string]pageLine{`go build -o gradseal .`: {skip: "the program is built once for all tests"}}))
}

// psbtLines are the lines of the page for all signers.
func psbtLines(more map[string]pageLine) map[string]pageLine {
	lines := wayLines(addIssuerPassphrase)
	for _, line := range []string{
		`go build -o gradseal .`,
		`./gradseal anchor --title "Summer 2026" transcripts/`,
		`*/10 * * * * cd "$HOME/gradseal" && ./gradseal --quiet upgrade`,
	} {
		delete(lines, line)
	}
	return with(with(lines, map[string]pageLine{
		`./gradseal anchor --title "Summer 2026" --psbt-out ask.psbt transcripts/`: {
			add: addIssuerPassphrase, want: "Signed 2 documents; the transaction waits for its signature"},
		`./gradseal batches`:                      {want: "requested +2 +regtest"},
		`./gradseal anchor --psbt-in signed.psbt`: {want: "(?s)Sent the transaction for 2 documents to regtest.*Wrote 2 pending proofs"},
		`./gradseal upgrade`:                      {before: (*walk).mine, want: "Wrote 2 proofs"},
	}), more)
}

// TestPSBTPage: the key to the coins is on a device, through each of the ways
// that have gradseal look for coins.
func TestPSBTPage(t *testing.T) {
	ways := map[string]func(t *testing.T) *walk{
		"btcd": func(t *testing.T) *walk {
			w := newBtcdWalk(t)
			w.setUp("btcd.md", btcdLines())
			return w
		},
		"esplora": func(t *testing.T) *walk {
			w := newEsploraWalk(t)
			w.setUp("esplora.md", map[string]pageLine{})
			return w
		},
	}
	for name, start := range ways {
		t.Run(name, func(t *testing.T) {
			typ := map[string]coinkey.Type{"btcd": coinkey.P2WPKH, "esplora": coinkey.P2TR}[name]
			w, d := start(t), newDevice(t, typ)
			w.run(psbtBlocks(t, watchWallet, signWallet), psbtLines(map[string]pageLine{
				`./gradseal coin import watch.txt`: {want: "not here: a signer elsewhere has it", before: func(w *walk) {
					write(t, filepath.Join(w.person("").dir, "watch.txt"), []byte(d.descriptor()+"\n"))
				}},
				`./gradseal anchor --psbt-in signed.psbt`: {want: "Wrote 2 pending proofs", before: func(w *walk) {
					d.signFile(w, "ask.psbt", "signed.psbt")
				}},
				`./gradseal bump 20261122-10b7b705 --fee-rate 12 --psbt-out higher.psbt`: {
					before: (*walk).nameBatch, want: "12 sat/vB"},
				`./gradseal anchor --psbt-in higher-signed.psbt`: {want: "Sent the transaction", before: func(w *walk) {
					d.signFile(w, "higher.psbt", "higher-signed.psbt")
				}},
			}))
			require.Len(t, w.transactions(), 2)
		})
	}
}

// TestPSBTPageBitcoind: one Bitcoin Core watches, another one, which is
// connected to nobody, has the keys.
func TestPSBTPageBitcoind(t *testing.T) {
	w := newBitcoindWalk(t)
	w.cold = testnode.StartBitcoind(t)
	lines := bitcoindLines()
	lines[`bitcoin-cli -named createwallet wallet_name=registrar load_on_startup=true`] = pageLine{skip: "the wallet is another one"}
	lines[`bitcoin-cli -rpcwallet=registrar getnewaddress`] = pageLine{skip: "the wallet is another one"}
	w.spell = append(w.spell, "wallet: registrar", "wallet: watching")
	w.setUp("bitcoind.md", lines)
	w.run(psbtBlocks(t, watchAddress, signDevice, higherFee), psbtLines(map[string]pageLine{
		`bitcoin-cli -named createwallet wallet_name=cold load_on_startup=true`: {want: "cold"},
		`bitcoin-cli -rpcwallet=cold listdescriptors`:                           {want: "wpkh"},
		`bitcoin-cli -named createwallet wallet_name=watching disable_private_keys=true load_on_startup=true`: {
			want: "watching", before: (*walk).readDescriptors},
		`bitcoin-cli -rpcwallet=watching importdescriptors '[{"desc": "RECEIVING", "timestamp": "now", "active": true}, {"desc": "CHANGE", "timestamp": "now", "active": true, "internal": true}]'`: {
			want: `(?s)"success": true.*"success": true`},
		`bitcoin-cli -rpcwallet=watching getnewaddress`: {want: "^bcrt1q"},
		`bitcoin-cli -rpcwallet=cold walletprocesspsbt "$(base64 -w0 ask.psbt)" | sed -n 's/.*"psbt": "\([^"]*\)".*/\1/p' > signed.psbt`: {
			before: func(w *walk) { w.carry("ask.psbt", "", "signer") }},
		`./gradseal anchor --psbt-in signed.psbt`: {want: "Wrote 2 pending proofs", before: func(w *walk) {
			w.carry("signed.psbt", "signer", "")
		}},
	}))
}

// readDescriptors takes from what the signer printed what the page speaks of.
func (w *walk) readDescriptors() {
	w.t.Helper()
	var listed struct{ Descriptors []struct{ Desc string } }
	require.NoError(w.t, json.Unmarshal([]byte(w.out), &listed))
	for _, d := range listed.Descriptors {
		path, _, _ := strings.Cut(d.Desc, ")#")
		switch {
		case !strings.HasPrefix(d.Desc, "wpkh("):
		case strings.HasSuffix(path, "/0/*"):
			w.spell = append(w.spell, "RECEIVING", d.Desc)
		case strings.HasSuffix(path, "/1/*"):
			w.spell = append(w.spell, "CHANGE", d.Desc)
		}
	}
	require.NotEqual(w.t, "RECEIVING CHANGE", w.here("RECEIVING CHANGE"))
}

// The chapters of the page about calendars that begin with another machine.
const (
	bothWays    = "Calendars and a transaction of your own"
	ownCalendar = "A test network, with a calendar of your own"
)

// calendarBlocks are the blocks of that page in one of these chapters, or those
// in none where it is empty.
func calendarBlocks(t *testing.T, chapter string) []pageBlock {
	t.Helper()
	blocks := slices.DeleteFunc(pageBlocks(t, "calendars.md"), func(b pageBlock) bool {
		if b.section != bothWays && b.section != ownCalendar {
			return chapter != ""
		}
		return b.section != chapter
	})
	require.NotEmpty(t, blocks, chapter)
	return blocks
}

// addCalendars starts calendars that anchor through the walk's node, with what
// its blocks earn.
func (w *walk) addCalendars(count int) {
	w.t.Helper()
	var node anchor.Node
	var err error
	if w.node.Program == "btcd" {
		node, err = btcd.New(btcd.Config{URL: w.node.RPCURL, Login: jsonrpc.Password(w.node.User, w.node.Password), CertFile: w.node.CertFile})
	} else {
		node, err = bitcoind.New(bitcoind.Config{URL: w.node.RPCURL, Login: jsonrpc.Cookie(w.node.CookieFile)})
	}
	require.NoError(w.t, err)
	wif, err := btcutil.NewWIF(testnode.Key(), &chaincfg.RegressionNetParams, true)
	require.NoError(w.t, err)
	key, err := coinkey.Parse(wif.String(), bitcoin.Regtest)
	require.NoError(w.t, err)
	backend := struct {
		anchor.Node
		anchor.Signer
	}{node, anchor.NewKeySigner(node, key)}
	for range count {
		c, err := calendartest.New(backend, calendartest.Options{})
		require.NoError(w.t, err)
		w.t.Cleanup(func() { require.NoError(w.t, c.Close()) })
		w.calendars = append(w.calendars, c)
	}
	w.node.Mine(count) // a ripe coin for each
	w.spell = append(w.spell, "mainnet", "regtest", "seed.bitcoin.sipa.be:8333", w.node.P2PAddr)
}

// nameCalendars has the registrar, who is yet to begin, use the walk's calendars
// where the page means the public ones.
func (w *walk) nameCalendars() {
	var urls []string
	for _, c := range w.calendars {
		urls = append(urls, c.URL())
	}
	w.env = append(w.env, "GRADSEAL_CALENDARS_URLS="+strings.Join(urls, ","))
}

// keepPromises has the calendars make their transactions, and puts these into a
// block.
func (w *walk) keepPromises() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for _, c := range w.calendars {
		require.NoError(w.t, c.Anchor(ctx))
	}
	w.node.Mine(1)
}

// onMainnet answers for who verifies without naming a network.
const onMainnet = "--network regtest"

// TestCalendarsPage: from an empty machine to VALID at a second person's, with
// neither node nor coins; and from one with a rehearsal in it, which the page
// recommends.
func TestCalendarsPage(t *testing.T) {
	for name, rehearse := range map[string]func(w *walk){
		"empty":             func(*walk) {},
		"after a rehearsal": (*walk).rehearse,
	} {
		t.Run(name, func(t *testing.T) { testCalendarsPage(t, rehearse) })
	}
}

// hourly is the page's line of a crontab. It asks the calendars, too, where the
// node does not answer.
const (
	bitcoinSeed = "seed.bitcoin.sipa.be:8333"
	hourly      = `17 * * * * cd "$HOME/gradseal" && ./gradseal --quiet headers sync --network mainnet --from p2p:` + bitcoinSeed + ` > /dev/null; ./gradseal --quiet upgrade`
)

// closedPort is an address at which nobody answers.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func testCalendarsPage(t *testing.T, rehearse func(w *walk)) {
	w := newWalk(t, testnode.StartBtcd(t))
	w.node.Mine(101)
	w.addCalendars(4)
	w.nameCalendars()
	rehearse(w)
	lines := wayLines(addIssuerPassphrase)
	for _, line := range []string{
		`*/10 * * * * cd "$HOME/gradseal" && ./gradseal --quiet upgrade`,
		`./gradseal verify --network testnet4 transcripts/`,
		`./gradseal anchor --dry-run transcripts/`,
		`./gradseal anchor --title "Summer 2026" transcripts/`,
		`./gradseal issuer pack -o uni.pack`,
	} {
		delete(lines, line)
	}
	w.run(calendarBlocks(t, ""), with(lines, map[string]pageLine{
		`./gradseal headers sync --network mainnet --from p2p:seed.bitcoin.sipa.be:8333`: {want: "regtest"},
		`./gradseal anchor --dry-run --issuer uni.example/registrar --replace-test-proofs transcripts/`: {
			add: addIssuerPassphrase, want: `(?s)(calendar +http://127\.0\.0\.1:.*){4}`},
		`./gradseal anchor --issuer uni.example/registrar --replace-test-proofs --title "Summer 2026" transcripts/`: {
			add: addIssuerPassphrase, want: `(?s)Calendars will anchor 2 documents in regtest.*Wrote 2 pending proofs`},
		`./gradseal upgrade`: {want: calendartest.Pending},
		hourly: {want: "Wrote 2 proofs", before: func(w *walk) {
			w.line(pageBlock{kind: "cron"}, strings.Replace(hourly, bitcoinSeed, closedPort(t), 1), pageLine{want: "(?s)cannot be reached.*calendars have promised to anchor it"})
			w.keepPromises()
		}},
		`./gradseal verify transcripts/`: {add: onMainnet, want: "2 VALID"},
		`./gradseal issuer pack --issuer uni.example/registrar -o uni.pack`: {
			want: `1 status list, headers of regtest`},
		`./gradseal export --batch 20261122-10b7b705 --to ots -o timestamps/`: {
			before: (*walk).nameBatch, want: "Wrote 2 files to timestamps"},
	}))
	for _, c := range w.calendars {
		require.Len(t, c.Digests(), 1)
	}
	for _, name := range []string{"2022110417", "2022110418"} {
		data, err := os.ReadFile(filepath.Join(w.person("").dir, "timestamps", name+".pdf.ots"))
		require.NoError(t, err)
		file, err := ots.ParseFile(data)
		require.NoError(t, err)
		paths, err := file.Timestamp.Paths(file.Digest)
		require.NoError(t, err)
		require.Len(t, paths, len(w.calendars), "the page says that all of them are in it")
	}
}

// rehearse does what the README has a registrar do first, with a network inside
// the program. It is called regtest, too, so its headers give way to those of the
// page's regtest, which stands for another network.
func (w *walk) rehearse() {
	w.t.Helper()
	w.line(pageBlock{}, `./gradseal anchor --title "Rehearsal" transcripts/`, pageLine{want: "REHEARSAL"})
	w.line(pageBlock{}, `./gradseal verify --network regtest transcripts/`, pageLine{want: "2 VALID"})
	require.NoError(w.t, os.RemoveAll(filepath.Join(filepath.Dir(w.person("").dir), ".local", "share", "gradseal", "headers")))
}

// TestCalendarsPageBothWays: beside a transaction of the registrar's own, whose
// way is that of another page.
func TestCalendarsPageBothWays(t *testing.T) {
	ways := map[string]struct {
		start func(t *testing.T) *walk
		page  string
		sign  string
		lines map[string]pageLine
	}{
		"bitcoind": {newBitcoindWalk, "bitcoind.md", addIssuerPassphrase, with(bitcoindLines(), map[string]pageLine{
			`bitcoin-cli -named createwallet wallet_name=registrar load_on_startup=true`: {want: "registrar"},
			`bitcoin-cli -rpcwallet=registrar getnewaddress`:                             {want: "^bcrt1q"},
		})},
		"btcd": {newBtcdWalk, "btcd.md", addBothPassphrases, with(btcdLines(), map[string]pageLine{
			`./gradseal coin create`: {add: addIssuerPassphrase, want: "address"},
		})},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			w := way.start(t)
			w.addCalendars(2)
			w.nameCalendars()
			w.runUpTo(way.page, "gradseal anchor --title", with(wayLines(way.sign), way.lines))
			w.spell = append(w.spell, "--via bitcoind,", "--via "+name+",")
			w.run(calendarBlocks(t, bothWays), map[string]pageLine{
				`./gradseal anchor --network mainnet --via bitcoind,calendars --issuer uni.example/registrar --replace-test-proofs --title "Winter 2026" transcripts/`: {
					add: way.sign, want: `(?s)Sent the transaction for 2 documents to regtest.*calendars +http://.*Wrote 2 pending proofs`},
				`./gradseal upgrade --network mainnet --via bitcoind,calendars`: {before: (*walk).keepPromises, want: "Wrote 2 proofs"},
				`./gradseal verify --network mainnet transcripts/`:              {want: "2 VALID"},
			})
			data, err := os.ReadFile(filepath.Join(w.person("").dir, "transcripts", "2022110417.pdf"+proof.Suffix))
			require.NoError(t, err)
			p, err := proof.Parse(data)
			require.NoError(t, err)
			require.NotNil(t, p.Bitcoin)
			require.NotNil(t, p.OpenTimestamps)
		})
	}
}

// TestCalendarsPageOwnCalendar: one that names itself otherwise than where it
// was asked.
func TestCalendarsPageOwnCalendar(t *testing.T) {
	w := newWalk(t, testnode.StartBtcd(t))
	w.node.Mine(101)
	w.addCalendars(1)
	asked := w.calendars[0].URL()
	named := strings.Replace(asked, "127.0.0.1", "localhost", 1)
	w.calendars[0].Misbehave(calendartest.Faults{URI: named})
	w.spell = append(w.spell, "https://calendar.uni.example", asked, "https://alice.calendar.uni.example", named)
	w.setUp("calendars.md", map[string]pageLine{
		`./gradseal headers sync --network mainnet --from p2p:seed.bitcoin.sipa.be:8333`: {want: "regtest"},
	})
	w.run(calendarBlocks(t, ownCalendar), map[string]pageLine{
		`./gradseal issuer create --id uni.example/registrar --name "University of Example"`: {add: addNewIssuer, want: "fingerprint"},
		`./gradseal anchor --issuer uni.example/registrar --title "Practice" transcripts/`: {
			add: addIssuerPassphrase, want: `(?s)Calendars will anchor 2 documents in regtest.*calendars +http://localhost:`},
		`./gradseal headers sync --from p2p:seed.testnet4.bitcoin.sprovoost.nl:48333`: {before: (*walk).keepPromises, want: "regtest"},
		`./gradseal upgrade`:             {want: "Wrote 2 proofs"},
		`./gradseal verify transcripts/`: {want: "2 VALID"},
	})
}

// runUpTo runs the blocks of a page before the first one with a command. Of
// lines, those that are not in them are left out.
func (w *walk) runUpTo(page, command string, lines map[string]pageLine) {
	w.t.Helper()
	blocks := pageBlocks(w.t, page)
	end := slices.IndexFunc(blocks, func(b pageBlock) bool { return strings.Contains(b.text, command) })
	require.Positive(w.t, end)
	for line := range lines {
		if !slices.ContainsFunc(blocks[:end], func(b pageBlock) bool { return strings.Contains(b.text, line+"\n") }) {
			delete(lines, line)
		}
	}
	w.run(blocks[:end], lines)
}

// TestAnchoringPage runs what the ways have in common, with a batch that is on
// its way.
func TestAnchoringPage(t *testing.T) {
	w := newBtcdWalk(t)
	w.runUpTo("btcd.md", "gradseal upgrade", with(wayLines(addBothPassphrases), with(btcdLines(), map[string]pageLine{
		`./gradseal coin create`: {add: addIssuerPassphrase},
	})))
	upgrades := 0
	w.run(pageBlocks(t, "README.md"), map[string]pageLine{
		`./gradseal batches`: {want: "sent +2 +regtest"},
		`./gradseal upgrade`: {want: "is in no block yet|Wrote 2 proofs", before: func(w *walk) {
			if upgrades++; upgrades == 2 {
				w.mine()
			}
		}},
		`./gradseal bump 20261122-10b7b705 --fee-rate 12`: {
			add: "--coin-passphrase-file pass.txt", want: "12 sat/vB", before: (*walk).nameBatch},
		`./gradseal issuer pack -o uni.pack`: {want: "headers of regtest", before: func(w *walk) {
			require.Contains(t, w.out, "Wrote 2 proofs")
		}},
		`./gradseal trust add uni.pack`:                                                                  {before: (*walk).bring, add: addFingerprint, want: "Added"},
		`./gradseal verify --network testnet4 transcripts/`:                                              {want: "2 VALID"},
		`./gradseal headers sync --network testnet4 --from p2p:seed.testnet4.bitcoin.sprovoost.nl:48333`: {want: "regtest"},
		`./gradseal headers audit --network testnet4`:                                                    {want: "chainwork"},
		`./gradseal headers export --network testnet4 -o testnet4.headers`:                               {want: "Wrote regtest.headers"},
		`./gradseal headers import testnet4.headers`: {want: "regtest", before: func(w *walk) {
			w.carry("regtest.headers", "auditor", "offline")
		}},
	})
}

// TestPagesSayWhatRan: the words are on every page, and every page is run.
func TestPagesSayWhatRan(t *testing.T) {
	entries, err := os.ReadDir(anchoringDir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		text, err := os.ReadFile(filepath.Join(anchoringDir, e.Name()))
		require.NoError(t, err)
		if strings.Contains(string(text), "```yaml") || e.Name() == "psbt.md" {
			require.Contains(t, string(text), "No public network was reached when this page was tested")
		}
	}
	require.Equal(t, []string{"README.md", "bitcoind.md", "btcd.md", "calendars.md", "costs.md", "esplora.md", "psbt.md"}, names)
}

// TestPagesNameFlags: what the pages say in passing of flags of gradseal is so.
func TestPagesNameFlags(t *testing.T) {
	var help strings.Builder
	for _, command := range []string{"anchor", "bump", "upgrade", "verify", "headers sync"} {
		out, err := exec.Command(builtProgram(t), append(strings.Fields(command), "--help")...).CombinedOutput()
		require.NoError(t, err)
		help.Write(out)
	}
	pages, err := filepath.Glob(filepath.Join(anchoringDir, "*.md"))
	require.NoError(t, err)
	flags := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile("`(--[a-z-]+)").FindAllStringSubmatch(string(text), -1) {
			require.Contains(t, help.String(), m[1]+" ", page)
			flags++
		}
	}
	require.Greater(t, flags, 10)
}

// TestPagesNameErrors: what the common page says of errors is what they say.
func TestPagesNameErrors(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(anchoringDir, "README.md"))
	require.NoError(t, err)
	for _, err := range []error{
		anchor.ErrSyncing,
		anchor.ErrPruned,
		&anchor.NetworkError{Got: "regtest", Want: bitcoin.Testnet4},
		&anchor.NotEnoughError{Needed: 157},
		&anchor.FeeError{Fee: 78_500, Max: 50_000},
	} {
		require.Contains(t, string(page), "\n| `"+err.Error()+"` |")
	}
	out, err := exec.Command(builtProgram(t), "--home", t.TempDir(), "anchor", "--network", "testnet4", "testdata/transcripts").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "there is no way to testnet4 yet")
	require.Contains(t, string(page), "\n| `there is no way to testnet4 yet` |")

	page, err = os.ReadFile(filepath.Join(anchoringDir, "calendars.md"))
	require.NoError(t, err)
	out, err = exec.Command(builtProgram(t), "--home", t.TempDir(), "anchor", "--network", "testnet4", "--via", "calendars", "testdata/transcripts").CombinedOutput()
	require.Error(t, err)
	const elsewhere = "anchors in mainnet, and the batch is for testnet4"
	require.Contains(t, string(out), elsewhere)
	var silent []*calendar.Client
	for range 4 {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		c, err := calendar.New(calendar.Config{URL: server.URL})
		require.NoError(t, err)
		silent = append(silent, c)
	}
	_, _, err = calendar.Stamp(t.Context(), silent, calendar.Whitelist{}, [32]byte{}, 2)
	require.Error(t, err)
	for _, text := range []string{err.Error(), elsewhere, calendartest.Pending, calendar.ErrNotAllowed.Error()} {
		require.Contains(t, string(page), "\n| `"+text+"` |")
	}
}

// costRow is a row of the table of sizes: coins, change, vbytes.
var costRow = regexp.MustCompile(`(?m)^\| ([12]) (P2WPKH|P2TR) \| (none|P2WPKH|P2TR) \| (\d+) \|$`)

// TestCosts holds the figures of the page to what package anchor makes, whose
// sizes its own tests compare with signed transactions.
func TestCosts(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(anchoringDir, "costs.md"))
	require.NoError(t, err)
	types := map[string]coinkey.Type{"P2WPKH": coinkey.P2WPKH, "P2TR": coinkey.P2TR}
	rows := costRow.FindAllStringSubmatch(string(page), -1)
	require.Len(t, rows, 12)
	for _, row := range rows {
		change := row[3]
		value := int64(50_000)
		if change == "none" { // too little for an output, of either type
			change, value = "P2TR", 200
		}
		e, err := anchor.NewEstimate(costCoins(types[row[2]], int(row[1][0]-'0'), value), types[change].Script(testnode.Key().PubKey()), anchor.SatPerVByte)
		require.NoError(t, err)
		require.Equal(t, row[4], fmt.Sprint(e.VSize), row[0])
	}
}

func costCoins(typ coinkey.Type, count int, value int64) []anchor.Coin {
	var coins []anchor.Coin
	for i := range count {
		coins = append(coins, anchor.Coin{OutPoint: wire.OutPoint{Index: uint32(i)}, Value: value, Script: typ.Script(testnode.Key().PubKey())})
	}
	return coins
}

// TestCostsInMoney does the page's sums again.
func TestCostsInMoney(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(anchoringDir, "costs.md"))
	require.NoError(t, err)
	page := string(data)
	require.Contains(t, page, "worth 100,000 US dollars, the batch has 2,000 documents")
	require.Contains(t, page, "157 vB")
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \|$`).FindAllStringSubmatch(page, -1)
	require.Len(t, rows, 4)
	for _, row := range rows {
		rate, err := strconv.ParseInt(row[1], 10, 64)
		require.NoError(t, err)
		e, err := anchor.NewEstimate(costCoins(coinkey.P2WPKH, 1, 50_000), testnode.Script(), anchor.FeeRate(rate)*anchor.SatPerVByte)
		require.NoError(t, err)
		require.Equal(t, strings.ReplaceAll(row[2], ",", ""), fmt.Sprint(e.Fee))
		dollars := big.NewRat(e.Fee, 1000) // 100,000 dollars for 100,000,000 satoshi
		require.Equal(t, row[3], dollars.FloatString(3))
		require.Equal(t, row[4], dollars.Quo(dollars, big.NewRat(2000, 1)).FloatString(7))
	}

	require.Contains(t, page, "With 10,000 satoshi at 5 sat/vB there is\nenough for 12 batches")
	batches, left := 0, int64(10_000)
	for {
		e, err := anchor.NewEstimate(costCoins(coinkey.P2WPKH, 1, left), testnode.Script(), 5*anchor.SatPerVByte)
		if errors.As(err, new(*anchor.NotEnoughError)) {
			break
		}
		require.NoError(t, err)
		batches, left = batches+1, left-e.Fee
	}
	require.Equal(t, 12, batches)
}
