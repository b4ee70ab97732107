package jsonrpc_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/jsonrpc"
)

const secret = "s3cr3t-pass"

// server answers as handler does, and returns a client for it.
func server(t *testing.T, config jsonrpc.Config, handler http.HandlerFunc) *jsonrpc.Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	config.URL, config.Login = s.URL, jsonrpc.Password("user", secret)
	c, err := jsonrpc.New(config)
	require.NoError(t, err)
	return c
}

// text answers all requests with a text, in which ID is the request's id.
func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req struct{ ID uint64 }
		_ = json.NewDecoder(r.Body).Decode(&req)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "ID", fmt.Sprint(req.ID)))
	}
}

func TestRequest(t *testing.T) {
	c := server(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		require.True(t, ok)
		require.Equal(t, "user "+secret, user+" "+password)
		require.Equal(t, http.MethodPost, r.Method)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.JSONEq(t, `{"jsonrpc":"1.0","id":1,"method":"m","params":[]}`, string(body))
		_, _ = io.WriteString(w, `{"result":[1],"error":null,"id":1}`)
	})
	var result []int
	require.NoError(t, c.Call(t.Context(), &result, "m"))
	require.Equal(t, []int{1}, result)
}

func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   string // "" for none
	}{
		{"result", 200, `{"result":"x","error":null,"id":ID}`, ""},
		{"null", 200, `{"result":null,"error":null,"id":ID}`, ""},
		{"error of JSON-RPC 2.0", 200, `{"error":{"code":-8,"message":"no\u001b[1m"},"id":ID}`, `m: the node answers "no\x1b[1m" (-8)`},
		{"error", 500, `{"result":null,"error":{"code":-8,"message":"no"},"id":ID}`, `m: the node answers "no" (-8)`},
		{"unknown method", 404, `{"result":null,"error":{"code":-32601,"message":"Method not found"},"id":ID}`, `"Method not found" (-32601)`},
		{"long message", 500, `{"error":{"code":-8,"message":"` + strings.Repeat("é", 4000) + `"},"id":ID}`, `é…" (-8)`},
		{"another id", 200, `{"result":"x","error":null,"id":99}`, "an id that no request had"},
		{"no id", 200, `{"result":"x","error":null}`, "an id that no request had"},
		{"null id", 200, `{"result":"x","error":null,"id":null}`, "an id that no request had"},
		{"id as text", 200, `{"result":"x","error":null,"id":"ID"}`, "malformed answer"},
		{"neither", 200, `{"id":ID}`, "neither result nor error"},
		{"nothing", 200, "", "malformed answer"},
		{"half", 200, `{"result":"x","err`, "malformed answer"},
		{"more", 200, `{"result":"x","error":null,"id":ID}{}`, "malformed answer"},
		{"a page", 200, "<html>", "malformed answer"},
		{"another type", 200, `{"result":7,"error":null,"id":ID}`, "m: malformed result"},
		{"password", 401, "", anchor.ErrPassword.Error()},
		{"address", 403, "", "takes no RPC from this machine"},
		{"redirect", 302, "", "HTTP status 302"},
		{"other status", 418, `{"result":"x","error":null,"id":ID}`, "HTTP status 418"},
		{"limited user", 200, `{"error":{"code":-32603,"message":"limited user not authorized for this method"},"id":ID}`, "limited user"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := server(t, jsonrpc.Config{}, text(tc.status, tc.body))
			var result string
			err := c.Call(t.Context(), &result, "m")
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
			require.Less(t, len(err.Error()), 700)
			require.NotContains(t, err.Error(), secret)
			require.NotContains(t, fmt.Sprintf("%+v %#v", err, c.URL()), secret)
		})
	}
}

// A redirect is not followed: the password would go with it.
func TestRedirect(t *testing.T) {
	var followed atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := server(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, status)
		})
		require.Error(t, c.Call(t.Context(), nil, "m"))
	}
	require.False(t, followed.Load())
}

func TestLargeAnswer(t *testing.T) {
	body := `{"result":"` + strings.Repeat("x", 900) + `","error":null,"id":ID}`
	size := int64(len(body) - 1) // the id has one digit
	c := server(t, jsonrpc.Config{MaxAnswer: size}, text(200, body))
	require.NoError(t, c.Call(t.Context(), nil, "m"))
	c = server(t, jsonrpc.Config{MaxAnswer: size - 1}, text(200, body))
	require.ErrorContains(t, c.Call(t.Context(), nil, "m"), fmt.Sprintf("more than %d bytes", size-1))

	endless := server(t, jsonrpc.Config{MaxAnswer: 1 << 20}, func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 1<<16)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	require.ErrorContains(t, endless.Call(t.Context(), nil, "m"), "more than 1048576 bytes")
}

