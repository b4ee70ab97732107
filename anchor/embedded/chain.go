package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/database"
	_ "github.com/btcsuite/btcd/database/ffldb" // the database driver of that name

	"gradseal/internal/atomicfile"
)

// utxoCache is the memory in bytes that btcd may use for unspent outputs
// before it writes them to the database.
const utxoCache = 16 << 20

// chain is btcd's block chain over a database that lives as long as the chain
// is open.
type chain struct {
	*blockchain.BlockChain
	dir   string
	db    database.DB
	clock *clock
}

// newChain makes a chain that holds the genesis block alone. What is at dir is
// removed first: the database of a process that was killed.
func newChain(dir string) (*chain, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := checkRoom(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	params := regtest()
	db, err := database.Create("ffldb", dir, params.Net)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	c := &chain{dir: dir, db: db, clock: new(clock)}
	c.BlockChain, err = blockchain.New(&blockchain.Config{
		DB:               db,
		ChainParams:      params,
		TimeSource:       c.clock,
		UtxoCacheMaxSize: utxoCache,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), c.close())
	}
	return c, nil
}

// room is how many bytes the database may need: about 1 MB for a hundred
// blocks, and its log is written in pieces of 4 MB.
const room = 8 << 20

// checkRoom fails where the disk has no room for the database. Where that runs
// out of room itself, it ends the process or waits for ever.
func checkRoom(dir string) error {
	probe, err := os.CreateTemp(dir, atomicfile.Temporary)
	if err != nil {
		return err
	}
	defer os.Remove(probe.Name())
	zeros := make([]byte, 1<<20)
	for n := 0; n < room && err == nil; n += len(zeros) {
		_, err = probe.Write(zeros)
	}
	err = errors.Join(err, probe.Close())
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%s: there must be room for %d MB: %w", dir, room>>20, syscall.ENOSPC)
	}
	return err
}

// process checks a block by all the rules and makes it the new tip.
func (c *chain) process(block *btcutil.Block) error {
	return c.connect(block, blockchain.BFNone)
}

// restore makes a block the new tip that process has accepted before. It checks
// its form, its work and that it follows the tip, and does not run the scripts
// again.
func (c *chain) restore(block *btcutil.Block) error {
	return c.connect(block, blockchain.BFFastAdd)
}

func (c *chain) connect(block *btcutil.Block, flags blockchain.BehaviorFlags) error {
	c.clock.tip = block.MsgBlock().Header.Timestamp
	onMain, orphan, err := c.ProcessBlock(block, flags)
	if err != nil {
		return err
	}
	if orphan {
		return fmt.Errorf("block %s follows %s, which is not in the chain", block.Hash(), block.MsgBlock().Header.PrevBlock)
	}
	if !onMain {
		return fmt.Errorf("block %s does not follow the tip", block.Hash())
	}
	return nil
}

// closing is how long the database may take to close. After the disk was full, or
// a file could not be opened, it waits for ever for what it could not write.
const closing = 20 * time.Second

// close removes the database: it is made from the blocks each time, so that
// nothing is lost with it.
func (c *chain) close() error {
	closed := make(chan error, 1)
	go func() { closed <- c.db.Close() }()
	var err error
	select {
	case err = <-closed:
	case <-time.After(closing):
		err = fmt.Errorf("%s: the database could not be written to its end: is the disk full, or are too many files open?", c.dir)
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// regtest is a copy of btcd's parameters that no other chain uses: a chain sets
// itself as the clock of the deployments in its parameters.
func regtest() *chaincfg.Params {
	params := chaincfg.RegressionNetParams
	for i := range params.Deployments {
		// All of them have always started and never end.
		params.Deployments[i].DeploymentStarter = chaincfg.NewMedianTimeDeploymentStarter(time.Time{})
		params.Deployments[i].DeploymentEnder = chaincfg.NewMedianTimeDeploymentEnder(time.Time{})
	}
	return &params
}

// clock is the time that btcd judges blocks by. A node refuses blocks of
// strangers that are two hours ahead of its clock. The blocks here are the
// node's own, and a clock that was set back must not lock their owner out, so
// it is never behind the block in hand.
type clock struct {
	tip time.Time
}

// AdjustedTime is the later of now and the time of the block in hand.
func (c *clock) AdjustedTime() time.Time {
	if now := time.Now(); now.After(c.tip) {
		return now
	}
	return c.tip
}

// AddTimeSample does nothing: there are no peers.
func (c *clock) AddTimeSample(string, time.Time) {}

// Offset is zero.
func (c *clock) Offset() time.Duration { return 0 }
