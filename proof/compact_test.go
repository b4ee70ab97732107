package proof_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
)

// linked is a header that follows another.
func linked(before bitcoin.Header, first byte) bitcoin.Header {
	h := header(first)
	previous := before.Hash()
	copy(h[4:36], previous[:])
	return h
}

// compactProofs are proofs of every form, by name.
func compactProofs(t testing.TB) map[string]*proof.Proof {
	t.Helper()
	all := make(map[string]*proof.Proof)
	add := func(name string, change func(p *proof.Proof)) {
		p := newProof(t)
		change(p)
		all[name] = p
	}
	add("two layers", func(*proof.Proof) {})
	add("pending", func(p *proof.Proof) { p.Bitcoin = nil })
	add("one layer", func(p *proof.Proof) { p.Layers = p.Layers[:1] })
	add("timestamp", func(p *proof.Proof) { p.Bitcoin, p.OpenTimestamps = nil, newTimestamp() })
	add("both", func(p *proof.Proof) { p.OpenTimestamps = newTimestamp() })
	add("no successors", func(p *proof.Proof) { p.Bitcoin.Successors = []bitcoin.Header{} })
	add("linked successors", func(p *proof.Proof) {
		one := linked(p.Bitcoin.Header, 0x22)
		p.Bitcoin.Successors = []bitcoin.Header{one, linked(one, 0x33)}
	})
	add("successors linked but the last", func(p *proof.Proof) {
		p.Bitcoin.Successors = []bitcoin.Header{linked(p.Bitcoin.Header, 0x22), header(0x33)}
	})
	add("foreign signature lines", func(p *proof.Proof) {
		signed, err := issuer.AddSignature(p.Layers[0].Signed, issuer.MaxStatement, newOfficer("witness.example", 3))
		require.NoError(t, err)
		p.Layers[0].Signed = append(signed, "— log.example AAAAAQI=\n"...)
	})
	add("statement that names a block", func(p *proof.Proof) {
		s := issuer.Statement{Type: issuer.Documents, Issuer: "uni.example", Network: bitcoin.Mainnet, Size: 1 << 32, Issued: header(0).Time().AddDate(2500, 0, 0), After: &issuer.After{Height: 1<<32 - 1, Hash: hash(3)}}
		text, err := s.Text()
		require.NoError(t, err)
		p.Layers = p.Layers[:1]
		p.Layers[0].Index = 1<<32 - 1
		p.Layers[0].Signed, err = issuer.SignNote(text, issuer.MaxStatement, newOfficer("uni.example", 1))
		require.NoError(t, err)
	})
	return all
}

func TestCompact(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: reads many proofs, in one goroutine")
	}
	for name, p := range compactProofs(t) {
		t.Run(name, func(t *testing.T) {
			file := marshal(t, p)
			compact, err := proof.MarshalCompact(p)
			require.NoError(t, err)
			require.Less(t, len(compact), len(file)*2/3)
			again, err := proof.ParseCompact(compact)
			require.NoError(t, err)
			require.Equal(t, file, marshal(t, again))
			for n := range compact {
				_, err := proof.ParseCompact(compact[:n])
				require.Error(t, err, "the first %d bytes", n)
			}
			_, err = proof.ParseCompact(append(bytes.Clone(compact), 0))
			require.ErrorContains(t, err, "1 bytes after its end")
			requireOneSpelling(t, compact)
		})
	}
}

// requireOneSpelling changes every byte: what is still a proof is another one.
func requireOneSpelling(t *testing.T, compact []byte) {
	t.Helper()
	for i := range compact {
		changed := bytes.Clone(compact)
		changed[i] ^= 1
		p, err := proof.ParseCompact(changed)
		if err != nil {
			require.Nil(t, p)
			continue
		}
		again, err := proof.MarshalCompact(p)
		require.NoError(t, err)
		require.Equal(t, changed, again)
	}
}

func TestCompactSizes(t *testing.T) {
	size := func(name string) int {
		compact, err := proof.MarshalCompact(compactProofs(t)[name])
		require.NoError(t, err)
		return len(compact)
	}
	// Of each successor that is linked, the hash of the block before is left out.
	require.Equal(t, size("two layers")-2*32, size("linked successors"))
	require.Equal(t, size("two layers"), size("successors linked but the last"))
	require.Equal(t, size("two layers")-2*80-1, size("no successors"))
}

