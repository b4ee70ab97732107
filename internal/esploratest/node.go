package esploratest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// node is the RPC server of a node.
type node struct {
	url, user, password string
	client              *http.Client
}

func newNode(url, user, password string, certPEM []byte) (*node, error) {
	// btcd serves few connections at a time and closes them after each answer.
	transport := &http.Transport{DisableKeepAlives: true}
	if certPEM != nil {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(certPEM) {
			return nil, errors.New("no certificate in the node's PEM file")
		}
		// Sessions are resumed: a whole handshake for each question takes longer
		// than the question.
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	}
	return &node{url, user, password, &http.Client{Transport: transport, Timeout: time.Minute}}, nil
}

// rpcError is what the node answers where it refuses.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string { return fmt.Sprintf("RPC error %d: %s", e.Code, e.Message) }

// methodNotFound is the code of the error that says so (JSON-RPC 2.0, §5.1).
const methodNotFound = -32601

func (n *node) call(result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, n.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth(n.user, n.password)
	resp, err := n.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Result json.RawMessage
		Error  *rpcError
	}
	if err := json.Unmarshal(said, &answer); err != nil {
		return fmt.Errorf("%s: %s: %w", method, resp.Status, err)
	}
	if answer.Error != nil {
		return answer.Error
	}
	return json.Unmarshal(answer.Result, result)
}

// targets are the numbers of blocks that the API gives fee rates for.
func targets() []int {
	var all []int
	for n := 1; n <= 25; n++ {
		all = append(all, n)
	}
	return append(all, 144, 504, 1008)
}

// feeEstimates are fee rates in sat/vB by target; none where the node has seen
// too little.
func (n *node) feeEstimates() (any, error) {
	rates := map[int]float64{}
	for _, target := range targets() {
		rate, err := n.feeRate(target)
		var e *rpcError
		if errors.As(err, &e) {
			continue // btcd estimates up to 25 blocks
		}
		if err != nil {
			return nil, err
		}
		if rate > 0 {
			rates[target] = rate * 1e5 // from bitcoin per 1,000 bytes
		}
	}
	return rates, nil
}

// feeRate asks Bitcoin Core, or else btcd, in bitcoin per 1,000 bytes.
func (n *node) feeRate(target int) (float64, error) {
	var smart struct {
		FeeRate float64 `json:"feerate"`
	}
	err := n.call(&smart, "estimatesmartfee", target)
	var e *rpcError
	if !errors.As(err, &e) || e.Code != methodNotFound {
		return smart.FeeRate, err
	}
	var rate float64
	err = n.call(&rate, "estimatefee", target)
	return rate, err
}
