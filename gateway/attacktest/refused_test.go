package attacktest

import (
	"fmt"
	"testing"
)

// recorder keeps what is reported to it.
type recorder struct {
	testing.TB

	name, errors, logged string
}

func (r *recorder) Helper()                        {}
func (r *recorder) Name() string                   { return r.name }
func (r *recorder) Failed() bool                   { return r.errors != "" }
func (r *recorder) Errorf(format string, a ...any) { r.errors += fmt.Sprintf(format, a...) }
func (r *recorder) Fatalf(format string, a ...any) { r.errors += fmt.Sprintf(format, a...) }
func (r *recorder) Logf(format string, a ...any)   { r.logged += fmt.Sprintf(format, a...) }

// TestRefused counts what was refused, by a test that `make attacks` runs, and nothing
// else.
func TestRefused(t *testing.T) {
	t.Setenv(counting, "^Test(Attack|Hostile)")
	for _, c := range []struct {
		test   string
		n      int
		failed bool
		logged string
	}{
		{"TestAttackOnPaths/dots", 3, false, "ATTACK | HTTP: framing | 4.2.1 | API8 | 3 | a?b"},
		{"TestOther", 3, true, ""},
		{"TestAttackOnPaths", 0, true, ""},
	} {
		r := &recorder{name: c.test}
		Framing.Refused(r, "a\nb", c.n)
		if r.Failed() != c.failed || r.logged != c.logged {
			t.Errorf("%+v: %q, %q", c, r.errors, r.logged)
		}
	}
}
