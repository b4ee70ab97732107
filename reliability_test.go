package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/testnode"
	"gradseal/journal"
)

// What "go run ./internal/reliability" sets, which runs these tests for minutes
// and writes docs/reliability.md.
const (
	reliabilityKills   = "TEST_RELIABILITY_KILLS"   // of each command
	reliabilityFaults  = "TEST_RELIABILITY_FAULTS"  // of each kind, and pairs of commands
	reliabilityMinutes = "TEST_RELIABILITY_MINUTES" // for each command at most
	reliabilitySeed    = "TEST_RELIABILITY_SEED"
	reliabilityOut     = "TEST_RELIABILITY_OUT" // file to which a line of JSON goes for each command
)

// defaultKills is how often each command is killed where nothing is set: it takes
// seconds.
const defaultKills = 5

// ordeal is a command that is killed over and over, at random times.
type ordeal struct {
	name  string
	begin func(t *testing.T, rng *rand.Rand) *trial
}

// trial is one command in one place.
type trial struct {
	*keeper
	next  func() []string // makes ready for another run, and returns the command
	check func()          // looks at what the command left that went to its end

	branch *branch // where a node is beside the program
}

var ordeals = []ordeal{
	{"anchor-first", anchorFirst},
	{"anchor-later", anchorLater},
	{"anchor-node", anchorNode},
	{"upgrade", upgradeNode},
	{"headers-sync", headersSync},
	{"trust-add", trustAdd},
	{"trust-import", trustImport},
	{"status-import", statusImport},
	{"withdraw", withdrawKilled},
}

// TestReliability kills commands at random times, some several times in a row,
// holds everything on disk after each kill against what must hold at any moment,
// and runs the same command to its end.
func TestReliability(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: killing programs takes some seconds")
	}
	t.Parallel()
	for _, o := range ordeals {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			o.play(t)
		})
	}
}

// played is what was done in an ordeal or a fault's test, as the command that
// writes the page reads it.
type played struct {
	Name    string
	Seed    uint64
	Seconds float64
	Runs    int            // to a good end
	Kills   int            // or faults that were met
	Again   int            // of them, while a run was taken up that was killed before
	Moments map[string]int // at which the kills came, or how the commands ended
	Stages  map[string]int `json:",omitempty"` // how far the newest batch had come
}

func (o ordeal) play(t *testing.T) {
	rng, p := o.chance(t)
	tr := o.begin(t, rng)
	start, whole := time.Now(), tr.whole1(t)
	first := whole / 2 // when it first writes, about
	kills, deadline := wanted(t, reliabilityKills, defaultKills), deadlineOf(t, start)
	for p.Kills < kills && time.Now().Before(deadline) {
		command := tr.next()
		before := tr.files(t)
		var left []map[string][]byte
		for range 1 + rng.IntN(4) {
			var after time.Duration
			if rng.IntN(3) > 0 { // most of a short command is its start, in which nothing is written
				after = first * 9 / 10
			}
			after += time.Duration(rng.Int64N(int64(max(whole-after, time.Millisecond))))
			begun := time.Now()
			if !killedAfter(t, tr.command(t.Context(), command...), after) {
				whole = (whole + time.Since(begun)) / 2 // the machine may have been slow when it was measured
				break
			}
			files := tr.files(t)
			tr.whole(t, files)
			if len(left) == 0 && same(before, files) == (after > first) {
				first = (first + after) / 2
			}
			left = append(left, files)
			tr.note(t, p.Stages)
		}
		tr.run(t, command...)
		end := tr.files(t)
		tr.settled(t, end)
		tr.check()
		for _, files := range left {
			p.Moments[moment(before, files, end)]++
		}
		p.Runs++
		p.Kills += len(left)
		p.Again += max(0, len(left)-1)
	}
	p.Seconds = time.Since(start).Seconds()
	require.NotZero(t, p.Kills, "no kill came before the end")
	p.report(t)
}

// whole1 runs the command once and returns how long it took.
func (tr *trial) whole1(t *testing.T) time.Duration {
	t.Helper()
	command := tr.next()
	begun := time.Now()
	tr.run(t, command...)
	took := time.Since(begun)
	tr.settled(t, tr.files(t))
	tr.check()
	return took
}

