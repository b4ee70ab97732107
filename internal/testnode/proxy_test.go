package testnode

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProxyLosesWhatItIsTold(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			var seen []string
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				seen = append(seen, r.URL.Path+" "+string(body))
				_, _ = io.WriteString(w, "0123456789")
			}))
			start, cert := server.Start, []byte(nil)
			if scheme == "https" {
				start = server.StartTLS
			}
			start()
			defer server.Close()
			if scheme == "https" {
				cert = certificate(server)
			}
			p := StartProxy(t, server.URL+"/base/", cert)
			ask := func(ctx context.Context) (string, error) {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/path", strings.NewReader("question"))
				require.NoError(t, err)
				client := &http.Client{Transport: transportFor(t, p)}
				resp, err := client.Do(req)
				if err != nil {
					return "", err
				}
				defer resp.Body.Close()
				answer, err := io.ReadAll(resp.Body)
				return string(answer), err
			}
			background := context.Background()
			const request = "/base/path question"

			answer, err := ask(background)
			require.NoError(t, err)
			require.Equal(t, "0123456789", answer)
			require.Equal(t, []string{request}, seen)

			p.FaultAt(0, Fault{Kind: DropBefore})
			_, err = ask(background)
			require.Error(t, err)
			require.Len(t, seen, 1)

			p.FaultAt(0, Fault{Kind: DropAfter})
			_, err = ask(background)
			require.Error(t, err)
			require.Len(t, seen, 2)

			p.FaultAt(0, Fault{Kind: Truncate})
			answer, err = ask(background)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Equal(t, "01234", answer)

			p.FaultAt(0, Fault{Kind: Cut})
			answer, err = ask(background)
			require.NoError(t, err)
			require.Equal(t, "01234", answer)

			p.FaultAt(1, Fault{Delay: time.Hour})
			_, err = ask(background)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(background, time.Second)
			defer cancel()
			_, err = ask(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 2, p.Count())
		})
	}
}

func certificate(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func transportFor(t *testing.T, p *Proxy) *http.Transport {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	if p.CertPEM != nil {
		roots := x509.NewCertPool()
		require.True(t, roots.AppendCertsFromPEM(p.CertPEM))
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return transport
}
