//go:build race

package policy

// instrumented is how many times longer an evaluation may take under the race
// detector. It makes an evaluation some ten times slower, and what the detector and
// the collector have to do for the whole process falls now and then on the thread of
// an evaluation, and counts as its own. The limit as it is built in is tested without
// the detector; no binary that anybody runs is built with it.
const instrumented = 100
