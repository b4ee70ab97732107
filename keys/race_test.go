//go:build race

package keys_test

// The race detector makes scrypt eight times as slow.
const raceDetector = true
