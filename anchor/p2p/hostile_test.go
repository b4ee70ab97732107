package p2p_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/p2p"
	"gradseal/bitcoin"
)

// stranger is a peer that does what a test says, on one connection. What it
// cannot do because the other side has left is no error.
type stranger struct {
	conn net.Conn
}

// listen has a stranger play at each connection until the test ends.
func listen(t testing.TB, play func(*stranger)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	var conns []net.Conn
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
			go func() {
				defer conn.Close()
				play(&stranger{conn})
			}()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		<-done
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}

func (s *stranger) raw(b []byte) bool {
	_, err := s.conn.Write(b)
	return err == nil
}

// hold keeps the connection open until the other side closes it.
func (s *stranger) hold() { _, _ = io.Copy(io.Discard, s.conn) }

func (s *stranger) send(messages ...wire.Message) {
	for _, m := range messages {
		_, _ = wire.WriteMessageN(s.conn, m, wire.ProtocolVersion, wire.TestNet)
	}
}

// await reads until a message of the kind comes.
func (s *stranger) await(command string) wire.Message {
	for {
		m, _, err := wire.ReadMessage(s.conn, wire.ProtocolVersion, wire.TestNet)
		if err != nil {
			return nil
		}
		if m.Command() == command {
			return m
		}
	}
}

func version() *wire.MsgVersion {
	nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	return wire.NewMsgVersion(nobody, nobody, 1, 7)
}

// greet is what an honest peer does first.
func (s *stranger) greet() {
	s.await(wire.CmdVersion)
	s.send(version(), wire.NewMsgVerAck())
	s.await(wire.CmdVerAck)
}

// message is any message with any size in its envelope.
func message(command string, size uint32, payload []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(wire.TestNet))
	b = append(b, command...)
	b = append(b, make([]byte, 12-len(command))...)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = append(b, chainhash.DoubleHashB(payload)[:4]...)
	return append(b, payload...)
}

func whole(command string, payload []byte) []byte {
	return message(command, uint32(len(payload)), payload)
}

// chain is so many headers that follow a block, and are good for nothing else.
func chain(from bitcoin.Hash, count int) []bitcoin.Header {
	hs := make([]bitcoin.Header, count)
	for i := range hs {
		hs[i][0] = 1
		copy(hs[i][4:36], from[:])
		from = hs[i].Hash()
	}
	return hs
}

func headers(hs ...bitcoin.Header) []byte {
	var b bytes.Buffer
	_ = wire.WriteVarInt(&b, 0, uint64(len(hs)))
	for _, h := range hs {
		b.Write(h[:])
		b.WriteByte(0)
	}
	return b.Bytes()
}

// short is a timeout that a test waits for. Where another fault is to be seen a peer
// has longer, or a machine that has its hands full would be what is seen.
const short = time.Second

func timeoutFor(want string) time.Duration {
	if strings.Contains(want, short.String()) {
		return short
	}
	return 10 * time.Second
}

// refused runs f, which must fail in time, hold little memory and leave nothing
// behind.
func refused(t *testing.T, f func() error) error {
	t.Helper()
	before := runtime.NumGoroutine()
	start := time.Now()
	err := f()
	require.Error(t, err)
	require.Less(t, time.Since(start), 20*time.Second)
	requireGoroutines(t, before)
	return err
}

