package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
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
	"gradseal/internal/testnode"
	"gradseal/proof"
)

// Here OpenTimestamps calendars anchor in the chain of a real node, from coins of
// their own, alone or beside a transaction of the registrar's.

// stamper is a branch whose batches are anchored by calendars, too.
type stamper struct {
	*branch
	calendars []*calendartest.Calendar
	alone     []string // the flags without a node
}

// newStamper makes a registrar on one node, and n calendars on the same or
// another one.
func newStamper(t *testing.T, node, theirs *testnode.Node, n int) *stamper {
	t.Helper()
	s := &stamper{branch: newBranch(t, node)}
	backend := calendarBackend(t, theirs)
	var urls []string
	for range n {
		c, err := calendartest.New(backend, calendartest.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		s.calendars = append(s.calendars, c)
		urls = append(urls, "--calendar", c.URL())
	}
	s.alone = append([]string{"--via", "calendars"}, urls...)
	s.via = append(slices.Clone(s.via), urls...)
	s.via[1] += ",calendars"
	return s
}

// calendarKey owns the coins of the calendars. That of Bitcoin Core's blocks is
// nobody else's; on btcd it is one of two that blocks pay to.
func calendarKey(program string) *btcec.PrivateKey {
	if program == "bitcoind" {
		return testnode.Key()
	}
	secret := sha256.Sum256([]byte("gradseal test calendars"))
	key, _ := btcec.PrivKeyFromBytes(secret[:])
	return key
}

// startForCalendars starts the kind of node with coins for a registrar and for
// calendars.
func startForCalendars(t *testing.T, program string) *testnode.Node {
	t.Helper()
	if program == "bitcoind" {
		node := startNode(t, program)
		node.Mine(20)
		return node
	}
	theirs, err := address.NewAddressWitnessPubKeyHash(address.Hash160(calendarKey(program).PubKey().SerializeCompressed()), &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	// btcd pays to either by chance: each has a coin, but for one time in 2^30.
	node := testnode.StartBtcd(t, "--miningaddr="+testnode.Address(), "--miningaddr="+theirs.EncodeAddress())
	node.Mine(130)
	return node
}

func calendarBackend(t *testing.T, n *testnode.Node) anchor.Backend {
	t.Helper()
	wif, err := btcutil.NewWIF(calendarKey(n.Program), &chaincfg.RegressionNetParams, true)
	require.NoError(t, err)
	key, err := coinkey.Parse(wif.String(), bitcoin.Regtest)
	require.NoError(t, err)
	login := jsonrpc.Password(n.User, n.Password)
	var node anchor.Node
	if n.Program == "btcd" {
		node, err = btcd.New(btcd.Config{URL: n.RPCURL, Login: login, CertFile: n.CertFile})
	} else {
		node, err = bitcoind.New(bitcoind.Config{URL: n.RPCURL, Login: login})
	}
	require.NoError(t, err)
	return struct {
		anchor.Node
		anchor.Signer
	}{node, anchor.NewKeySigner(node, key)}
}

// eachForCalendars runs a test on each kind of node.
func eachForCalendars(t *testing.T, test func(t *testing.T, node *testnode.Node)) {
	for _, program := range []string{"btcd", "bitcoind"} {
		t.Run(program, func(t *testing.T) { test(t, startForCalendars(t, program)) })
	}
}

// theyAnchor has the calendars send their transactions.
func (s *stamper) theyAnchor() {
	s.t.Helper()
	for _, c := range s.calendars {
		require.NoError(s.t, c.Anchor(s.t.Context()))
	}
}

// withCalendars runs a command with calendars and without a node.
func (s *stamper) withCalendars(args ...string) string {
	s.t.Helper()
	return s.gradseal(append(args, s.alone...)...)
}

// evidence is what all proofs of the folder carry: "", "bitcoin",
// "opentimestamps" or both with a blank between.
func (s *stamper) evidence(folder string) string {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, folder, "*"+proof.Suffix))
	require.NoError(s.t, err)
	require.NotEmpty(s.t, found)
	var all []string
	for _, path := range found {
		data, err := os.ReadFile(path)
		require.NoError(s.t, err)
		p, err := proof.Parse(data)
		require.NoError(s.t, err)
		var kinds []string
		if p.Bitcoin != nil {
			kinds = append(kinds, "bitcoin")
		}
		if p.OpenTimestamps != nil {
			kinds = append(kinds, "opentimestamps")
		}
		all = append(all, strings.Join(kinds, " "))
	}
	all = slices.Compact(all)
	require.Len(s.t, all, 1, "proofs of one batch differ")
	return all[0]
}

