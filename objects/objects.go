//go:build !darwin

package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

const (
	// patience is how long a store may be silent before a request is begun again.
	patience = time.Minute
	// tries is how often an object is read from its beginning.
	tries = 5
	// maxSmall caps what ReadSmall reads, in bytes.
	maxSmall = 1 << 20
)

// Folder is what is below a prefix of a bucket.
type Folder struct {
	core   *minio.Core
	bucket string
	prefix string // empty, or ends in a slash
	url    string
	pause  time.Duration // before the second try
}

// Open returns the folder at a URL, at the store with the given endpoint. Nothing is
// sent yet.
func Open(rawURL, endpoint string) (*Folder, error) {
	f := &Folder{pause: time.Second}
	if err := f.parse(rawURL); err != nil {
		return nil, fmt.Errorf("folder of an object store: %w", err) // and no part of the URL: it may hold a password
	}
	at, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return nil, errors.New("endpoint: is no URL, want https://HOST or https://HOST:PORT") // neither it nor err: both may hold a password
	case at.User != nil:
		return nil, fmt.Errorf("endpoint: %w", errCredentials)
	case at.Scheme != "https" && at.Scheme != "http", at.Host == "", at.Path != "" && at.Path != "/", at.RawQuery != "":
		return nil, errors.New("endpoint: want https://HOST or https://HOST:PORT, and nothing more")
	}
	client := &http.Client{Timeout: 10 * time.Second}
	creds, err := keys(client)
	if err != nil {
		return nil, err
	}
	f.core, err = minio.NewCore(at.Host, &minio.Options{
		Creds:  creds,
		Secure: at.Scheme == "https",
		Region: region(),
		Transport: countedTransport{&http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: patience,
			IdleConnTimeout:       patience,
			MaxIdleConnsPerHost:   256,
			DisableCompression:    true, // the bytes of the object, and no others
		}},
	})
	return f, err
}

var errCredentials = errors.New("credentials do not belong into a URL: they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or from ~/.aws/credentials")

func region() string {
	if r := os.Getenv("AWS_REGION"); r != "" {
		return r
	}
	return os.Getenv("AWS_DEFAULT_REGION")
}

func (f *Folder) parse(rawURL string) error {
	rest, ok := strings.CutPrefix(rawURL, Scheme)
	if !ok {
		return errors.New("want s3://BUCKET/PREFIX")
	}
	f.bucket, f.prefix, _ = strings.Cut(rest, "/")
	if strings.Contains(f.bucket, "@") || strings.Contains(f.bucket, ":") {
		return errCredentials
	}
	if err := s3utils.CheckValidBucketNameStrict(f.bucket); err != nil {
		return err
	}
	f.prefix = strings.TrimSuffix(f.prefix, "/")
	f.url = Scheme + f.bucket
	if f.prefix != "" {
		f.url += "/" + f.prefix
		f.prefix += "/"
	}
	return nil
}

// URL is where the folder is, in one spelling.
func (f *Folder) URL() string { return f.url }

// List calls use with every object of the folder, with all that is below it, by name.
func (f *Folder) List(ctx context.Context, use func(Object) error) error {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := &listing{cancel: cancel}
	ctx = context.WithValue(within, listingKey{}, l)
	for info := range f.core.ListObjectsIter(ctx, f.bucket, minio.ListObjectsOptions{Prefix: f.prefix, Recursive: true}) {
		if info.Err != nil && errors.Is(context.Cause(ctx), errEmptyPages) {
			return f.fault("", errEmptyPages)
		}
		if info.Err != nil {
			return f.fault("", info.Err)
		}
		l.requests.Store(0)
		name, ok := strings.CutPrefix(info.Key, f.prefix)
		if !ok {
			return fmt.Errorf("%s: the store lists %q, which is not below it", f.url, info.Key)
		}
		if err := use(Object{name, info.Size, info.LastModified, info.ETag}); err != nil {
			return err
		}
	}
	if errors.Is(context.Cause(ctx), errEmptyPages) {
		return f.fault("", errEmptyPages)
	}
	return ctx.Err()
}

// maxEmpty is how many requests in a row may bring no object of a listing: a store that
// has deleted much may have pages without any, and none may have them for ever.
const maxEmpty = 1000

var errEmptyPages = fmt.Errorf("the store answered %d requests for the list of its objects in a row, and named none", maxEmpty)

// listing is one that is going on: the client asks for its pages by itself.
type listing struct {
	requests atomic.Int32 // since an object came
	cancel   context.CancelCauseFunc
}

type listingKey struct{}

// countedTransport counts the requests of a listing.
type countedTransport struct{ http.RoundTripper }

func (t countedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if l, ok := r.Context().Value(listingKey{}).(*listing); ok && l.requests.Add(1) > maxEmpty {
		l.cancel(errEmptyPages)
	}
	return t.RoundTripper.RoundTrip(r)
}

