package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
)

// TestConnectionFromAFile reads a connection string that has a password in it, and
// shows none of it in an error.
func TestConnectionFromAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, secret := filepath.Join(dir, "concord.yaml"), filepath.Join(dir, "mongo.uri")
	write := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.Replace(good, `uri: "mongodb://db.example:27017/?replicaSet=rs0"`, "uri_file: mongo.uri", 1)
	write(path, text)
	const uri = "mongodb://gateway:hush@db.example/?tls=true"
	write(secret, uri+"\n")
	if c, err := config.Load(path); err != nil || c.Store.Mongo.URI != uri {
		t.Errorf("%+v, %v", c, err)
	}
	for name, content := range map[string]string{"two lines": uri + "\nmongodb://other", "no URI": "hush"} {
		write(secret, content)
		if _, err := config.Load(path); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); !fault.Is(err, fault.Invalid) {
		t.Errorf("no file: %v", err)
	}
	if _, err := config.Parse([]byte(strings.Replace(good, "database: sharing", "uri_file: x", 1))); err == nil {
		t.Error("both ways to give one were taken")
	}
}
