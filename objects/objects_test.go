//go:build !darwin

package objects_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"gradseal/objects"
)

// store is an object store in this process, with a door that can break.
type store struct {
	*httptest.Server
	backend *s3mem.Backend
	breaks  atomic.Int32 // how many more answers end in the middle
	busy    atomic.Int32 // how many more requests are refused with 503
}

func newStore(t *testing.T) *store {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "someone")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "something")
	t.Setenv("AWS_REGION", "us-east-1")
	s := &store{backend: s3mem.New()}
	require.NoError(t, s.backend.CreateBucket("registry"))
	fake := gofakes3.New(s.backend).Server()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.busy.Add(-1) >= 0 {
			http.Error(w, "slow down", http.StatusServiceUnavailable)
			return
		}
		if r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "" && s.breaks.Add(-1) >= 0 {
			fake.ServeHTTP(&half{ResponseWriter: w, left: 1000}, r)
			panic(http.ErrAbortHandler)
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// half passes on the first bytes of an answer.
type half struct {
	http.ResponseWriter
	left int
}

func (h *half) Write(p []byte) (int, error) {
	n := min(len(p), h.left)
	h.left -= n
	h.ResponseWriter.Write(p[:n])
	h.ResponseWriter.(http.Flusher).Flush() // or the client sees no answer at all, and asks again by itself
	return len(p), nil
}

func (s *store) put(t *testing.T, name string, content []byte) {
	t.Helper()
	_, err := s.backend.PutObject("registry", name, map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}, bytes.NewReader(content), int64(len(content)), nil)
	require.NoError(t, err)
}

func (s *store) open(t *testing.T, url string) *objects.Folder {
	t.Helper()
	f, err := objects.Open(url, s.URL)
	require.NoError(t, err)
	return f
}

func list(t *testing.T, f *objects.Folder) (all []objects.Object) {
	t.Helper()
	require.NoError(t, f.List(t.Context(), func(o objects.Object) error {
		all = append(all, o)
		return nil
	}))
	return all
}

func contentOf(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	return b
}

func TestFolder(t *testing.T) {
	s := newStore(t)
	s.put(t, "2026/a.pdf", contentOf(5000))
	s.put(t, "2026/deep/b.pdf", contentOf(10))
	s.put(t, "2027/c.pdf", contentOf(10))
	s.put(t, "20260/d.pdf", contentOf(10))
	for _, url := range []string{"s3://registry/2026", "s3://registry/2026/"} {
		f := s.open(t, url)
		require.Equal(t, "s3://registry/2026", f.URL())
		all := list(t, f)
		require.Len(t, all, 2)
		require.Equal(t, "a.pdf", all[0].Name)
		require.EqualValues(t, 5000, all[0].Size)
		require.False(t, all[0].Modified.IsZero())
		require.Equal(t, "deep/b.pdf", all[1].Name)
	}
	require.Len(t, list(t, s.open(t, "s3://registry")), 4)
}

// More objects than fit into one answer are listed all, each once.
func TestManyObjects(t *testing.T) {
	s := newStore(t)
	for i := range 2500 {
		s.put(t, fmt.Sprintf("x/%04d.pdf", i), []byte("x"))
	}
	all := list(t, s.open(t, "s3://registry/x"))
	require.Len(t, all, 2500)
	for i, o := range all {
		require.Equal(t, fmt.Sprintf("%04d.pdf", i), o.Name)
	}
}

func TestRead(t *testing.T) {
	s := newStore(t)
	content := contentOf(300_000)
	s.put(t, "a.pdf", content)
	f := s.open(t, "s3://registry")
	o := list(t, f)[0]
	var sum [32]byte
	require.NoError(t, f.Read(t.Context(), o, func(r io.Reader, at io.ReaderAt) error {
		h := sha256.New()
		_, err := io.Copy(h, r)
		sum = [32]byte(h.Sum(nil))
		part := make([]byte, 100)
		_, atErr := at.ReadAt(part, 299_900)
		require.NoError(t, atErr)
		require.Equal(t, content[299_900:], part)
		n, atErr := at.ReadAt(part, 299_950)
		require.Equal(t, 50, n)
		require.ErrorIs(t, atErr, io.EOF)
		_, atErr = at.ReadAt(part, 300_000)
		require.ErrorIs(t, atErr, io.EOF)
		return err
	}))
	require.Equal(t, sha256.Sum256(content), sum)

	own := errors.New("is no PDF")
	err := f.Read(t.Context(), o, func(io.Reader, io.ReaderAt) error { return own })
	require.True(t, err == own, "an error of the reader comes as it is")
}

// A connection that breaks in the middle, and a store that is busy, are no reason to
// hash a part of a document.
func TestReadAgain(t *testing.T) {
	s := newStore(t)
	content := contentOf(300_000)
	s.put(t, "a.pdf", content)
	f := s.open(t, "s3://registry")
	objects.Hurry(f)
	o := list(t, f)[0]
	tried := 0
	read := func() (sum [32]byte, err error) {
		tried = 0
		err = f.Read(t.Context(), o, func(r io.Reader, _ io.ReaderAt) error {
			tried++
			h := sha256.New()
			_, err := io.Copy(h, r)
			sum = [32]byte(h.Sum(nil))
			return err
		})
		return sum, err
	}
	s.breaks.Store(2)
	s.busy.Store(1)
	sum, err := read()
	require.NoError(t, err)
	require.Equal(t, 3, tried)
	require.Equal(t, sha256.Sum256(content), sum)

	s.breaks.Store(1000)
	_, err = read()
	require.ErrorContains(t, err, "s3://registry/a.pdf: ")
	require.Equal(t, 5, tried)
	s.breaks.Store(0)
}

