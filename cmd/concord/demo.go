package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/concord-gateway/concord/gateway/demo"
)

// demoCmd shows the whole job on synthetic data.
type demoCmd struct {
	Addr   string `default:"127.0.0.1:8080" help:"Where the API listens. Port 0 takes a free one." placeholder:"HOST:PORT"`
	Data   string `help:"The data folder; a new temporary one if not given." type:"path" placeholder:"DIR"`
	Once   bool   `help:"Tell the whole story on the terminal and exit."`
	People int    `default:"2000" help:"How many synthetic people."`
	Seed   uint64 `default:"1" help:"Who the synthetic people are."`
}

// Run fills a folder, and serves or tells the story.
func (d *demoCmd) Run(c *console) (err error) {
	const most = 50_000
	if d.People < 100 || d.People > most {
		return errors.New("--people must be 100 to 50000")
	}
	dir := d.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "concord-demo-"); err != nil {
			return fmt.Errorf("no temporary folder can be made: %w", err)
		}
		if d.Once {
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		}
	}
	addr := d.Addr
	if d.Once {
		addr = "127.0.0.1:0"
	}
	run, submitted, err := demo.Start(c.ctx, demo.Options{
		Dir: dir, Addr: addr, People: d.People, Seed: d.Seed,
		Out: c.out, Logger: slog.New(slog.DiscardHandler), Clock: time.Now,
	})
	if err != nil {
		return err
	}
	if d.Once {
		return errors.Join(run.Story(c.ctx, submitted), run.Close(c.ctx))
	}
	run.Guide(submitted)
	return errors.Join(run.Wait(c.ctx), run.Close(c.ctx))
}

// tokenCmd prints a token for a persona.
type tokenCmd struct {
	Persona string `required:"" help:"The persona, for example analyst." placeholder:"NAME"`
	Data    string `required:"" type:"existingdir" help:"The demonstration folder." placeholder:"DIR"`
}

// Run mints and prints.
func (t *tokenCmd) Run(c *console) error {
	f, err := demo.Open(t.Data)
	if err != nil {
		return err
	}
	token, err := f.Token(t.Persona)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, token)
	return err
}