func TestSlowAnswer(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	c := server(t, jsonrpc.Config{Timeout: 100 * time.Millisecond}, drip)
	err := c.Call(t.Context(), nil, "m")
	require.ErrorIs(t, err, anchor.ErrUnreachable)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	// A person who gives up is not told that the node cannot be reached.
	c = server(t, jsonrpc.Config{}, drip)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	err = c.Call(ctx, nil, "m")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, anchor.ErrUnreachable)
}

// A node that is starting, or has all hands full, is asked again.
func TestBusy(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   error
	}{
		{"warming up", 500, `{"result":null,"error":{"code":-28,"message":"Loading block index…"},"id":ID}`, anchor.ErrSyncing},
		{"busy", 503, "Too busy.", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked atomic.Int32
			c := server(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) < 3 {
					text(tc.status, tc.body)(w, r)
					return
				}
				text(200, `{"result":"x","error":null,"id":ID}`)(w, r)
			})
			require.NoError(t, c.Call(t.Context(), nil, "m"))
			require.EqualValues(t, 3, asked.Load())

			c = server(t, jsonrpc.Config{Timeout: time.Second}, text(tc.status, tc.body))
			err := c.Call(t.Context(), nil, "m")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			}
		})
	}
}

func TestBatch(t *testing.T) {
	batch := func(answer func(ids []uint64) string) ([]jsonrpc.Answer, error) {
		c := server(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
			var requests []struct {
				ID     uint64
				Params []int
			}
			require.NoError(t, json.NewDecoder(r.Body).Decode(&requests))
			var ids []uint64
			for i, req := range requests {
				require.Equal(t, []int{i}, req.Params)
				ids = append(ids, req.ID)
			}
			_, _ = io.WriteString(w, answer(ids))
		})
		return c.Batch(t.Context(), "m", [][]any{{0}, {1}})
	}
	good := func(id uint64, result string) string {
		return fmt.Sprintf(`{"result":"%s","error":null,"id":%d}`, result, id)
	}

	answers, err := batch(func(ids []uint64) string { return "[" + good(ids[1], "b") + "," + good(ids[0], "a") + "]" })
	require.NoError(t, err)
	for i, want := range []string{"a", "b"} {
		var got string
		require.NoError(t, answers[i].Decode(&got))
		require.Equal(t, want, got)
	}
	answers, err = batch(func(ids []uint64) string {
		return fmt.Sprintf(`[%s,{"result":null,"error":{"code":-5,"message":"no"},"id":%d}]`, good(ids[0], "a"), ids[1])
	})
	require.NoError(t, err)
	require.NoError(t, answers[0].Decode(nil))
	require.True(t, jsonrpc.HasCode(answers[1].Decode(nil), jsonrpc.CodeNotFound))
	require.False(t, jsonrpc.HasCode(answers[1].Err, jsonrpc.CodeMisc))

	for name, answer := range map[string]func(ids []uint64) string{
		"one missing": func(ids []uint64) string { return "[" + good(ids[0], "a") + "]" },
		"one twice":   func(ids []uint64) string { return "[" + good(ids[0], "a") + "," + good(ids[0], "a") + "]" },
		"one more": func(ids []uint64) string {
			return "[" + good(ids[0], "a") + "," + good(ids[1], "a") + "," + good(ids[1]+1, "a") + "]"
		},
		"not in a list": func(ids []uint64) string { return good(ids[0], "a") },
		"null":          func([]uint64) string { return "[null,null]" },
	} {
		_, err := batch(answer)
		require.ErrorContains(t, err, "malformed answer", name)
	}
	c := server(t, jsonrpc.Config{}, text(500, ""))
	answers, err = c.Batch(t.Context(), "m", nil)
	require.NoError(t, err, "nothing is asked")
	require.Empty(t, answers)
}

