// Package batch is the registrar's side on disk: which documents are to be
// issued, and how far each batch of them has come.
//
// A batch is a directory whose files appear one after the other, each synced
// before the next step begins, so that the directory alone says what is left
// to do after a crash:
//
//	plan         network, issuer, title; digest, salt, size and path of every
//	             document, or that it was forgotten, in the order of the tree
//	withdrawals  with the plan, in a batch that replaces documents: which the status
//	             list withdraws that names the batch
//	shards       with the plan, in a batch that was made of shard files: where they
//	             are, for the answers
//	archive      the path of the archive that the proofs go into, where they do not go
//	             beside the documents
//	statement    the signed statement: from here on the batch is issued
//	request      the unsigned Bitcoin transaction that a signature is asked for
//	transaction  the signed one, before it is sent
//	request-2, transaction-2, …  further versions, for another fee
//	found        a transaction of others that commits to the batch root too
//	calendars    what OpenTimestamps calendars answered about the batch root
//	pending      every proof has been written, without evidence
//	attestation  the evidence that one of the transactions is in a block
//	timestamp    the evidence of a calendar that the batch root is in a block
//	complete     every proof has been written, with the evidence that it names
//
// A block can leave the chain again: then complete and attestation or timestamp,
// in this order, are removed.
//
// The plan holds the salts: whoever reads it can confirm who is in the batch,
// so the directory is readable by its owner only. Proofs can always be written
// again from this state. The package signs nothing and opens no socket.
package batch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/proof/ots"
)

const (
	planFile        = "plan"
	withdrawalsFile = "withdrawals"
	shardsFile      = "shards"
	archiveFile     = "archive"
	statementFile   = "statement"
	requestFile     = "request"
	transactionFile = "transaction"
	attestationFile = "attestation"
	foundFile       = "found"
	calendarsFile   = "calendars"
	timestampFile   = "timestamp"
	pendingFile     = "pending"
	completeFile    = "complete"
)

// rootSize is the length of a batch root in bytes.
const rootSize = 32

// Store is the directory of all batches.
type Store struct{ dir string }

// Open returns the store in dir, which is made when a batch is.
func Open(dir string) *Store { return &Store{dir: dir} }

// State is how far a batch has come.
type State int

// The states, in their order.
const (
	Planned State = iota
	Signed
	Requested // the transaction waits for its signature
	Funded    // the transaction is signed, and may have been sent; or calendars have the batch root
	Confirmed // the transaction, or that of a calendar, is in a block
	Complete  // and every proof has been written
)

func (s State) String() string {
	return [...]string{"planned", "signed", "requested", "sent", "confirmed", "complete"}[s]
}

// maxVersions is how many transactions a batch can have, each replacing the
// ones before.
const maxVersions = 100

// numbered is the file of the version with the index: name, name-2, name-3, ….
func numbered(name string, index int) string {
	if index == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, index+1)
}

