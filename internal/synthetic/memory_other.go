//go:build !linux

package main

import "os"

// residentAtMost is not known here: systems count in units of their own.
func residentAtMost(*os.ProcessState) int64 { return 0 }
