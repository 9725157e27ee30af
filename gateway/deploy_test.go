package gateway_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/config"
)

// TestDeployConfigurations reads the configurations that deploy/ offers: what
// people copy must be what the gateway takes.
func TestDeployConfigurations(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"concord.example.yaml", "kubernetes/concord.yaml", "kubernetes-mongo/concord.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse([]byte(read(t, "../deploy/"+name)))
			if err != nil {
				t.Fatal(err)
			}
			if shared := c.Store.Mongo.URIFile != ""; shared != strings.Contains(name, "mongo") {
				t.Errorf("on a shared store: %v", shared)
			}
			if diff := cmp.Diff(config.DefaultLimits(), c.Limits); diff != "" {
				t.Errorf("the limits are not the defaults:\n%s", diff)
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

// TestDeployOnMongo holds the parts of the variant with MongoDB to each other: the
// example that is commented out is one that the gateway takes, and the file that it
// names is where the container has it.
func TestDeployOnMongo(t *testing.T) {
	t.Parallel()
	text := read(t, "../deploy/concord.example.yaml")
	at := strings.Index(text, "# store:\n")
	block, rest, _ := strings.Cut(text[at:], "\n\n")
	c, err := config.Parse([]byte(text[:at] + strings.ReplaceAll("\n"+block, "\n# ", "\n") + "\n\n" + rest))
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.Mongo.Database != config.DefaultDatabase {
		t.Errorf("the example has the database %q", c.Store.Mongo.Database)
	}
	for _, name := range []string{"compose.mongo.yaml", "kubernetes-mongo/concord.yaml"} {
		if !strings.Contains(read(t, "../deploy/"+name), c.Store.Mongo.URIFile) {
			t.Errorf("deploy/%s does not name %s", name, c.Store.Mongo.URIFile)
		}
	}
	if !strings.Contains(read(t, "../deploy/kubernetes-mongo/gateways.yaml"), "mountPath: /etc/concord/mongo,") {
		t.Error("the secret is mounted elsewhere")
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
