package esploratest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/bitcoin"
)

// Fault spoils the answer to one request. next gives the true one.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Faults is a handler that spoils what it is told to.
type Faults struct {
	next http.Handler

	mu    sync.Mutex
	rules []rule
	seen  []string
}

type rule struct {
	pattern string
	fault   Fault
}

// Spoil returns a handler that answers as next does, until it is told otherwise.
func Spoil(next http.Handler) *Faults { return &Faults{next: next} }

// Set spoils the requests that match a pattern, as path.Match takes it, of
// method and path: "GET /tx/*/raw". Patterns set before count first.
func (f *Faults) Set(pattern string, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, rule{pattern, fault})
}

// Reset has all answers be true again, and forgets what was asked.
func (f *Faults) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.seen = nil, nil
}

// Seen is what was asked since the start or Reset: method and path, in order.
func (f *Faults) Seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.seen...)
}

func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if fault := f.find(r.Method + " " + r.URL.Path); fault != nil {
		fault(w, r, f.next)
		return
	}
	f.next.ServeHTTP(w, r)
}

func (f *Faults) find(request string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, request)
	for _, rule := range f.rules {
		if ok, _ := path.Match(rule.pattern, request); ok {
			return rule.fault
		}
	}
	return nil
}

// Rewrite changes the body of an answer that is 200.
func Rewrite(change func(body []byte) []byte) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := record(r, next)
		body := answer.Body.Bytes()
		if answer.Code == http.StatusOK {
			body = change(body)
		}
		copyHeader(w, answer)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	}
}

func record(r *http.Request, next http.Handler) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	return answer
}

func copyHeader(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
}

// Edit changes an answer that is a JSON object.
func Edit(change func(object map[string]any)) Fault {
	return Rewrite(func(body []byte) []byte {
		var object map[string]any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if d.Decode(&object) != nil {
			return body
		}
		change(object)
		changed, err := json.Marshal(object)
		if err != nil {
			return body
		}
		return changed
	})
}

// Answer says the same to everything.
func Answer(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Page answers with a web page, as a server does at a path that is not the API.
func Page() Fault {
	return Answer(http.StatusOK, "text/html; charset=utf-8", "<!DOCTYPE html>\n<html><head><title>Explorer</title></head><body></body></html>\n")
}

// Failure is the answer of a server that has failed itself.
func Failure() Fault {
	return Answer(http.StatusInternalServerError, "text/plain", "Internal server error")
}

// Busy is the answer of a server that was asked too often, and wants the client
// to wait for so many seconds.
func Busy(seconds int) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		Answer(http.StatusTooManyRequests, "text/plain", "Too Many Requests")(w, r, next)
	}
}

// Times spoils the first n answers only.
func Times(n int, fault Fault) Fault {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		mu.Lock()
		n--
		spoil := n >= 0
		mu.Unlock()
		if spoil {
			fault(w, r, next)
		} else {
			next.ServeHTTP(w, r)
		}
	}
}

// Drip gives the true answer one byte at a time.
func Drip(pause time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := record(r, next)
		copyHeader(w, answer)
		w.WriteHeader(answer.Code)
		for _, b := range answer.Body.Bytes() {
			if _, err := w.Write([]byte{b}); err != nil {
				return
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

// Flood gives the true answer and then white space up to size bytes: what
// begins as JSON or hex is that still.
func Flood(size int) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := record(r, next)
		copyHeader(w, answer)
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
		space := bytes.Repeat([]byte{' '}, 1<<16)
		for size -= answer.Body.Len(); size > 0; size -= len(space) {
			if _, err := w.Write(space[:min(size, len(space))]); err != nil {
				return
			}
		}
	}
}

// Truncate ends the connection after half of the true answer.
func Truncate() Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := record(r, next)
		copyHeader(w, answer)
		w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// HangUp ends the connection without an answer. Where heard, the request has
// had its effect by then.
func HangUp(heard bool) Fault {
	return func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		if heard {
			record(r, next)
		}
		panic(http.ErrAbortHandler)
	}
}

