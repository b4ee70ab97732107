// Package journal is the registrar's record of who did what: an append-only
// file of entries, each chained to the one before by its SHA-256.
//
// An entry holds nothing personal. What it is about – a document – stands in it
// as a salted hash; names and salts are in a table beside it, which Forget clears
// without breaking the chain. It holds no secret.
//
// The chain shows what was changed, taken out or moved within the file. It does not
// show that the end was cut off: whoever holds the head, the hash of the newest
// line, that was noted earlier against it sees that. Who can write the file can
// write a whole other one, too.
//
// A line of the table that is not there, and that no entry says was cleared, is
// counted: an entry has the hash of each document that it is about.
//
// A journal is a directory of two files, readable by their owner only:
//
//	log    a line of JSON for each entry
//	names  a line for each document that an entry is about: the hash in the
//	       entry, a salt, the document digest, the quoted name
//
// A power cut can leave a last line that is not whole. It is set aside in a file
// torn-N, N the number that the line would have had, by the next Append.
package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gradseal/internal/atomicfile"
)

// Act is what was done.
type Act string

// The acts.
const (
	Create   Act = "create"   // an issuer was made
	Plan     Act = "plan"     // a batch was planned: documents, salts and tree are on disk
	Propose  Act = "propose"  // other officers are asked to sign
	Approve  Act = "approve"  // this home's officer signed what another proposed
	Sign     Act = "sign"     // a statement was signed
	List     Act = "list"     // a status list was signed, or a newer one taken in
	Send     Act = "send"     // a transaction was signed, to be sent at once, or calendars promised to anchor the batch
	Confirm  Act = "confirm"  // the evidence of a block is on disk
	Reorg    Act = "reorg"    // the block left the chain again
	Complete Act = "complete" // every proof carries its evidence
	Abandon  Act = "abandon"  // a plan or a proposal was dropped
	Withdraw Act = "withdraw" // documents or a batch were withdrawn
	Rotate   Act = "rotate"   // the keys of the issuer changed
	Forget   Act = "forget"   // salt and row of a document were destroyed
	Backup   Act = "backup"   // the home was written to an encrypted file
	Restore  Act = "restore"  // this home came from such a file
)

// Entry is one act. Only what applies is set.
type Entry struct {
	Time     time.Time // of the act, in whole seconds; zero: now
	Act      Act
	By       string // the account of the operating system, or the key's holder
	Late     bool   // the act was found done, and the entry is made up for: Time and By are of that
	Issuer   string
	Network  string
	Batch    string // its id
	Root     string // its batch root, hex
	Sequence uint64 // of the status list or the issuer file
	Text     string // hex SHA-256 of the text that was signed
	TxID     string
	Height   uint32 // of the block
	Block    string // its hash, as Bitcoin prints it
	Reason   string // of a withdrawal, or a word more about the act
	Count    int    // of documents or entries
	Leaves   []int  // leaf indexes in the batch, of documents that were forgotten
	Cleared  int    // lines of the table of names that Forget takes out after this entry
	About    []Subject
}

// Subject is a document that an entry is about. What identifies it goes into the
// table, salted, and its hash into the entry.
type Subject struct {
	Name   string   // as the registrar knows it: a path
	Digest [32]byte // of the document
}

// The files of a journal.
const (
	logName   = "log"
	namesName = "names"
	tornName  = "torn-"
)

// Journal is a journal on disk. It is for one goroutine, and for Append and Forget
// the caller keeps other processes off. What others appended since the last call
// is seen.
type Journal struct {
	// Warn, unless it is nil, is told what a person should know, such as that a
	// last line was not whole.
	Warn func(text string)

	dir   string
	read  int64 // bytes of the log that were read
	head  Head
	index map[string][]int64 // where the lines about a batch begin
}

// Head is the newest line of a journal.
type Head struct {
	Number uint64   // of the line, from 1; 0: there is none
	Hash   [32]byte // of the line; that of firstPrev where there is none
}

// Open returns the journal in dir, which is made when an entry is.
func Open(dir string) *Journal { return &Journal{dir: dir} }

// Dir is where the journal is.
func (j *Journal) Dir() string { return j.dir }

func (j *Journal) path(name string) string { return filepath.Join(j.dir, name) }

// Append writes an entry at the end, synced. What identifies the documents that it
// is about is in the table, synced, before. One about very many documents takes
// several lines, of which the first has the count. Text that is not UTF-8 is made so.
func (j *Journal) Append(e Entry) error {
	if err := atomicfile.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	torn, err := j.catchUp()
	if err != nil {
		return err
	}
	if err := j.setAside(torn); err != nil {
		return err
	}
	hashes, err := j.keepNames(e.About)
	if err != nil {
		return err
	}
	lines, head, err := linesOf(e, hashes, j.head)
	if err != nil {
		return err
	}
	if err := appendSynced(j.path(logName), lines); err != nil {
		return err
	}
	j.note(lines, j.read)
	j.read, j.head = j.read+int64(len(lines)), head
	return nil
}

// setAside takes a last line that is not whole off the log, and keeps it.
func (j *Journal) setAside(torn []byte) error {
	if len(torn) == 0 {
		return nil
	}
	aside := j.path(fmt.Sprintf("%s%d", tornName, j.head.Number+1))
	if err := atomicfile.WriteFile(aside, torn, 0o600); err != nil {
		return err
	}
	if err := truncate(j.path(logName), j.read); err != nil {
		return err
	}
	if j.Warn != nil {
		j.Warn(fmt.Sprintf("the last line of the journal was not whole, as a power cut leaves it: its %d bytes are set aside in %s", len(torn), aside))
	}
	return nil
}

// appendSynced adds whole lines to the end of a file, which is made where it is
// not there. What a failed write left is taken away again.
func appendSynced(path string, lines []byte) error {
	_, statErr := os.Lstat(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Write(lines); err != nil { // such as a full disk
		return errors.Join(err, f.Truncate(info.Size()))
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil || statErr == nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// truncate cuts a file, synced.
func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync()
}

// readFrom returns what is in a file from an offset on; nothing where there is no
// file.
func readFrom(path string, offset int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && offset == 0:
		return nil, nil
	case err != nil:
		return nil, err
	case info.Size() < offset:
		return nil, fmt.Errorf("%s: has %d bytes, and had %d before: somebody cut it", path, info.Size(), offset)
	case info.Size() == offset:
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	added := make([]byte, info.Size()-offset)
	_, err = f.ReadAt(added, offset)
	return added, err
}
