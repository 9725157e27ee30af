package attacktest

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEveryAttackIsCounted holds the tests that `make attacks` runs to those that say that
// an attack was refused.
func TestEveryAttackIsCounted(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^ATTACKS := (.+)$`).FindSubmatch(makefile)
	if m == nil {
		t.Fatal("the Makefile has no list of attacks")
	}
	listed := regexp.MustCompile(string(m[1]))
	test := regexp.MustCompile(`(?ms)^func (Test\w+)\(.*?^}$`)
	found := 0
	err = fs.WalkDir(os.DirFS("../.."), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "gateway/attacktest/") {
			return err
		}
		raw, err := fs.ReadFile(os.DirFS("../.."), name)
		for _, f := range test.FindAllSubmatch(raw, -1) {
			if !strings.Contains(string(f[0]), ".Refused(t, ") {
				continue
			}
			found++
			if !listed.Match(f[1]) {
				t.Errorf("%s: %s says what it refused, and `make attacks` does not run it", name, f[1])
			}
		}
		return err
	})
	if err != nil || found < 20 {
		t.Fatalf("%d tests with attacks: %v", found, err)
	}
}
