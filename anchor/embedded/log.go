package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
)

// A record of the block file is the length of a block (4 bytes, little-endian),
// the block as Bitcoin serializes it, and the CRC-32C of all that (4 bytes,
// little-endian). Blocks follow each other from height 1.
const (
	lengthSize   = 4
	checksumSize = 4
	// maxBlock is the largest serialization that the weight limit of BIP 141
	// leaves room for.
	maxBlock = 4_000_000
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blockLog is the block file, open for appending.
type blockLog struct {
	path string
	file *os.File // nil while there is none
	size int64    // of the intact records
	torn bool     // more bytes follow those
}

// record is a block in the file.
type record struct {
	offset int64 // of the record
	block  []byte
}

// openLog reads the block file. A missing file is one without records. What an
// interrupted append left after the last record is not part of it, and stays
// in the file until settle; damage anywhere else is an error.
func openLog(path string) (*blockLog, []record, error) {
	l := &blockLog{path: path}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	records := l.scan(data)
	if err := l.checkTail(data, len(records)); err != nil {
		return nil, nil, err
	}
	l.file, err = os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	return l, records, nil
}

// scan takes the records from the start of the file to the first that is not
// intact.
func (l *blockLog) scan(data []byte) []record {
	var records []record
	for {
		block, ok := intact(data[l.size:])
		if !ok {
			break
		}
		records = append(records, record{l.size, block})
		l.size += int64(lengthSize + len(block) + checksumSize)
	}
	l.torn = l.size < int64(len(data))
	return records
}

// checkTail tells a torn last record from a damaged one with records after it.
// The length of a damaged record cannot be believed, so every later byte is
// tried as the start of one.
func (l *blockLog) checkTail(data []byte, records int) error {
	if !l.torn {
		return nil
	}
	for at := l.size + 1; at < int64(len(data)); at++ {
		if _, ok := intact(data[at:]); ok {
			return fmt.Errorf("%s: block %d (the record at byte %d) is damaged, and an intact record follows at byte %d: %s",
				l.path, records+1, l.size, at, l.remedy())
		}
	}
	return nil
}

// remedy is what the owner of a damaged file can do.
func (l *blockLog) remedy() string {
	return fmt.Sprintf("restore this file from a backup; without one, move %s and the regtest header file away to start a new chain, on which the proofs of the old one do not verify", filepath.Dir(l.path))
}

// intact returns the block of the record that b starts with, if that record is
// whole and its checksum is right.
func intact(b []byte) ([]byte, bool) {
	if len(b) < lengthSize {
		return nil, false
	}
	size := int64(binary.LittleEndian.Uint32(b))
	if size <= bitcoin.HeaderSize || size > maxBlock || lengthSize+size+checksumSize > int64(len(b)) {
		return nil, false
	}
	end := lengthSize + size
	sum := binary.LittleEndian.Uint32(b[end:])
	return b[lengthSize:end:end], sum == crc32.Checksum(b[:end], castagnoli)
}

func frame(block []byte) []byte {
	b := make([]byte, 0, lengthSize+len(block)+checksumSize)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(block)))
	b = append(b, block...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// settle removes what an interrupted append left, and syncs what is there: a
// killed process may have written its last record without doing so, and the
// header file must not come to know a block that a power cut can still take.
func (l *blockLog) settle() error {
	if l.file == nil {
		return nil
	}
	if l.torn {
		if err := l.file.Truncate(l.size); err != nil {
			return err
		}
		l.torn = false
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(l.path))
}

// append adds blocks; all of them are synced when it returns nil. The first
// ones make the file, in one step. Later each block is synced before the next
// is written, so that a power cut can damage the last record only. After an
// error the file may end in a torn record.
func (l *blockLog) append(blocks [][]byte) error {
	frames := make([][]byte, len(blocks))
	for i, block := range blocks {
		frames[i] = frame(block)
	}
	if l.file == nil {
		return l.create(bytes.Join(frames, nil))
	}
	for _, f := range frames {
		if _, err := l.file.WriteAt(f, l.size); err != nil {
			return err
		}
		if err := l.file.Sync(); err != nil {
			return err
		}
		l.size += int64(len(f))
	}
	return nil
}

func (l *blockLog) create(data []byte) error {
	if err := atomicfile.WriteNew(l.path, data, 0o600); err != nil {
		return err
	}
	file, err := os.OpenFile(l.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	l.file, l.size = file, int64(len(data))
	return nil
}

func (l *blockLog) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
