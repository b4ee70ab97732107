package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/trust"
)

func TestSequencesFile(t *testing.T) {
	h := home{dir: t.TempDir()}
	s, err := h.sequences()
	require.NoError(t, err)
	require.Empty(t, s.seen)
	uni, inst := sequenceKey{"uni.example/registrar", bitcoin.Mainnet}, sequenceKey{"inst.example", bitcoin.Testnet4}
	s.seen[uni], s.seen[inst], s.restored[inst] = 7, 1, 0
	require.NoError(t, s.save(h))
	data, err := os.ReadFile(h.sequencesFile())
	require.NoError(t, err)
	text := string(data)
	require.Equal(t, "gradseal sequences v1\nrestored inst.example testnet4 0\nseen inst.example testnet4 1\nseen uni.example/registrar mainnet 7\n", text)
	again, err := h.sequences()
	require.NoError(t, err)
	require.Equal(t, s, again)

	// Whatever else is there is refused: what is forgotten would be used again.
	for name, bad := range map[string]string{
		"empty":         "",
		"no LF":         strings.TrimSuffix(text, "\n"),
		"title alone":   "gradseal sequences v1",
		"newer":         strings.Replace(text, "v1", "v2", 1),
		"order":         "gradseal sequences v1\nseen uni.example/registrar mainnet 7\nseen inst.example testnet4 1\n",
		"twice":         text + "seen uni.example/registrar mainnet 7\n",
		"two numbers":   text + "seen uni.example/registrar mainnet 6\n",
		"leading zero":  strings.Replace(text, " 7", " 07", 1),
		"sign":          strings.Replace(text, " 7", " +7", 1),
		"negative":      strings.Replace(text, " 7", " -7", 1),
		"too large":     strings.Replace(text, " 7", " 18446744073709551616", 1),
		"more":          strings.Replace(text, " 7", " 7 8", 1),
		"less":          strings.Replace(text, " 7", "", 1),
		"spaces":        strings.Replace(text, " 7", "  7", 1),
		"CR":            strings.ReplaceAll(text, "\n", "\r\n"),
		"empty line":    strings.Replace(text, "\n", "\n\n", 1),
		"other word":    strings.Replace(text, "restored", "forgotten", 1),
		"other network": strings.Replace(text, "testnet4", "testnet5", 1),
	} {
		require.NoError(t, os.WriteFile(h.sequencesFile(), []byte(bad), 0o600))
		_, err := h.sequences()
		require.ErrorContains(t, err, h.sequencesFile(), name)
	}
}

// TestMarks: what holds a restored home back, and what lifts it.
func TestMarks(t *testing.T) {
	h := home{dir: t.TempDir()}
	h.chain = h.dir
	a := &app{ui: newUI(Stdio{}), home: h}
	k := sequenceKey{"uni.example/registrar", bitcoin.Mainnet}
	note := func(sequence uint64) {
		require.NoError(t, h.noteSequence(&issuer.StatusList{Issuer: k.issuer, Network: k.network, Sequence: sequence}))
	}
	may := func(have uint64) error { return a.mayList(k.issuer, k.network, signedListOf(have)) }
	require.NoError(t, may(0))
	note(3)
	require.NoError(t, may(3))
	require.NoError(t, may(4))
	require.ErrorContains(t, may(2), "has had status list 3")
	require.ErrorContains(t, may(0), "the newest one here is none")
	require.NoError(t, a.mayList(k.issuer, bitcoin.Testnet4, nil))
	note(2)
	require.ErrorContains(t, may(2), "has had status list 3")

	s, err := h.sequences()
	require.NoError(t, err)
	s.restored[k] = 3
	require.NoError(t, s.save(h))
	require.ErrorContains(t, may(3), "came from a backup with status list 3")
	require.ErrorContains(t, may(9), "came from a backup with status list 3", "it did not come in by status import")
	note(2)
	require.Error(t, may(3))
	note(3)
	require.NoError(t, may(3))

	s, err = h.sequences()
	require.NoError(t, err)
	s.restored[k] = 0
	require.NoError(t, s.save(h))
	require.ErrorContains(t, may(3), "without a status list")
	note(4)
	require.NoError(t, may(4))
	require.Error(t, may(3))

	// Only the network inside the program is exempt.
	r := sequenceKey{k.issuer, bitcoin.Regtest}
	s, err = h.sequences()
	require.NoError(t, err)
	s.restored[r] = 1
	require.NoError(t, s.save(h))
	require.Error(t, a.mayList(r.issuer, r.network, signedListOf(1)))
	require.NoError(t, os.Mkdir(filepath.Join(h.dir, nodeName), 0o700))
	require.NoError(t, a.mayList(r.issuer, r.network, signedListOf(1)))
}

func signedListOf(sequence uint64) *trust.SignedList {
	if sequence == 0 {
		return nil
	}
	return &trust.SignedList{StatusList: &issuer.StatusList{Sequence: sequence}}
}