// shown is what batches --json says about a batch.
type shown struct {
	State         string
	TxID          *string
	Block         *struct{ Height uint32 }
	Calendars     []struct{ Height *uint64 }
	Confirmations int
	Next          string
}

func (s *stamper) shown() shown {
	s.t.Helper()
	var out shown
	require.NoError(s.t, json.Unmarshal([]byte(s.gradseal("batches", "--json", s.batch().ID)), &out))
	return out
}

// kept is how many calendars have the batch in a block, as batches says.
func (s shown) kept() int {
	n := 0
	for _, c := range s.Calendars {
		if c.Height != nil {
			n++
		}
	}
	return n
}

// requireStands: the state of the newest batch and what its proofs carry and
// are worth.
func (s *stamper) requireStands(folder, state, evidence string) shown {
	s.t.Helper()
	out := s.shown()
	require.Equal(s.t, state, out.State)
	require.Equal(s.t, evidence, s.evidence(folder))
	want := "valid"
	if evidence == "" {
		want = "pending"
	}
	require.Equal(s.t, want, s.verdict(folder))
	second := strings.Contains(s.verdictOf(folder), "An OpenTimestamps timestamp in the proof leads to block ")
	require.Equal(s.t, s.hasTwoBlocks(folder), second)
	return out
}

// hasTwoBlocks reports whether the first proof of a folder leads to two blocks.
func (s *stamper) hasTwoBlocks(folder string) bool {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, folder, "transcript-1.pdf"+proof.Suffix))
	require.NoError(s.t, err)
	p, err := proof.Parse(data)
	require.NoError(s.t, err)
	return p.Bitcoin != nil && p.OpenTimestamps != nil && p.Bitcoin.Height != p.OpenTimestamps.Height
}

// verdictOf is what verify prints about the first document of a folder.
func (s *stamper) verdictOf(folder string) string {
	s.t.Helper()
	out, _ := s.command(s.t.Context(), "verify", "--network", "regtest", filepath.Join(folder, "transcript-1.pdf")).CombinedOutput()
	return string(out)
}

// TestCalendarsAfterTransaction: the transaction is in a block first, and the
// calendars are a second witness later.
func TestCalendarsAfterTransaction(t *testing.T) {
	t.Parallel()
	eachForCalendars(t, func(t *testing.T, node *testnode.Node) {
		s := newStamper(t, node, node, 3)
		folder := s.addFolder(t, 3)
		require.Contains(t, s.anchor(folder), "Wrote 3 pending proofs")
		out := s.requireStands(folder, "sent", "")
		require.NotNil(t, out.TxID)
		require.Len(t, out.Calendars, 3)
		require.Zero(t, out.kept())

		node.Mine(1)
		height := uint32(node.Height())
		require.Contains(t, s.upgrade(), "Wrote 3 proofs")
		out = s.requireStands(folder, "complete", "bitcoin")
		require.Equal(t, height, out.Block.Height)
		require.Zero(t, out.kept())

		s.theyAnchor()
		require.NotContains(t, s.upgrade(), "Wrote", "no block has it")
		s.requireStands(folder, "complete", "bitcoin")
		node.Mine(1)
		s.upgrade()
		out = s.requireStands(folder, "complete", "bitcoin opentimestamps")
		require.True(t, s.hasTwoBlocks(folder))
		require.Equal(t, height, out.Block.Height, "the registrar's own")
		require.Equal(t, 3, out.kept())
		require.NotContains(t, s.upgrade(), "Wrote")
	})
}

