package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"gradseal/anchor/coinkey"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/keys"
	"gradseal/proof"
)

// keeper holds what is on disk, at any moment at which no command runs, against
// what must hold then, and remembers what must never be lost or change.
type keeper struct {
	*registrar
	fixed map[string][]byte // of files that never change once they are there
	grows map[string][]byte // the whole records of files that only grow
	lists map[string]list   // what was signed under each number of a status list
}

// list is a status list by its issuer, network and number.
type list struct {
	text [sha256.Size]byte
	at   string // the file in which it was seen
}

func newKeeper(r *registrar) *keeper {
	k := &keeper{registrar: r}
	k.forget()
	return k
}

// forget is for a home that is put back to what it was before.
func (k *keeper) forget() {
	k.fixed, k.grows, k.lists = make(map[string][]byte), make(map[string][]byte), make(map[string]list)
	k.lowest = 0
}

// files reads everything in the registrar's place: names with slashes.
func (k *keeper) files(t *testing.T) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for name, data := range filesBelow(t, k.dir) {
		all[name] = []byte(data)
	}
	return all
}

// isTemporary reports whether a file, or a directory above it, is one that a
// command would have renamed or removed. The embedded node's database is one: it
// is made from the blocks each time.
func isTemporary(name string) bool {
	return temporaries.MatchString(name)
}

var temporaries = regexp.MustCompile(`(^|/)\.(tmp|gradseal)-|^home/embedded-node/ffldb/`)

// whole is what holds after any kill and any fault: every file that is there
// under its own name parses, nothing that was there before is lost, no number of a
// status list has two texts, and nobody holds the lock.
func (k *keeper) whole(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		if !isTemporary(name) {
			k.wholeFile(t, name, data)
		}
	}
	batches, err := batch.Open(filepath.Join(k.home(), "batches")).List()
	require.NoError(t, err)
	for _, b := range batches {
		if b.Statement != nil {
			s, _, err := issuer.ParseStatement(b.Statement)
			require.NoError(t, err)
			require.EqualValues(t, len(b.Documents), s.Size)
		}
	}
	k.keeps(t, files)
	k.isFree(t)
}

// batchFiles are the files of a batch, see package batch. All but the last four
// are written once and for ever.
var batchFiles = regexp.MustCompile(`^(plan|withdrawals|statement|request(-\d+)?|transaction(-\d+)?|found|calendars|pending|attestation|timestamp|complete)$`)

// wholeFile parses a file by the format that its place says it has.
func (k *keeper) wholeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	file := filepath.Join(k.dir, filepath.FromSlash(name))
	dir, base := path.Split(name)
	switch {
	case base == "lock":
		require.Empty(t, data, name)
	case strings.HasSuffix(name, proof.Suffix):
		_, err := proof.Parse(data)
		require.NoError(t, err, name)
	case !strings.HasPrefix(name, "home/"): // documents, and what a test put there
	case dir == "home/keys/" && strings.HasSuffix(base, ".address"):
		require.Regexp(t, `^gradseal coin address v1\nnetwork regtest\n\S+\n$`, string(data), name)
	case dir == "home/keys/" && strings.HasPrefix(base, "coin-"):
		_, err := coinkey.Read(file, bitcoin.Regtest, noPassphrase)
		require.NoError(t, err, name)
	case strings.HasSuffix(base, ".key") && dir == "home/keys/":
		_, err := keys.Read(file, noPassphrase)
		require.NoError(t, err, name)
	case strings.HasSuffix(base, ".status"), strings.HasSuffix(base, ".status-fork"):
		_, _, err := issuer.ParseStatus(data)
		require.NoError(t, err, name)
	case strings.Contains(base, ".issuer"):
		_, err := issuer.ParseFile(data)
		require.NoError(t, err, name)
	case strings.HasPrefix(name, "home/batches/"):
		require.Regexp(t, batchFiles, base, name) // List parses them
	case headerData.MatchString(name): // Open reads what is in use of it
	case dir == "home/headers/":
		network, err := bitcoin.ParseNetwork(base)
		require.NoError(t, err, name)
		chain, err := headers.Open(file, network)
		require.NoError(t, err, name)
		require.NoError(t, chain.Close())
	case name == "home/embedded-node/blocks": // blocks parses them
	case name == "home/embedded-node/coin.key":
		require.Regexp(t, `^[0-9a-f]{64}\n$`, string(data), name)
	case name == "home/proposals/sequences":
		require.Regexp(t, `^gradseal sequences v1\n((seen|restored) \S+ \S+ \d+\n)*$`, string(data), name)
	case name == "home/journal/log", name == "home/journal/names":
		require.NoError(t, journal.Open(filepath.Dir(file)).Verify(), name)
	default:
		require.Fail(t, "a file of which nobody knows what it is", name)
	}
}

