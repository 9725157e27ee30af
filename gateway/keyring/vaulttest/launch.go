package vaulttest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// keeper starts what it is given after a folder, ends it when its input ends, and
// removes the folder, if one is named.
const keeper = `d=$1; shift; "$@" </dev/null & p=$!; cat >/dev/null; kill $p 2>/dev/null; wait $p; [ -z "$d" ] || rm -rf -- "$d"`

// setup is what a Vault is started with.
type setup struct {
	dir    string
	client *http.Client // asks it
	// raft: it keeps what it knows in the folder, else in memory.
	raft bool
	// passing: it removes the folder when it ends.
	passing bool
	// tls: the folder holds the certificate that it serves, and the key.
	tls bool
}

// launch starts a Vault in a folder and initialises it.
func launch(c setup) (*Server, error) {
	s := &Server{dir: c.dir, client: c.client}
	if c.passing {
		s.litter = c.dir
	}
	config, err := s.configure(c)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.configFile(), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := s.run(); err != nil {
		return nil, fmt.Errorf("what %s names: %w", Variable, err)
	}
	if err := s.initialise(); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// configure finds the server its address, and writes its configuration.
func (s *Server) configure(c setup) (string, error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	cluster, err := freeAddress()
	if err != nil {
		return "", err
	}
	s.Address = "http://" + address
	storage, secure := "storage \"inmem\" {}", "tls_disable = true"
	if c.tls {
		s.Address = "https://" + address
		secure = fmt.Sprintf("tls_cert_file = %q\n  tls_key_file = %q", s.file(certFile), s.file(keyFile))
	}
	if c.raft {
		if err := os.Mkdir(s.file("raft"), 0o700); err != nil {
			return "", err
		}
		storage = fmt.Sprintf("storage \"raft\" {\n  path = %q\n  node_id = \"one\"\n  performance_multiplier = 1\n}", s.file("raft"))
	}
	plugins, err := pluginFolder()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s\nlistener \"tcp\" {\n  address = %q\n  cluster_address = %q\n  %s\n}\napi_addr = %q\ncluster_addr = \"https://%s\"\n"+
		"pid_file = %q\n%sdisable_mlock = true\nui = false\n", storage, address, cluster, secure, s.Address, cluster, s.file(pidFile), plugins), nil
}

func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) configFile() string { return s.file("vault.hcl") }

// run starts the process and waits until it answers, sealed or not.
func (s *Server) run() error {
	cmd := exec.Command("sh", "-c", keeper, "sh", s.litter, os.Getenv(Variable), "server", "-config="+s.configFile(), "-log-level=error") //nolint:noctx // it lives until it is stopped
	hold, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.hold = cmd, hold
	deadline := time.After(startTimeout)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if s.answers() {
			return nil
		}
		select {
		case <-deadline:
			s.end()
			return errors.New("it did not answer in time")
		case <-tick.C:
		}
	}
}

// end stops the process and waits for it.
func (s *Server) end() {
	if s.cmd == nil {
		return
	}
	_ = s.hold.Close()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// freeAddress is an address on loopback that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // for a moment
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