// TestCalendarsBeforeTransaction: the calendars are faster, and the proofs are
// complete without the transaction, which comes later.
func TestCalendarsBeforeTransaction(t *testing.T) {
	t.Parallel()
	eachForCalendars(t, func(t *testing.T, node *testnode.Node) {
		theirs := startOther(t, node.Program)
		theirs.Connect(node)
		theirs.Disconnect()
		s := newStamper(t, node, theirs, 3)
		folder := s.addFolder(t, 2)
		s.anchor(folder)
		s.theyAnchor()
		theirs.Mine(1) // where the registrar's transaction is not known
		node.Connect(theirs)
		theirs.Disconnect()
		height := uint32(node.Height())
		require.Contains(t, s.upgrade(), "Wrote 2 proofs")
		out := s.requireStands(folder, "complete", "opentimestamps")
		require.NotNil(t, out.TxID)
		require.Equal(t, 3, out.kept())
		require.Equal(t, 1, out.Confirmations)
		require.NotNil(t, out.Block, "the block of the calendars")
		require.Equal(t, height, out.Block.Height)

		node.Mine(1)
		s.upgrade()
		out = s.requireStands(folder, "complete", "bitcoin opentimestamps")
		require.Equal(t, height+1, out.Block.Height)
		require.Equal(t, height, s.batch().Timestamp.Height)

		// The block of the transaction leaves the chain, and that of the calendars
		// stands.
		node.Replace(1, theirs)
		require.Contains(t, s.upgrade(), "has left the chain")
		s.requireStands(folder, "complete", "opentimestamps")
		node.Mine(1)
		s.upgrade()
		s.requireStands(folder, "complete", "bitcoin opentimestamps")

		// Both leave it.
		theirs.Connect(node)
		theirs.Disconnect()
		s.requireCommitted(1)
	})
}

// requireCommitted: every batch root stands in n transactions of the chain.
func (s *stamper) requireCommitted(n int) {
	s.t.Helper()
	commitments := s.commitments()
	list, err := batch.Open(filepath.Join(s.home(), "batches")).List()
	require.NoError(s.t, err)
	require.Len(s.t, list, len(s.folders))
	for _, b := range list {
		root, err := b.Root()
		require.NoError(s.t, err)
		require.Equal(s.t, n, commitments[hex.EncodeToString(root[:])], "transactions for batch %s", b.ID)
	}
}

// TestCalendarsReorganised: the block of the calendars leaves the chain, alone or
// with that of the transaction.
func TestCalendarsReorganised(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"btcd", "bitcoind"} {
		t.Run(program, func(t *testing.T) {
			node := startForCalendars(t, program)
			other := startOther(t, program)
			s := newStamper(t, node, node, 2)

			// That of the transaction is below, and stands.
			folder := s.addFolder(t, 2)
			s.anchor(folder)
			node.Mine(1)
			other.Connect(node)
			other.Disconnect()
			s.theyAnchor()
			node.Mine(1)
			s.upgrade()
			s.requireStands(folder, "complete", "bitcoin opentimestamps")
			node.Replace(1, other)
			out := s.upgrade()
			require.Contains(t, out, "the block of a calendar has left the chain")
			require.NotContains(t, out, "its proofs are pending again")
			s.requireStands(folder, "complete", "bitcoin")
			require.NotContains(t, s.upgrade(), "has left the chain", "said once")
			node.Mine(1)
			s.upgrade()
			s.requireStands(folder, "complete", "bitcoin opentimestamps")

			// Both are in one block.
			other.Connect(node)
			other.Disconnect()
			folder = s.addFolder(t, 2)
			s.anchor(folder)
			s.theyAnchor()
			node.Mine(1)
			require.Contains(t, s.upgrade(), "Wrote 2 proofs")
			s.requireStands(folder, "complete", "bitcoin opentimestamps")
			node.Replace(1, other)
			out = s.upgrade()
			require.Contains(t, out, "the block of a calendar has left the chain")
			require.Contains(t, out, "its proofs are pending again")
			require.Zero(t, s.requireStands(folder, "sent", "").kept())
			node.Mine(1)
			s.upgrade()
			s.requireStands(folder, "complete", "bitcoin opentimestamps")
			s.requireCommitted(1)
		})
	}
}

