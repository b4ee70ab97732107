package calendar_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"gradseal/anchor/calendar"
	"gradseal/internal/calendartest"
	"gradseal/internal/esploratest"
	"gradseal/proof/ots"
)

// hostile is the client of a server that answers everything in one way.
func hostile(t testing.TB, patience time.Duration, fault esploratest.Fault) *calendar.Client {
	t.Helper()
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(plain(t)) })
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fault(w, r, next) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that are broken off
	server.Start()
	t.Cleanup(server.Close)
	return newClient(t, calendar.Config{URL: server.URL, Timeout: patience})
}

// How long clients wait: patient ones long enough for any answer from this
// machine that comes at once.
const (
	patient   = 20 * time.Second
	impatient = 300 * time.Millisecond
)

// maxAllocated is in bytes, on both sides of the connection, for one question.
const maxAllocated = 4 << 20

// refused asks both questions, and each must be an error, in time, with little
// allocated and nothing returned. It returns the errors.
func refused(t *testing.T, c *calendar.Client) (submitted, asked error) {
	t.Helper()
	question := func(ask func(context.Context, []byte) (*ots.Timestamp, error)) error {
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		before, start := mem.TotalAlloc, time.Now()
		stamp, err := ask(bounded(t), digest("a"))
		require.Less(t, time.Since(start), patient)
		runtime.ReadMemStats(&mem)
		require.Less(t, mem.TotalAlloc-before, uint64(maxAllocated))
		require.Error(t, err)
		require.Nil(t, stamp)
		require.True(t, strings.HasPrefix(err.Error(), "calendar "+c.URL()+": "), "%v", err)
		require.Less(t, len(err.Error()), 1500)
		for _, r := range err.Error() {
			require.False(t, r < ' ' || r == 0x7f, "%q", err)
		}
		return err
	}
	return question(c.Submit), question(c.Timestamp)
}

func answer(body []byte) esploratest.Fault {
	return esploratest.Answer(200, "application/octet-stream", string(body))
}

func compressed(t testing.TB, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// encoded says that an answer is packed with gzip.
func encoded(body []byte) esploratest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("Content-Encoding", "gzip")
		answer(body)(w, r, next)
	}
}

