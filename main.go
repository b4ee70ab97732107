// Gradseal anchors transcripts in Bitcoin, and checks one offline.
package main

import (
	"context"
	"embed"
	"os"
	"os/signal"
	"syscall"

	"gradseal/cmd"
)

// samples are the transcripts that "gradseal demo" plays with.
//
//go:embed testdata/transcripts/transcript_R00482137.pdf
//go:embed testdata/transcripts/KBSU-884120.pdf
//go:embed testdata/transcripts/YXNU_G_2026_0118.pdf
var samples embed.FS

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once: nothing is lost by that
	os.Exit(cmd.Main(ctx, os.Args[1:], cmd.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, samples))
}
