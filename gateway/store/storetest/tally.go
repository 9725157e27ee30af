package storetest

import "testing"

// Tally reports that a fault or a tamper was injected so many times, and what
// came of it each time. `make faults` gathers the lines into its table, so a
// test that has failed reports nothing.
func Tally(t testing.TB, what, store string, times int, outcome string) {
	t.Helper()
	if t.Failed() || times == 0 {
		return
	}
	t.Logf("FAULT | %s | %s | %d | %s", what, store, times, outcome)
}
