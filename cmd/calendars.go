package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gradseal/anchor/calendar"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/proof"
	"gradseal/proof/ots"
	"gradseal/verify"
)

// viaCalendars is the way to a block through OpenTimestamps calendars, alone or
// beside one of the others: "bitcoind,calendars".
const viaCalendars = "calendars"

// splitVia takes the way through calendars out of --via. What is left is the way
// to the network, empty where there is none.
func splitVia(via string) (node string, calendars bool, err error) {
	for _, way := range strings.Split(via, ",") {
		switch way = strings.TrimSpace(way); {
		case way == viaCalendars && !calendars:
			calendars = true
		case node == "" && way != viaCalendars:
			node = way
		default:
			return "", false, hinted(fmt.Errorf("--via %s: want one way to the network, and calendars at most once", quoted(via)), "such as --via bitcoind, --via calendars or --via bitcoind,calendars")
		}
	}
	return node, calendars, nil
}

// calendarOptions say which calendars to use.
type calendarOptions struct {
	urls  []string // that are submitted to
	allow []string // that may be asked because an answer names them
	least int      // how many must answer a submission
}

// addURLs adds the flag that names calendars.
func (o *calendarOptions) addURLs(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&o.urls, "calendar", nil, "`URL` of an OpenTimestamps calendar, for --via calendars (default: four public ones)")
	setConfigKey(flags, "calendar", "calendars.urls")
}

func (o *calendarOptions) addFlags(cmd *cobra.Command) {
	o.addURLs(cmd)
	flags := cmd.Flags()
	flags.IntVar(&o.least, "min-calendars", 2, "`number` of calendars that must answer")
	setConfigKey(flags, "min-calendars", "calendars.min")
}

// calendars is what a run has to do with calendars.
type calendars struct {
	clients []*calendar.Client
	allowed calendar.Whitelist
	least   int
}

// open reads the options for a network. The calendars that are named for
// submitting may be asked, too.
func (o calendarOptions) open(network bitcoin.Network, submit bool) (*calendars, error) {
	cal := &calendars{least: o.least}
	for _, url := range o.urls {
		c, err := calendar.New(calendar.Config{URL: url})
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(cal.clients, func(other *calendar.Client) bool { return other.URL() == c.URL() }) {
			return nil, fmt.Errorf("calendar %s is named twice", c.URL())
		}
		if submit && network.IsTest() && slices.Contains(calendar.Aggregators, c.URL()) {
			return nil, hinted(fmt.Errorf("calendar %s anchors in mainnet, and the batch is for %s", c.URL(), network), "the public calendars are for --network mainnet; of %s one needs calendars of one's own: --calendar URL", network)
		}
		cal.clients = append(cal.clients, c)
	}
	switch {
	case !submit:
	case len(cal.clients) == 0:
		return nil, hinted(errors.New("no calendar is named"), "name some: --calendar URL, or calendars.urls in the configuration")
	case o.least < 1 || o.least > len(cal.clients):
		return nil, hinted(fmt.Errorf("--min-calendars: %d, want 1 to %d, the number of calendars", o.least, len(cal.clients)), "name more calendars (--calendar URL), or be content with fewer: --min-calendars %d, or calendars.min in the configuration", max(len(cal.clients), 1))
	}
	allowed, err := calendar.ParseWhitelist(slices.Concat(o.allow, o.urls))
	if err != nil {
		return nil, fmt.Errorf("configuration calendars.allow: %w", err)
	}
	cal.allowed = allowed
	return cal, nil
}

