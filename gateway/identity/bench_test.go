package identity_test

import "testing"

func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	for name, token := range map[string]string{
		"EdDSA": w.ed(b, edHeader(), analystClaims()), "ES256": w.ec(b, ecHeader(), analystClaims()),
	} {
		b.Run("alg="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.verifier.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
