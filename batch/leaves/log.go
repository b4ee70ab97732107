package leaves

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gradseal/internal/atomicfile"
	"gradseal/internal/regular"
)

// logInterval is how often a log is synced: so much work may be lost with the
// power, and no salt, for none of it has left the machine.
const logInterval = 5 * time.Second

// logTitle begins a log. One with another title is none that is gone on with.
const logTitle = "gradseal leaves unfinished v1"

// Log is what a worker has read so far: its title, and then what is in a shard file
// without the last line. The rows are in no order, where of two with one path the later
// one counts, and each has a checksum before it: what is gone on with is not read again.
// It may be used by several goroutines.
type Log struct {
	mu     sync.Mutex
	f      *os.File
	head   uint32 // checksum of title and head, which that of a row goes on from
	synced time.Time
	buf    []byte
}

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

func sumHead(text string) uint32 { return crc32.Checksum([]byte(text), castagnoli()) }

// checkColumn is where the row begins in a line of a log.
const checkColumn = 8 + 1

// appendCheck writes what is before a row: 8 hex digits and a blank.
func appendCheck(out []byte, head uint32, row []byte) []byte {
	sum := binary.BigEndian.AppendUint32(nil, crc32.Update(head, castagnoli(), row))
	return append(hex.AppendEncode(out, sum), ' ')
}

// OpenLog opens the log at path, which is made where there is none, and returns the
// rows that it holds by their paths. Its head must be h, but for the time: that of
// the log is returned.
//
// A kill cuts a row off, and a power cut may leave anything after the last sync: the
// first line that is no row, and all after it, are dropped. What is at path and no log
// is left as it is, and so is a link.
func OpenLog(path string, h Head) (*Log, Head, map[string]Row, error) {
	f, err := regular.OpenOwn(path)
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
	if err := l.f.Chmod(0o600); err != nil { // it may have been there before, and is about to hold salts
		return have, nil, err
	}
	text := logTitle + "\n" + string(have.append(nil))
	l.head = sumHead(text)
	if err := l.f.Truncate(end); err != nil {
		return have, nil, err
	}
	if _, err := l.f.Seek(end, io.SeekStart); err != nil {
		return have, nil, err
	}
	if end == 0 {
		if _, err := l.f.WriteString(text); err != nil {
			return have, nil, err
		}
		if err := l.sync(); err != nil {
			return have, nil, err
		}
		err = atomicfile.SyncDir(filepath.Dir(path))
	}
	return have, rows, err
}

var errNoLog = errors.New("is not what gradseal leaves keeps there while it reads, or is that of another version: move it away and run the same command again")

// ReadLog adds to rows what is whole in a log, and returns where that ends; 0 where
// there is not even a head.
func ReadLog(r io.Reader, rows map[string]Row) (h Head, end int64, err error) {
	in := bufio.NewReaderSize(r, checkColumn+maxLine)
	begun, err := readLogTitle(in)
	if err != nil || !begun {
		return h, 0, err
	}
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
	if h, err = parseHead(text.String()); err != nil {
		return h, 0, err
	}
	head := sumHead(logTitle + "\n" + text.String())
	end = int64(len(logTitle) + 1 + text.Len())
	var check, scratch []byte
	for {
		line, err := readLine(in)
		if err != nil {
			return h, end, nil // cut off, or no line at all
		}
		if len(line) < checkColumn {
			return h, end, nil
		}
		check = appendCheck(check[:0], head, line[checkColumn:])
		row, err := parseRow(line[checkColumn:], &scratch)
		if err != nil || !bytes.HasPrefix(line, check) {
			return h, end, nil
		}
		rows[row.Path] = row
		end += int64(len(line))
	}
}

// readLogTitle reads the first line of a log. It reports false where that was cut off,
// with nothing behind it but what a power cut leaves, and refuses what is no log.
func readLogTitle(in *bufio.Reader) (begun bool, err error) {
	const line = logTitle + "\n"
	start, err := in.Peek(len(line))
	if string(start) == line {
		_, err = in.Discard(len(line))
		return true, err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	all, err := io.ReadAll(io.LimitReader(in, maxLine))
	if err != nil {
		return false, err
	}
	if len(all) == maxLine || !strings.HasPrefix(line, strings.TrimRight(string(all), "\x00")) {
		return false, errNoLog
	}
	return false, nil
}

// RemoveLog removes the log at path, and nothing that is none.
func RemoveLog(path string) error {
	if err := regular.CheckOwn(path); err != nil {
		return nil // a link, or a folder
	}
	f, err := regular.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	begun, err := readLogTitle(bufio.NewReader(f))
	f.Close()
	if err != nil || !begun {
		return nil
	}
	return os.Remove(path)
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
	row := r.append(nil)
	l.buf = append(appendCheck(l.buf[:0], l.head, row), row...)
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
