package main

import (
	"errors"
	"os"
	"runtime/debug"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
)

// serveCmd runs the gateway.
type serveCmd struct {
	Config string `required:"" type:"existingfile" help:"The configuration file (YAML)." placeholder:"FILE"`
}

// Run serves until the process is told to stop.
func (s *serveCmd) Run(c *console) error {
	cfg, err := config.Load(s.Config)
	if err != nil {
		return err
	}
	lean()
	g, err := gateway.New(c.ctx, cfg, gateway.Options{Logger: c.logger})
	if err != nil {
		return err
	}
	err = g.Run(c.ctx)
	return errors.Join(err, g.Close(c.ctx))
}

// leanPercent is by how much the heap may grow before it is collected. A quarter of
// Go's default keeps a gateway that takes in a file of a million rows below 150 MB, for
// little: what it holds is mostly free of pointers.
const leanPercent = 27

// lean makes the collector save memory, unless the operator has said otherwise.
func lean() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(leanPercent)
	}
}