// stamp has calendars promise to anchor the batch root. It costs nothing, and
// what is not on disk when a process is killed is promised again.
func (c *carrier) stamp(ctx context.Context, b *batch.Batch) error {
	if len(b.Requests) == 0 {
		if err := c.judge(ctx, b); err != nil {
			return err
		}
	}
	root, err := b.Root()
	if err != nil {
		return err
	}
	cal := c.calendars
	c.ui.note("Asking %s to anchor the batch root", count(len(cal.clients), "calendar"))
	t, failures, err := calendar.Stamp(ctx, cal.clients, cal.allowed, root, cal.least)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, failure := range failures {
		c.ui.warn("%s", safe(failure.Error()))
	}
	switch {
	case err != nil && len(failures) == len(cal.clients):
		return hinted(fmt.Errorf("batch %s: %w", b.ID, err), "is the network reachable from here? If it is, name other calendars: --calendar URL")
	case err != nil:
		return hinted(fmt.Errorf("batch %s: %w", b.ID, err), "try again later, or be content with fewer: --min-calendars 1")
	case b.Calendars != nil:
		t = ots.Merge(b.Calendars, t)
	}
	if err := b.SaveCalendars(t); err != nil {
		return err
	}
	return c.recordSteps(b, false)
}

const (
	// overdue is how old a batch is that calendars are asked again for when it is
	// anchored again: as a rule they take less than a day.
	overdue = 48 * time.Hour

	// maxPromises is how many promises are kept of a batch.
	maxPromises = 32
)

// isOverdue reports whether no calendar has kept its promise about a batch in all
// this time, so that others may be asked. A block that has left the chain keeps none.
func (a *app) isOverdue(b *batch.Batch, now time.Time) bool {
	if now.Sub(b.Created) <= overdue {
		return false
	}
	open, kept, err := a.promisesOf(b)
	return err == nil && len(kept) == 0 && len(open) < maxPromises
}

// adviseCalendars says what to do about what calendars answered.
func (c *carrier) adviseCalendars() {
	if len(c.beyond) > 0 {
		c.ui.note("%s", c.fetchHeaders())
	}
	if len(c.strangers) > 0 {
		command := "gradseal upgrade --network " + c.network.String()
		for _, named := range c.calendars.clients { // --calendar takes their place
			if !slices.Contains(calendar.Aggregators, named.URL()) {
				command += " --calendar " + safe(named.URL())
			}
		}
		for _, uri := range c.strangers {
			command += " --calendar " + safe(uri)
		}
		c.ui.note("Only calendars that you name are asked. If these are the ones that you anchored with: %s; calendars.allow in the configuration allows them for good", command)
	}
}

// fetchHeaders is how the header chain gets to a calendar's block.
func (c *carrier) fetchHeaders() string {
	return fmt.Sprintf("Fetch the headers, then upgrade again: gradseal headers sync --network %s --from p2p:HOST:PORT (or --from bitcoind, btcd or esplora)", c.network)
}

// askAfter is how long a batch that is complete goes on asking calendars that
// have not answered: what they attest goes into exports only.
const askAfter = 30 * 24 * time.Hour

// followCalendars asks the calendars of a batch for their blocks, and keeps what
// this home's header chain confirms. One that does not answer, or answers what is
// not so, holds up nobody.
func (c *carrier) followCalendars(ctx context.Context, b *batch.Batch) error {
	if err := c.syncHeaders(ctx); err != nil {
		return err
	}
	chain, err := c.openHeaders(c.network)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if chain != nil {
		defer chain.Close()
		if err := c.dropLost(chain, b); err != nil {
			return err
		}
	}
	if c.calendars != nil && (b.State() != batch.Complete || time.Since(b.Created) < askAfter) {
		if err := c.askCalendars(ctx, chain, b); err != nil {
			return err
		}
	}
	if chain == nil {
		return nil
	}
	if err := c.settleTimestamp(chain, b); err != nil {
		return err
	}
	if b.Timestamp != nil {
		delete(c.beyond, b.ID) // there is a block already
	}
	return nil
}