// TestCalendarsFail: too few calendars answer while the transaction goes out, and
// the same command asks them again.
func TestCalendarsFail(t *testing.T) {
	t.Parallel()
	node := startForCalendars(t, "btcd")
	s := newStamper(t, node, node, 3)
	for _, c := range s.calendars {
		c.Misbehave(calendartest.Faults{Flood: 1})
	}
	folder := s.addFolder(t, 2)
	anchor := []string{"anchor", "--network", "regtest", folder}
	out := s.fails(anchor...)
	require.Contains(t, out, "0 of 3 calendars answered, want at least 2")
	require.Contains(t, out, "is sent, and nothing of it is lost")
	require.NotNil(t, s.requireStands(folder, "sent", "").TxID)
	sent := s.batch()
	require.Contains(t, s.fails(anchor...), "0 of 3 calendars answered", "again")
	require.Contains(t, s.upgrade(), "is in no block yet")

	for _, c := range s.calendars[:2] {
		c.Misbehave(calendartest.Faults{})
	}
	s.anchor(folder)
	require.Len(t, s.shown().Calendars, 2)
	require.Equal(t, sent.Transactions, s.batch().Transactions)
	require.Equal(t, sent.Statement, s.batch().Statement)
	node.Mine(1)
	s.upgrade()
	s.theyAnchor()
	node.Mine(1)
	s.upgrade()
	s.requireStands(folder, "complete", "bitcoin opentimestamps")
	s.requireCommitted(1)
}

// TestCalendarsAlone: a registrar without node and coins, who has headers from
// elsewhere.
func TestCalendarsAlone(t *testing.T) {
	t.Parallel()
	eachForCalendars(t, func(t *testing.T, node *testnode.Node) {
		for _, from := range [][]string{{"--from", "p2p:" + node.P2PAddr}, nil} {
			s := newStamper(t, node, node, 3)
			if from == nil { // from the node that the others anchor through
				from = append([]string{"--from", node.Program}, s.via[2:slices.Index(s.via, "--calendar")]...)
			}
			sync := append([]string{"headers", "sync", "--network", "regtest"}, from...)
			folder := s.addFolder(t, 2)
			out := s.withCalendars("anchor", "--network", "regtest", folder)
			require.Contains(t, out, "Calendars will anchor 2 documents in regtest")
			s.gradseal(sync...)
			at := s.requireStands(folder, "sent", "")
			require.Nil(t, at.TxID)
			require.Nil(t, at.Block)
			require.Len(t, at.Calendars, 3)

			s.theyAnchor()
			node.Mine(1)
			out = s.withCalendars("upgrade", "--network", "regtest")
			require.Contains(t, out, "which the header chain here does not hold")
			require.Contains(t, out, "gradseal headers sync --network regtest")
			s.requireStands(folder, "sent", "")
			s.gradseal(sync...)
			require.Contains(t, s.withCalendars("upgrade", "--network", "regtest", "--confirmations", "2"), "a calendar has it in block "+number(node.Height())+", 1 confirmation")
			require.EqualValues(t, node.Height(), s.requireStands(folder, "confirmed", "").Block.Height)
			require.Contains(t, s.gradseal("upgrade", "--network", "regtest"), "Wrote 2 proofs", "the chain that is here will do")
			at = s.requireStands(folder, "complete", "opentimestamps")
			require.EqualValues(t, node.Height(), at.Block.Height)
			require.Equal(t, 3, at.kept())
			s.requireCommitted(0)
		}
	})
}

func number(n int) string { return strconv.Itoa(n) }

