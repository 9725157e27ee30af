package config

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Limits says how much anybody may ask of this gateway. Every key is switched off by
// itself, with 0. Package limit says how they work together.
type Limits struct {
	// Address is for each client address, Everyone for all of them together: of what
	// does not authenticate, and of what needs no token.
	Address  Rate `yaml:"address"`
	Everyone Rate `yaml:"everyone"`
	// Principal is for each principal, Agency for all principals of an agency.
	Principal Rates `yaml:"principal"`
	Agency    Rates `yaml:"agency"`
	// Concurrent is how many requests may be under way at once.
	Concurrent Concurrent `yaml:"concurrent"`
	// Slow is how long the gateway waits for the other side of a connection.
	Slow Slow `yaml:"slow"`
}

// Rate is a token bucket: how many requests a second go on for ever, and how many may
// come at once.
type Rate struct {
	PerSecond float64 `yaml:"rate"`
	Burst     int     `yaml:"burst"`
}

// Rates has a bucket for each class of route: what looks something up, what asks about
// people and areas, what brings data, and what is work over everything that there is.
type Rates struct {
	Read  Rate `yaml:"read"`
	Ask   Rate `yaml:"ask"`
	Send  Rate `yaml:"send"`
	Heavy Rate `yaml:"heavy"`
}

// Concurrent counts requests: of the gateway, of one agency, and on heavy routes.
type Concurrent struct {
	Gateway int `yaml:"gateway"`
	Agency  int `yaml:"agency"`
	Heavy   int `yaml:"heavy"`
}

// Slow bounds how slow a client may be. A body may take as long as it takes, as long as
// Rate bytes a second come of it, reckoned over each Window.
type Slow struct {
	// Header is how long the header of a request may take, Idle how long a connection
	// may wait for the next one.
	Header time.Duration `yaml:"header"`
	Idle   time.Duration `yaml:"idle"`
	Window time.Duration `yaml:"window"`
	Rate   int64         `yaml:"rate"`
	// Body is how long a body may take in all; with several gateways on one store it is
	// 5 minutes at most.
	Body time.Duration `yaml:"body"`
}

// DefaultLimits are far above what people and nightly jobs need, and below what harms.
func DefaultLimits() Limits {
	return Limits{
		Address: Rate{100, 1000}, Everyone: Rate{2000, 10_000},
		Principal:  Rates{Read: Rate{50, 500}, Ask: Rate{50, 500}, Send: Rate{100, 1000}, Heavy: Rate{1, 10}},
		Agency:     Rates{Read: Rate{500, 5000}, Ask: Rate{500, 5000}, Send: Rate{500, 5000}, Heavy: Rate{2, 20}},
		Concurrent: Concurrent{Gateway: 512, Agency: 128, Heavy: 8},
		Slow:       Slow{Header: 10 * time.Second, Idle: 2 * time.Minute, Window: 30 * time.Second, Rate: 1024, Body: 6 * time.Hour},
	}
}

// The most that a limit is taken to mean.
const (
	maxRate  = 1e6
	maxCount = 1_000_000
)

func (l *Limits) check() error {
	rates := map[string]Rate{"address": l.Address, "everyone": l.Everyone}
	for of, r := range map[string]Rates{"principal": l.Principal, "agency": l.Agency} {
		rates[of+".read"], rates[of+".ask"], rates[of+".send"], rates[of+".heavy"] = r.Read, r.Ask, r.Send, r.Heavy
	}
	for key, r := range rates {
		switch {
		case r.PerSecond < 0 || r.PerSecond > maxRate || math.IsNaN(r.PerSecond):
			return fmt.Errorf("limits.%s.rate: want 0 (no limit) to 1000000 requests a second", key)
		case r.PerSecond > 0 && (r.Burst < 1 || r.Burst > maxCount):
			return fmt.Errorf("limits.%s.burst: want 1 to 1000000 requests", key)
		}
	}
	for key, n := range map[string]int{"gateway": l.Concurrent.Gateway, "agency": l.Concurrent.Agency, "heavy": l.Concurrent.Heavy} {
		if n < 0 || n > maxCount {
			return fmt.Errorf("limits.concurrent.%s: want 0 (no limit) to 1000000 requests", key)
		}
	}
	return l.Slow.check()
}

func (s *Slow) check() error {
	for key, d := range map[string]time.Duration{"header": s.Header, "idle": s.Idle, "window": s.Window, "body": s.Body} {
		if d < 0 || d > 24*time.Hour {
			return fmt.Errorf("limits.slow.%s: want 0 (no limit) to 24h", key)
		}
	}
	if s.Rate < 0 || s.Rate > 1<<20 {
		return errors.New("limits.slow.rate: want 0 to 1048576 bytes a second")
	}
	return nil
}
