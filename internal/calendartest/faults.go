package calendartest

import (
	"bytes"
	"io"
	"net/http"

	"gradseal/proof/ots"
)

// Faults are ways to misbehave. Several can be set at once.
type Faults struct {
	// OtherDigest has replies to digests be the timestamps of another one: the
	// commitment that they lead to is not known to the calendar.
	OtherDigest bool

	// URI is what pending attestations name, in place of Options.URI.
	URI string

	// Hash is on every way that is made from now on, to the commitment and to the
	// transaction: ots.SHA1, ots.RIPEMD160 or ots.Keccak256. It leads to a block
	// all the same.
	Hash ots.Operation

	// Reason is what is said with 404 to every commitment, whether a block has it
	// or not: Pending for ever, NotFound, or something that no calendar says.
	Reason string

	// WrongPath has ways lead to no block.
	WrongPath bool

	// Height is added to that of the block.
	Height int64

	// Flood has every answer be one of so many bytes.
	Flood int

	// Redirect sends every request to the same path of another server: a URL
	// without slash at the end.
	Redirect string

	// Hang has no request be answered, until Close or until the client leaves.
	Hang bool
}

// spoil answers a request in place of the calendar, where the faults say so.
func (f Faults) spoil(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.Hang:
		_, _ = io.Copy(io.Discard, r.Body) // or the end of the request is not seen
		<-r.Context().Done()
	case f.Redirect != "":
		// With 307 a client that follows sends the digest again.
		http.Redirect(w, r, f.Redirect+r.URL.Path, http.StatusTemporaryRedirect)
	case f.Flood > 0:
		flood(w, f.Flood)
	default:
		return false
	}
	return true
}

// flood answers with the beginning of a timestamp and so many bytes in all.
func flood(w http.ResponseWriter, size int) {
	w.Header().Set("Content-Type", "application/octet-stream")
	chunk := bytes.Repeat([]byte{0x08}, 1<<16) // sha256, over and over
	for size > 0 {
		n, err := w.Write(chunk[:min(size, len(chunk))])
		if err != nil {
			return
		}
		size -= n
	}
}

// weak is Hash as operations of a path.
func (f Faults) weak() []ots.Operation {
	if f.Hash == (ots.Operation{}) {
		return nil
	}
	return []ots.Operation{f.Hash}
}