// TestAnswersThatAreNone: whatever is not a timestamp of the right size is an
// error that says what was there.
func TestAnswersThatAreNone(t *testing.T) {
	bomb := compressed(t, make([]byte, 5_000_000))
	require.Less(t, len(bomb), calendar.MaxReply)
	flood := func(status, size int, declared bool) esploratest.Fault {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			if declared {
				w.Header().Set("Content-Length", fmt.Sprint(size))
			}
			w.WriteHeader(status)
			chunk := bytes.Repeat([]byte{0x08}, 1<<14)
			for left := size; left > 0; left -= len(chunk) {
				if _, err := w.Write(chunk[:min(left, len(chunk))]); err != nil {
					return
				}
			}
		}
	}
	for name, one := range map[string]struct {
		fault esploratest.Fault
		want  string
	}{
		"empty":               {answer(nil), "the answer: malformed timestamp: it ends too early"},
		"trailing byte":       {answer(append(plain(t), 0)), "the answer: malformed timestamp: 1 bytes follow its end"},
		"cut timestamp":       {answer(plain(t)[:10]), "the answer: malformed timestamp: it ends too early"},
		"unknown operation":   {answer([]byte{0x99}), "the answer: unknown timestamp format: operation 0x99"},
		"only sha256":         {answer(bytes.Repeat([]byte{0x08}, calendar.MaxReply)), "the answer: malformed timestamp: it is nested deeper than 256"},
		"one byte too long":   {flood(200, calendar.MaxReply+1, false), "the answer has more than 10000 bytes"},
		"10 MB":               {flood(200, 10_000_000, false), "the answer has more than 10000 bytes"},
		"10 MB, as it says":   {flood(200, 10_000_000, true), "the answer has more than 10000 bytes"},
		"gzip":                {encoded(compressed(t, plain(t))), `the answer is encoded with "gzip", which was not asked for`},
		"gzip bomb":           {encoded(bomb), `the answer is encoded with "gzip", which was not asked for`},
		"gzip bomb unsaid":    {answer(bomb), "the answer: unknown timestamp format: operation 0x1f"},
		"page":                {esploratest.Page(), "the answer is a web page: the URL is not that of a calendar"},
		"page of bytes":       {answer([]byte("\n <html>")), "the answer is a web page"},
		"page with 404":       {esploratest.Answer(404, "text/html", "<p>Not found"), `the answer is "404 Not Found"`},
		"page as text, 404":   {esploratest.Answer(404, "text/plain", "<p>Not found"), `the answer is "404 Not Found"`},
		"created":             {esploratest.Answer(201, "application/octet-stream", string(plain(t))), `the answer is "201 Created": `},
		"no content":          {esploratest.Answer(204, "", ""), `the answer is "204 No Content"`},
		"failure":             {esploratest.Failure(), `the answer is "500 Internal Server Error": "Internal server error"`},
		"busy":                {esploratest.Busy(3600), `the answer is "429 Too Many Requests": "Too Many Requests"`},
		"forbidden":           {esploratest.Answer(403, "text/plain", "\x1b[2Jgradseal: VALID\n\xff"+strings.Repeat("x", 5000)), `the answer is "403 Forbidden": "\x1b[2Jgradseal: VALID\n?xxx`},
		"failure of 10 MB":    {flood(500, 10_000_000, false), `the answer is "500 Internal Server Error": "\b\b`},
		"failure, as it says": {flood(503, 10_000_000, true), `the answer is "503 Service Unavailable": "\b\b`},
		"another bad status":  {esploratest.Answer(999, "text/plain", "?"), `the answer is "999 `},
	} {
		t.Run(name, func(t *testing.T) {
			submitted, asked := refused(t, hostile(t, patient, one.fault))
			for _, err := range []error{submitted, asked} {
				require.ErrorContains(t, err, one.want)
				require.False(t, errors.Is(err, calendar.ErrUnreachable), "it was there: %v", err)
				require.False(t, errors.As(err, new(*calendar.PendingError)), "%v", err)
			}
		})
	}
}

// TestBrokenConnections: and answers that do not come in time.
func TestBrokenConnections(t *testing.T) {
	for name, one := range map[string]struct {
		patience time.Duration
		fault    esploratest.Fault
		want     string
	}{
		"hung up":       {patient, esploratest.HangUp(false), "EOF"},
		"cut off":       {patient, esploratest.Truncate(), "the answer was cut off: unexpected EOF"},
		"drip":          {impatient, esploratest.Drip(50 * time.Millisecond), "no whole answer within 300ms"},
		"silence":       {impatient, esploratest.Silence(), "no whole answer within 300ms"},
		"reset":         {patient, reset, "connection reset"},
		"endless head":  {patient, raw("HTTP/1.1 200 OK\r\n", "A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"), "exceeded 65536 bytes"},
		"another text":  {patient, raw("SSH-2.0-OpenSSH_9.2\r\n", ""), "malformed HTTP response"},
		"endless 100s":  {patient, raw("", "HTTP/1.1 100 Continue\r\n\r\n"), "exceeded 65536 bytes"},
		"endless chunk": {patient, raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", strings.Repeat("a", 1000)), "the answer was cut off: "},
	} {
		t.Run(name, func(t *testing.T) {
			submitted, asked := refused(t, hostile(t, one.patience, one.fault))
			for _, err := range []error{submitted, asked} {
				require.ErrorIs(t, err, calendar.ErrUnreachable)
				require.ErrorContains(t, err, one.want)
			}
		})
	}
}

// reset ends the connection with a TCP reset.
func reset(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// raw answers with bytes, and then with others until the client leaves.
func raw(first, again string) esploratest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patient))
		_, err = io.WriteString(conn, first)
		for err == nil && again != "" {
			_, err = io.WriteString(conn, again)
		}
	}
}

// TestSlowHead has the head of an answer come one byte at a time, for ever.
func TestSlowHead(t *testing.T) {
	c := hostile(t, impatient, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nA: ")
		for ; err == nil; time.Sleep(50 * time.Millisecond) {
			_, err = io.WriteString(conn, "a")
		}
	})
	_, err := c.Submit(bounded(t), digest("a"))
	require.ErrorIs(t, err, calendar.ErrUnreachable)
	require.ErrorContains(t, err, "no whole answer within 300ms")
}