// TestCalendarsEarliest: the proofs carry the earliest block that is known by the
// time at which one is deep enough, and the exports all of them.
func TestCalendarsEarliest(t *testing.T) {
	t.Parallel()
	node := startForCalendars(t, "btcd")
	s := newStamper(t, node, node, 3)
	folder := s.addFolder(t, 2)
	sync := []string{"headers", "sync", "--network", "regtest", "--from", "p2p:" + node.P2PAddr}
	upgrade := func(confirmations int) {
		t.Helper()
		s.gradseal(sync...)
		s.withCalendars("upgrade", "--network", "regtest", "--confirmations", strconv.Itoa(confirmations))
	}
	s.withCalendars("anchor", "--network", "regtest", folder)
	first := node.Height() + 1
	for i, c := range s.calendars {
		require.NoError(t, c.Anchor(t.Context()))
		node.Mine(1)
		if i < 2 { // which are late with their answers
			c.Misbehave(calendartest.Faults{Reason: calendartest.Pending})
		}
	}
	require.NoError(t, s.calendars[1].AnchorAgain(t.Context()))
	node.Mine(1)
	upgrade(3)
	require.EqualValues(t, first+2, s.requireStands(folder, "confirmed", "").Block.Height)
	s.calendars[1].Misbehave(calendartest.Faults{})
	upgrade(4)
	require.EqualValues(t, first+1, s.requireStands(folder, "confirmed", "").Block.Height, "the earlier of two that it has")
	upgrade(3)
	require.EqualValues(t, first+1, s.requireStands(folder, "complete", "opentimestamps").Block.Height)
	s.calendars[0].Misbehave(calendartest.Faults{})
	upgrade(3)
	at := s.requireStands(folder, "complete", "opentimestamps")
	require.EqualValues(t, first+1, at.Block.Height, "proofs that were given away do not change")
	require.Equal(t, 3, at.kept())
	s.requireExports(folder)
}

// waiter is a command that waits.
type waiter struct {
	*exec.Cmd
	said waitingFor
	out  bytes.Buffer
}

// starts runs a command until it says want.
func (s *stamper) starts(want string, args ...string) *waiter {
	s.t.Helper()
	w := &waiter{Cmd: s.command(s.t.Context(), args...), said: waitingFor{want, make(chan struct{}), nil}}
	w.Stderr, w.Stdout = &w.said, &w.out
	require.NoError(s.t, w.Start())
	select {
	case <-w.said.found:
	case <-time.After(30 * time.Second):
		s.t.Fatalf("it does not say %q", want)
	}
	return w
}

// polls waits until each calendar was asked n more times for what it promised.
func (s *stamper) polls(n int) {
	s.t.Helper()
	for _, c := range s.calendars {
		asked := len(c.Seen()) + n
		require.Eventually(s.t, func() bool { return len(c.Seen()) >= asked }, 30*time.Second, 10*time.Millisecond)
	}
}

