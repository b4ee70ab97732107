package cmd

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/keys"
)

func TestKeyNames(t *testing.T) {
	for name, want := range map[string]ownKey{
		"id_uni.example_registrar.key":            {issuer: "uni.example/registrar"},
		"id_uni.example_registrar+0a1b2c3d.key":   {issuer: "uni.example/registrar", keyID: 0x0a1b2c3d, known: true},
		"id_uni.example_registrar+0a1b2c3d.token": {issuer: "uni.example/registrar", keyID: 0x0a1b2c3d, known: true},
	} {
		got, ok := parseKeyName(name)
		require.True(t, ok, name)
		require.Equal(t, want, got, name)
		require.Equal(t, name[len(name)-6:] == ".token", ownKey{path: name}.inToken())
	}
	for _, name := range []string{
		"", "id_uni.example", "id_uni.example.issuer", "id_uni.example.change", "uni.example.key", "coin-regtest.key", ".id_uni.example.key",
		"id_uni.example+.key", "id_uni.example+0A1B2C3D.key", "id_uni.example+a1b2c3d.key", "id_uni.example+00a1b2c3d.key", "id_uni.example+xxxxxxxx.key",
	} {
		_, ok := parseKeyName(name)
		require.False(t, ok, name)
	}
}

// TestKeysAtTheirEnd: where the issuer file has no room for another key set, that
// is said before anything is made.
func TestKeysAtTheirEnd(t *testing.T) {
	dir := t.TempDir()
	h, err := openHome(dir)
	require.NoError(t, err)
	key, err := keys.Generate("uni.example")
	require.NoError(t, err)
	f := &issuer.File{ID: "uni.example", Name: "Uni", Sequence: issuer.MaxSets}
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range issuer.MaxSets {
		set := issuer.KeySet{From: start.AddDate(0, 0, i), Until: start.AddDate(0, 0, i+1), Threshold: 1, Keys: []issuer.Key{{Public: key.PublicKey(), Holder: "Registrar"}}}
		f.Sets = append(f.Sets, set)
	}
	f.Sets[len(f.Sets)-1].Until = time.Time{}
	text, err := f.Text()
	require.NoError(t, err)
	signed, err := issuer.SignNote(text, issuer.MaxFile, key)
	require.NoError(t, err)
	require.NoError(t, atomicfile.MkdirAll(h.keyDir(), 0o700))
	require.NoError(t, key.WriteUnsafe(h.laterKeyFile("uni.example", key.PublicKey(), keySuffix)))
	_, err = h.trust().Add(signed)
	require.NoError(t, err)
	for _, args := range [][]string{
		{"issuer", "rotate", "--unsafe-no-passphrase"},
		{"issuer", "close-key", "--since", "2026-01-01", "--reason", "lost", "--unsafe-no-passphrase", "--yes"},
	} {
		code, out, errs := outputOf(dir, nil, args...)
		require.Equal(t, exitError, code)
		require.Empty(t, out)
		require.Contains(t, errs, "has 64 key sets, the most that one can have: the keys of this issuer cannot change any more")
		require.Contains(t, errs, "make an issuer with another id")
	}
	found, err := filepath.Glob(filepath.Join(h.keyDir(), "*"))
	require.NoError(t, err)
	require.Len(t, found, 1, "nothing was made")
	require.NoFileExists(t, h.keyChangeFile("uni.example"))
}

// TestNoKeyInForce: a home whose key was replaced elsewhere says so.
func TestNoKeyInForce(t *testing.T) {
	id := "uni.example"
	old, err := keys.Generate(id)
	require.NoError(t, err)
	fresh, err := keys.Generate(id)
	require.NoError(t, err)
	until := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := &issuer.File{ID: id, Name: "Uni", Sequence: 2, Sets: []issuer.KeySet{
		{From: until.AddDate(-1, 0, 0), Until: until, Threshold: 1, Keys: []issuer.Key{{Public: old.PublicKey(), Holder: "Dean"}}},
		{From: until, Threshold: 1, Keys: []issuer.Key{{Public: fresh.PublicKey(), Holder: "Registrar"}}},
	}}
	text, err := f.Text()
	require.NoError(t, err)
	signed, err := issuer.SignNote(text, issuer.MaxFile, old, fresh)
	require.NoError(t, err)
	dir := t.TempDir()
	h, err := openHome(dir)
	require.NoError(t, err)
	require.NoError(t, atomicfile.MkdirAll(h.keyDir(), 0o700))
	path := h.laterKeyFile(id, old.PublicKey(), keySuffix)
	require.NoError(t, old.WriteUnsafe(path))
	_, err = h.trust().Add(signed)
	require.NoError(t, err)
	a := &app{home: h, ui: newUI(Stdio{})}
	_, err = a.readKeys(t.Context(), f, "")
	require.EqualError(t, err, "no key of this home signs for uni.example now: "+filepath.Base(path)+`, "Dean", was in force until 2026-01-01T00:00:00Z`)

	// A key file under the name of another key is not taken for that.
	require.NoError(t, old.WriteUnsafe(h.laterKeyFile(id, fresh.PublicKey(), keySuffix)))
	_, err = a.readKeys(t.Context(), f, "")
	require.ErrorContains(t, err, fmt.Sprintf("holds key %s of uni.example", keyID(id, old.PublicKey())))
}

// TestIssuerChanges: what a verifier is told of a file that follows.
func TestIssuerChanges(t *testing.T) {
	id := "uni.example"
	var public [3]issuer.PublicKey
	for i := range public {
		k, err := keys.Generate(id)
		require.NoError(t, err)
		public[i] = k.PublicKey()
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	old := &issuer.File{ID: id, Name: "Uni", Sequence: 1, Sets: []issuer.KeySet{
		{From: at.AddDate(-1, 0, 0), Threshold: 1, Keys: []issuer.Key{{Public: public[0], Holder: "Registrar"}, {Public: public[1], Holder: "Dean"}}},
	}}
	closed := *old
	closed.Sets = []issuer.KeySet{old.Sets[0]}
	closed.Sets[0].Until = at
	ended := issuerChange{"ended", "the keys so far, at 2026-01-01T00:00:00Z: what is anchored later by them is not the institution's"}
	require.Equal(t, []issuerChange{ended}, issuerChanges(old, &closed))

	next := closed
	next.Name = "University"
	next.Sets = append(next.Sets, issuer.KeySet{From: at, Threshold: 2, Keys: []issuer.Key{{Public: public[1], Holder: "Dean"}, {Public: public[2], Holder: "New\u00a0Registrar"}, {Public: public[0], Holder: "x"}}})
	require.Equal(t, []issuerChange{
		{"name", `"University", was "Uni"`},
		ended,
		{"stays", keyID(id, public[1]) + `  "Dean", from 2026-01-01T00:00:00Z`},
		{"new key", keyID(id, public[2]) + "  " + quoted("New\u00a0Registrar") + ", from 2026-01-01T00:00:00Z"},
		{"stays", keyID(id, public[0]) + `  "x", from 2026-01-01T00:00:00Z`},
		{"sign", "2 of 3 keys, was 1 of 2"},
	}, issuerChanges(old, &next))
}