// What was listed is what is read, or nothing.
func TestChanged(t *testing.T) {
	s := newStore(t)
	s.put(t, "a.pdf", contentOf(1000))
	f := s.open(t, "s3://registry")
	o := list(t, f)[0]
	other := contentOf(1000)
	other[500] ^= 1
	for _, content := range [][]byte{other, contentOf(999)} {
		s.put(t, "a.pdf", content)
		err := f.Read(t.Context(), o, func(r io.Reader, _ io.ReaderAt) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		require.ErrorIs(t, err, objects.ErrChanged)
		require.EqualError(t, err, "s3://registry/a.pdf: changed since it was listed")
	}
	_, err := s.backend.DeleteObject("registry", "a.pdf")
	require.NoError(t, err)
	err = f.Read(t.Context(), o, func(io.Reader, io.ReaderAt) error { return nil })
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestWrite(t *testing.T) {
	s := newStore(t)
	f := s.open(t, "s3://registry/proofs")
	_, err := f.ReadSmall(t.Context(), "a.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, content := range []string{"one", "two"} {
		require.NoError(t, f.Write(t.Context(), "a.json", []byte(content)))
		data, err := f.ReadSmall(t.Context(), "a.json")
		require.NoError(t, err)
		require.Equal(t, content, string(data))
	}
	require.Equal(t, "proofs/a.json", list(t, s.open(t, "s3://registry"))[0].Name)
}

func TestOpenRefuses(t *testing.T) {
	for url, text := range map[string]string{
		"registry/x": "want s3://", "s3://": "ucket", "s3://UPPER/x": "ucket", "s3:///x": "ucket",
	} {
		_, err := objects.Open(url, objects.DefaultEndpoint)
		require.ErrorContains(t, err, text, url)
	}
	for endpoint, text := range map[string]string{
		"s3.example.net": "want https://", "ftp://x": "want https://", "https://x/path": "want https://", "https://": "want https://",
		"https://someone:something@x": "do not belong into a URL",
	} {
		_, err := objects.Open("s3://registry", endpoint)
		require.ErrorContains(t, err, text, endpoint)
		require.NotContains(t, err.Error(), "something@")
	}
}

// Credentials that somebody wrote into a URL are not printed, whether it parses or
// not: a secret may have slashes.
func TestOpenPrintsNoCredentials(t *testing.T) {
	for _, at := range [][2]string{
		{"s3://AKIDX:hiddenabc@bucket/x", objects.DefaultEndpoint},
		{"s3://AKIDX:abc/hiddendef@bucket/x", objects.DefaultEndpoint},
		{"s3://bucket/x", "https://AKIDX:hiddenabc@s3.example.net"},
		{"s3://bucket/x", "https://AKIDX:abc/hiddendef@s3.example.net"},
		{"s3://bucket/x", "https://s3.example.net?X-Amz-Signature=hidden"},
		{"s3://bucket/x", "https://s3.example.net/%zzhidden"},
	} {
		_, err := objects.Open(at[0], at[1])
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hidden")
		require.NotContains(t, err.Error(), "AKIDX")
	}
}

func TestNoSuchBucket(t *testing.T) {
	s := newStore(t)
	err := s.open(t, "s3://nowhere").List(t.Context(), func(objects.Object) error { return nil })
	require.ErrorIs(t, err, fs.ErrNotExist)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, s.open(t, "s3://registry").List(ctx, func(objects.Object) error { return nil }))
}

// A store says no in words of its own; what people can do about it is the same.
func TestRefused(t *testing.T) {
	newStore(t) // for its credentials
	for _, c := range []struct {
		status  int
		code    string
		refused bool
	}{
		{http.StatusForbidden, "AccessDenied", true},
		{http.StatusForbidden, "InvalidAccessKeyId", true},
		{http.StatusForbidden, "SignatureDoesNotMatch", true},
		{http.StatusForbidden, "SomethingElse", true},
		{http.StatusUnauthorized, "Unauthorized", true},
		{http.StatusNotFound, "XAdminUserNotFound", true}, // versitygw
		{http.StatusNotFound, "NoSuchBucket", false},
		{http.StatusBadRequest, "InvalidArgument", false},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", c.code)
		}))
		t.Cleanup(s.Close)
		f, err := objects.Open("s3://registry/x", s.URL)
		require.NoError(t, err)
		for _, err := range []error{
			f.List(t.Context(), func(objects.Object) error { return nil }),
			f.Write(t.Context(), "a.json", []byte("{}")),
		} {
			require.ErrorContains(t, err, "s3://registry/x")
			require.Equal(t, c.refused, strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID"), "%s: %v", c.code, err)
		}
	}
}

// A store that says again and again that there is more, and names no object, is given
// up; one that does so for a while is not.
func TestListOfEmptyPages(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "someone")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "something")
	t.Setenv("AWS_REGION", "us-east-1")
	empty := 0 // pages before an object comes
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		rest := fmt.Sprintf("<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>", asked)
		if asked > empty {
			rest = "<IsTruncated>false</IsTruncated><Contents><Key>2026/a.pdf</Key><Size>5</Size><LastModified>2026-11-22T09:00:00.000Z</LastModified></Contents>"
		}
		fmt.Fprintf(w, `<?xml version="1.0"?><ListBucketResult><Name>registry</Name><Prefix>2026/</Prefix>%s</ListBucketResult>`, rest)
	}))
	defer server.Close()
	f, err := objects.Open("s3://registry/2026", server.URL)
	require.NoError(t, err)
	empty = 20
	require.Len(t, list(t, f), 1)
	empty, asked = 1<<30, 0
	err = f.List(t.Context(), func(objects.Object) error { return nil })
	require.EqualError(t, err, "s3://registry/2026: the store answered 1000 requests for the list of its objects in a row, and named none")
}