// dropLost takes the evidence out of the proofs of which the block is not in the
// header chain any more. What the calendar gave stays with the batch: the chain may
// be short for a while, and the calendar may be gone by then.
func (c *carrier) dropLost(chain *headers.Chain, b *batch.Batch) error {
	if b.Timestamp == nil {
		return nil
	}
	root, err := b.Root()
	if err != nil {
		return err
	}
	merkleRoot, err := b.Timestamp.MerkleRoot(root)
	if err != nil {
		return err
	}
	at, err := whereIs(chain, ots.Path{Result: merkleRoot[:]}, uint64(b.Timestamp.Height))
	if err != nil || at != elsewhere && b.Timestamp.Height <= chain.Height() {
		return err
	}
	why := "the block of a calendar has left the chain (a reorganisation)"
	if at != elsewhere {
		why = "the header chain here ends below the block of a calendar"
	}
	c.ui.warn("batch %s: %s: its proofs are without it until a block is known again", b.ID, why)
	return b.DropTimestamp() // settleTimestamp finds another, if there is one
}

// openPromises are those of which no block is in the header chain.
func openPromises(chain *headers.Chain, b *batch.Batch, root [32]byte) ([]calendar.Promise, error) {
	var lookErr error
	now, err := b.Calendars.Prune(root[:], func(p ots.Path) bool {
		height, ok := p.Attestation.BitcoinHeight()
		if !ok {
			return true
		}
		at, err := whereIs(chain, p, height)
		lookErr = errors.Join(lookErr, err)
		return at == inChain
	})
	if err := errors.Join(err, lookErr); err != nil || now == nil {
		return nil, err
	}
	open, _, err := calendar.Promises(root, now)
	return open, err
}

// place is where the message of a path is in the header chain.
type place int

const (
	elsewhere place = iota // the block at the height has another Merkle root
	inChain
	beyond // the chain does not reach the height
)

// whereIs compares what a path leads to with the header chain.
func whereIs(chain *headers.Chain, p ots.Path, height uint64) (place, error) {
	if chain == nil || height > uint64(chain.Height()) {
		return beyond, nil
	}
	h, err := chain.At(uint32(height))
	if errors.Is(err, headers.ErrNotHeld) { // such as a chain that was begun later
		return beyond, nil
	}
	if err != nil { // a fault of the disk says nothing about the block
		return beyond, err
	}
	if root := h.MerkleRoot(); string(root[:]) == string(p.Result) {
		return inChain, nil
	}
	return elsewhere, nil
}

// askCalendars asks for every promise that was not kept yet.
func (c *carrier) askCalendars(ctx context.Context, chain *headers.Chain, b *batch.Batch) error {
	root, err := b.Root()
	if err != nil {
		return err
	}
	open, err := openPromises(chain, b, root)
	if err != nil {
		return err
	}
	found := b.Calendars
	open = slices.DeleteFunc(open, func(p calendar.Promise) bool { return c.dead[p.URI] })
	answers := calendar.Ask(ctx, open, c.calendars.allowed, calendar.Config{})
	if ctx.Err() != nil {
		return ctx.Err() // who stops it is told what was heard before
	}
	delete(c.news, b.ID)
	if c.beyond == nil {
		c.beyond = make(map[string]uint64)
	}
	delete(c.beyond, b.ID)
	for _, answer := range answers {
		if answer.Took > patience || errors.Is(answer.Err, calendar.ErrUnreachable) {
			c.bury(answer.URI)
		}
		var pending *calendar.PendingError
		switch {
		case errors.As(answer.Err, &pending):
			c.heard(b, "calendar %s: %s", safe(answer.URI), reasonOf(pending))
		case errors.Is(answer.Err, calendar.ErrNotAllowed):
			if !slices.Contains(c.strangers, answer.URI) {
				c.strangers = append(c.strangers, answer.URI)
			}
			c.heard(b, "calendar %s: %s", safe(answer.URI), calendar.ErrNotAllowed)
		case errors.Is(answer.Err, calendar.ErrUnreachable):
			c.complain(b, "%s", safe(answer.Err.Error()))
		case answer.Err != nil:
			c.complain(b, "batch %s: %s", b.ID, safe(answer.Err.Error()))
		default:
			t, err := c.confirmed(chain, b, answer)
			if err != nil {
				return err
			}
			if t == nil {
				continue
			}
			both := ots.Merge(found, t)
			if data, err := both.Marshal(len(root)); err != nil || len(data) > maxEvidence { // no .ots file would have room for it
				c.complain(b, "batch %s: calendar %s: there is no room for its evidence beside that of others", b.ID, safe(answer.URI))
				continue
			}
			found = both
		}
	}
	if found == b.Calendars {
		return nil
	}
	return b.SaveCalendars(found)
}

