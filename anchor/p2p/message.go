package p2p

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
)

// protocolVersion is the version of the protocol that is spoken: the one with
// all that is asked for here (pings with a nonce, BIP 31; no transactions where
// none are wanted, BIP 37) and with none of the later announcements.
const protocolVersion = wire.BIP0037Version

// Sizes in bytes.
const (
	envelope    = 4 + 12 + 4 + 4 // mark of the network, command, length, checksum
	headerEntry = bitcoin.HeaderSize + 1
	maxHeaders  = 3 + wire.MaxBlockHeadersPerMsg*headerEntry // 162,003
	nonceSize   = 8
	maxVersion  = 4 + 8 + 8 + 2*26 + nonceSize + 3 + wire.MaxUserAgentLen + 4 + 1
)

// What nobody asked for is skipped in one exchange up to these bounds: bytes for
// two of the longest messages that nodes may send, and more messages than honest
// nodes have reason to send, who announce each new block.
const (
	maxSkippedBytes = 8_000_000
	maxSkipped      = 20_000
)

// largest is the size of the longest payload of each kind of message that is
// read. Others are skipped.
var largest = map[string]uint32{
	wire.CmdVersion: maxVersion,
	wire.CmdVerAck:  0,
	wire.CmdPing:    nonceSize,
	wire.CmdPong:    nonceSize,
	wire.CmdHeaders: maxHeaders,
}

// parameters are how btcd tells a network from others: the mark that begins
// every message (Net), and the port that nodes listen on (DefaultPort).
func parameters(network bitcoin.Network) (*chaincfg.Params, error) {
	switch network {
	case bitcoin.Mainnet:
		return &chaincfg.MainNetParams, nil
	case bitcoin.Testnet3:
		return &chaincfg.TestNet3Params, nil
	case bitcoin.Testnet4:
		return &chaincfg.TestNet4Params, nil
	case bitcoin.Signet:
		return &chaincfg.SigNetParams, nil
	case bitcoin.Regtest:
		return &chaincfg.RegressionNetParams, nil
	}
	return nil, fmt.Errorf("unknown network %s", network)
}

// withPort adds the port to an address that has none.
func withPort(address, port string) (string, error) {
	host, given, err := net.SplitHostPort(address)
	if err != nil {
		host, given = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]"), port
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", fmt.Errorf("malformed address %q, want HOST:PORT", address)
		}
	}
	if host == "" || given == "" {
		return "", fmt.Errorf("malformed address %q, want HOST:PORT", address)
	}
	return net.JoinHostPort(host, given), nil
}

// send sends messages, in one piece.
func (c *Client) send(messages ...wire.Message) error {
	var out bytes.Buffer
	for _, m := range messages {
		if _, err := wire.WriteMessageN(&out, m, protocolVersion, c.mark); err != nil {
			return err
		}
	}
	_, err := c.conn.Write(out.Bytes())
	return err
}

// turn is one exchange of messages with the peer.
type turn struct {
	client *Client
	left   int            // messages that may still be skipped
	bytes  int            // of them
	head   [envelope]byte // of the message that is being read
}

// message is one that was read.
type message struct {
	command string
	payload []byte
}

// next reads the next message of a kind in largest. It answers pings and skips
// the rest.
func (t *turn) next() (message, error) {
	for {
		m, err := t.read()
		if err != nil {
			return message{}, err
		}
		if m.command == wire.CmdPing {
			err = t.pong(m.payload)
		} else if m.command != "" {
			return m, nil
		}
		if err != nil {
			return message{}, err
		}
	}
}

// pong answers a ping. Pings count as skipped, so that they come to an end.
func (t *turn) pong(nonce []byte) error {
	if err := t.skipped(envelope + len(nonce)); err != nil {
		return err
	}
	if len(nonce) != nonceSize {
		return nil // as it was before BIP 31
	}
	return t.client.send(wire.NewMsgPong(binary.LittleEndian.Uint64(nonce)))
}

// skipped counts a message of n bytes.
func (t *turn) skipped(n int) error {
	t.left--
	t.bytes -= n
	if t.left < 0 || t.bytes < 0 {
		return fmt.Errorf("the peer sent more than %d messages or %d bytes that nobody asked for", maxSkipped, maxSkippedBytes)
	}
	return nil
}