// TestLargestAnswer: of the most bytes that are read.
func TestLargestAnswer(t *testing.T) {
	stamp := &ots.Timestamp{Attestations: []ots.Attestation{{Payload: strings.Repeat("a", 8000)}, {Tag: ots.Tag{1}}}}
	empty, err := stamp.Marshal(32)
	require.NoError(t, err)
	stamp.Attestations[1].Payload = strings.Repeat("b", calendar.MaxReply-len(empty)-1) // its length takes one byte more
	body, err := stamp.Marshal(32)
	require.NoError(t, err)
	require.Len(t, body, calendar.MaxReply)
	got, err := hostile(t, patient, answer(body)).Submit(bounded(t), digest("a"))
	require.NoError(t, err)
	require.Equal(t, stamp, got)
}

// TestSizeOfTheMessage: an answer that would be one to a shorter question.
func TestSizeOfTheMessage(t *testing.T) {
	stamp := (&ots.Timestamp{Attestations: []ots.Attestation{{Tag: ots.Tag{1}}}}).After([]ots.Operation{ots.Append([]byte("a"))})
	body, err := stamp.Marshal(32)
	require.NoError(t, err)
	c := hostile(t, patient, answer(body))
	_, err = c.Timestamp(bounded(t), make([]byte, ots.MaxMessage-1))
	require.NoError(t, err)
	_, err = c.Timestamp(bounded(t), make([]byte, ots.MaxMessage))
	require.ErrorIs(t, err, ots.ErrMalformed)
}

func TestReasons(t *testing.T) {
	long := strings.Repeat("é", 3000)
	for text, want := range map[string]string{
		calendartest.Pending:  calendartest.Pending,
		calendartest.NotFound: calendartest.NotFound,
		"":                    "",
		" \n":                 "",
		"Timestamped by transaction 00ff; waiting for 5 confirmations\n": "Timestamped by transaction 00ff; waiting for 5 confirmations",
		"\x1b[31mVALID\x00\u202e\nsecond line":                           "\x1b[31mVALID\x00\u202e\nsecond line",
		"\xff\xfe":                                                       "?",
		long:                                                             strings.Repeat("é", 98) + "…",
		"a" + long:                                                       "a" + strings.Repeat("é", 98) + "…",
		"\x80" + long:                                                    "?" + strings.Repeat("é", 98) + "…",
	} {
		c := hostile(t, patient, esploratest.Answer(404, "text/plain", text))
		submitted, err := refused(t, c)
		var pending *calendar.PendingError
		require.ErrorAs(t, err, &pending)
		require.Equal(t, want, pending.Reason)
		require.LessOrEqual(t, len(pending.Reason), 200)
		require.True(t, utf8.ValidString(pending.Reason))
		require.False(t, errors.As(submitted, &pending), "a digest is not waited for")
		require.ErrorContains(t, submitted, `the answer is "404 Not Found"`)
	}
}

// TestRedirects are not followed, neither to another host nor to the same.
func TestRedirects(t *testing.T) {
	node, _ := startNode(t)
	other := startCalendar(t, node, calendartest.Options{})
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{other.URL() + "/digest", "/other", "//" + strings.TrimPrefix(other.URL(), "http://"), "file:///etc/passwd", "?", "javascript:alert(1)"} {
			asked := 0
			submitted, err := refused(t, hostile(t, patient, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				asked++
				w.Header()["Location"] = []string{to}
				w.WriteHeader(status)
			}))
			require.ErrorContains(t, err, fmt.Sprintf(`the answer is "%d `, status))
			require.ErrorContains(t, submitted, fmt.Sprintf(`the answer is "%d `, status))
			require.Equal(t, 2, asked)
		}
	}
	server := startCalendar(t, node, calendartest.Options{})
	server.Misbehave(calendartest.Faults{Redirect: other.URL()})
	submitted, err := refused(t, newClient(t, calendar.Config{URL: server.URL()}))
	require.ErrorContains(t, submitted, `see `+other.URL()+"/digest")
	require.ErrorContains(t, err, `see `+other.URL()+"/timestamp/")
	require.Len(t, server.Seen(), 2)
	require.Empty(t, other.Seen())
}