// TestCalendarsWaitedFor: commands that wait for calendars end once the proofs are
// complete, ask them meanwhile, and say everything once.
func TestCalendarsWaitedFor(t *testing.T) {
	t.Parallel()
	node := startForCalendars(t, "btcd")
	s := newStamper(t, node, node, 3)
	sync := []string{"headers", "sync", "--network", "regtest", "--from", "p2p:" + node.P2PAddr}
	s.gradseal(sync...)
	folder := s.addFolder(t, 2)
	s.withCalendars("anchor", "--network", "regtest", folder)
	bad := s.calendars[0]
	bad.Misbehave(calendartest.Faults{Flood: 100_000})

	// Whoever stops it is told once what each calendar said.
	upgrade := append([]string{"upgrade", "--network", "regtest", "--wait"}, s.alone...)
	w := s.starts("in no block yet that is known here. Waiting", upgrade...)
	s.polls(3)
	require.NoError(t, w.Process.Signal(os.Interrupt))
	require.Error(t, w.Wait())
	require.Equal(t, 2, strings.Count(string(w.said.text), calendartest.Pending), "%s", w.said.text)
	require.Equal(t, 1, strings.Count(string(w.said.text), "warning: batch"), "%s", w.said.text)

	// Whoever waits is told which headers are missing.
	w = s.starts("Waiting", upgrade...)
	s.polls(1)
	s.theyAnchor()
	node.Mine(1)
	s.polls(2)
	s.gradseal(sync...)
	require.NoError(t, w.Wait(), "%s", w.said.text)
	require.Equal(t, 1, strings.Count(string(w.said.text), "gradseal headers sync --network regtest"), "%s", w.said.text)
	require.Contains(t, w.out.String(), "all complete")
	require.Equal(t, 2, s.requireStands(folder, "complete", "opentimestamps").kept())
	bad.Misbehave(calendartest.Faults{})

	// A node has the headers, and the transaction that comes first.
	folder = s.addFolder(t, 2)
	w = s.starts("is in no block yet. Waiting", append([]string{"anchor", "--network", "regtest", "--wait", "2", folder}, s.via...)...)
	node.Mine(2)
	require.NoError(t, w.Wait(), "%s", w.said.text)
	require.Equal(t, 2, s.requireStands(folder, "complete", "bitcoin").Confirmations)

	// Or nobody has one.
	folder = s.addFolder(t, 2)
	w = s.starts("Waiting", append([]string{"anchor", "--network", "regtest", "--wait", "1", folder}, s.alone...)...)
	s.theyAnchor()
	node.Mine(1)
	s.gradseal(sync...)
	require.NoError(t, w.Wait(), "%s", w.said.text)
	s.requireStands(folder, "complete", "opentimestamps")
}

// TestCalendarsAndSigner: a signer elsewhere takes its time, the calendars do not,
// and the signature is taken all the same.
func TestCalendarsAndSigner(t *testing.T) {
	t.Parallel()
	node := startForCalendars(t, "bitcoind")
	s := newStamper(t, node, node, 2)
	folder := s.addFolder(t, 1)
	out := s.anchor(folder, "--psbt-out", "ask.psbt")
	require.Contains(t, out, "--psbt-in")
	require.NotContains(t, out, "Sent the transaction")
	at := s.requireStands(folder, "sent", "")
	require.Contains(t, at.Next, "--psbt-in")
	require.NotContains(t, at.Next, "another fee")
	require.Contains(t, s.upgrade(), "the transaction waits for its signature")
	s.theyAnchor()
	node.Mine(1)
	s.upgrade()
	s.requireStands(folder, "complete", "opentimestamps")

	request, err := os.ReadFile(filepath.Join(s.dir, "ask.psbt"))
	require.NoError(t, err)
	var signed struct{ PSBT string }
	node.Call(&signed, "registrar/walletprocesspsbt", base64.StdEncoding.EncodeToString(request))
	s.file("signed.psbt", signed.PSBT)
	s.gradseal(append([]string{"anchor", "--network", "regtest", "--psbt-in", "signed.psbt"}, s.via...)...)
	node.Mine(1)
	s.upgrade()
	s.requireStands(folder, "complete", "bitcoin opentimestamps")
	s.requireCommitted(1)
}