// patience is how long a calendar may take to answer before it is asked about no
// further batch.
const patience = 5 * time.Second

// bury has a calendar not be asked about further batches in this round: waiting for
// it once for each would hold up all of them.
func (c *carrier) bury(uri string) {
	if c.dead == nil {
		c.dead = make(map[string]bool)
	}
	c.dead[uri] = true
}

// reasonOf is why a calendar has nothing, in its words.
func reasonOf(p *calendar.PendingError) string {
	if p.Reason == "" {
		return "it has no timestamp of it yet"
	}
	return "it says " + quoted(p.Reason)
}

// heard keeps what a calendar says for whoever asks why a batch is pending. It is
// escaped already.
func (c *carrier) heard(b *batch.Batch, format string, args ...any) {
	if c.news == nil {
		c.news = make(map[string][]string)
	}
	c.news[b.ID] = append(c.news[b.ID], fmt.Sprintf(format, args...))
}

// complain warns of what a calendar does, once in a run: it may go on doing so
// while somebody waits. Of a complete batch nobody needs to be told, least of all
// by cron every hour.
func (c *carrier) complain(b *batch.Batch, format string, args ...any) {
	if b.State() == batch.Complete {
		return
	}
	if c.warned == nil {
		c.warned = make(map[string]bool)
	}
	if text := fmt.Sprintf(format, args...); !c.warned[text] {
		c.warned[text] = true
		c.ui.warn("%s", text)
	}
}

// confirmed is the path of an answer to the earliest block that the header chain
// has; nil where there is none.
func (c *carrier) confirmed(chain *headers.Chain, b *batch.Batch, answer calendar.Answer) (*ots.Timestamp, error) {
	var best *proof.OpenTimestamps
	for _, p := range answer.Paths {
		height, _ := p.Attestation.BitcoinHeight()
		o, err := proof.NewOpenTimestamps(p)
		if err == nil {
			err = fits(o)
		}
		at, lookErr := whereIs(chain, p, height)
		if lookErr != nil {
			return nil, lookErr
		}
		switch {
		case err != nil:
			c.complain(b, "batch %s: calendar %s: its evidence is none that a proof may carry: %s", b.ID, safe(answer.URI), safe(err.Error()))
		case at == beyond:
			c.heard(b, "calendar %s says that it is in block %d, which the header chain here does not hold", safe(answer.URI), height)
			if known, ok := c.beyond[b.ID]; !ok || height < known {
				c.beyond[b.ID] = height
			}
		case at == elsewhere:
			c.complain(b, "batch %s: calendar %s says that it is in block %d, but what it gives does not lead to that block in the header chain here: not taken", b.ID, safe(answer.URI), height)
		case best == nil || o.Height < best.Height:
			best = o
		}
	}
	if best == nil {
		return nil, nil
	}
	return best.Timestamp(), nil
}

// The most that is taken of one calendar, so that an .ots file has room for the
// way from a document to the batch root (101 operations in the largest tree) and
// for other calendars.
const (
	maxOps   = 150
	maxBytes = 6000

	// maxEvidence is the most of all calendars together, in bytes: an .ots file
	// has the way to the batch root and that of a transaction, too.
	maxEvidence = ots.MaxSize - 16<<10
)