// TestMisbehaviour is that of the calendar for tests, where the answers are well
// formed: it is for the caller to run the operations.
func TestMisbehaviour(t *testing.T) {
	node, _ := startNode(t)
	server := startCalendar(t, node, calendartest.Options{})
	c := newClient(t, calendar.Config{URL: server.URL(), Timeout: patient})
	server.Misbehave(calendartest.Faults{Flood: 10_000_000})
	submitted, asked := refused(t, c)
	require.ErrorContains(t, submitted, "more than 10000 bytes")
	require.ErrorContains(t, asked, "more than 10000 bytes")
	server.Misbehave(calendartest.Faults{Hang: true})
	submitted, asked = refused(t, newClient(t, calendar.Config{URL: server.URL(), Timeout: impatient}))
	require.ErrorIs(t, submitted, calendar.ErrUnreachable)
	require.ErrorIs(t, asked, calendar.ErrUnreachable)
	server.Misbehave(calendartest.Faults{Hash: ots.SHA1})
	stamp, err := c.Submit(bounded(t), digest("a"))
	require.NoError(t, err)
	require.Contains(t, stamp.Branches[0].Then.Branches[0].Op.Name(), "sha1")
	require.NoError(t, server.Close())
	submitted, asked = refused(t, c)
	require.ErrorIs(t, submitted, calendar.ErrUnreachable)
	require.ErrorIs(t, asked, calendar.ErrUnreachable)
	require.ErrorContains(t, asked, "connection refused")
}

// TestOneGivesUp: who asked no longer waits, and may say why.
func TestOneGivesUp(t *testing.T) {
	for _, why := range []error{nil, errors.New("it is late")} {
		asked := make(chan struct{})
		c := hostile(t, patient, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			close(asked)
			esploratest.Silence()(w, r, next)
		})
		ctx, cancel := context.WithCancelCause(bounded(t))
		go func() {
			<-asked
			cancel(why)
		}()
		start := time.Now()
		_, err := c.Submit(ctx, digest("a"))
		require.Less(t, time.Since(start), patient)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, calendar.ErrUnreachable)
		want := "calendar " + c.URL() + ": context canceled"
		if why != nil {
			want += ": it is late"
		}
		require.EqualError(t, err, want)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(compressed(t, plain(t)))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that must fail
	server.StartTLS()
	defer server.Close()
	submitted, asked := refused(t, newClient(t, calendar.Config{URL: server.URL}))
	for _, err := range []error{submitted, asked} {
		require.ErrorContains(t, err, "its certificate is not accepted: ")
	}

	// The client of somebody else, whose transport would unpack answers.
	submitted, _ = refused(t, newClient(t, calendar.Config{URL: server.URL, HTTP: server.Client()}))
	require.ErrorContains(t, submitted, `the answer is encoded with "gzip"`)

	clear := httptest.NewServer(http.NotFoundHandler())
	defer clear.Close()
	submitted, _ = refused(t, newClient(t, calendar.Config{URL: strings.Replace(clear.URL, "http://", "https://", 1)}))
	require.ErrorContains(t, submitted, "it does not speak TLS: ")
}

// TestLocalhost: this machine by its name, without TLS.
func TestLocalhost(t *testing.T) {
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write(plain(t))
	}))
	defer server.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	c := newClient(t, calendar.Config{URL: "http://localhost:" + port})
	_, err = c.Submit(bounded(t), digest("a"))
	require.NoError(t, err)
	require.Equal(t, 1, asked)
}

// TestNothingLeftBehind asks often, and looks for goroutines.
func TestNothingLeftBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	func() {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			esploratest.Silence()(w, r, nil)
		}))
		defer server.Close()
		for range 20 {
			c := newClient(t, calendar.Config{URL: server.URL, Timeout: 20 * time.Millisecond})
			_, err := c.Submit(bounded(t), digest("a"))
			require.ErrorIs(t, err, calendar.ErrUnreachable)
		}
	}()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 20*time.Second, 10*time.Millisecond)
}
