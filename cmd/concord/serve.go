package main

import (
	"errors"

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
	g, err := gateway.New(c.ctx, cfg, gateway.Options{Logger: c.logger})
	if err != nil {
		return err
	}
	err = g.Run(c.ctx)
	return errors.Join(err, g.Close(c.ctx))
}
