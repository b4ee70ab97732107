package p2p

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// FuzzParseHeaders compares with the decoder of package wire: what is read here
// is read there, and is the same when it is written again.
func FuzzParseHeaders(f *testing.F) {
	genesis := bitcoin.Regtest.Genesis()
	f.Add([]byte{0})
	f.Add(append(append([]byte{1}, genesis[:]...), 0))
	f.Add(append(append([]byte{0xfd, 1, 0}, genesis[:]...), 0))
	f.Add(append(append([]byte{1}, genesis[:]...), 1))
	f.Fuzz(func(t *testing.T, payload []byte) {
		hs, err := parseHeaders(payload)
		var theirs wire.MsgHeaders
		r := bytes.NewReader(payload)
		theirErr := theirs.BtcDecode(r, protocolVersion, wire.BaseEncoding)
		if theirErr == nil && r.Len() == 0 {
			require.NoError(t, err)
		}
		if err != nil {
			require.Nil(t, hs)
			return
		}
		require.NoError(t, theirErr)
		require.Len(t, theirs.Headers, len(hs))
		var again bytes.Buffer
		require.NoError(t, theirs.BtcEncode(&again, protocolVersion, wire.BaseEncoding))
		require.Equal(t, payload, again.Bytes())
		for i, h := range hs {
			require.Equal(t, bitcoin.Hash(theirs.Headers[i].BlockHash()), h.Hash())
		}
	})
}

// FuzzParseVersion never panics.
func FuzzParseVersion(f *testing.F) {
	var b bytes.Buffer
	require.NoError(f, newVersion(1).BtcEncode(&b, protocolVersion, wire.BaseEncoding))
	require.LessOrEqual(f, b.Len(), maxVersion)
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:50])
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := parseVersion(payload)
		if err == nil {
			require.GreaterOrEqual(t, m.ProtocolVersion, int32(protocolVersion))
		}
	})
}