func TestCompactRefused(t *testing.T) {
	compact, err := proof.MarshalCompact(compactProofs(t)["linked successors"])
	require.NoError(t, err)
	good := string(compact)
	const layers, network, index = 65, 66, 67 // behind version, digest and salt
	id := "\x15uni.example/registrar"
	require.Equal(t, 1, strings.Count(good, id+"\x06"))
	root := string(hashBytes(0xa0))
	linked := good[len(good)-2*48-2:]
	require.Equal(t, "\x02\x01", linked[:2])
	for name, c := range map[string]struct{ bad, want string }{
		"nothing":               {"", "unexpected EOF"},
		"version 0":             {"\x00" + good[1:], "version 0"},
		"no layers":             {good[:layers] + "\x00\x05\x00", "0 layers, want 1 to 4"},
		"five layers":           {good[:layers] + "\x05" + good[layers+1:], "5 layers, want at most 4"},
		"no network":            {good[:network] + "\x00" + good[network+1:], "network"},
		"a sixth network":       {good[:network] + "\x06" + good[network+1:], "network"},
		"a long number":         {good[:index] + "\x85\x00" + good[index+1:], "one spelling"},
		"a number of 65 bits":   {good[:index] + strings.Repeat("\xff", 9) + "\x02" + good[index+1:], "more than 64 bits"},
		"a leaf index too high": {good[:index] + "\x80\x80\x80\x80\x10" + good[index+1:], "leaf index 4294967296"},
		"a path of 33":          {good[:index+1] + "\x21" + good[index+2:], "33 hashes in a path, want at most 32"},
		"a length of 2^63":      {strings.Replace(good, id, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"+id[1:], 1), "unexpected EOF"},
		"no issuer":             {strings.Replace(good, id, "\x00", 1), "issuer"},
		"the name spelled out":  {strings.Replace(good, "\x02\x00", "\x02"+id, 1), "one spelling"},
		"a time too late":       {strings.Replace(good, root+"\x90", root+"\xff\xff\xff\xff\x90", 1), "issued time has year"},
		"attestation 4":         {good[:len(good)-len(linked)-80-150-2-1-1-32-1-1] + "\x04" + good[len(good)-len(linked)-80-150-2-1-1-32-1:], "attestations of kind 4"},
		"links spelled out":     {spellOut(t, good, linked), "one spelling"},
		"13 successors":         {good[:len(good)-len(linked)] + "\x0d" + linked[1:], "13 successors, want at most 12"},
		"more than the limit":   {good + strings.Repeat("x", proof.MaxCompact), "more than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, good, c.bad)
			p, err := proof.ParseCompact([]byte(c.bad))
			require.ErrorContains(t, err, c.want)
			require.NotErrorIs(t, err, proof.ErrNewer)
			require.Nil(t, p)
		})
	}
	_, err = proof.ParseCompact([]byte("\x02" + good[1:]))
	require.ErrorIs(t, err, proof.ErrNewer)
}

func hashBytes(first byte) []byte {
	h := hash(first)
	return h[:]
}

// spellOut writes linked successors as if they were not.
func spellOut(t *testing.T, good, linked string) string {
	t.Helper()
	p, err := proof.ParseCompact([]byte(good))
	require.NoError(t, err)
	out := good[:len(good)-len(linked)] + "\x02\x00"
	for _, h := range p.Bitcoin.Successors {
		out += string(h[:])
	}
	return out
}

func TestCompactOfWhatIsNoProof(t *testing.T) {
	_, err := proof.MarshalCompact(&proof.Proof{})
	require.ErrorContains(t, err, "0 layers, want 1 to 4")
	p := newProof(t)
	p.Layers[1].Signed = []byte("x")
	_, err = proof.MarshalCompact(p)
	require.ErrorContains(t, err, "layer 2: statement:")
}

func FuzzParseCompact(f *testing.F) {
	for _, p := range compactProofs(f) {
		compact, err := proof.MarshalCompact(p)
		require.NoError(f, err)
		f.Add(compact)
	}
	f.Add([]byte("\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := proof.ParseCompact(data)
		if err != nil {
			require.Nil(t, p)
			return
		}
		again, err := proof.MarshalCompact(p)
		require.NoError(t, err)
		require.Equal(t, data, again)
		file, err := proof.Marshal(p)
		require.NoError(t, err)
		require.Less(t, len(data), len(file))
		whole, err := proof.Parse(file)
		require.NoError(t, err)
		require.Equal(t, p, whole)
	})
}