// read reads one message. Its command is empty where it was skipped.
func (t *turn) read() (message, error) {
	head, r := t.head[:], t.client.read
	if _, err := io.ReadFull(r, head); err != nil {
		return message{}, err
	}
	if mark := wire.BitcoinNet(binary.LittleEndian.Uint32(head)); mark != t.client.mark {
		return message{}, fmt.Errorf("%w %s: a message begins with %08x, want %08x",
			errForeign, t.client.network, uint32(mark), uint32(t.client.mark))
	}
	command := string(bytes.TrimRight(head[4:16], "\x00"))
	size := binary.LittleEndian.Uint32(head[16:])
	most, known := largest[command]
	if !known {
		return message{}, t.skip(command, size)
	}
	if size > most {
		return message{}, fmt.Errorf("malformed %s message: %d bytes, want at most %d", command, size, most)
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return message{}, err
	}
	if sum := chainhash.DoubleHashB(payload)[:4]; !bytes.Equal(sum, head[20:]) {
		return message{}, fmt.Errorf("malformed %s message: its checksum is %x, want %x", command, head[20:], sum)
	}
	return message{command, payload}, nil
}

func (t *turn) skip(command string, size uint32) error {
	if size > wire.MaxProtocolMessageLength {
		return fmt.Errorf("malformed message %q: %d bytes, want at most %d", command, size, wire.MaxProtocolMessageLength)
	}
	if err := t.skipped(envelope + int(size)); err != nil {
		return err
	}
	_, err := t.client.read.Discard(int(size))
	return err
}

// handshake introduces this side and waits until the peer has done so too and
// is content.
func (c *Client) handshake(t *turn) error {
	nonce, err := wire.RandomUint64()
	if err != nil {
		return err
	}
	if err := c.send(newVersion(nonce)); err != nil {
		return err
	}
	var theirs *wire.MsgVersion
	for {
		m, err := t.next()
		if err != nil {
			return err
		}
		switch {
		case m.command == wire.CmdVersion && theirs == nil:
			if theirs, err = parseVersion(m.payload); err != nil {
				return err
			}
			if err := c.send(wire.NewMsgVerAck()); err != nil {
				return err
			}
			c.height = theirs.LastBlock
		case m.command == wire.CmdVerAck && theirs != nil:
			return nil
		default:
			return fmt.Errorf("unexpected %s message in the handshake", m.command)
		}
	}
}

// newVersion is the introduction of a peer that serves nothing, wants no
// transactions and tells no address.
func newVersion(nonce uint64) *wire.MsgVersion {
	nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	m := wire.NewMsgVersion(nobody, nobody, nonce, 0)
	m.ProtocolVersion = int32(protocolVersion)
	m.UserAgent = "/gradseal/"
	m.DisableRelayTx = true
	return m
}

func parseVersion(payload []byte) (*wire.MsgVersion, error) {
	m := new(wire.MsgVersion)
	if err := m.BtcDecode(bytes.NewBuffer(payload), protocolVersion, wire.BaseEncoding); err != nil {
		// Not wrapped: the end of the message is not that of the connection.
		return nil, fmt.Errorf("malformed version message: %v", err)
	}
	if m.ProtocolVersion < int32(protocolVersion) {
		return nil, fmt.Errorf("unsupported protocol version %d, want at least %d", m.ProtocolVersion, protocolVersion)
	}
	return m, nil
}

func newGetHeaders(locator []bitcoin.Hash, stop bitcoin.Hash) *wire.MsgGetHeaders {
	m := wire.NewMsgGetHeaders()
	m.ProtocolVersion = protocolVersion
	m.HashStop = chainhash.Hash(stop)
	for i := range locator {
		m.BlockLocatorHashes = append(m.BlockLocatorHashes, (*chainhash.Hash)(&locator[i]))
	}
	return m
}

// parseHeaders reads a headers message: a count of at most 2,000, then so many
// headers, each with a number of transactions that is zero.
func parseHeaders(payload []byte) ([]bitcoin.Header, error) {
	r := bytes.NewReader(payload)
	count, err := wire.ReadVarInt(r, protocolVersion)
	if err != nil {
		return nil, fmt.Errorf("malformed headers message: %v", err)
	}
	if count > wire.MaxBlockHeadersPerMsg {
		return nil, fmt.Errorf("malformed headers message: %d headers, want at most %d", count, wire.MaxBlockHeadersPerMsg)
	}
	if r.Len() != int(count)*headerEntry {
		return nil, fmt.Errorf("malformed headers message: %d bytes for %d headers, want %d", r.Len(), count, int(count)*headerEntry)
	}
	entries := payload[len(payload)-r.Len():]
	hs := make([]bitcoin.Header, count)
	for i := range hs {
		entry := entries[i*headerEntry : (i+1)*headerEntry]
		hs[i] = bitcoin.Header(entry[:bitcoin.HeaderSize])
		if n := entry[bitcoin.HeaderSize]; n != 0 {
			return nil, fmt.Errorf("malformed headers message: header %d has %d transactions, want 0", i, n)
		}
	}
	return hs, nil
}

func isPong(payload []byte, nonce uint64) bool {
	return len(payload) == nonceSize && binary.LittleEndian.Uint64(payload) == nonce
}
