package mongo_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain draws fewer cases for the properties of the suite than there are by
// default: every look-up on the server of the tests is a scan.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.checks", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