// Silence never answers.
func Silence() Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body) // or the end of the request is not seen
		<-r.Context().Done()
	}
}

// Lie is a wrong answer in the right form.
type Lie struct {
	Name    string
	Pattern string
	Fault   Fault
}

// Lies are the wrong answers that a client must see through when it asks for
// the evidence of a confirmed transaction, or for a transaction, header or
// headers. Each is of one kind of request.
func Lies() []Lie {
	foreign := bitcoin.Mainnet.Genesis()
	return []Lie{
		{"another header", "GET /block/*/header", Rewrite(func([]byte) []byte { return []byte(hex.EncodeToString(foreign[:])) })},
		{"a header with another nonce", "GET /block/*/header", Rewrite(flipHex(bitcoin.HeaderSize - 1))},
		{"a header with another root", "GET /block/*/header", Rewrite(flipHex(40))},
		{"another path", "GET /tx/*/merkle-proof", Edit(changePath)},
		{"a longer path", "GET /tx/*/merkle-proof", Edit(func(o map[string]any) { addToPath(o, 1) })},
		{"a path that is too long", "GET /tx/*/merkle-proof", Edit(func(o map[string]any) { addToPath(o, 30) })},
		{"no path", "GET /tx/*/merkle-proof", Edit(func(o map[string]any) { o["merkle"] = []string{} })},
		{"another position", "GET /tx/*/merkle-proof", Edit(func(o map[string]any) { o["pos"] = 0 })},
		{"a huge position", "GET /tx/*/merkle-proof", Edit(func(o map[string]any) { o["pos"] = 1 << 40 })},
		{"a negative position", "GET /tx/*/merkle-proof", Edit(func(o map[string]any) { o["pos"] = -1 })},
		{"another height of the path", "GET /tx/*/merkle-proof", Edit(func(o map[string]any) { o["block_height"] = 1 })},
		{"another block", "GET /tx/*/status", Edit(func(o map[string]any) { o["block_hash"] = foreign.Hash().String() })},
		{"another height", "GET /tx/*/status", Edit(func(o map[string]any) { o["block_height"] = 1 })},
		{"no height", "GET /tx/*/status", Edit(func(o map[string]any) { delete(o, "block_height") })},
		{"another block at the height", "GET /block-height/*", Rewrite(func([]byte) []byte { return []byte(foreign.Hash().String()) })},
		{"another transaction", "GET /tx/*/hex", Rewrite(changeValue)},
		{"other headers", "GET /blocks/*", Rewrite(changeSummaries)},
	}
}

// flipHex changes one byte of what is hex.
func flipHex(at int) func([]byte) []byte {
	return func(body []byte) []byte {
		b, err := hex.DecodeString(string(body))
		if err != nil || at >= len(b) {
			return body
		}
		b[at] ^= 1
		return []byte(hex.EncodeToString(b))
	}
}

func changePath(o map[string]any) {
	if path, ok := o["merkle"].([]any); ok && len(path) > 0 {
		path[0] = bitcoin.Hash{1}.String()
	}
}

func addToPath(o map[string]any, count int) {
	path, _ := o["merkle"].([]any)
	for range count {
		path = append(path, bitcoin.Hash{1}.String())
	}
	o["merkle"] = path
}

// changeValue has the last output of a transaction in hex pay one satoshi more.
func changeValue(body []byte) []byte {
	raw, err := hex.DecodeString(string(body))
	tx := new(wire.MsgTx)
	if err != nil || tx.Deserialize(bytes.NewReader(raw)) != nil {
		return body
	}
	tx.TxOut[len(tx.TxOut)-1].Value++
	var changed bytes.Buffer
	if tx.Serialize(&changed) != nil {
		return body
	}
	return []byte(hex.EncodeToString(changed.Bytes()))
}

// changeSummaries gives every block another time.
func changeSummaries(body []byte) []byte {
	var page []map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&page) != nil {
		return body
	}
	for _, block := range page {
		block["timestamp"] = 1_500_000_000
	}
	changed, err := json.Marshal(page)
	if err != nil {
		return body
	}
	return changed
}
