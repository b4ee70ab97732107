package p2p

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
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

// said is the connection to a peer that has said all that it says, but for the
// answer to the last ping: nodes answer in order.
type said struct {
	left *bytes.Reader
	pong bytes.Buffer
}

func (s *said) Read(b []byte) (int, error) {
	if s.left.Len() > 0 {
		return s.left.Read(b)
	}
	return s.pong.Read(b)
}

// Write takes what this side says. Where that ends in a ping, its last bytes are
// the number to answer with.
func (s *said) Write(b []byte) (int, error) {
	if m := len(b) - envelope - nonceSize; m >= 0 && bytes.HasPrefix(b[m+4:], []byte(wire.CmdPing+"\x00")) {
		pong := wire.NewMsgPong(binary.LittleEndian.Uint64(b[len(b)-nonceSize:]))
		if _, err := wire.WriteMessageN(&s.pong, pong, protocolVersion, wire.BitcoinNet(chaincfg.RegressionNetParams.Net)); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (*said) Close() error                     { return nil }
func (*said) LocalAddr() net.Addr              { return nil }
func (*said) RemoteAddr() net.Addr             { return nil }
func (*said) SetDeadline(time.Time) error      { return nil }
func (*said) SetReadDeadline(time.Time) error  { return nil }
func (*said) SetWriteDeadline(time.Time) error { return nil }

// FuzzConversation has a peer say anything, from its greeting on. It comes to an
// end, and headers that come out of it link to the block that was asked from.
func FuzzConversation(f *testing.F) {
	genesis := bitcoin.Regtest.Genesis()
	next := genesis
	hash := genesis.Hash()
	copy(next[4:], hash[:])
	mark := wire.BitcoinNet(chaincfg.RegressionNetParams.Net)
	var b bytes.Buffer
	theirs := newVersion(1)
	for _, m := range []wire.Message{theirs, wire.NewMsgVerAck(), wire.NewMsgPing(7)} {
		_, err := wire.WriteMessageN(&b, m, protocolVersion, mark)
		require.NoError(f, err)
	}
	greeting := bytes.Clone(b.Bytes())
	headers := wire.NewMsgHeaders()
	h := new(wire.BlockHeader)
	require.NoError(f, h.Deserialize(bytes.NewReader(next[:])))
	require.NoError(f, headers.AddBlockHeader(h))
	_, err := wire.WriteMessageN(&b, headers, protocolVersion, mark)
	require.NoError(f, err)
	f.Add(greeting)
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()-3])
	f.Add(append(bytes.Clone(b.Bytes()), bytes.Repeat(greeting[len(greeting)-32:], 3)...))
	talk := func(t testing.TB, all []byte) ([]bitcoin.Header, error) {
		conn := &said{left: bytes.NewReader(all)}
		c := &Client{network: bitcoin.Regtest, mark: mark, address: "peer", timeout: time.Minute, conn: conn, read: bufio.NewReader(conn)}
		if err := c.exchange(t.Context(), c.handshake); err != nil {
			return nil, err
		}
		return c.Headers(t.Context(), []bitcoin.Hash{hash})
	}
	hs, err := talk(f, b.Bytes())
	require.NoError(f, err)
	require.Equal(f, []bitcoin.Header{next}, hs)
	f.Fuzz(func(t *testing.T, all []byte) {
		hs, err := talk(t, all)
		if err != nil {
			require.Nil(t, hs)
			return
		}
		previous := hash
		for _, h := range hs {
			require.Equal(t, previous, h.Previous())
			previous = h.Hash()
		}
		require.LessOrEqual(t, len(hs), wire.MaxBlockHeadersPerMsg)
	})
}
