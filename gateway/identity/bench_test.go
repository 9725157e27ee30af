package identity_test

import "testing"

// BenchmarkVerify verifies a token of each algorithm that has not been seen
// before, and one that has.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	for name, token := range map[string]string{
		"EdDSA": w.ed(b, edHeader(), analystClaims()), "ES256": w.ec(b, ecHeader(), analystClaims()),
	} {
		for _, cached := range []bool{false, true} {
			b.Run("alg="+name+"/cached="+map[bool]string{false: "no", true: "yes"}[cached], func(b *testing.B) {
				b.ReportAllocs()
				v := w.startedAt(b, now)
				for b.Loop() {
					if !cached {
						v = w.startedAt(b, now)
					}
					if _, err := v.Verify(b.Context(), bearer(token)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