// note counts the state of the newest batch, where the home has some.
func (k *keeper) note(t *testing.T, stages map[string]int) {
	t.Helper()
	batches, err := batch.Open(filepath.Join(k.home(), "batches")).List()
	require.NoError(t, err)
	if len(k.folders) == 0 {
		return
	}
	if len(batches) < len(k.folders) {
		stages["no plan"]++
		return
	}
	stages[batches[len(batches)-1].State().String()]++
}

// chance returns the ordeal's random source, which the seed and its name make, and
// the empty record.
func (o ordeal) chance(t *testing.T) (*rand.Rand, *played) {
	t.Helper()
	seed := uint64(wanted(t, reliabilitySeed, int(time.Now().Unix())))
	t.Logf("seed %d", seed)
	name := fnv.New64()
	name.Write([]byte(o.name))
	p := &played{Name: o.name, Seed: seed, Moments: make(map[string]int), Stages: make(map[string]int)}
	return rand.New(rand.NewPCG(seed, name.Sum64())), p
}

// report logs what was done, and adds it to the file that the page is made from.
func (p *played) report(t *testing.T) {
	t.Helper()
	line, err := json.Marshal(p)
	require.NoError(t, err)
	t.Logf("%s", line)
	name := os.Getenv(reliabilityOut)
	if name == "" {
		return
	}
	out, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	require.NoError(t, err)
	_, err = out.Write(append(line, '\n'))
	require.NoError(t, err)
	require.NoError(t, out.Close())
}

func wanted(t *testing.T, name string, standard int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

func deadlineOf(t *testing.T, start time.Time) time.Time {
	t.Helper()
	return start.Add(time.Duration(wanted(t, reliabilityMinutes, 60)) * time.Minute)
}

// clear empties the registrar's place.
func (k *keeper) clear(t *testing.T) {
	t.Helper()
	names, err := os.ReadDir(k.dir)
	require.NoError(t, err)
	for _, name := range names {
		require.NoError(t, os.RemoveAll(filepath.Join(k.dir, name.Name())))
	}
	k.folders = nil
	k.forget()
}

// save copies the registrar's place, and returns what puts it back.
func (k *keeper) save(t *testing.T) (restore func()) {
	t.Helper()
	saved, folders := t.TempDir(), slices.Clone(k.folders)
	copyTree(t, saved, k.dir)
	return func() {
		k.clear(t)
		copyTree(t, k.dir, saved)
		k.folders = slices.Clone(folders)
		k.keeps(t, k.files(t))
	}
}

// copyTree is os.CopyFS, and keeps the modes: who may read a key is looked at.
func copyTree(t *testing.T, to, from string) {
	t.Helper()
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	require.NoError(t, filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, rel), info.Mode().Perm())
	}))
}

// anchorFirst: the first command in an empty home, which makes an issuer, too.
func anchorFirst(t *testing.T, rng *rand.Rand) *trial {
	tr := &trial{keeper: newKeeper(newRegistrar(t, builtProgram(t)))}
	tr.next = func() []string {
		tr.clear(t)
		return []string{"anchor", tr.addFolder(t, 1+rng.IntN(24))}
	}
	tr.check = func() { tr.registrar.check(t) }
	return tr
}

// anchorLater: a home that has an issuer and batches.
func anchorLater(t *testing.T, rng *rand.Rand) *trial {
	tr := &trial{keeper: newKeeper(newRegistrar(t, builtProgram(t)))}
	tr.next = func() []string {
		if len(tr.folders)%8 == 0 {
			tr.clear(t)
			tr.run(t, "anchor", tr.addFolder(t, 3))
		}
		return []string{"anchor", tr.addFolder(t, 1+rng.IntN(24))}
	}
	tr.check = func() { tr.registrar.check(t) }
	return tr
}

