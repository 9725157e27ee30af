//go:build !race

package policy

// instrumented is 1 for what is built to be run.
const instrumented = 1
