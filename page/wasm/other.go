//go:build !js

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "wasm: error: this program runs in a browser: go generate ./page builds it")
	os.Exit(1)
}
