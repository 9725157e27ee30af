// Package httpapi is the HTTP face of Concord: gin routes, strict decoding,
// RFC 9457 problems.
//
// It decides nothing. Every route but the public ones authenticates the
// caller, asks concord.access whether the caller may use the route at all, and
// hands over to a use case. A refusal after authentication is logged before it
// is answered, like a release. No handler writes an answer itself: it returns
// a value or an error, and one adapter does the rest.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/activation"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/coverage"
	"github.com/concord-gateway/concord/gateway/disclosure"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/limit"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/profile"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/submission"
)

// Deps is what the face needs.
type Deps struct {
	Identity    Verifier
	Rules       *rulebook.Book
	Activation  *activation.Service
	Submissions *submission.Service
	Profiles    *profile.Service
	Disclosures *disclosure.Service
	Coverage    *coverage.Service
	Log         *audit.Log
	// Impact says what a candidate bundle would change for past requests.
	Impact func(ctx context.Context, candidate []byte, o replay.ImpactOptions) (replay.ImpactReport, error)
	// OpenAPI is the API description as JSON; Docs is the page made from it.
	OpenAPI, Docs []byte
	// DocsStyle is the source expression that admits the style of that page.
	DocsStyle string
	// Ready says why the gateway cannot take requests, or nil.
	Ready func(ctx context.Context) error
	// PublicURL is the address by which callers reach the gateway, without a slash
	// at its end. Empty means that DPoP proofs are not taken.
	PublicURL string
	// Limits bounds how much is asked; nil means that nothing does.
	Limits *limit.Limiter
	// Denials logs what Limits refuses; nil means one that only this handler has.
	Denials *Denials
	// Patience is how slow a caller may be, and Proxies are who may speak for others.
	Patience Patience
	Proxies  Proxies
	Clock    func() time.Time
	Logger   *slog.Logger
}

// Verifier says who is calling; *identity.Verifier does. It asks admit, once, before it
// does for a caller what costs more than to know them, and answers what admit does.
type Verifier interface {
	Admit(ctx context.Context, p identity.Presented, admit func(identity.Principal) error) (identity.Principal, error)
}

// server holds what the handlers share. It is immutable.
type server struct {
	Deps
}

// handler answers one request. What it returns is sent by the adapter.
type handler func(c *call) (*reply, error)

// call is one request under way.
type call struct {
	*gin.Context

	principal identity.Principal
	requestID string
	route     route
	// permitted says that concord.access was asked and allowed it.
	permitted bool
	// begun is when the handler began, by a clock of its own: what is answered late on
	// purpose must not depend on the time that the gateway is told.
	begun time.Time
	book  *rulebook.Book
	bound context.Context //nolint:containedctx // the request's own, with its rules
	// charged says that the principal has paid for the request, and its agency.
	charged bool
	// leaving gives back the places that the request has taken.
	leaving []func()
}

// ctx is the context of the request. It carries the rules that the request is
// answered by, from its first check to its last.
func (c *call) ctx() context.Context { return c.bound }

// rules are those of the request.
func (c *call) rules() *rulebook.Rules { return c.book.In(c.bound) }

// reply is an answer. Exactly one of body and raw is used.
type reply struct {
	status int
	body   any
	// raw is sent as it is, with the content type given.
	raw         []byte
	contentType string
	// stream writes the answer itself.
	stream func(w http.ResponseWriter) error
	header map[string]string
}

// New returns the handler of the whole API.
func New(d Deps) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false
	e.RedirectFixedPath = false
	e.UseRawPath = true
	e.UnescapePathValues = false
	_ = e.SetTrustedProxies(nil) // nil never fails: no proxy is believed
	s := &server{Deps: d}
	if s.Limits == nil {
		s.Limits = limit.New(limit.Config{})
	}
	if s.Denials == nil {
		s.Denials = NewDenials(d.Log, d.Clock)
	}
	e.Use(s.envelope)
	for _, r := range s.routes() {
		for _, method := range r.methods() {
			e.Handle(method, r.path, s.adapt(r))
		}
	}
	e.NoRoute(s.adapt(route{name: "none", public: true, class: limit.Read, body: unread, handle: func(*call) (*reply, error) {
		return nil, fault.New(fault.NotFound, "httpapi", "There is nothing here.")
	}}))
	e.NoMethod(func(c *gin.Context) {
		problem{
			Type: problemBase + "method-not-allowed", Title: "Method not allowed", Status: http.StatusMethodNotAllowed,
			RequestID: c.GetString(requestIDKey),
		}.write(c.Writer)
	})
	return e
}

const requestIDKey = "request_id"