func TestHostileHandshake(t *testing.T) {
	old := version()
	old.ProtocolVersion = 60002
	garbage := make([]byte, 100_000)
	noise := rand.NewChaCha8([32]byte{1})
	_, _ = noise.Read(garbage)
	tests := map[string]struct {
		play func(*stranger)
		want string
	}{
		"silence":        {func(s *stranger) { s.hold() }, "the node cannot be reached: no whole answer within 1s"},
		"hangs up":       {func(s *stranger) {}, "the node cannot be reached: the peer hung up"},
		"garbage":        {func(s *stranger) { s.raw(garbage); s.hold() }, "the peer does not speak the protocol of regtest: a message begins with "},
		"a web server":   {func(s *stranger) { s.raw([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")); s.hold() }, "a message begins with 50545448, want dab5bffa"},
		"verack first":   {func(s *stranger) { s.send(wire.NewMsgVerAck()); s.hold() }, "unexpected verack message in the handshake"},
		"version twice":  {func(s *stranger) { s.send(version(), version()); s.hold() }, "unexpected version message in the handshake"},
		"headers first":  {func(s *stranger) { s.send(version()); s.raw(whole("headers", headers())); s.hold() }, "unexpected headers message in the handshake"},
		"old version":    {func(s *stranger) { s.send(old); s.hold() }, "unsupported protocol version 60002, want at least 70001"},
		"short version":  {func(s *stranger) { s.raw(whole("version", make([]byte, 30))); s.hold() }, "malformed version message: unexpected EOF"},
		"empty version":  {func(s *stranger) { s.raw(whole("version", nil)); s.hold() }, "malformed version message: EOF"},
		"long version":   {func(s *stranger) { s.raw(message("version", 1_000_000, nil)); s.hold() }, "malformed version message: 1000000 bytes, want at most 344"},
		"half a version": {func(s *stranger) { s.raw(message("version", 100, make([]byte, 50))); s.hold() }, "no whole answer within 1s"},
		"no verack":      {func(s *stranger) { s.send(version()); s.hold() }, "no whole answer within 1s"},
		"hangs up later": {func(s *stranger) { s.send(version()) }, "the peer hung up"},
		"slow": {func(s *stranger) {
			for _, b := range message("version", 344, make([]byte, 344)) {
				if !s.raw([]byte{b}) {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, "no whole answer within 1s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			address := listen(t, test.play)
			err := refused(t, func() error {
				_, err := p2p.Dialer{Timeout: timeoutFor(test.want)}.Dial(bounded(t), address, bitcoin.Regtest)
				return err
			})
			require.ErrorContains(t, err, "p2p:"+address+": ")
			require.ErrorContains(t, err, test.want)
		})
	}
}

// TestHostileAnswers has a peer that introduced itself answer otherwise than
// asked.
func TestHostileAnswers(t *testing.T) {
	from := genesis()
	hs := chain(from, 2001)
	other := chain(bitcoin.Hash{1}, 3)
	loose := slices.Concat(hs[:5], hs[6:10])
	transactions := headers(hs[0])
	transactions[len(transactions)-1] = 1
	badSum := whole("headers", headers(hs[0]))
	badSum[20]++
	foreign := whole("headers", headers(hs[0]))
	foreign[0]++
	tests := map[string]struct {
		answer []byte // to getheaders; then the peer is silent
		want   string
	}{
		"silence":          {nil, "no whole answer within 1s"},
		"half":             {whole("headers", headers(hs[:9]...))[:500], "no whole answer within 1s"},
		"too many":         {whole("headers", headers(hs...)), "malformed headers message: 162084 bytes, want at most 162003"},
		"a false count":    {whole("headers", append([]byte{0xfd, 0xd1, 0x07}, headers(hs[:9]...)[1:]...)), "malformed headers message: 2001 headers, want at most 2000"},
		"too few":          {whole("headers", append([]byte{10}, headers(hs[:9]...)[1:]...)), "malformed headers message: 729 bytes for 10 headers, want 810"},
		"bytes left over":  {whole("headers", append(headers(hs[:9]...), 0)), "malformed headers message: 730 bytes for 9 headers, want 729"},
		"a huge count":     {whole("headers", slices.Repeat([]byte{0xff}, 9)), "malformed headers message: 18446744073709551615 headers"},
		"no count":         {whole("headers", nil), "malformed headers message: EOF"},
		"a second count":   {whole("headers", append([]byte{0xfd, 9, 0}, headers(hs[:9]...)[1:]...)), "malformed headers message"},
		"transactions":     {whole("headers", transactions), "malformed headers message: header 0 has 1 transactions, want 0"},
		"a gap":            {whole("headers", headers(loose...)), "invalid headers: number 5 follows " + hs[5].Hash().String() + ", want " + hs[4].Hash().String()},
		"another chain":    {whole("headers", headers(other...)), "unexpected headers: they follow " + bitcoin.Hash{1}.String() + ", which was not asked for"},
		"two answers":      {slices.Concat(whole("headers", headers(hs[0])), whole("headers", headers(hs[0]))), "unexpected second headers message"},
		"a checksum":       {badSum, "malformed headers message: its checksum is "},
		"another network":  {foreign, "a message begins with dab5bffb, want dab5bffa"},
		"too long":         {message("headers", 4_000_000, nil), "malformed headers message: 4000000 bytes, want at most 162003"},
		"4 GB of a block":  {message("block", 0xffffffff, nil), `malformed message "block": 4294967295 bytes, want at most 4000000`},
		"version again":    {whole("version", make([]byte, 100)), "unexpected version message after the handshake"},
		"another's pong":   {whole("pong", make([]byte, 8)), "no whole answer within 1s"},
		"a short pong":     {whole("pong", make([]byte, 7)), "no whole answer within 1s"},
		"an odd command":   {slices.Concat(whole("\xff\xfe", []byte{1}), whole("headers", nil)), "malformed headers message: EOF"},
		"headers and then": {slices.Concat(whole("headers", headers(hs[0])), []byte("GET / HTTP/1.1\r\n\r\n      ")), "does not speak the protocol"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			address := listen(t, func(s *stranger) {
				s.greet()
				s.await(wire.CmdGetHeaders)
				s.raw(test.answer)
				if name == "a gap" || name == "another chain" {
					s.pong() // as what is wrong with them is in no single message
				}
				s.hold()
			})
			err := refused(t, func() error {
				c, err := p2p.Dialer{Timeout: timeoutFor(test.want)}.Dial(bounded(t), address, bitcoin.Regtest)
				require.NoError(t, err)
				_, err = c.Headers(bounded(t), []bitcoin.Hash{from})
				_, again := c.Headers(bounded(t), []bitcoin.Hash{from})
				require.ErrorContains(t, again, "the connection has ended: ", "nothing more is asked")
				require.NoError(t, c.Close())
				return err
			})
			require.ErrorContains(t, err, "p2p:"+address+": ")
			require.ErrorContains(t, err, test.want)
		})
	}
}

// TestHostileHeader has a peer answer with a header that is not the one.
func TestHostileHeader(t *testing.T) {
	hs := chain(genesis(), 2)
	for want, answer := range map[string][]byte{
		"unexpected header: its hash is " + hs[0].Hash().String() + ", want " + hs[1].Hash().String(): headers(hs[0]),
		"unexpected headers: 2 of them, want the one of block " + hs[1].Hash().String():               headers(hs[1], hs[1]),
	} {
		address := listen(t, func(s *stranger) {
			s.greet()
			s.await(wire.CmdGetHeaders)
			s.raw(whole("headers", answer))
			s.pong()
			s.hold()
		})
		c, err := p2p.Dial(bounded(t), address, bitcoin.Regtest)
		require.NoError(t, err)
		_, err = c.Header(bounded(t), hs[1].Hash())
		require.ErrorContains(t, err, want)
		require.NoError(t, c.Close())
	}
}

// pong answers the ping that comes next.
func (s *stranger) pong() {
	if m, ok := s.await(wire.CmdPing).(*wire.MsgPing); ok {
		s.send(wire.NewMsgPong(m.Nonce))
	}
}

// TestFloods has a peer send without end what nobody asked for.
func TestFloods(t *testing.T) {
	block := whole("block", make([]byte, 3_900_000))
	pings := bytes.Repeat(whole("ping", make([]byte, 8)), 1000)
	for name, flood := range map[string][]byte{"pings": pings, "blocks": block, "empty": bytes.Repeat(whole("", nil), 1000)} {
		t.Run(name, func(t *testing.T) {
			address := listen(t, func(s *stranger) {
				s.greet()
				go s.hold() // or the pongs would stop both sides
				for s.raw(flood) {
				}
			})
			var mem runtime.MemStats
			runtime.ReadMemStats(&mem)
			before := mem.TotalAlloc
			err := refused(t, func() error {
				c, err := p2p.Dial(bounded(t), address, bitcoin.Regtest)
				require.NoError(t, err)
				_, err = c.Headers(bounded(t), []bitcoin.Hash{genesis()})
				return err
			})
			require.ErrorContains(t, err, "the peer sent more than 20000 messages or 8000000 bytes that nobody asked for")
			runtime.ReadMemStats(&mem)
			if name != "pings" { // which are answered: small allocations, and as many
				require.Less(t, mem.TotalAlloc-before, uint64(1<<20))
			}
		})
	}
}

// TestUnsolicited has a peer send what honest ones do before they answer.
func TestUnsolicited(t *testing.T) {
	hs := chain(genesis(), 2000)
	ponged := make(chan uint64, 1)
	address := listen(t, func(s *stranger) {
		s.await(wire.CmdVersion)
		s.send(version(), wire.NewMsgSendAddrV2(), wire.NewMsgVerAck(), wire.NewMsgSendHeaders(), wire.NewMsgGetAddr())
		s.raw(whole("sendcmpct", make([]byte, 9)))
		s.raw(whole("ping", nil))
		s.send(wire.NewMsgPing(77), wire.NewMsgInv(), wire.NewMsgPong(5))
		s.await(wire.CmdGetHeaders)
		ping, ok := s.await(wire.CmdPing).(*wire.MsgPing)
		if !ok {
			return
		}
		if m, ok := s.await(wire.CmdPong).(*wire.MsgPong); ok {
			ponged <- m.Nonce
		}
		s.raw(whole("headers", headers(hs...)))
		s.send(wire.NewMsgPong(ping.Nonce))
		s.hold()
	})
	c := dial(t, address)
	require.EqualValues(t, 7, c.Height())
	got, err := c.Headers(bounded(t), []bitcoin.Hash{genesis()})
	require.NoError(t, err)
	require.Equal(t, hs, got)
	require.EqualValues(t, 77, <-ponged)
}

// TestEmptyAnswers has a peer give an empty answer to all, as Bitcoin Core does
// while its own chain is worth little: who knows the block answers otherwise.
func TestEmptyAnswers(t *testing.T) {
	address := listen(t, func(s *stranger) {
		s.greet()
		for s.await(wire.CmdGetHeaders) != nil {
			s.raw(whole("headers", headers()))
			s.pong()
		}
	})
	c := dial(t, address)
	_, err := c.Headers(bounded(t), []bitcoin.Hash{{1}, genesis()})
	require.ErrorIs(t, err, anchor.ErrSyncing)
	_, err = c.Header(bounded(t), bitcoin.Hash{1})
	require.ErrorIs(t, err, anchor.ErrSyncing)
}

// TestCanceled ends a wait from outside.
func TestCanceled(t *testing.T) {
	asked := make(chan struct{})
	address := listen(t, func(s *stranger) {
		s.greet()
		s.await(wire.CmdGetHeaders)
		close(asked)
		s.hold()
	})
	c, err := p2p.Dial(bounded(t), address, bitcoin.Regtest)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(bounded(t))
	go func() {
		<-asked
		cancel()
	}()
	err = refused(t, func() error {
		_, err := c.Headers(ctx, []bitcoin.Hash{genesis()})
		return err
	})
	require.ErrorIs(t, err, context.Canceled)

	address = listen(t, func(s *stranger) { s.hold() })
	ctx, cancel = context.WithTimeout(bounded(t), short)
	defer cancel()
	_, err = p2p.Dial(ctx, address, bitcoin.Regtest)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
