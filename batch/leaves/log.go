package leaves

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gradseal/internal/atomicfile"
)

// logInterval is how often a log is synced: so much work may be lost with the
// power, and no salt, for none of it has left the machine.
const logInterval = 5 * time.Second

// Log is what a worker has read so far: a shard file without its last line, whose
// rows are in no order and where of two rows with one path the later one counts.
// It may be used by several goroutines.
type Log struct {
	mu     sync.Mutex
	f      *os.File
	synced time.Time
	buf    []byte
}

// OpenLog opens the log at path, which is made where there is none, and returns the
// rows that it holds by their paths. Its head must be h, but for the time: that of
// the log is returned.
//
// A kill cuts a row off, and a power cut may leave anything after the last sync: the
// first line that is no row, and all after it, are dropped.
func OpenLog(path string, h Head) (*Log, Head, map[string]Row, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, h, nil, err
	}
	l := &Log{f: f, synced: time.Now()}
	h, rows, err := l.start(path, h)
	if err != nil {
		return nil, h, nil, errors.Join(err, f.Close())
	}
	return l, h, rows, nil
}

func (l *Log) start(path string, want Head) (Head, map[string]Row, error) {
	rows := make(map[string]Row)
	have, end, err := ReadLog(l.f, rows)
	switch {
	case err != nil:
		return have, nil, fmt.Errorf("%s: %w", path, err)
	case end == 0:
		have = want
		have.Created = have.Created.UTC().Truncate(time.Second)
		if err := have.check(); err != nil {
			return have, nil, err
		}
	default:
		if err := have.Same(want); err != nil {
			return have, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := l.f.Truncate(end); err != nil {
		return have, nil, err
	}
	if _, err := l.f.Seek(end, io.SeekStart); err != nil {
		return have, nil, err
	}
	if end == 0 {
		if _, err := l.f.Write(have.append(nil)); err != nil {
			return have, nil, err
		}
		if err := l.sync(); err != nil {
			return have, nil, err
		}
		err = atomicfile.SyncDir(filepath.Dir(path))
	}
	return have, rows, err
}

// ReadLog adds to rows what is whole in a log, and returns where that ends; 0 where
// there is not even a head.
func ReadLog(r io.Reader, rows map[string]Row) (h Head, end int64, err error) {
	in := bufio.NewReaderSize(r, maxLine)
	var text strings.Builder
	for range headLines {
		line, err := readLine(in)
		if errors.Is(err, ErrIncomplete) {
			return h, 0, nil
		}
		if err != nil {
			return h, 0, err
		}
		text.Write(line)
	}
	if strings.Trim(text.String(), "\x00") == "" {
		return h, 0, nil
	}
	if h, err = parseHead(text.String()); err != nil {
		return h, 0, err
	}
	end = int64(text.Len())
	var scratch []byte
	for {
		line, err := readLine(in)
		if err != nil {
			return h, end, nil // cut off, or no line at all
		}
		row, err := parseRow(line, &scratch)
		if err != nil {
			return h, end, nil
		}
		rows[row.Path] = row
		end += int64(len(line))
	}
}

// Same refuses a head that says something else than want, but for the time.
func (h Head) Same(want Head) error {
	want.Created = h.Created
	if h == want {
		return nil
	}
	is := bytes.ReplaceAll(h.append(nil), []byte("\n"), []byte(", "))
	return fmt.Errorf("was made of something else (%s): name another file with -o, or move it away", bytes.TrimSuffix(bytes.TrimPrefix(is, []byte(title+", ")), []byte(", , ")))
}

// Add writes a row, which a kill does not take any more. Now and then it syncs what
// was written.
func (l *Log) Add(r Row) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = r.append(l.buf[:0])
	if _, err := l.f.Write(l.buf); err != nil {
		return err
	}
	if time.Since(l.synced) < logInterval {
		return nil
	}
	return l.sync()
}

func (l *Log) sync() error {
	l.synced = time.Now()
	return l.f.Sync()
}

// Close syncs what was written.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.sync(), l.f.Close())
}