func fits(o *proof.OpenTimestamps) error {
	data, err := o.Marshal()
	switch {
	case err != nil:
		return err
	case len(o.Ops) > maxOps || len(data) > maxBytes:
		return fmt.Errorf("it has %d operations and %d bytes, want at most %d and %d", len(o.Ops), len(data), maxOps, maxBytes)
	}
	return nil
}

// settleTimestamp takes the earliest block that calendars attest for the proofs,
// and makes that final where it is deep enough. Once it is, another does not take
// its place.
func (c *carrier) settleTimestamp(chain *headers.Chain, b *batch.Batch) error {
	if b.IsTimestampFinal() {
		return nil
	}
	root, err := b.Root()
	if err != nil {
		return err
	}
	paths, err := b.Calendars.Paths(root[:])
	if err != nil {
		return err
	}
	var best *proof.OpenTimestamps
	for _, p := range paths {
		height, ok := p.Attestation.BitcoinHeight()
		if !ok || best != nil && height >= uint64(best.Height) {
			continue
		}
		at, err := whereIs(chain, p, height)
		if err != nil {
			return err
		}
		if at != inChain {
			continue
		}
		if o, err := proof.NewOpenTimestamps(p); err == nil {
			best = o
		}
	}
	if best == nil {
		return nil
	}
	if b.Timestamp == nil || b.Timestamp.Height != best.Height {
		if err := b.SaveTimestamp(best); err != nil {
			return err
		}
	}
	if chain.Height()-b.Timestamp.Height+1 < c.confirmations {
		return nil
	}
	return b.FinalizeTimestamp()
}

// calendarsOf lists the calendars of a batch, each once, those first that have it
// in a block of this home's header chain, as far as it reaches.
func (a *app) calendarsOf(b *batch.Batch) ([]calendarJSON, error) {
	list := []calendarJSON{}
	if b.Calendars == nil {
		return list, nil
	}
	open, kept, err := a.promisesOf(b)
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Concat(kept, open) {
		if !slices.ContainsFunc(list, func(c calendarJSON) bool { return c.URL == p.URI }) {
			list = append(list, calendarJSON{p.URI, p.Height})
		}
	}
	return list, nil
}

// promisesOf are the promises about a batch. One of which the block has left this
// home's header chain is open.
func (a *app) promisesOf(b *batch.Batch) (open, kept []calendar.Promise, err error) {
	chain, err := headers.Open(a.home.headerFile(b.Network), b.Network)
	if err != nil { // what is wrong with it, headers status says
		chain = nil
	} else {
		defer chain.Close()
	}
	root, err := b.Root()
	if err != nil {
		return nil, nil, err
	}
	now, err := b.Calendars.Prune(root[:], func(p ots.Path) bool {
		height, ok := p.Attestation.BitcoinHeight()
		at, err := whereIs(chain, p, height)
		return !ok || err != nil || at != elsewhere
	})
	if now == nil || err != nil {
		return nil, nil, err
	}
	return calendar.Promises(root, now)
}

// calendarNames are the calendars of a batch, for people.
func (a *app) calendarNames(b *batch.Batch) string {
	list, err := a.calendarsOf(b)
	if err != nil {
		return safe(err.Error())
	}
	var names []string
	for _, c := range list {
		names = append(names, safe(c.URL))
	}
	return strings.Join(names, ", ")
}

// calendarBlock is the block of a calendar's transaction, as far as the header
// chain of this home has it.
func (a *app) calendarBlock(b *batch.Batch) *blockJSON {
	if b.Timestamp == nil {
		return nil
	}
	chain, err := headers.Open(a.home.headerFile(b.Network), b.Network)
	if err != nil {
		return nil
	}
	defer chain.Close()
	h, err := chain.At(b.Timestamp.Height)
	if err != nil {
		return nil
	}
	return newBlockJSON(&verify.BlockAt{Height: b.Timestamp.Height, Hash: h.Hash(), Time: h.Time()})
}
