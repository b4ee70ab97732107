package inside

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/trust"
)

const day = 24 * time.Hour

// now is the clock of these tests.
var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// uni is an institution with one key, and its issuer file.
type uni struct {
	key  *keys.Key
	file issuer.File
	data []byte
}

func newUni(t testing.TB, id, name string) *uni {
	t.Helper()
	key, err := keys.Generate(id)
	require.NoError(t, err)
	u := &uni{key: key, file: issuer.File{ID: id, Name: name, Sequence: 1, Sets: []issuer.KeySet{{
		From: now.Add(-365 * day), Threshold: 1, Keys: []issuer.Key{{Public: key.PublicKey(), Holder: "Registrar"}},
	}}}}
	text, err := u.file.Text()
	require.NoError(t, err)
	u.data = u.sign(t, text, issuer.MaxFile)
	return u
}

func (u *uni) sign(t testing.TB, text string, most int) []byte {
	t.Helper()
	data, err := issuer.SignNote(text, most, u.key)
	require.NoError(t, err)
	return data
}

// renamed is u with the issuer file that follows.
func (u *uni) renamed(t testing.TB, name string) *uni {
	t.Helper()
	next := *u
	next.file.Name, next.file.Sequence = name, u.file.Sequence+1
	text, err := next.file.Text()
	require.NoError(t, err)
	next.data = u.sign(t, text, issuer.MaxFile)
	return &next
}

// list is a status list of u with batches of these numbers.
func (u *uni) list(t testing.TB, n bitcoin.Network, sequence uint64, batches ...byte) []byte {
	t.Helper()
	l := &issuer.StatusList{Issuer: u.file.ID, Network: n, Sequence: sequence, AsOf: now.Add(time.Duration(sequence) * time.Minute), Next: now.Add(30 * day)}
	for _, b := range batches {
		l.AddBatch([32]byte{b, 0x77})
	}
	text, err := l.Text()
	require.NoError(t, err)
	return u.sign(t, text, issuer.MaxStatus)
}

func (u *uni) pack(t testing.TB, lists, segments [][]byte) []byte {
	t.Helper()
	p, err := trust.NewPack(u.data, lists, segments)
	require.NoError(t, err)
	data, err := p.Marshal()
	require.NoError(t, err)
	return data
}

// TestShelfIsTheStore gives the trust store of a page and one on disk the same
// files in many orders. They must answer and believe the same.
func TestShelfIsTheStore(t *testing.T) {
	a, b := newUni(t, "a.example", "A"), newUni(t, "b.example", "B")
	impostor := newUni(t, "a.example", "A")
	after := a.renamed(t, "A, renamed")
	expired := newUni(t, "a.example", "A")
	forged := expired.list(t, bitcoin.Regtest, 9, 1, 2, 3)
	type step struct {
		data   []byte
		status bool
	}
	var steps []step
	for _, u := range []*uni{a, b, impostor, after, after.renamed(t, "A, once more")} {
		steps = append(steps, step{u.data, false})
	}
	for _, list := range [][]byte{
		a.list(t, bitcoin.Regtest, 1), a.list(t, bitcoin.Regtest, 2, 1), a.list(t, bitcoin.Regtest, 2, 2), a.list(t, bitcoin.Regtest, 3, 1),
		a.list(t, bitcoin.Regtest, 3, 1, 2), a.list(t, bitcoin.Regtest, 4, 1, 2), a.list(t, bitcoin.Mainnet, 1, 7), b.list(t, bitcoin.Regtest, 1), forged, []byte("none"),
	} {
		steps = append(steps, step{list, true})
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same orders each time
	refused, forks := 0, 0
	for range 60 {
		store, shelf := trust.Open(t.TempDir()), newShelf()
		for i := range 20 {
			s := steps[random.IntN(len(steps))]
			if i < 2 {
				s = steps[i]
			}
			var want, got error
			if s.status {
				var wantNewer, gotNewer bool
				wantNewer, want = store.ImportStatus(s.data, now)
				_, gotNewer, got = shelf.importStatus(s.data, now)
				require.Equal(t, wantNewer, gotNewer)
			} else {
				var wantChange, gotChange trust.Change
				wantChange, want = store.Add(s.data)
				gotChange, got = shelf.add(s.data)
				require.Equal(t, wantChange, gotChange)
			}
			if want == nil {
				require.NoError(t, got)
			} else {
				refused++
				require.EqualError(t, got, want.Error())
				for _, is := range []error{trust.ErrUnknownIssuer, trust.ErrOtherIssuer, trust.ErrStatusFork, issuer.ErrStatusOlder} {
					require.Equal(t, errors.Is(want, is), errors.Is(got, is), "%v", is)
				}
			}
			forks += requireSame(t, store, shelf)
		}
	}
	require.Greater(t, refused, 100)
	require.Greater(t, forks, 10)
}

// requireSame requires that both believe the same, and counts what is forked.
func requireSame(t *testing.T, store *trust.Store, shelf *shelf) (forks int) {
	t.Helper()
	entries, err := store.Issuers()
	require.NoError(t, err)
	got := shelf.sorted()
	require.Len(t, got, len(entries))
	for i, e := range entries {
		require.Equal(t, string(e.Data), string(got[i].data))
		for _, n := range bitcoin.Networks() {
			want, forked, err := store.Status(e.File.ID, n)
			require.NoError(t, err)
			have := got[i].lists[n]
			if want == nil {
				require.Nil(t, have)
				continue
			}
			require.Equal(t, string(want.Data), string(have.Data))
			require.Equal(t, forked, have.forked())
			if forked {
				forks++
			}
		}
	}
	return forks
}
