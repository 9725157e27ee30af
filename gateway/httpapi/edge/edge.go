package edge

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Config says how connections are served.
type Config struct {
	// TLS names the files of TLS. No certificate means plain HTTP.
	TLS Files
	// Header is how long the header of a request may take, the handshake included, and
	// Idle how long a connection may wait for the next one; 0 means for ever.
	Header, Idle time.Duration
	// Read is how long a request may take to come when no handler has said otherwise: who
	// is refused before one is asked must not be waited for. 0 means for ever.
	Read time.Duration
	// HeaderBytes bounds the header of a request.
	HeaderBytes int
	Logger      *slog.Logger
}

// Server is an http.Server with the listener that goes with it.
type Server struct {
	http     *http.Server
	listener net.Listener
}

// New reads the files of TLS and gets everything ready to serve on the listener.
func New(l net.Listener, h http.Handler, cfg Config) (*Server, error) {
	var tlsConfig *tls.Config
	if cfg.TLS.Cert != "" {
		certs, err := load(cfg.TLS, time.Now, cfg.Logger)
		if err != nil {
			return nil, err
		}
		tlsConfig = &tls.Config{GetConfigForClient: certs.config, MinVersion: tls.VersionTLS12}
	}
	only := &http.Protocols{}
	only.SetHTTP1(true)
	return &Server{
		listener: &listener{Listener: l, tls: tlsConfig},
		http: &http.Server{
			Handler: handled(h), Protocols: only,
			ReadHeaderTimeout: cfg.Header, ReadTimeout: cfg.Read, IdleTimeout: cfg.Idle, MaxHeaderBytes: cfg.HeaderBytes,
			// Or net/http would answer OPTIONS * itself.
			DisableGeneralOptionsHandler: true,
			ConnContext:                  remember, ConnState: idle,
			// What net/http has to say goes where everything goes, a line of JSON each.
			ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
		},
	}, nil
}

// Serve serves until Shutdown. It always returns an error, http.ErrServerClosed then.
func (s *Server) Serve() error { return s.http.Serve(s.listener) }

// Shutdown lets the requests under way end, until ctx does.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

type connKey struct{}

// remember makes a connection known to the handler of its requests.
func remember(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// idle is called when a connection changes its state: one that waits for its next request
// is net/http's again.
func idle(c net.Conn, state http.ConnState) {
	if own, ok := c.(*conn); ok && state == http.StateIdle {
		own.answering.Store(false)
	}
}

// handled marks the connection as one whose answers are the handler's, and gives the
// handler what is known of the handshake.
func handled(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.answering.Store(true)
			r.TLS = c.state()
		}
		h.ServeHTTP(w, r)
	})
}
