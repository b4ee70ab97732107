package trust_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/trust"
)

const testID = "uni.example/registrar"

// now is the clock of these tests.
var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// uni is an institution: its keys, by key set, and its newest issuer file.
type uni struct {
	keys [][]*keys.Key
	file *issuer.File
	data []byte
}

func newKeys(t testing.TB, id string, n int) []*keys.Key {
	t.Helper()
	all := make([]*keys.Key, n)
	for i := range all {
		var err error
		all[i], err = keys.Generate(id)
		require.NoError(t, err)
	}
	return all
}

func keysOf(all []*keys.Key) []issuer.Key {
	var out []issuer.Key
	for _, k := range all {
		out = append(out, issuer.Key{Public: k.PublicKey(), Holder: "Registrar"})
	}
	return out
}

// newUni makes an institution with one key, in force for a year.
func newUni(t testing.TB, id string) *uni {
	t.Helper()
	u := &uni{keys: [][]*keys.Key{newKeys(t, id, 1)}}
	u.file = &issuer.File{ID: id, Name: "University of " + id, Sequence: 1, Sets: []issuer.KeySet{
		{From: now.Add(-365 * day), Threshold: 1, Keys: keysOf(u.keys[0])},
	}}
	u.data = signFile(t, u.file, u.keys[0]...)
	return u
}

func signFile(t testing.TB, f *issuer.File, by ...*keys.Key) []byte {
	t.Helper()
	text, err := f.Text()
	require.NoError(t, err)
	return sign(t, text, issuer.MaxFile, by...)
}

func sign(t testing.TB, text string, most int, by ...*keys.Key) []byte {
	t.Helper()
	var signers []issuer.Signer
	for _, k := range by {
		signers = append(signers, k)
	}
	data, err := issuer.SignNote(text, most, signers...)
	require.NoError(t, err)
	return data
}

// next is the issuer file that follows: with the change, not signed yet.
func (u *uni) next(change func(f *issuer.File)) *issuer.File {
	f := *u.file
	f.Sequence++
	f.Sets = append([]issuer.KeySet{}, u.file.Sets...)
	change(&f)
	return &f
}

// renamed follows u with another name.
func (u *uni) renamed(t testing.TB, name string) *uni {
	t.Helper()
	f := u.next(func(f *issuer.File) { f.Name = name })
	return &uni{keys: u.keys, file: f, data: signFile(t, f, u.newest()...)}
}

// rotated follows u with a new key from the given time on.
func (u *uni) rotated(t testing.TB, from time.Time) *uni {
	t.Helper()
	fresh := newKeys(t, u.file.ID, 1)
	f := u.next(func(f *issuer.File) {
		f.Sets[len(f.Sets)-1].Until = from
		f.Sets = append(f.Sets, issuer.KeySet{From: from, Threshold: 1, Keys: keysOf(fresh)})
	})
	data := signFile(t, f, append(fresh, u.newest()...)...)
	return &uni{keys: append(append([][]*keys.Key{}, u.keys...), fresh), file: f, data: data}
}

func (u *uni) newest() []*keys.Key { return u.keys[len(u.keys)-1] }

// status is a list of u for regtest with the batches of the given numbers.
func (u *uni) status(sequence uint64, batches ...byte) *issuer.StatusList {
	l := &issuer.StatusList{
		Issuer: u.file.ID, Network: bitcoin.Regtest, Sequence: sequence,
		AsOf: now.Add(-time.Hour), Next: now.Add(30 * day),
	}
	for _, b := range batches {
		l.AddBatch(root(b))
	}
	return l
}

func root(b byte) [32]byte { return [32]byte{b, 0x77} }

func signList(t testing.TB, l *issuer.StatusList, by ...*keys.Key) []byte {
	t.Helper()
	text, err := l.Text()
	require.NoError(t, err)
	return sign(t, text, issuer.MaxStatus, by...)
}

// list is a status list that u's newest keys signed.
func (u *uni) list(t testing.TB, sequence uint64, batches ...byte) []byte {
	t.Helper()
	return signList(t, u.status(sequence, batches...), u.newest()...)
}

// network is u's first list for a network.
func (u *uni) network(t testing.TB, n bitcoin.Network) []byte {
	t.Helper()
	l := u.status(1, byte(n))
	l.Network = n
	return signList(t, l, u.newest()...)
}

// open returns a store in a new directory that holds the issuers.
func open(t testing.TB, unis ...*uni) (*trust.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "trust")
	s := trust.Open(dir)
	for _, u := range unis {
		add(t, s, u)
	}
	return s, dir
}

func add(t testing.TB, s *trust.Store, u *uni) {
	t.Helper()
	change, err := s.Add(u.data)
	require.NoError(t, err)
	require.Equal(t, trust.Added, change)
}

func importList(t testing.TB, s *trust.Store, data []byte) {
	t.Helper()
	newer, err := s.ImportStatus(data, now)
	require.NoError(t, err)
	require.True(t, newer)
}

// snapshot is every name below dir with its mode and content.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		require.NoError(t, err)
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		all[name] = info.Mode().String()
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			all[name] += " " + string(data)
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

// requireRefused: the call fails, and the directory is as it was, byte for byte.
func requireRefused(t testing.TB, dir string, call func() error) error {
	t.Helper()
	before := snapshot(t, dir)
	err := call()
	require.Error(t, err)
	require.Equal(t, before, snapshot(t, dir))
	return err
}
