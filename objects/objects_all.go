// Package objects reads documents from an S3-compatible object store, and writes
// proofs to one.
//
// It is for workers that hash what lies in a store (package batch/leaves): it opens
// sockets, so nothing that verifies reaches it. What it hands on is judged by whoever
// reads it; that an object is the one that was listed is held by its ETag.
//
// Credentials come from where S3 tools look for them: AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY, the file ~/.aws/credentials (AWS_PROFILE,
// AWS_SHARED_CREDENTIALS_FILE), a web identity token as clusters mount it, or the
// machine's role. Where there are none, requests are anonymous. No program is started
// to get some.
//
// On macOS there is no access to stores: a module below the library for them starts a
// program there, ioreg, whenever a process begins, also one that only verifies. Mount
// the store, or let workers run Linux.
package objects

import (
	"errors"
	"strings"
	"time"
)

// Scheme begins the URL of a folder of objects: s3://bucket/prefix.
const Scheme = "s3://"

// DefaultEndpoint is where the store is unless another one is named.
const DefaultEndpoint = "https://s3.amazonaws.com"

// ErrChanged says of an object that it is not the one any more that was listed.
var ErrChanged = errors.New("changed since it was listed")

// IsURL reports whether a path is meant as a folder of objects.
func IsURL(path string) bool { return strings.HasPrefix(path, Scheme) }

// Object is what a listing says of one.
type Object struct {
	Name     string // below the folder
	Size     int64  // bytes
	Modified time.Time
	etag     string
}
