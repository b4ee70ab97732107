package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/internal/regular"
	"gradseal/objects"
	"gradseal/proof"
)

// storeOptions say how an object store is reached.
type storeOptions struct {
	endpoint string
	requests int
}

func (o *storeOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.endpoint, "s3-endpoint", objects.DefaultEndpoint, "`URL` of the object store that s3:// is at")
	flags.IntVar(&o.requests, "s3-requests", 16, "`number` of objects that are read or written at once")
	setConfigKey(flags, "s3-endpoint", "objects.endpoint")
}

func (o storeOptions) open(rawURL string) (*objects.Folder, error) {
	if o.requests < 1 {
		return nil, fmt.Errorf("--s3-requests: %d, want at least 1", o.requests)
	}
	return objects.Open(rawURL, o.endpoint)
}

// warnPlain warns of a store whose answers anybody on the way can read and change.
func (a *app) warnPlain(endpoint string) {
	u, err := url.Parse(endpoint)
	if err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && !strings.HasPrefix(u.Hostname(), "127.") && u.Hostname() != "::1" {
		a.ui.warn("%s is reached without encryption: whoever is on the way reads the documents, and can hand over others", safe(endpoint))
	}
}

// openSource tells files and folders from an object store.
func openSource(paths []string, o storeOptions) (leafSource, error) {
	for _, p := range paths {
		if !objects.IsURL(p) {
			continue
		}
		if len(paths) > 1 {
			return nil, errors.New("one folder of an object store makes one shard: name nothing else")
		}
		folder, err := o.open(p)
		if err != nil {
			return nil, err
		}
		return &storeSource{folder, o.requests}, nil
	}
	return newFolderSource(paths)
}

// folderSource has documents in files and folders here.
type folderSource struct {
	base  string // absolute
	paths []string
}

func newFolderSource(paths []string) (*folderSource, error) {
	dirs := make([]string, len(paths))
	for i, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, hinted(err, "is the name right? One with blanks in it stands in quotation marks")
		}
		if dirs[i], err = filepath.Abs(p); err != nil {
			return nil, err
		}
		if !info.IsDir() {
			dirs[i] = filepath.Dir(dirs[i])
		}
	}
	return &folderSource{commonFolder(dirs), paths}, nil
}

func (s *folderSource) where() string   { return s.base }
func (s *folderSource) goroutines() int { return runtime.GOMAXPROCS(0) }
func (s *folderSource) shown(name string) string {
	return filepath.Join(s.base, filepath.FromSlash(name))
}

// name is what a file is called below the base.
func (s *folderSource) name(path string) string {
	rel, err := filepath.Rel(s.base, path)
	if err != nil { // the base is above all that was named
		panic(err)
	}
	return filepath.ToSlash(rel)
}

func (s *folderSource) find(_ context.Context, mine func(name string) bool) (*leafList, error) {
	found, err := batch.Find(s.paths, func(path string) bool { return mine(s.name(path)) })
	if err != nil {
		return nil, err
	}
	l := &leafList{refusals: found.Refusals, ignored: found.Ignored, elsewhere: found.Elsewhere}
	for _, p := range found.Paths {
		info, err := os.Stat(p)
		if err != nil {
			l.refusals = append(l.refusals, batch.Finding{Path: p, Text: batch.FaultOf(err)})
			continue
		}
		if !info.Mode().IsRegular() { // not even opened
			l.refusals = append(l.refusals, batch.Finding{Path: p, Text: batch.FaultOf(regular.ErrNotRegular)})
			continue
		}
		newest := info.ModTime()
		if changed := time.Unix(0, changeTime(info)); changed.After(newest) {
			newest = changed
		}
		l.documents = append(l.documents, leafDocument{s.name(p), info.Size(), newest, p})
	}
	return l, nil
}

func (s *folderSource) read(ctx context.Context, c *batch.Content, d leafDocument) (digest [32]byte, warnings []string, fault string, err error) {
	f, warnings, err := c.ReadFile(ctx, d.at.(string))
	switch {
	case ctx.Err() != nil:
		return digest, nil, "", ctx.Err()
	case err != nil:
		return digest, nil, batch.FaultOf(err), nil
	case f.Size != d.size:
		return digest, nil, "changed since it was listed", nil
	}
	return f.Digest, warnings, "", nil
}

// storeSource has documents in an object store.
type storeSource struct {
	folder   *objects.Folder
	requests int
}

func (s *storeSource) where() string            { return s.folder.URL() }
func (s *storeSource) goroutines() int          { return s.requests }
func (s *storeSource) shown(name string) string { return s.folder.URL() + "/" + name }

// find takes what a walk over folders of the same names would.
func (s *storeSource) find(ctx context.Context, mine func(name string) bool) (*leafList, error) {
	l := new(leafList)
	err := s.folder.List(ctx, func(o objects.Object) error {
		base := path.Base(o.Name)
		dir := strings.TrimSuffix(o.Name, base)
		switch {
		case strings.HasSuffix(o.Name, "/"), strings.HasPrefix(dir, "."), strings.Contains(dir, "/."), strings.HasSuffix(o.Name, proof.Suffix):
		case strings.HasPrefix(base, "."), !strings.EqualFold(path.Ext(base), ".pdf"):
			if mine(o.Name) {
				l.ignored++
			}
		case !mine(o.Name):
			l.elsewhere++
		case !utf8.ValidString(o.Name):
			l.refusals = append(l.refusals, batch.Finding{Path: s.shown(o.Name), Text: "has a name that is not UTF-8"})
		default:
			l.documents = append(l.documents, leafDocument{o.Name, o.Size, o.Modified, o})
		}
		return nil
	})
	return l, err
}

func (s *storeSource) read(ctx context.Context, c *batch.Content, d leafDocument) (digest [32]byte, warnings []string, fault string, err error) {
	var inside error // a fault of the document, not of the connection
	var parts failing
	err = s.folder.Read(ctx, d.at.(objects.Object), func(r io.Reader, at io.ReaderAt) error {
		parts = failing{ReaderAt: at}
		digest, warnings, inside = c.Read(ctx, r, &parts, d.size)
		return inside
	})
	switch {
	case ctx.Err() != nil:
		return digest, nil, "", ctx.Err()
	case err != nil && parts.err != nil:
		return digest, nil, "", parts.err
	case err == nil:
		return digest, warnings, "", nil
	case err == inside: // itself: where the connection broke, it is wrapped
		return digest, nil, batch.FaultOf(err), nil
	}
	return digest, nil, "", err
}

// failing keeps the error of a ReaderAt.
type failing struct {
	io.ReaderAt
	err error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(p, off)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

func newBuffered(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, 256<<10) }
