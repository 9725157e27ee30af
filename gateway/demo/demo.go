package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/synthetic"
)

// Options say how a demonstration runs.
type Options struct {
	// Dir is the data folder, made where it is not there.
	Dir string
	// Addr is where the API listens.
	Addr string
	// People is how many synthetic people there are; Seed decides who they
	// are.
	People int
	Seed   uint64
	Out    io.Writer
	Logger *slog.Logger
	Clock  func() time.Time
}

// Demo is a running demonstration.
type Demo struct {
	opt    Options
	folder *Folder
	world  *synthetic.World
	client *client

	gateway *gateway.Gateway
	stop    context.CancelFunc
	served  chan error
}

// Start opens the folder, starts the gateway and fills it where it is new. The
// caller must Close the demonstration.
func Start(ctx context.Context, opt Options) (*Demo, []Submitted, error) {
	folder, err := Prepare(opt.Dir, opt.Addr, opt.Clock())
	if err != nil {
		return nil, nil, err
	}
	d := &Demo{
		opt: opt, folder: folder, served: make(chan error, 1),
		world: synthetic.New(opt.Seed, opt.People, opt.Clock()),
	}
	if err := d.start(ctx); err != nil {
		return nil, nil, err
	}
	filled, err := d.filled(ctx)
	if err != nil || filled {
		return d, nil, errors.Join(err, d.closeOn(err))
	}
	submitted, err := d.seed(ctx)
	return d, submitted, errors.Join(err, d.closeOn(err))
}

// start runs the gateway on a listener of its own.
func (d *Demo) start(ctx context.Context) error {
	g, err := gateway.New(ctx, d.folder.Config, gateway.Options{Logger: d.opt.Logger, Clock: d.opt.Clock})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", d.opt.Addr)
	if err != nil {
		return errors.Join(fault.Wrap(fault.Unavailable, "demo.Start",
			"The address "+d.opt.Addr+" cannot be listened on. Choose another with --addr.", err), g.Close(ctx))
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.gateway, d.stop = g, stop
	d.client = &client{base: "http://" + l.Addr().String(), folder: d.folder, http: &http.Client{Timeout: time.Minute}}
	go func() { d.served <- g.Serve(run, l) }()
	return nil
}

// filled reports whether an edition exists, which is the last thing that
// filling makes.
func (d *Demo) filled(ctx context.Context) (bool, error) {
	a, err := d.client.get(ctx, "supervisor", "/v1/editions")
	if err != nil {
		return false, err
	}
	var page struct {
		Items []struct{} `json:"items"`
	}
	if err := a.into(http.StatusOK, &page); err != nil {
		return false, err
	}
	return len(page.Items) > 0, nil
}

// closeOn closes the demonstration when starting it failed.
func (d *Demo) closeOn(err error) error {
	if err == nil {
		return nil
	}
	return d.Close(context.Background())
}

// Close stops serving and closes the gateway.
func (d *Demo) Close(ctx context.Context) error {
	if d.stop == nil {
		return nil
	}
	d.stop()
	err := <-d.served
	d.stop = nil
	return errors.Join(err, d.gateway.Close(ctx))
}

// Wait serves until ctx ends or the server stops by itself.
func (d *Demo) Wait(ctx context.Context) error {
	select {
	case err := <-d.served:
		d.served <- err // for Close
		return err
	case <-ctx.Done():
		return nil
	}
}

// printf writes to the terminal. A terminal that is gone stops nothing.
func (d *Demo) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(d.opt.Out, format, args...)
}

// URL is where the API is.
func (d *Demo) URL() string { return d.client.base }
