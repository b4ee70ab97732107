package keys

import (
	"gradseal/bitcoin"
	"gradseal/issuer"
)

// Signer is a secret key of an issuer, wherever it is kept.
type Signer interface {
	issuer.Signer
	// Allows reports, as an error, that the key must not sign for the network.
	Allows(bitcoin.Network) error
}
