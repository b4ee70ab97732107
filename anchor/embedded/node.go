// Package embedded is a Bitcoin node on regtest that runs inside this process:
// btcd's block chain with its consensus rules, script engine and proof of work,
// without a network listener. It lets a fresh install anchor with nothing else
// installed, by the same code that anchors on any other network. Its coins are
// worth nothing, and its chain exists on one machine only.
//
// The file "blocks" in the node's directory is the truth: every block, in
// order, each synced before anybody hears of it. The header file that
// verification reads is derived from it. A process killed between any two
// steps loses nothing that was reported: Open cuts off a last record that was
// written in part, and brings the header file up to the blocks.
//
// btcd's database (ffldb) holds only what can be computed from the blocks. It
// writes that out when it is closed and every five minutes, so that a killed
// process leaves it behind the blocks, ahead of them or damaged. It is
// therefore not kept: Open fills an empty one from the blocks and Close removes
// it. With 110 blocks that takes 16 ms, and opening a kept database 8 ms, which
// is not worth the cases it adds; with 5,000 blocks, one for each anchor, it is
// 0.4 s against 26 ms.
//
// A new block is judged by all the rules before it is stored. When it is read
// again, its checksum stands for that: form, work and order are checked, and
// the scripts are not run a second time.
//
// The package trusts its directory. One process at a time can have it open: a
// lock file sees to that.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/gofrs/flock"

	"gradseal/anchor"
	"gradseal/anchor/coinkey"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/atomicfile"
)

// The files in the node's directory.
const (
	lockName     = "lock"
	keyName      = "coin.key"
	blocksName   = "blocks"
	databaseName = "ffldb"
)

var _ anchor.Backend = (*Node)(nil)

// Node is an open embedded node. Its methods may be called by several
// goroutines; they wait for each other.
type Node struct {
	dir        string
	headerFile string
	now        func() time.Time

	mu     sync.Mutex
	lock   *flock.Flock
	key    *btcec.PrivateKey
	script []byte // that all coins pay to
	log    *blockLog
	chain  *chain
	ledger *ledger
	closed bool
	// failed is the error after which memory and disk may differ.
	failed error
}

// Open opens the node that lives in dir. It brings the header file at
// headerFile (see package headers) up to the node's blocks. The directories of
// both are made where they are missing. The caller closes the node.
//
// Errors: the directory is in use; the block file is damaged before its last
// record, or holds a block that the rules refuse; the header file holds other
// headers, or more than there are blocks. Nothing but a torn last record is
// changed then, and the error says what can be done.
func Open(ctx context.Context, dir, headerFile string) (*Node, error) {
	for _, d := range []string{dir, filepath.Dir(headerFile)} {
		if err := atomicfile.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	lock, err := acquire(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	n := &Node{dir: dir, headerFile: headerFile, now: time.Now, lock: lock}
	if err := n.load(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Close stops the node and removes its database. Closing again is no error.
func (n *Node) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	var errs []error
	if n.chain != nil {
		errs = append(errs, n.chain.close())
	}
	if n.log != nil {
		errs = append(errs, n.log.close())
	}
	return errors.Join(append(errs, n.lock.Close())...)
}

// Network is regtest.
func (n *Node) Network() bitcoin.Network { return bitcoin.Regtest }

// acquire locks the file at path for this process.
func acquire(path string) (*flock.Flock, error) {
	lock := flock.New(path, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be locked: %w", path, err)
	}
	if !locked {
		return nil, fmt.Errorf("%s: the embedded node is in use by another process", path)
	}
	return lock, nil
}

// load brings the node up from what is in its directory.
func (n *Node) load(ctx context.Context) error {
	var err error
	if n.key, err = loadKey(filepath.Join(n.dir, keyName)); err != nil {
		return err
	}
	n.script = coinkey.P2WPKH.Script(n.key.PubKey())
	var records []record
	if n.log, records, err = openLog(filepath.Join(n.dir, blocksName)); err != nil {
		return err
	}
	if err := n.checkHeight(len(records)); err != nil {
		return err
	}
	if n.chain, err = newChain(filepath.Join(n.dir, databaseName)); err != nil {
		return err
	}
	n.ledger = newLedger(n.script)
	hs, err := n.replay(ctx, records)
	if err != nil {
		return err
	}
	if err := n.log.settle(); err != nil {
		return err
	}
	return n.extend(hs)
}

// extend brings the header file up to the headers of all blocks.
func (n *Node) extend(hs []bitcoin.Header) error {
	if len(hs) == 0 {
		return nil
	}
	err := headers.Extend(n.headerFile, bitcoin.Regtest, 1, hs)
	if errors.Is(err, headers.ErrDisagree) {
		return fmt.Errorf("%w with %s: move the header file away to have it made again from the blocks", err, n.log.path)
	}
	return err
}

// checkHeight refuses a header file with more headers than there are blocks.
// Headers are written last, so the blocks were there once: to go on would mine
// other blocks at heights that proofs refer to.
func (n *Node) checkHeight(blocks int) error {
	c, err := headers.Open(n.headerFile, bitcoin.Regtest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	if int64(c.Height()) > int64(blocks) {
		return fmt.Errorf("%s: holds %d blocks, but %s has headers up to height %d: restore the block file from a backup, or move the header file away to go on without the missing blocks and the proofs that need them",
			n.log.path, blocks, n.headerFile, c.Height())
	}
	return nil
}

// replay builds the chain and the ledger from the stored blocks and returns
// their headers.
func (n *Node) replay(ctx context.Context, records []record) ([]bitcoin.Header, error) {
	hs := make([]bitcoin.Header, len(records))
	for i, r := range records {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		block, err := btcutil.NewBlockFromBytes(r.block)
		if err == nil {
			err = n.chain.restore(block)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: block %d (the record at byte %d): %w: %s", n.log.path, i+1, r.offset, err, n.log.remedy())
		}
		n.ledger.add(block)
		hs[i] = bitcoin.Header(r.block[:bitcoin.HeaderSize])
	}
	return hs, nil
}

// ready tells whether the node can work, and is called with the mutex held.
func (n *Node) ready(ctx context.Context) error {
	if n.closed {
		return errors.New("the embedded node is closed")
	}
	if n.failed != nil {
		return fmt.Errorf("the embedded node has to be opened again after: %w", n.failed)
	}
	return ctx.Err()
}