// fault is an error of the store about an object, or about the folder where name is
// empty.
func (f *Folder) fault(name string, err error) error {
	where := f.url
	if name != "" {
		where += "/" + name
	}
	answer := minio.ToErrorResponse(err)
	switch {
	case answer.Code == "PreconditionFailed":
		err = ErrChanged
	case answer.Code == "NoSuchKey", answer.Code == "NotFound":
		err = fmt.Errorf("is not there any more: %w", os.ErrNotExist)
	case answer.Code == "NoSuchBucket":
		err = fmt.Errorf("there is no such bucket: %w", os.ErrNotExist)
	case answer.StatusCode == http.StatusForbidden, answer.StatusCode == http.StatusUnauthorized,
		answer.Code == "XAdminUserNotFound": // versitygw, with 404, of a key that it does not know
		err = fmt.Errorf("the store refuses (%w): it takes its credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from ~/.aws/credentials", err)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// Read hands use the content of an object. at reads any part of the same object.
// Where the connection breaks, use is called again, up to five times, from the
// beginning. An object that is not the one that was listed is ErrChanged.
func (f *Folder) Read(ctx context.Context, o Object, use func(r io.Reader, at io.ReaderAt) error) error {
	pause := f.pause
	for try := 1; ; try++ {
		broken, err := f.read(ctx, o, use)
		if broken == nil || try == tries || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// read is one try. broken is not nil where another may help.
func (f *Folder) read(ctx context.Context, o Object, use func(r io.Reader, at io.ReaderAt) error) (broken, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	body, info, err := f.get(ctx, o, minio.GetObjectOptions{})
	if err != nil {
		return nil, err // the client has tried again by itself
	}
	defer body.Close()
	if info.Size != o.Size {
		return nil, f.fault(o.Name, ErrChanged)
	}
	stream := &stream{r: body, cancel: cancel}
	stream.timer = time.AfterFunc(patience, stream.stop)
	defer stream.timer.Stop()
	err = use(stream, &part{ctx, f, o})
	if stream.broken != nil {
		return stream.broken, f.fault(o.Name, stream.broken)
	}
	return nil, err
}

func (f *Folder) get(ctx context.Context, o Object, options minio.GetObjectOptions) (io.ReadCloser, minio.ObjectInfo, error) {
	if o.etag != "" {
		if err := options.SetMatchETag(o.etag); err != nil {
			return nil, minio.ObjectInfo{}, err
		}
	}
	body, info, _, err := f.core.GetObject(ctx, f.bucket, f.prefix+o.Name, options)
	if err != nil {
		return nil, info, f.fault(o.Name, err)
	}
	if o.etag != "" && info.ETag != o.etag { // a store that knows no If-Match
		body.Close()
		return nil, info, f.fault(o.Name, ErrChanged)
	}
	return body, info, nil
}

// stream notes whether the connection broke, and breaks one that is silent.
type stream struct {
	r      io.Reader
	timer  *time.Timer
	cancel context.CancelCauseFunc
	broken error
}

func (s *stream) stop() { s.cancel(fmt.Errorf("the store sent nothing for %s", patience)) }

func (s *stream) Read(p []byte) (int, error) {
	s.timer.Reset(patience)
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.broken = err
	}
	return n, err
}

// part reads any part of an object.
type part struct {
	ctx context.Context
	f   *Folder
	o   Object
}

func (p *part) ReadAt(b []byte, offset int64) (int, error) {
	if offset >= p.o.Size {
		return 0, io.EOF
	}
	if len(b) == 0 {
		return 0, nil
	}
	end := min(offset+int64(len(b)), p.o.Size) - 1
	var options minio.GetObjectOptions
	if err := options.SetRange(offset, end); err != nil {
		return 0, err
	}
	body, _, err := p.f.get(p.ctx, p.o, options)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, b[:end-offset+1])
	if err == nil && n < len(b) {
		err = io.EOF
	}
	return n, err
}

// ReadSmall returns the content of an object, which is a proof if it is anything of
// ours. Where there is none the error is os.ErrNotExist; one that is too long for a
// proof is cut off.
func (f *Folder) ReadSmall(ctx context.Context, name string) ([]byte, error) {
	body, _, err := f.get(ctx, Object{Name: name}, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, maxSmall))
	if err != nil {
		return nil, f.fault(name, err)
	}
	return data, nil
}

// Write puts an object in the place of what is there. It is there as a whole or not
// at all.
func (f *Folder) Write(ctx context.Context, name string, data []byte) error {
	_, err := f.core.Client.PutObject(ctx, f.bucket, f.prefix+name, bytes.NewReader(data), int64(len(data)),
		minio.PutObjectOptions{ContentType: "application/json", DisableMultipart: true})
	if err != nil {
		return f.fault(name, err)
	}
	return nil
}
