package verify

import "gradseal/bitcoin"

// CheckTargets is Yardstick.checkTargets.
func CheckTargets(y Yardstick, hs []bitcoin.Header) error { return y.checkTargets(hs) }