// anchorNode: what is signed is sent to another program, which has the coins.
func anchorNode(t *testing.T, rng *rand.Rand) *trial {
	node := startNode(t, "btcd")
	var b *branch
	var from int
	committed := make(map[string]int)
	tr := new(trial)
	tr.next = func() []string {
		if tr.keeper == nil || len(tr.folders) == 12 {
			b = newBranch(t, node)
			tr.branch = b
			tr.keeper, from = newKeeper(b.registrar), node.Height()+1
			clear(committed)
		}
		return append([]string{"anchor", "--network", "regtest", tr.addFolder(t, 1+rng.IntN(6))}, b.via...)
	}
	tr.check = func() {
		node.Mine(1)
		b.upgrade()
		for root, n := range b.commitmentsFrom(from) {
			committed[root] += n
		}
		from = node.Height() + 1
		require.Len(t, committed, len(b.folders), "batch roots on the chain")
		for root, n := range committed {
			require.Equal(t, 1, n, "transactions that commit to %s", root)
		}
		require.Equal(t, "valid", b.verdict("."))
		tr.settled(t, tr.files(t))
	}
	return tr
}

// upgradeNode: three batches are in a block, and their proofs do not say so yet.
func upgradeNode(t *testing.T, _ *rand.Rand) *trial {
	node := startNode(t, "btcd")
	b := newBranch(t, node)
	for range 3 {
		b.anchor(b.addFolder(t, 8))
	}
	node.Mine(1)
	tr := &trial{keeper: newKeeper(b.registrar)}
	restore := tr.save(t)
	tr.next = func() []string {
		restore()
		return append([]string{"upgrade", "--network", "regtest"}, b.via...)
	}
	tr.check = func() {
		list, err := batch.Open(filepath.Join(b.home(), "batches")).List()
		require.NoError(t, err)
		require.Len(t, list, 3)
		for _, one := range list {
			require.Equal(t, batch.Complete, one.State())
		}
		tr.checkJournal(t, list)
		require.Equal(t, "valid", b.verdict("."))
	}
	return tr
}

// headersSync: from the first block, from half of the chain, and where the last
// blocks were replaced; by RPC and from a peer.
func headersSync(t *testing.T, rng *rand.Rand) *trial {
	node, other := startNode(t, "btcd"), testnode.StartBtcd(t)
	half := 100
	if wanted(t, reliabilityKills, 0) > 0 {
		half = 2500 // more than one message of a peer
	}
	node.Mine(half)
	other.Connect(node)
	other.Disconnect()
	b := newBranch(t, node)
	tr := &trial{keeper: newKeeper(b.registrar)}
	commands := [][]string{
		append([]string{"headers", "sync", "--network", "regtest", "--from", "btcd"}, b.via[2:]...),
		{"headers", "sync", "--network", "regtest", "--from", "p2p:" + node.P2PAddr},
	}
	type start struct {
		restore func()
		command []string
	}
	var starts []start
	empty := tr.save(t)
	keep := func(i int) { starts = append(starts, start{tr.save(t), commands[i]}) }
	for i, command := range commands {
		empty()
		keep(i)
		tr.run(t, command...)
		keep(i)
	}
	node.Mine(5)
	for i, command := range commands {
		starts[2*i+1].restore()
		tr.run(t, command...)
		keep(i)
	}
	node.Replace(5, other)
	node.Mine(half)
	tr.next = func() []string {
		s := starts[rng.IntN(len(starts))]
		s.restore()
		return s.command
	}
	tr.check = func() {
		chain, err := headers.Open(tr.headerFile(), bitcoin.Regtest)
		require.NoError(t, err)
		defer chain.Close()
		require.EqualValues(t, node.Height(), chain.Height())
		tip, err := chain.At(chain.Height())
		require.NoError(t, err)
		require.Equal(t, node.Tip(), tip.Hash())
		tr.run(t, "headers", "audit", "--network", "regtest")
	}
	return tr
}

// publisher is an institution with its home, and the packs that it gave out.
type publisher struct {
	*registrar
	fingerprint string
}

// newPublisher makes an issuer in the home of its own.
func newPublisher(t *testing.T, id string) *publisher {
	t.Helper()
	p := &publisher{registrar: newRegistrar(t, builtProgram(t))}
	p.run(t, "issuer", "create", "--id", id, "--name", "University "+id, "--unsafe-no-passphrase", "--no-recovery")
	var shown struct{ Fingerprint string }
	require.NoError(t, json.Unmarshal([]byte(p.run(t, "issuer", "show", "--json")), &shown))
	p.fingerprint = shown.Fingerprint
	return p
}

