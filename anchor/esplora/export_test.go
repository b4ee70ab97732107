package esplora

import "time"

// SetPause takes the place of the pause between attempts.
func (n *Node) SetPause(d time.Duration) { n.pause = d }