// batchID is how Create names batches.
var batchID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]{8}-[0-9a-f]{8}$`)
})

// List returns all batches with their documents, the oldest first.
func (s *Store) List() ([]*Batch, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*Batch
	signed := make(map[string]string) // directory, by statement
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		dir := filepath.Join(s.dir, e.Name())
		if !batchID().MatchString(e.Name()) {
			return nil, fmt.Errorf("%s: is not the directory of a batch: move it away", dir)
		}
		b, err := load(dir)
		if err != nil {
			return nil, err
		}
		// A copy would be paid for a second time.
		if other := signed[string(b.Statement)]; other != "" && b.Statement != nil {
			return nil, fmt.Errorf("%s: has the same signed statement as %s: move the copy away", dir, other)
		}
		signed[string(b.Statement)] = dir
		list = append(list, b)
	}
	slices.SortStableFunc(list, func(a, b *Batch) int { return a.Created.Compare(b.Created) })
	return list, nil
}

// Create makes a batch of the files, draws the salts, builds the tree and puts
// the plan on disk, synced.
func (s *Store) Create(h Head, files []File) (*Batch, error) { return s.create(h, files, nil) }

// create is Create for a batch that withdraws documents.
func (s *Store) create(h Head, files []File, withdrawals []issuer.Withdrawal) (*Batch, error) {
	b, err := plan(h, files)
	if err != nil {
		return nil, err
	}
	b.Withdrawals = sorted(withdrawals)
	return b, s.put(b)
}

// put makes the directory of a new batch.
func (s *Store) put(b *Batch) error {
	if err := atomicfile.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	// The directory appears under its name only with the plan in it.
	tmp, err := os.MkdirTemp(s.dir, ".tmp-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := atomicfile.CreateOver(filepath.Join(tmp, planFile), b.writePlan, 0o600, atomicfile.Temporary); err != nil {
		return err
	}
	if len(b.Withdrawals) > 0 {
		if err := atomicfile.WriteFile(filepath.Join(tmp, withdrawalsFile), marshalWithdrawals(b.Withdrawals), 0o600); err != nil {
			return err
		}
	}
	if len(b.ShardFiles) > 0 {
		if err := atomicfile.WriteFile(filepath.Join(tmp, shardsFile), marshalShardFiles(b.ShardFiles), 0o600); err != nil {
			return err
		}
	}
	b.dir = filepath.Join(s.dir, b.ID)
	if err := os.Rename(tmp, b.dir); err != nil {
		return err
	}
	return atomicfile.SyncDir(s.dir)
}

// ErrSigned says why a batch cannot be abandoned.
var ErrSigned = errors.New("is signed, and signing is issuing: it cannot be abandoned")

// Abandon removes a batch that was not signed. A signed one stays, and the
// error is ErrSigned.
func (s *Store) Abandon(b *Batch) error {
	_, err := os.Lstat(filepath.Join(b.dir, statementFile)) // b may be an old view of it
	if b.State() != Planned || err == nil {
		return fmt.Errorf("batch %s %w", b.ID, ErrSigned)
	}
	// Renamed first: a crash between two removals must not leave a batch without
	// its plan.
	tmp := filepath.Join(s.dir, ".tmp-"+b.ID)
	if err := os.Rename(b.dir, tmp); err != nil {
		return err
	}
	return errors.Join(atomicfile.SyncDir(s.dir), os.RemoveAll(tmp))
}

func load(dir string) (*Batch, error) {
	b, err := openPlan(filepath.Join(dir, planFile))
	if err != nil {
		return nil, err
	}
	b.dir, b.ID = dir, filepath.Base(dir)
	if err := b.loadShardFiles(); err != nil {
		return nil, err
	}
	if err := b.loadArchive(); err != nil {
		return nil, err
	}
	if err := b.loadWithdrawals(); err != nil {
		return nil, err
	}
	if b.Statement, err = optional(dir, statementFile); err != nil {
		return nil, err
	}
	if b.Requests, err = versions(dir, requestFile); err != nil {
		return nil, err
	}
	if b.Found, err = versions(dir, foundFile); err != nil {
		return nil, err
	}
	b.Transactions = slices.Repeat([][]byte{nil}, len(b.Requests))
	for i := range len(b.Requests) + 1 {
		raw, err := optional(dir, numbered(transactionFile, i))
		if err != nil {
			return nil, err
		}
		if raw != nil && i >= len(b.Requests) {
			return nil, missing(dir, numbered(requestFile, len(b.Requests)))
		}
		if raw != nil {
			b.Transactions[i] = raw
		}
	}
	attestation, err := optional(dir, attestationFile)
	if err != nil {
		return nil, err
	}
	if attestation != nil {
		if b.Attestation, err = proof.ParseBitcoin(attestation); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, attestationFile), err)
		}
	}
	if err := b.loadCalendars(); err != nil {
		return nil, err
	}
	complete, err := optional(dir, completeFile)
	if err != nil {
		return nil, err
	}
	if complete != nil {
		if b.written, err = parseEvidence(complete); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, completeFile), err)
		}
	}
	b.final = b.written
	_, err = os.Stat(filepath.Join(dir, pendingFile))
	b.pending = err == nil
	if err := b.checkSteps(); err != nil {
		return nil, err
	}
	return b, nil
}

func openPlan(path string) (*Batch, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b, err := readPlan(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// loadWithdrawals reads what the batch withdraws.
func (b *Batch) loadWithdrawals() error {
	data, err := optional(b.dir, withdrawalsFile)
	if err != nil || data == nil {
		return err
	}
	if b.Withdrawals, err = parseWithdrawals(data); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(b.dir, withdrawalsFile), err)
	}
	return nil
}

// loadCalendars reads what calendars answered, and the evidence of one.
func (b *Batch) loadCalendars() error {
	all, err := optional(b.dir, calendarsFile)
	if err != nil {
		return err
	}
	if all != nil {
		if b.Calendars, err = ots.Parse(all, rootSize); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(b.dir, calendarsFile), err)
		}
	}
	one, err := optional(b.dir, timestampFile)
	if err != nil {
		return err
	}
	if one != nil {
		if b.Timestamp, err = proof.ParseOpenTimestamps(one); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(b.dir, timestampFile), err)
		}
	}
	return nil
}

// checkSteps refuses a directory from which a step was lost. Going on would
// sign or pay a second time.
func (b *Batch) checkSteps() error {
	lost := ""
	switch {
	case b.Statement == nil && (len(b.Requests) > 0 || b.Calendars != nil || b.Attestation != nil || b.Timestamp != nil || b.written.any()):
		lost = statementFile
	case b.Attestation != nil && len(b.Requests) == 0:
		lost = requestFile
	case b.Timestamp != nil && b.Calendars == nil:
		lost = calendarsFile
	case b.Attestation == nil && b.written.bitcoin:
		lost = attestationFile
	case b.Timestamp == nil && b.written.timestamp:
		lost = timestampFile
	default:
		return nil
	}
	return missing(b.dir, lost)
}

func missing(dir, name string) error {
	return fmt.Errorf("%s: is missing, but a later step of the batch is there", filepath.Join(dir, name))
}

// versions reads the files of all versions.
func versions(dir, name string) ([][]byte, error) {
	var all [][]byte
	for i := range maxVersions {
		data, err := optional(dir, numbered(name, i))
		if err != nil {
			return nil, err
		}
		if data == nil {
			break
		}
		all = append(all, data)
	}
	if _, err := os.Lstat(filepath.Join(dir, numbered(name, len(all)+1))); err == nil {
		return nil, missing(dir, numbered(name, len(all)))
	}
	return all, nil
}

func optional(dir, name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}