// envelope gives the request its id, sets the headers that every answer has,
// and turns a panic into a problem that says nothing.
func (s *server) envelope(c *gin.Context) {
	id, err := uuid.NewV7()
	if err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.Set(requestIDKey, id.String())
	h := c.Writer.Header()
	h.Set("X-Request-Id", id.String())
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; style-src "+s.DocsStyle)
	h.Set("Referrer-Policy", "no-referrer")
	if dubious(c.Request) {
		h.Set("Connection", "close")
	}
	start := s.Clock()
	done := s.patiently(c)
	defer func() {
		if p := recover(); p == http.ErrAbortHandler { //nolint:errorlint,err113 // a sentinel that is never wrapped
			panic(p)
		} else if p != nil {
			// The value of a panic may hold data; only its place is logged.
			s.Logger.Error("panic", "request_id", id.String(), "route", c.FullPath(), "stack", stack())
			newProblem(fault.New(fault.Internal, "httpapi", "panic"), id.String()).write(c.Writer)
			c.Abort()
		}
		s.Logger.Info("request", "request_id", id.String(), "method", c.Request.Method, "route", c.FullPath(),
			"status", c.Writer.Status(), "took", s.Clock().Sub(start))
		done()
	}()
	if c.Request, err = s.accept(c.Request); err != nil {
		s.Logger.Warn("refused", "request_id", id.String(), "code", fault.CodeOf(err), "peer", c.Request.RemoteAddr)
		newProblem(err, id.String()).write(c.Writer)
		c.Abort()
		return
	}
	c.Next()
}

// adapt turns a handler into a gin handler: authenticate, ask for access,
// handle, answer.
func (s *server) adapt(r route) gin.HandlerFunc {
	r.handle = bounded(r)
	return func(g *gin.Context) {
		c := &call{
			Context: g, requestID: g.GetString(requestIDKey), route: r,
			book: s.Rules, bound: s.Rules.Bind(g.Request.Context()),
		}
		defer c.leave()
		rep, err := s.serve(c)
		if err != nil {
			s.refuse(c, err)
			return
		}
		if err := rep.send(g.Writer); err != nil {
			s.Logger.Warn("answer broke off", "request_id", c.requestID, "route", r.name, "error", err)
		}
	}
}

func (s *server) serve(c *call) (*reply, error) {
	if err := s.arrive(c); err != nil {
		return nil, err
	}
	if c.route.public {
		return c.route.handle(c)
	}
	if s.Rules.Halted() {
		return nil, fault.New(fault.Unavailable, "httpapi.serve", "The rules are being changed. Ask again.").WithCode("rules-halted")
	}
	shown, err := s.presented(c.Request)
	if err != nil {
		return nil, err
	}
	who, err := s.Identity.Admit(c.ctx(), shown, func(p identity.Principal) error { return s.admit(c, p) })
	if err != nil {
		return nil, err
	}
	c.principal = who
	if err := strictQuery(c.Request.URL.RawQuery, c.route.query); err != nil {
		return nil, err
	}
	c.begun = time.Now()
	if c.route.about {
		rep, err := c.route.handle(c)
		return checked(c, rep, err)
	}
	if err := s.authorise(c, map[string]string{}); err != nil {
		return nil, err
	}
	c.begun = time.Now()
	return c.route.handle(c)
}

// checked holds back the answer of a route that was to ask for access itself and
// did not.
func checked(c *call, rep *reply, err error) (*reply, error) {
	if err == nil && !c.permitted {
		return nil, fault.New(fault.Internal, "httpapi.serve", "the route did not ask for access")
	}
	return rep, err
}

// authorise asks concord.access whether the caller may use the route, on the
// resource that it names.
func (s *server) authorise(c *call, resource map[string]string) error {
	return s.authoriseAs(c, c.route.name, resource)
}

// authoriseAs is authorise for one of several actions that a route has.
func (s *server) authoriseAs(c *call, action string, resource map[string]string) error {
	d, err := c.rules().Policy.Access(c.ctx(), policy.AccessInput{
		Actor: policyActor(c.principal), Action: action,
		Resource: resource, Time: s.Clock().UTC().Format(time.RFC3339),
	})
	if err != nil {
		return err
	}
	if d.Allow {
		c.permitted = true
		return nil
	}
	if len(d.Reasons) == 0 {
		return fault.New(fault.Forbidden, "httpapi.authorise", "Your roles do not permit this.").WithCode("denied")
	}
	return fault.New(fault.Forbidden, "httpapi.authorise", d.Reasons[0].Message).WithCode(d.Reasons[0].Code)
}

func policyActor(p identity.Principal) policy.Actor {
	return policy.Actor{Subject: p.Subject, Agency: p.Agency, Roles: roleNames(p), Clearance: p.Clearance}
}

func roleNames(p identity.Principal) []string {
	out := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		out[i] = string(r)
	}
	return out
}
