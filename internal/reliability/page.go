package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// kill is a row of the table of kills, in its order: the name of the test, and
// what was killed.
var kill = []struct{ name, what string }{
	{"anchor-first", "`anchor`, the first in an empty home"},
	{"anchor-later", "`anchor`, in a home with batches"},
	{"anchor-node", "`anchor` through a btcd that has the coins"},
	{"upgrade", "`upgrade` of three batches, from a btcd"},
	{"headers-sync", "`headers sync` from a btcd, by RPC and as a peer"},
	{"trust-add", "`trust add`"},
	{"trust-import", "`trust import` of three packs"},
	{"status-import", "`status import`"},
	{"withdraw", "`withdraw`"},
}

// faults are those of the table of faults, by the name of the test.
var faults = []struct{ name, what string }{
	{"disk-full", "a disk with some pages or inodes left, `anchor`"},
	{"read-only", "a folder in which no proof can be written, `anchor`"},
	{"permission-lost", "the right to write in one directory taken half way, `anchor`"},
	{"clock", "a clock that is an hour to 11 years before or behind, `anchor`"},
	{"memory", "12 to 51 MiB of memory for 1,000 documents, `anchor`"},
	{"calls-anchor-first", "a system call that fails: `anchor`, the first in an empty home"},
	{"calls-anchor-later", "– `anchor`, in a home with batches"},
	{"calls-anchor-node", "– `anchor` through a btcd"},
	{"calls-upgrade", "– `upgrade`"},
	{"calls-headers-sync", "– `headers sync`"},
	{"calls-trust-add", "– `trust add`"},
	{"calls-trust-import", "– `trust import`"},
	{"calls-status-import", "– `status import`"},
	{"calls-withdraw", "– `withdraw`"},
}

var pairs = []struct{ name, what string }{
	{"anchor-and-anchor", "`anchor` and `anchor`"},
	{"anchor-and-upgrade", "`anchor` and `upgrade`"},
	{"withdraw-and-anchor", "`withdraw` and `anchor`"},
}

// moments are the columns of the table of kills; outcomes, of faults.
var (
	moments  = []string{"before the first write", "with a temporary file there", "between two writes", "after the last write"}
	outcomes = []string{"ended with an error", "went to its end", "was killed, or ended by Go's runtime"}
	meetings = []string{"one waited for the other", "they did not meet"}
)

// tables are the tables as Markdown. Every row is of tests that passed. Of a whole
// run, what it has no result of was not tried on this machine, and has a row that
// says so.
func tables(all []played, whole bool, machine string) string {
	var b strings.Builder
	b.WriteString(machine + "\n")
	table(&b, all, whole, kill, moments, "Killed", "kills", true)
	stages(&b, all)
	table(&b, all, whole, faults, outcomes, "What was in the way", "tried", false)
	table(&b, all, whole, pairs, meetings, "At once on one home", "tried", false)
	return b.String()
}

func table(b *strings.Builder, all []played, whole bool, rows []struct{ name, what string }, columns []string, title, number string, again bool) {
	var lines []string
	var sum [3]int
	cells := 3 + len(columns) // beside the title
	if again {
		cells++
	}
	for _, r := range rows {
		i := slices.IndexFunc(all, func(p played) bool { return p.Name == r.name })
		if i < 0 {
			if whole {
				lines = append(lines, fmt.Sprintf("| %s | not tried here |%s", r.what, strings.Repeat(" – |", cells-1)))
			}
			continue
		}
		p := all[i]
		tried := 0
		for _, c := range columns {
			tried += p.Moments[c]
		}
		line := fmt.Sprintf("| %s | %d |", r.what, tried)
		if again {
			line += fmt.Sprintf(" %d |", p.Again)
		}
		for _, c := range columns {
			line += fmt.Sprintf(" %d |", p.Moments[c])
		}
		lines = append(lines, line+fmt.Sprintf(" %d | 0 |", p.Runs))
		sum[0], sum[1], sum[2] = sum[0]+tried, sum[1]+p.Runs, sum[2]+p.Again
	}
	if len(lines) == 0 {
		return
	}
	head := []string{title, number}
	if again {
		head = append(head, "of them again")
	}
	head = append(append(head, columns...), "runs to the end", "lost")
	fmt.Fprintf(b, "\n| %s |\n|---|%s\n%s\n", strings.Join(head, " | "), strings.Repeat("--:|", len(head)-1), strings.Join(lines, "\n"))
	fmt.Fprintf(b, "\nIn all: %s %d, runs to the end %d, lost 0.\n", number, sum[0], sum[1])
}

// stages says how far the batch had come that was killed.
func stages(b *strings.Builder, all []played) {
	sum := make(map[string]int)
	for _, p := range all {
		if slices.ContainsFunc(kill, func(r struct{ name, what string }) bool {
			return r.name == p.Name && strings.HasPrefix(r.name, "anchor")
		}) {
			for stage, n := range p.Stages {
				sum[stage] += n
			}
		}
	}
	var parts []string
	for _, stage := range slices.Sorted(maps.Keys(sum)) {
		parts = append(parts, fmt.Sprintf("%s %d", stage, sum[stage]))
	}
	if len(parts) > 0 {
		fmt.Fprintf(b, "\nHow far the newest batch had come when `anchor` was killed: %s.\n", strings.Join(parts, ", "))
	}
}

// machine says where and when the figures were taken, and how again.
func machine(ctx context.Context, o options, begun time.Time) string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // of other systems it is not known
	revision := "of no known revision"
	if out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		revision = strings.TrimSpace(string(out))
		if out, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output(); err != nil || len(out) > 0 {
			revision += " with changes"
		}
	}
	took := time.Since(begun).Round(time.Second)
	command := fmt.Sprintf("go run ./internal/reliability -kills %d -faults %d -minutes %d -parallel %d -seed %d", o.kills, o.faults, o.minutes, o.parallel, o.seed)
	return fmt.Sprintf("%s, %s in all. %s/%s %s, %d processors, %s, gradseal %s. `%s`",
		begun.UTC().Format(time.DateOnly), took, runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(kernel)), runtime.NumCPU(), runtime.Version(), revision, command)
}
