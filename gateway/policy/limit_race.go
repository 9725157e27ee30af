//go:build race

package policy

// instrumented is how many times longer an evaluation may take under the race
// detector, which makes it and what the collector does on its thread some ten
// times slower. No binary that anybody runs is built so.
const instrumented = 10