// headerData is a file with headers, of which the one beside it is the index.
var headerData = regexp.MustCompile(`^home/headers/[a-z0-9]+\.\d+$`)

func noPassphrase() (string, error) { return "", errors.New("encrypted") }

// never are the files that are written once: keys, salts, what was signed, what
// may have been sent. What follows the newest of a kind is not among them.
var never = regexp.MustCompile(`^home/(keys/[^/]*\.key|embedded-node/coin\.key|batches/[^/]*/(plan|withdrawals|statement|(request|transaction)(-\d+)?))$`)

// keeps holds the files against what was there before.
func (k *keeper) keeps(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, old := range k.fixed {
		require.True(t, bytes.Equal(old, files[name]), "%s was lost or has changed", name)
	}
	for name, old := range k.grows {
		require.True(t, bytes.HasPrefix(files[name], old), "%s has lost records or they have changed", name)
	}
	for name, data := range files {
		switch {
		case isTemporary(name):
		case never.MatchString(name):
			k.fixed[name] = data
		case strings.HasPrefix(name, "home/keys/") && bytes.Equal(data, files["home/trust/"+path.Base(name)]):
			k.fixed[name] = data // before it is trusted here, nobody has seen it
		case name == "home/journal/log":
			k.grows[name] = data[:bytes.LastIndexByte(data, '\n')+1]
		}
		if signed, _, err := issuer.ParseStatus(data); err == nil && !isTemporary(name) {
			k.seen(t, name, signed)
		}
	}
	blocks := k.blocks(t)
	require.GreaterOrEqual(t, len(blocks), k.lowest, "blocks were lost")
	k.lowest = len(blocks)
}

// seen notes a status list, in whatever file it was but a temporary one, which
// nobody reads.
func (k *keeper) seen(t *testing.T, file string, signed *issuer.StatusList) {
	t.Helper()
	text, err := signed.Text()
	require.NoError(t, err)
	number := strings.Join(strings.Split(text, "\n")[:4], " ") // title, issuer, network, sequence
	now := list{sha256.Sum256([]byte(text)), file}
	old, ok := k.lists[number]
	require.True(t, !ok || old.text == now.text, "two lists: %s in %s, and another in %s before", number, file, old.at)
	k.lists[number] = now
}

// isFree: the lock went with the process that held it.
func (k *keeper) isFree(t *testing.T) {
	t.Helper()
	name := filepath.Join(k.home(), "lock")
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return
	}
	l := flock.New(name)
	ok, err := l.TryLock()
	require.NoError(t, err)
	require.True(t, ok, "the lock is held")
	require.NoError(t, l.Close())
}

// settled is what holds, beside whole, after a command that ended well.
func (k *keeper) settled(t *testing.T, files map[string][]byte) {
	t.Helper()
	k.whole(t, files)
	data := 0
	for name := range files {
		// The database goes when the node is opened next: who finds the batch complete does not open it.
		left := isTemporary(name) && !strings.HasPrefix(name, "home/embedded-node/ffldb/")
		require.False(t, left, "%s is left", name)
		if headerData.MatchString(name) {
			data++
		}
	}
	require.LessOrEqual(t, data, 1, "files with headers: the index names one")
}

// moment says at which point of a command it was killed: before is what was
// there when it began, and end what the command left that went to its end.
func moment(before, killed, end map[string][]byte) string {
	if same(before, killed) {
		return beforeFirst
	}
	for name := range killed {
		if isTemporary(name) {
			return duringOne
		}
	}
	if same(killed, end) {
		return afterLast
	}
	return betweenTwo
}

// The moments, in their order.
const (
	beforeFirst = "before the first write"
	duringOne   = "with a temporary file there"
	betweenTwo  = "between two writes"
	afterLast   = "after the last write"
)

// same reports whether the files are the same, but for locks, which are empty.
func same(a, b map[string][]byte) bool {
	subset := func(a, b map[string][]byte) bool {
		for name, data := range a {
			other, ok := b[name]
			if path.Base(name) != "lock" && (!ok || !bytes.Equal(data, other)) {
				return false
			}
		}
		return true
	}
	return subset(a, b) && subset(b, a)
}
