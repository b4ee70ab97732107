package proof_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/merkle"
	"gradseal/proof"
)

// heads are beginnings of proofs: path lengths and indices at their bounds.
func heads() (all []proof.Layer) {
	for _, n := range []int{0, 1, 2, 17, merkle.MaxPath} {
		path := make([]merkle.Hash, n)
		for i := range path {
			path[i] = hash(byte(i + 1))
		}
		for _, index := range []uint64{0, 9, 10, 1<<32 - 2} {
			all = append(all, proof.Layer{Index: index, Path: path})
		}
	}
	return all
}

// A template writes what Marshal writes.
func TestTemplate(t *testing.T) {
	p := newProof(t)
	template, err := proof.NewTemplate(p)
	require.NoError(t, err)
	for i, head := range heads() {
		p.Digest, p.Salt = hash(byte(i)), hash(byte(i+100))
		p.Layers[0].Index, p.Layers[0].Path = head.Index, head.Path
		want, err := proof.Marshal(p)
		require.NoError(t, err)
		got, err := template.Append([]byte("before"), p.Digest, p.Salt, head.Index, head.Path)
		require.NoError(t, err)
		require.Equal(t, "before"+string(want), string(got))
	}
	_, err = proof.NewTemplate(&proof.Proof{})
	require.Error(t, err)
}

// A template refuses what Marshal refuses for its length.
func TestTemplateTooLong(t *testing.T) {
	p := newProof(t)
	p.OpenTimestamps = nil
	p.Bitcoin.Transaction = make([]byte, proof.MaxSize/2-2000)
	template, err := proof.NewTemplate(p)
	require.NoError(t, err)
	refused := 0
	for _, head := range heads() {
		p.Layers[0].Index, p.Layers[0].Path = head.Index, head.Path
		want, wantErr := proof.Marshal(p)
		got, err := template.Append(nil, p.Digest, p.Salt, head.Index, head.Path)
		require.Equal(t, wantErr, err)
		require.Equal(t, want, got)
		if err != nil {
			refused++
		}
	}
	require.Positive(t, refused)
	require.Less(t, refused, len(heads()))
}

// A reader reads what Parse reads, of proofs in any order, and changes nothing of
// those that it returned before.
func TestReader(t *testing.T) {
	var reader proof.Reader
	one, other := newProof(t), newProof(t)
	other.Bitcoin = nil
	var files []string
	var read []*proof.Proof
	for i, head := range heads() {
		for _, p := range []*proof.Proof{one, other} {
			p.Digest, p.Salt = hash(byte(i)), hash(byte(i+100))
			p.Layers[0].Index, p.Layers[0].Path = head.Index, head.Path
			file := marshal(t, p)
			got, err := reader.Parse([]byte(file))
			require.NoError(t, err)
			files, read = append(files, file), append(read, got)
		}
	}
	for i, file := range files {
		want, err := proof.Parse([]byte(file))
		require.NoError(t, err)
		require.Equal(t, want, read[i])
	}
}

// What Parse refuses a reader refuses with the same words, though it knows the
// tail.
func TestReaderRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: reads many proofs, in one goroutine")
	}
	var reader proof.Reader
	good := marshal(t, newProof(t))
	for range 2 {
		_, err := reader.Parse([]byte(good))
		require.NoError(t, err)
	}
	begin := strings.Index(good, "\"statement\"")
	require.Positive(t, begin)
	for i := range begin {
		for _, c := range []byte{'0', 'A', 'g', ' ', '"', ',', '\n', 0, 0x80} {
			bad := []byte(good)
			bad[i] = c
			same(t, &reader, bad)
		}
		same(t, &reader, []byte(good[:i]+good[i+1:]))
		same(t, &reader, []byte(good[:i]+good[i:i+1]+good[i:]))
		same(t, &reader, []byte(good[:i]))
	}
	for _, index := range []string{"00", "01", "-1", "4294967295", "4294967294", "18446744073709551616", "1e0", ""} {
		same(t, &reader, []byte(strings.Replace(good, "\"index\": ", "\"index\": "+index, 1)))
	}
	same(t, &reader, []byte(good+" "))
	same(t, &reader, []byte(strings.ToUpper(good)))
	same(t, &reader, append([]byte(good), make([]byte, proof.MaxSize)...))
}

// same requires of a reader what Parse does.
func same(t *testing.T, reader *proof.Reader, file []byte) {
	t.Helper()
	want, wantErr := proof.Parse(file)
	got, err := reader.Parse(file)
	require.Equal(t, wantErr, err)
	require.Equal(t, want, got)
}

// Goroutines with proofs of several batches disturb each other in nothing.
func TestReaderAtOnce(t *testing.T) {
	var reader proof.Reader
	var wg sync.WaitGroup
	for g := range 4 {
		p := newProof(t)
		p.Bitcoin.Height += uint32(g)
		file := []byte(marshal(t, p))
		wg.Go(func() {
			for range 200 {
				got, err := reader.Parse(file)
				if err != nil || got.Bitcoin.Height != p.Bitcoin.Height {
					t.Errorf("%v, %+v", err, got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestBegun(t *testing.T) {
	p := newProof(t)
	whole := []byte(marshal(t, p))
	p.Bitcoin, p.OpenTimestamps = nil, nil
	pending := []byte(marshal(t, p))
	for n := range len(pending) + 1 {
		require.True(t, proof.Begun(pending[:n], whole), n)
	}
	for n := range len(whole) + 1 {
		require.True(t, proof.Begun(whole[:n], pending), n)
	}
	p.Salt[0]++
	require.False(t, proof.Begun([]byte(marshal(t, p)), whole))
	require.False(t, proof.Begun(whole, []byte(marshal(t, p))))
	require.False(t, proof.Begun([]byte("notes"), whole))
	require.False(t, proof.Begun(append(bytes.Clone(whole[:200]), "x"...), whole))
}
