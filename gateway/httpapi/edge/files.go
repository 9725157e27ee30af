package edge

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Files names the files of TLS, all PEM: the chain of certificates, its key, and the
// authorities of clients, which may be none.
type Files struct{ Cert, Key, ClientCA string }

func (f Files) names() []string {
	names := []string{f.Cert, f.Key}
	if f.ClientCA != "" {
		names = append(names, f.ClientCA)
	}
	return names
}

// lookEvery is how often at most the files are looked at.
const lookEvery = time.Second

// stamp is what changes when a file is replaced.
type stamp struct {
	at   time.Time
	size int64
}

// files is the configuration of TLS, which follows its files.
type files struct {
	Files

	clock  func() time.Time
	logger *slog.Logger

	mu sync.Mutex // guards everything below
	// inForce is what was read last; nobody changes it.
	inForce *tls.Config
	// seen are the stamps of what was read last, good or bad, and looked when.
	seen   []stamp
	looked time.Time
}

// load reads the files for the first time.
func load(of Files, clock func() time.Time, logger *slog.Logger) (*files, error) {
	f := &files{Files: of, clock: clock, logger: logger}
	f.looked, f.seen = clock(), f.stamps()
	var err error
	if f.inForce, err = of.read(); err != nil {
		return nil, fault.Wrap(fault.Invalid, "edge.New", "The files of TLS cannot be used.", err)
	}
	return f, nil
}

// stamps looks at the files. One that is not there is the zero stamp.
func (f *files) stamps() []stamp {
	out := make([]stamp, 0, 3)
	for _, name := range f.names() {
		var s stamp
		if info, err := os.Stat(name); err == nil {
			s = stamp{info.ModTime(), info.Size()}
		}
		out = append(out, s)
	}
	return out
}

// config is the configuration for one client: of the files as they are now, or were when
// they were last good.
func (f *files) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock()
	if since := now.Sub(f.looked); since >= 0 && since < lookEvery {
		return f.inForce, nil
	}
	f.looked = now
	seen := f.stamps()
	if same(seen, f.seen) {
		return f.inForce, nil
	}
	f.seen = seen
	next, err := f.read()
	if err != nil {
		f.logger.Error("the files of TLS were replaced by some that cannot be used; the old ones stay", "error", err)
		return f.inForce, nil
	}
	f.inForce = next
	f.logger.Info("the files of TLS were replaced")
	return f.inForce, nil
}

func same(a, b []stamp) bool {
	for i := range a {
		if !a[i].at.Equal(b[i].at) || a[i].size != b[i].size {
			return false
		}
	}
	return len(a) == len(b)
}

// read makes the configuration of the files.
func (f Files) read() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true,
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // of 1.2; those of 1.3 are all such
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
	if f.ClientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, err
	}
	c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("the file of client authorities holds no certificate")
	}
	return c, nil
}
