package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Witness is a witness of the log, which a partner runs (c2sp.org/tlog-witness).
type Witness struct {
	// Name is how the operator's log calls it; empty means the name in Key.
	Name string `yaml:"name"`
	// URL is where it is asked, without /add-checkpoint. Production takes https,
	// and http on this machine.
	URL string `yaml:"url"`
	// Key is the verifier key of its cosignatures (c2sp.org/tlog-cosignature).
	Key string `yaml:"key"`
}

// The bounds of log.patience, and how often at least a checkpoint is published
// where a quorum is asked for: the alarm is raised from the first minute.
const (
	DefaultPatience   = 4 * time.Hour
	minPatience       = time.Minute
	maxPatience       = 24 * time.Hour
	maxWitnessedEvery = 30 * time.Second
)

func (l *Log) checkWitnesses(production bool) error {
	switch {
	case l.Quorum < 0 || l.Quorum > len(l.Witnesses):
		return errors.New("log.quorum: want 0 to the number of log.witnesses")
	case l.Patience < minPatience || l.Patience > maxPatience:
		return errors.New("log.patience: want 1m to 24h")
	case l.Quorum > 0 && l.CheckpointEvery > maxWitnessedEvery:
		return errors.New("log.checkpoint_every: want 30s at most with a quorum of witnesses")
	}
	seen := map[string]bool{}
	for i, w := range l.Witnesses {
		at := fmt.Sprintf("log.witnesses[%d]", i)
		_, rest, _ := strings.Cut(w.Key, "+")
		_, key, ok := strings.Cut(rest, "+") // which may hold a plus sign itself
		if !ok {
			return errors.New(at + ".key: want a verifier key, name+hash+key")
		}
		if seen[key] {
			return errors.New(at + ".key: is another witness's too")
		}
		seen[key] = true
		u, err := url.Parse(w.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return errors.New(at + ".url: want a URL, https or http")
		}
		if production && u.Scheme != "https" && !loopback(u.Hostname()) {
			return errors.New(at + ".url: production asks over https, or on this machine")
		}
	}
	return nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