// TestTransactionAfterCalendars: a batch that calendars were asked for alone gets a
// transaction too, and a run without node leaves what there is of that as it is.
func TestTransactionAfterCalendars(t *testing.T) {
	t.Parallel()
	node := startForCalendars(t, "btcd")
	other := startOther(t, "btcd")
	s := newStamper(t, node, node, 2)
	folder := s.addFolder(t, 2)
	s.withCalendars("anchor", "--network", "regtest", folder)
	asked := s.batch().Calendars
	require.NotContains(t, s.anchor(folder), "Asking")
	require.Equal(t, asked, s.batch().Calendars)
	node.Mine(1)
	s.upgrade()
	other.Connect(node)
	other.Disconnect()
	s.theyAnchor()
	node.Mine(1)
	s.gradseal("headers", "sync", "--network", "regtest", "--from", "p2p:"+node.P2PAddr)
	s.withCalendars("upgrade", "--network", "regtest")
	s.requireStands(folder, "complete", "bitcoin opentimestamps")

	// A run that was killed before it had written all proofs.
	require.NoError(t, os.Remove(filepath.Join(s.home(), "batches", s.batch().ID, "complete")))
	s.withCalendars("upgrade", "--network", "regtest")
	s.requireStands(folder, "complete", "bitcoin opentimestamps")

	sync := []string{"headers", "sync", "--network", "regtest", "--from", "p2p:" + node.P2PAddr}
	node.Replace(1, other)
	s.gradseal(sync...)
	s.withCalendars("upgrade", "--network", "regtest")
	s.requireStands(folder, "complete", "bitcoin")

	// The transaction's block leaves the chain, too.
	below := startOther(t, "btcd")
	below.Mine(node.Height() + 20)
	s.gradseal(append(sync[:len(sync)-1:len(sync)-1], "p2p:"+below.P2PAddr, "--replace")...)
	require.Contains(t, s.withCalendars("upgrade", "--network", "regtest"), "has left the chain")
	s.requireStands(folder, "sent", "")
	s.gradseal(append(sync, "--replace")...)
	s.upgrade()
	s.requireStands(folder, "complete", "bitcoin")
	node.Mine(1)
	s.upgrade()
	s.requireStands(folder, "complete", "bitcoin opentimestamps")
	s.requireCommitted(1)
}

// promises are what the calendars promised of the newest batch.
func (s *stamper) promises() []string {
	s.t.Helper()
	list, err := batch.Open(filepath.Join(s.home(), "batches")).List()
	require.NoError(s.t, err)
	if len(list) < len(s.folders) || s.batch().Calendars == nil {
		return nil
	}
	b := s.batch()
	root, err := b.Root()
	require.NoError(s.t, err)
	open, kept, err := calendar.Promises(root, b.Calendars)
	require.NoError(s.t, err)
	var all []string
	for _, p := range slices.Concat(open, kept) {
		all = append(all, string(p.Path.Result)+p.URI)
	}
	slices.Sort(all)
	return all
}

// TestKilledWithCalendars kills the program at random times while calendars are
// submitted to and asked, alone and beside a transaction, and runs the same
// command again: one batch root, no promise lost, at most one transaction, every
// proof VALID.
func TestKilledWithCalendars(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: killing the program many times takes a while")
	}
	t.Parallel()
	for _, own := range []bool{false, true} {
		t.Run(map[bool]string{false: "calendars", true: "btcd,calendars"}[own], func(t *testing.T) {
			node := startForCalendars(t, "btcd")
			s := newStamper(t, node, node, 3)
			sync := []string{"headers", "sync", "--network", "regtest", "--from", "p2p:" + node.P2PAddr}
			s.gradseal(sync...)
			flags := s.alone
			if own {
				flags = s.via
			}
			rng, kills := seeded(t), 0
			// until kills the command at random times, and then lets it finish.
			until := func(args ...string) {
				t.Helper()
				args = append(args, flags...)
				for range 4 {
					had := s.promises()
					cmd := s.command(t.Context(), args...)
					require.NoError(t, cmd.Start())
					kill := time.AfterFunc(time.Duration(rng.Int64N(int64(120*time.Millisecond))), func() { cmd.Process.Kill() })
					if err := cmd.Wait(); err != nil {
						require.False(t, cmd.ProcessState.Exited(), "the command failed by itself: %v", err)
						kills++
					}
					kill.Stop()
					if had != nil {
						require.Equal(t, had, s.promises(), "a promise was lost")
					}
				}
				s.gradseal(args...)
			}
			for range rounds(t) / 8 {
				folder := s.addFolder(t, 1+rng.IntN(30))
				until("anchor", "--network", "regtest", folder)
				root, err := s.batch().Root()
				require.NoError(t, err)
				if own && rng.IntN(2) == 0 {
					node.Mine(1) // the transaction comes first
					until("upgrade", "--network", "regtest")
				}
				s.theyAnchor()
				node.Mine(1)
				s.gradseal(sync...)
				until("upgrade", "--network", "regtest")
				again, err := s.batch().Root()
				require.NoError(t, err)
				require.Equal(t, root, again)
				evidence := "opentimestamps"
				if own {
					evidence = "bitcoin opentimestamps"
				}
				require.Equal(t, 3, s.requireStands(folder, "complete", evidence).kept())
				s.requireExports(folder)
			}
			require.Positive(t, kills)
			t.Logf("%d kills", kills)
			s.requireCommitted(map[bool]int{true: 1}[own])
			s.checkHome(t)
		})
	}
}