func TestURLs(t *testing.T) {
	for url, want := range map[string]string{
		"http://127.0.0.1:8332":             "",
		"http://[::1]:8332":                 "",
		"http://localhost:18443/":           "",
		"http://127.9.9.9":                  "",
		"https://node.uni.example/rpc":      "",
		"https://192.0.2.1:8334":            "",
		"http://192.0.2.1:8332":             "the password would be sent without encryption",
		"http://[2001:db8::1]:8332":         "the password would be sent without encryption",
		"http://user:" + secret + "@[::1]/": "a password in the node's URL",
		"https://" + secret + "@host":       "a password in the node's URL",
		"https://user:" + secret + "@%":     "malformed",
		"127.0.0.1:8332":                    "malformed",
		"ftp://host":                        "must begin with https:// or http://",
		"host":                              "must begin with https:// or http://",
		"":                                  "must begin with https:// or http://",
		"https://":                          "has no host",
		"https://:8332":                     "has no host",
		"https://host/?a=b":                 "must end with its path",
		"https://host/?":                    "must end with its path",
		"https://host/#a":                   "must end with its path",
	} {
		_, err := jsonrpc.New(jsonrpc.Config{URL: url, Login: jsonrpc.Password("", "")})
		if want == "" {
			require.NoError(t, err, url)
			continue
		}
		require.ErrorContains(t, err, want, url)
		require.NotContains(t, err.Error(), secret)
	}
	_, err := jsonrpc.New(jsonrpc.Config{URL: "http://127.0.0.1"})
	require.ErrorContains(t, err, "no user name and password")
}

func TestWalletURL(t *testing.T) {
	for name, want := range map[string]string{
		"w":     "http://127.0.0.1:1/base/wallet/w",
		"":      "http://127.0.0.1:1/base/wallet/",
		"a b/ü": "http://127.0.0.1:1/base/wallet/a%20b%2F%C3%BC",
		"..":    "http://127.0.0.1:1/base/wallet/..",
		"a?b#c": "http://127.0.0.1:1/base/wallet/a%3Fb%23c",
	} {
		c, err := jsonrpc.New(jsonrpc.Config{URL: "http://127.0.0.1:1/base/", Login: jsonrpc.Password("", "")})
		require.NoError(t, err)
		require.Equal(t, want, c.Wallet(name).URL())
	}
}

func TestCertificateFiles(t *testing.T) {
	s := httptest.NewTLSServer(text(200, `{"result":"x","error":null,"id":ID}`))
	defer s.Close()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"good":       {block, ""},
		"text first": {append([]byte("node of the university\n"), block...), ""},
		"empty":      {nil, "not a certificate in PEM"},
		"a key":      {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}}), "not a certificate in PEM"},
		"two":        {append(block[:len(block):len(block)], block...), "more than one certificate"},
		"damaged":    {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}}), "x509"},
	} {
		file := filepath.Join(t.TempDir(), "cert")
		require.NoError(t, os.WriteFile(file, tc.data, 0o600))
		c, err := jsonrpc.New(jsonrpc.Config{URL: s.URL, Login: jsonrpc.Password("", ""), CertFile: file})
		if tc.want != "" {
			require.ErrorContains(t, err, tc.want, name)
			continue
		}
		require.NoError(t, err, name)
		require.NoError(t, c.Call(t.Context(), nil, "m"), name)
		_, err = jsonrpc.New(jsonrpc.Config{URL: "http://127.0.0.1", Login: jsonrpc.Password("", ""), CertFile: file})
		require.ErrorContains(t, err, "is not https://")
	}
	_, err := jsonrpc.New(jsonrpc.Config{URL: s.URL, Login: jsonrpc.Password("", ""), CertFile: "does-not-exist"})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSecretFiles(t *testing.T) {
	write := func(data string) string {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, []byte(data), 0o600))
		return file
	}
	user, password, err := jsonrpc.Cookie(write("__cookie__:a:b"))()
	require.NoError(t, err)
	require.Equal(t, "__cookie__ a:b", user+" "+password)
	for data, want := range map[string]string{"abc": "no colon", "": "no colon", strings.Repeat(":", 5000): "more than 4096 bytes"} {
		_, _, err = jsonrpc.Cookie(write(data))()
		require.ErrorContains(t, err, want)
	}
	for data, want := range map[string]string{"p": "p", "p\n": "p", "p q \r\n": "p q ", "\n": "", "p\nq\n": "p"} {
		user, password, err = jsonrpc.PasswordFile("u", write(data))()
		require.NoError(t, err)
		require.Equal(t, "u", user)
		require.Equal(t, want, password)
	}
	_, _, err = jsonrpc.PasswordFile("u", "does-not-exist")()
	require.ErrorIs(t, err, os.ErrNotExist)

	broken := errors.New("no login")
	c, err := jsonrpc.New(jsonrpc.Config{URL: "http://127.0.0.1:1", Login: func() (string, string, error) { return "", "", broken }})
	require.NoError(t, err)
	require.ErrorIs(t, c.Call(t.Context(), nil, "m"), broken)
}
