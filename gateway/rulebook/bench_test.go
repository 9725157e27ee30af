package rulebook_test

import (
	"testing"

	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// BenchmarkRules is what bringing a bundle into force costs: reading it, and
// putting it together.
func BenchmarkRules(b *testing.B) {
	files, err := bundle.Gather(policies.Files, schemas.Files)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := rulebook.Read(files); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("compile", func(b *testing.B) {
		draft, err := rulebook.Read(files)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := draft.Rules(b.Context(), draft.Newest()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
