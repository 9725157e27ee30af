package synthetic

import (
	"math"
	"math/rand/v2"
)

// stream numbers the independent random sequences of a world, so that a change
// in one dataset leaves the others as they were.
type stream uint64

const (
	streamPeople stream = iota + 1
	streamNetwork
	streamTenancies
	streamConcerns
	streamAssaults
	streamReferrals
	streamExclusions
	streamAttendance
	streamNominals
	streamGroups
	streamCrime
	streamDisruptions
	streamBadRows
)

// draw is a random sequence.
type draw struct{ r *rand.Rand }

func (w *World) draw(s stream) draw {
	//nolint:gosec // made-up people need a sequence that repeats, not a secret
	return draw{rand.New(rand.NewPCG(w.seed, uint64(s)))}
}

// below returns a number from 0 to n-1.
func (d draw) below(n int) int { return d.r.IntN(n) }

// between returns a number from low to high, both included.
func (d draw) between(low, high int) int { return low + d.r.IntN(high-low+1) }

// chance is true in that share of the cases.
func (d draw) chance(share float64) bool { return d.r.Float64() < share }

// poisson returns a count around its mean.
func (d draw) poisson(mean float64) int {
	if mean > 30 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*d.r.NormFloat64())))
	}
	limit, n := math.Exp(-mean), 0
	for p := d.r.Float64(); p > limit; p *= d.r.Float64() {
		n++
	}
	return n
}

// shuffled returns the indexes of n things in random order.
func (d draw) shuffled(items []int) []int {
	out := append([]int(nil), items...)
	d.r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// pick returns one of the items.
func pick[T any](d draw, items []T) T { return items[d.below(len(items))] }

// share is a value and how often it comes, against the others of its table.
type share struct {
	value  string
	weight int
}

// pickShare returns a value of the table.
func pickShare(d draw, table []share) string {
	total := 0
	for _, s := range table {
		total += s.weight
	}
	n := d.below(total)
	for _, s := range table {
		if n -= s.weight; n < 0 {
			return s.value
		}
	}
	return table[0].value
}
