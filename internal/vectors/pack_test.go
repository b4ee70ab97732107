package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/headers"
	"gradseal/trust"
)

func TestSegment(t *testing.T) {
	each(t, "segment", func(t *testing.T, v segmentVector) {
		data := unhex(t, v.Segment)
		s, err := headers.ParseSegment(data)
		requireFails(t, v.Fails, err)
		if v.Fails != "" {
			return
		}
		require.Equal(t, v.Network, s.Network.String())
		require.EqualValues(t, *v.First, s.From)
		require.Len(t, s.Headers, v.Count)
		require.Equal(t, v.Last, s.Headers[v.Count-1].Hash().String())
		again, err := s.Marshal()
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}

func TestPack(t *testing.T) {
	each(t, "pack", func(t *testing.T, v packVector) {
		data := octets(v.Pack, v.packInput.Bytes)
		p, err := trust.ParsePack(data)
		requireFails(t, v.Fails, err)
		if v.Fails != "" {
			return
		}
		require.Equal(t, v.Fingerprint, p.File.Fingerprint().String())
		networks, segments := []string{}, []string{}
		for _, l := range p.Lists {
			networks = append(networks, l.Network.String())
		}
		for _, s := range p.Segments {
			segments = append(segments, fmt.Sprintf("%s %d %d", s.Network, s.From, len(s.Headers)))
		}
		require.Equal(t, *v.Networks, networks)
		require.Equal(t, *v.Headers, segments)
	})
}