// TestKilledAtCallsWithCalendars kills the program as it enters its N-th system
// call by which something changes on disk, for one N after the other: while it
// anchors, and while it completes the proofs with what came last.
func TestKilledAtCallsWithCalendars(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: killing the program many times takes a while")
	}
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace, which kills at chosen system calls, is not installed")
	}
	node := startForCalendars(t, "btcd")
	s := newStamper(t, node, node, 3)
	rng := seeded(t)
	for _, call := range []string{"fsync", "renameat", "linkat", "unlinkat"} {
		step := 2
		if rounds(t) >= 1000 {
			step = 1
		}
		kills, survived := 0, 0
		for n := 1; survived < 1; n += 1 + rng.IntN(step) { // some calls, a thread makes only once
			folder := s.addFolder(t, 3)
			killed := s.killedBy(strace, call, n, append([]string{"anchor", "--network", "regtest", folder}, s.via...)...)
			s.anchor(folder)
			ownFirst := rng.IntN(2) == 0
			if ownFirst {
				node.Mine(1)
				s.upgrade()
			}
			s.theyAnchor()
			node.Mine(1)
			if s.killedBy(strace, call, n, append([]string{"upgrade", "--network", "regtest"}, s.via...)...) || killed {
				kills++
			} else {
				survived++
			}
			s.upgrade()
			require.Equal(t, 3, s.requireStands(folder, "complete", "bitcoin opentimestamps").kept(), "%s %d, %v", call, n, ownFirst)
		}
		require.Positive(t, kills, "no call of %s was hit", call)
		t.Logf("%s: %d kills", call, kills)
	}
	s.requireCommitted(1)
	s.checkHome(t)
}

// killedBy runs the command under strace, which kills it at a thread's n-th call,
// and reports whether that happened.
func (s *stamper) killedBy(strace, call string, n int, args ...string) bool {
	s.t.Helper()
	tracer := []string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + call,
		"-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n)}
	cmd := s.traced(s.t.Context(), tracer, args...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	require.False(s.t, cmd.ProcessState.Exited(), "%s %d: the command failed by itself: %v\n%s", call, n, err, out)
	return true
}

// requireExports: from every document of the newest batch there is a way to the
// blocks of all that attest to it.
func (s *stamper) requireExports(folder string) {
	s.t.Helper()
	b := s.batch()
	for i, d := range b.Documents {
		f, err := b.Export(i, nil)
		require.NoError(s.t, err)
		paths, err := f.Timestamp.Paths(d.Digest[:])
		require.NoError(s.t, err)
		want := len(s.calendars) + len(b.Requests)
		require.Len(s.t, paths, want)
		for _, p := range paths {
			height, ok := p.Attestation.BitcoinHeight()
			require.True(s.t, ok)
			root := s.merkleRoot(int(height))
			require.Equal(s.t, root[:], p.Result)
		}
	}
}

// merkleRoot is that of the block at a height of the node's chain.
func (s *stamper) merkleRoot(height int) bitcoin.Hash {
	s.t.Helper()
	var text string
	s.node.Call(&text, "getblockheader", s.node.Block(height).String(), false)
	raw, err := hex.DecodeString(text)
	require.NoError(s.t, err)
	h, err := bitcoin.ParseHeader(raw)
	require.NoError(s.t, err)
	return h.MerkleRoot()
}
