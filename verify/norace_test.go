//go:build !race

package verify_test

// stride is how many bytes the tests that flip every bit go on at a time.
const stride = 1