// packs makes three publishers, of which the first anchors on a network that
// others take headers of, and has them write their packs into two folders:
// before and after each issued once more.
func packs(t *testing.T) (publishers []*publisher, older, newer string) {
	t.Helper()
	older, newer = t.TempDir(), t.TempDir()
	for i := range 3 {
		publishers = append(publishers, newPublisher(t, fmt.Sprintf("u%d.example", i)))
	}
	for _, dir := range []string{older, newer} {
		for i, p := range publishers {
			if i == 0 {
				p.run(t, "anchor", p.addFolder(t, 2))
			}
			p.run(t, "issuer", "pack", "-o", filepath.Join(dir, fmt.Sprintf("u%d.pack", i)))
		}
	}
	return publishers, older, newer
}

// taking is the trial of a command of a verifier, which takes in what others
// signed. However often it was killed, in the end the home is what the command
// makes of it that was not.
func taking(t *testing.T, rng *rand.Rand, k *keeper, starts []func(), command []string) *trial {
	t.Helper()
	want := make([]map[string][]byte, len(starts))
	for i, restore := range starts {
		restore()
		k.run(t, command...)
		want[i] = k.files(t)
	}
	chosen := 0
	tr := &trial{keeper: k}
	tr.next = func() []string {
		chosen = rng.IntN(len(starts))
		starts[chosen]()
		return command
	}
	tr.check = func() {
		require.True(t, same(want[chosen], k.files(t)), "the home is not what a run that is not killed makes of it")
	}
	return tr
}

func trustAdd(t *testing.T, rng *rand.Rand) *trial {
	publishers, _, newer := packs(t)
	k := newKeeper(newRegistrar(t, builtProgram(t)))
	command := []string{"trust", "add", filepath.Join(newer, "u0.pack"), "--fingerprint", publishers[0].fingerprint}
	starts := []func(){k.save(t)}
	k.run(t, "trust", "add", filepath.Join(newer, "u1.pack"), "--fingerprint", publishers[1].fingerprint)
	return taking(t, rng, k, append(starts, k.save(t)), command)
}

func trustImport(t *testing.T, rng *rand.Rand) *trial {
	publishers, older, newer := packs(t)
	k := newKeeper(newRegistrar(t, builtProgram(t)))
	command := func(dir string) []string {
		all := []string{"trust", "import", dir}
		for _, p := range publishers {
			all = append(all, "--fingerprint", p.fingerprint)
		}
		return all
	}
	starts := []func(){k.save(t)}
	k.run(t, command(older)...)
	return taking(t, rng, k, append(starts, k.save(t)), command(newer))
}

func statusImport(t *testing.T, rng *rand.Rand) *trial {
	publishers, older, newer := packs(t)
	k := newKeeper(newRegistrar(t, builtProgram(t)))
	k.run(t, "trust", "add", filepath.Join(older, "u0.pack"), "--fingerprint", publishers[0].fingerprint)
	return taking(t, rng, k, []func(){k.save(t)}, []string{"status", "import", filepath.Join(newer, "u0.pack")})
}

// withdrawKilled: the next list is signed, under the next number, once.
func withdrawKilled(t *testing.T, rng *rand.Rand) *trial {
	tr := &trial{keeper: newKeeper(newRegistrar(t, builtProgram(t)))}
	folder := tr.addFolder(t, 8)
	tr.run(t, "anchor", folder)
	restore := tr.save(t)
	var named string
	tr.next = func() []string {
		restore()
		named = filepath.Join(folder, fmt.Sprintf("transcript-%d.pdf", 1+rng.IntN(8)))
		return []string{"withdraw", named, "--reason", "rescinded", "--yes"}
	}
	tr.check = func() {
		out, err := tr.command(t.Context(), "verify", "--network", "regtest", folder).CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(string(out), "WITHDRAWN – "), "%s", out)
		require.Regexp(t, `WITHDRAWN – .*  `+regexp.QuoteMeta(named)+"\n", string(out))
		signed := 0 // a list that was signed and not kept is signed again; the journal has both
		for record, err := range journal.Open(filepath.Join(tr.home(), "journal")).Records() {
			require.NoError(t, err)
			if record.Act == journal.Withdraw {
				require.EqualValues(t, 2, record.Sequence)
				signed++
			}
		}
		require.Positive(t, signed)
		require.Len(t, tr.lists, 2, "status lists that were ever signed")
	}
	return tr
}
