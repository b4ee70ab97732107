package calendartest

import (
	"encoding/hex"
	"io"
	"net/http"
	"strconv"

	"gradseal/proof/ots"
)

// maxDigest is the size in bytes of the largest digest that is taken.
const maxDigest = 64

// What a calendar says with 404 to a commitment.
const (
	Pending  = "Pending confirmation in Bitcoin blockchain"
	NotFound = "Not found"
)

func (c *Calendar) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /digest", c.postDigest)
	mux.HandleFunc("GET /timestamp/{commitment}", c.getTimestamp)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusNotFound, "not found") })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.seen = append(c.seen, r.Method+" "+r.URL.Path)
		faults := c.faults
		c.mu.Unlock()
		if !faults.spoil(w, r) {
			mux.ServeHTTP(w, r)
		}
	})
}

// answer says something in words.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// reply gives the timestamp of a message of size bytes.
func reply(w http.ResponseWriter, t *ots.Timestamp, size int) {
	data, err := t.Marshal(size)
	if err != nil {
		answer(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}

func (c *Calendar) postDigest(w http.ResponseWriter, r *http.Request) {
	digest, err := io.ReadAll(io.LimitReader(r.Body, maxDigest+1))
	switch {
	case err != nil || len(digest) == 0:
		answer(w, http.StatusBadRequest, "invalid Content-Length")
		return
	case len(digest) > maxDigest:
		answer(w, http.StatusBadRequest, "digest too long")
		return
	}
	c.mu.Lock()
	c.digests = append(c.digests, digest)
	c.mu.Unlock()
	faults := c.misbehaviour()
	submitted := digest
	if faults.OtherDigest {
		submitted = random(len(digest))
	}
	ops, err := c.submit(r.Context(), submitted)
	if err != nil {
		answer(w, http.StatusInternalServerError, err.Error())
		return
	}
	uri := c.options.URI
	if faults.URI != "" {
		uri = faults.URI
	}
	t := &ots.Timestamp{Attestations: []ots.Attestation{ots.Pending(uri)}}
	reply(w, t.After(ops), len(digest))
}

func (c *Calendar) getTimestamp(w http.ResponseWriter, r *http.Request) {
	message, err := hex.DecodeString(r.PathValue("commitment"))
	if err != nil {
		answer(w, http.StatusBadRequest, "commitment must be hex-encoded bytes")
		return
	}
	faults := c.misbehaviour()
	k := c.find(message)
	switch {
	case faults.Reason != "":
		answer(w, http.StatusNotFound, faults.Reason)
		return
	case k == nil:
		answer(w, http.StatusNotFound, NotFound)
		return
	}
	t, err := c.timestamp(r.Context(), k, faults)
	switch {
	case err != nil:
		answer(w, http.StatusInternalServerError, err.Error())
	case t == nil:
		answer(w, http.StatusNotFound, Pending)
	default:
		reply(w, t, len(message))
	}
}
