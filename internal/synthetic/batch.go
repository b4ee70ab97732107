package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gradseal/anchor"
	"gradseal/anchor/embedded"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/merkle"
	"gradseal/proof"
	"gradseal/verify"
)

const issuerID = "synthetic.example"

// batch is a batch whose documents are known by their numbers alone.
type batch struct {
	tree   *merkle.Tree
	number []uint32 // of the document at each leaf index

	statement []byte
	evidence  *proof.Bitcoin
	file      *issuer.File
	list      verify.StatusList
	chain     *headers.Chain
}

// leaf is a leaf hash with the number of its document: 36 bytes.
type leaf struct {
	hash   merkle.Hash
	number uint32
}

// document is the digest and the salt of the document with a number.
func document(number uint32) (digest, salt [32]byte) {
	var b [5]byte
	binary.BigEndian.PutUint32(b[1:], number)
	digest = sha256.Sum256(b[:])
	b[0] = 1
	return digest, sha256.Sum256(b[:])
}

func newBatch(n int) (*batch, error) {
	leaves := make([]leaf, n)
	eachRange(n, func(begin, end int) error {
		for i := begin; i < end; i++ {
			digest, salt := document(uint32(i))
			leaves[i] = leaf{merkle.LeafHash(proof.Entry(salt, digest)), uint32(i)}
		}
		return nil
	})
	slices.SortFunc(leaves, func(a, b leaf) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	b := &batch{number: make([]uint32, n)}
	hashes := make([]merkle.Hash, n)
	for i, l := range leaves {
		hashes[i], b.number[i] = l.hash, l.number
	}
	var err error
	b.tree, err = merkle.New(hashes)
	return b, err
}

// anchor signs the statement and the status list, and has a block made that commits
// to the batch.
func (b *batch) anchor(ctx context.Context, nodeDir, headerFile string) error {
	node, err := embedded.Open(ctx, nodeDir, headerFile)
	if err != nil {
		return err
	}
	root, err := b.sign(time.Now().UTC().Truncate(time.Second))
	if err == nil {
		b.evidence, err = confirm(ctx, node, root)
	}
	if err := errors.Join(err, node.Close()); err != nil {
		return err
	}
	b.chain, err = headers.Open(headerFile, bitcoin.Regtest)
	return err
}

// sign makes the issuer, and what it signs. It returns the batch root.
func (b *batch) sign(now time.Time) (root [32]byte, err error) {
	key, err := keys.Generate(issuerID)
	if err != nil {
		return root, err
	}
	b.file = &issuer.File{ID: issuerID, Name: "Synthetic University", Sequence: 1, Sets: []issuer.KeySet{{
		From: now.AddDate(0, 0, -1), Threshold: 1, Keys: []issuer.Key{{Public: key.PublicKey(), Holder: "Registrar"}},
	}}}
	statement := issuer.Statement{
		Type: issuer.Documents, Issuer: issuerID, Network: bitcoin.Regtest,
		Size: b.tree.Size(), Root: b.tree.Root(), Issued: now, Title: "Synthetic",
	}
	text, err := statement.Text()
	if err != nil {
		return root, err
	}
	if b.statement, err = issuer.SignNote(text, issuer.MaxStatement, key); err != nil {
		return root, err
	}
	root = proof.BatchRoot(b.statement, b.tree.Root())
	list := &issuer.StatusList{Issuer: issuerID, Network: bitcoin.Regtest, Sequence: 1, AsOf: now, Next: now.AddDate(1, 0, 0)}
	list.AddBatch(root)
	if text, err = list.Text(); err != nil {
		return root, err
	}
	signed, err := issuer.SignNote(text, issuer.MaxStatus, key)
	if err != nil {
		return root, err
	}
	b.list.StatusList, b.list.Note, err = issuer.ParseStatus(signed)
	return root, err
}

// confirm has a transaction that commits to the batch root put into a block.
func confirm(ctx context.Context, node *embedded.Node, root [32]byte) (*proof.Bitcoin, error) {
	request, err := node.Fund(ctx, anchor.Order{Root: root})
	if err != nil {
		return nil, err
	}
	raw, err := node.Sign(ctx, request)
	if err != nil {
		return nil, err
	}
	if err := node.Submit(ctx, raw); err != nil {
		return nil, err
	}
	return node.Attest(ctx, raw, 0)
}

// verifyAll makes the proof file of each document and has it verified, on all
// processors.
func (b *batch) verifyAll(ctx context.Context) (size int64, largest int, err error) {
	defer b.chain.Close()
	verifier, err := verify.New(
		verify.Trust{Issuers: []*issuer.File{b.file}, Status: []verify.StatusList{b.list}, Chain: b.chain},
		verify.Policy{Network: bitcoin.Regtest, Confirmations: 1, Now: time.Now()})
	if err != nil {
		return 0, 0, err
	}
	template, err := proof.NewTemplate(&proof.Proof{Layers: []proof.Layer{{Signed: b.statement}}, Bitcoin: b.evidence})
	if err != nil {
		return 0, 0, err
	}
	var reader verify.Reader
	var total, most atomic.Int64
	err = eachRange(len(b.number), func(begin, end int) error {
		var file []byte
		path := make([]merkle.Hash, 0, merkle.MaxPath)
		for i := begin; i < end; i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			digest, salt := document(b.number[i])
			var err error
			if path, err = b.tree.AppendPath(path[:0], uint64(i)); err != nil {
				return err
			}
			if file, err = template.Append(file[:0], digest, salt, uint64(i), path); err != nil {
				return err
			}
			total.Add(int64(len(file)))
			for old := most.Load(); int64(len(file)) > old && !most.CompareAndSwap(old, int64(len(file))); old = most.Load() {
			}
			if r := verifier.Judge(digest, reader.Read(file)); r.Verdict != verify.Valid {
				return fmt.Errorf("document %d, leaf %d: %s", b.number[i], i, r.Verdict)
			}
		}
		return nil
	})
	return total.Load(), int(most.Load()), err
}

// rangeSize is how many documents are worked off at once: enough that sharing them
// out costs nothing.
const rangeSize = 4096

// eachRange works off the numbers from 0 to n on all processors, and returns the
// errors.
func eachRange(n int, work func(begin, end int) error) error {
	var next atomic.Int64
	errs := make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for errs[w] == nil {
				begin := int(next.Add(rangeSize)) - rangeSize
				if begin >= n {
					return
				}
				errs[w] = work(begin, min(begin+rangeSize, n))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
