package bitcoind_test

import (
	"encoding/hex"

	"gradseal/internal/testnode"
)

func hexKey() string { return hex.EncodeToString(testnode.Key().PubKey().SerializeCompressed()) }
