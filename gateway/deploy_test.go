package gateway_test

import (
	"os"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/config"
)

// TestDeployConfigurations reads the configurations that deploy/ offers: what
// people copy must be what the gateway takes.
func TestDeployConfigurations(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"concord.example.yaml", "kubernetes/concord.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load("../deploy/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if !c.Production || c.TLS.Cert == "" {
				t.Error("want an example for production, with TLS")
			}
			if !strings.HasPrefix(c.DataDir, "/var/lib/concord") {
				t.Errorf("data_dir is %s, outside the volume /var/lib/concord", c.DataDir)
			}
		})
	}
}

// TestDeployVersions holds the image to the Go version of the module.
func TestDeployVersions(t *testing.T) {
	t.Parallel()
	dockerfile := read(t, "../deploy/Dockerfile")
	_, after, _ := strings.Cut(read(t, "../go.mod"), "\ngo ")
	version := strings.Join(strings.SplitN(strings.Fields(after)[0], ".", 3)[:2], ".")
	if want := "FROM golang:" + version + "-"; !strings.Contains(dockerfile, want) {
		t.Errorf("deploy/Dockerfile has no %q", want)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
