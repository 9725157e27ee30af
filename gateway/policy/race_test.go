//go:build race

package policy

import (
	"flag"
	"strconv"
)

// The race detector makes the evaluator ten times slower, and finds nothing in one
// more draw of what one goroutine does. So a quarter of the draws are made under
// it; `make judges` makes them all without it.
func init() {
	judgedAtLeast, drawnSets = 1000, 25
	if err := flag.Set("rapid.checks", strconv.Itoa(drawnSets)); err != nil {
		panic(err)
	}
}
