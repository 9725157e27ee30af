package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

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
	stop := s.obey(c, g)
	err = g.Run(c.ctx)
	stop()
	return errors.Join(err, g.Close(c.ctx))
}

// obey reads log.key_version of the configuration again whenever the process gets a
// SIGHUP, and rotates the log key if it has gone up. Everything else is read at the start
// only. The function that it returns ends that.
func (s *serveCmd) obey(c *console, g *gateway.Gateway) func() {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(c.ctx)
	var obeying sync.WaitGroup
	obeying.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
			}
			cfg, err := config.Load(s.Config)
			if err == nil {
				err = g.RotateLogKey(ctx, cfg.Log.KeyVersion)
			}
			if err != nil {
				c.logger.Error("SIGHUP: the log key was not rotated", "error", err)
			}
		}
	})
	return func() {
		signal.Stop(hangups)
		cancel()
		obeying.Wait()
	}
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
