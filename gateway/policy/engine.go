package policy

import (
	"cmp"
	"context"
	"io/fs"
	"runtime"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/version"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Config is what an Engine is made of.
type Config struct {
	// Core holds the rules: every *.rego below it but the tests, and
	// agencies.json.
	Core       fs.FS
	Agreements *agreement.Register
	Purposes   []Purpose
	Datasets   *dataset.Registry
	// Name is the revision where somebody who knows more of the rules than this
	// package names it; empty is a digest of everything above.
	Name string
	// Timeout is how much processor time one evaluation may take; zero is
	// DefaultTimeout. Where a thread's processor time cannot be had (elsewhere
	// than on Linux) it is time on the wall.
	Timeout time.Duration
	// Patience is how long one evaluation may take by the clock on the wall;
	// zero is DefaultPatience.
	Patience time.Duration
	// Evaluator is the evaluator that the revision names; empty is the one that
	// this process has. Rules out of an archive name the one of their time.
	Evaluator string
}

func (c Config) evaluator() string { return cmp.Or(c.Evaluator, EvaluatorVersion()) }

// Engine decides by one policy revision. It does not change after New and is
// safe for concurrent use.
type Engine struct {
	release  rego.PreparedEvalQuery
	access   rego.PreparedEvalQuery
	purposes map[string]Purpose
	limits   limits
	// groups holds the values of what is known to be shared, for inputs.
	groups map[Group]*ast.Term
	// asked are the groups that a request could concern, by kind, and agreements
	// say which an agency has a part in.
	asked      map[string][]Group
	agreements *agreement.Register
	// places holds one token for each evaluation that runs.
	places chan struct{}
	// decoded is what decisions share.
	decoded *decoded
	// base reads the data past the store; nil where the store is to be asked.
	base     topdown.BaseCache
	revision string
	// modules and data are what was compiled and loaded, for a Memo to read.
	modules map[string]*ast.Module
	data    ast.Object
	// hosts are the agencies that run the gateway.
	hosts map[string]bool
	// evaluator is the one that revision names.
	evaluator string
	// options are added to each evaluation; tests set them.
	options []rego.EvalOption
}

// New compiles the rules and loads the agreements. Whatever is wrong with
// either is a fault of kind Invalid that names file and line.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	const op = "policy.New"
	if err := cfg.Agreements.CheckPurposes(knownPurposes(cfg.Purposes)); err != nil {
		return nil, err
	}
	sources, err := readSources(cfg)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The policy cannot be read.", err)
	}
	compiler, err := compile(sources.modules)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The policy does not compile.", err)
	}
	data := document(cfg, sources)
	store := newStore(data)
	e, err := prepare(ctx, cfg, compiler, store)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The policy cannot be prepared.", err)
	}
	if err := e.tryConditions(ctx, cfg, compiler, store); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The conditions of an agreement do not stand a trial.", err)
	}
	e.base = base{data}
	e.hosts = hosts(sources.agencies)
	e.revision, e.evaluator = cmp.Or(cfg.Name, sources.revision(cfg)), cfg.evaluator()
	e.modules, e.data = sources.modules, data
	return e, nil
}

// prepare readies both queries, once.
func prepare(ctx context.Context, cfg Config, compiler *ast.Compiler, store storage.Store) (*Engine, error) {
	e := &Engine{purposes: make(map[string]Purpose, len(cfg.Purposes)), limits: cfg.limits(), groups: map[Group]*ast.Term{}}
	e.places = make(chan struct{}, runtime.GOMAXPROCS(0))
	data, err := storage.ReadOne(ctx, store, storage.Path{})
	if err != nil {
		return nil, err
	}
	root, _ := data.(ast.Value)
	e.decoded = newDecoded(root)
	e.agreements, e.asked = cfg.Agreements, askedByKind(cfg.Agreements, cfg.Datasets)
	for _, p := range cfg.Agreements.Groups() {
		g := Group{p.Provider, p.Dataset}
		e.groups[g] = g.term()
	}
	for _, p := range cfg.Purposes {
		e.purposes[p.ID] = p
	}
	for query, prepared := range map[string]*rego.PreparedEvalQuery{
		"data.concord.release.decision": &e.release,
		"data.concord.access.decision":  &e.access,
	} {
		var err error
		*prepared, err = rego.New(rego.Query(query), rego.Compiler(compiler), rego.Store(store),
			rego.StrictBuiltinErrors(true), rego.GenerateJSON(asTerm)).PrepareForEval(ctx)
		if err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Revision is the SHA-256, in hexadecimal, over everything that a decision
// depends on besides its input.
func (e *Engine) Revision() string { return e.revision }

// EvaluatorVersion is that of the evaluator that this process has.
func EvaluatorVersion() string { return version.Version }

// Evaluator is the version of the evaluator that Revision names.
func (e *Engine) Evaluator() string { return e.evaluator }

// Host reports whether an agency is the one that runs the gateway.
func (e *Engine) Host(agency string) bool { return e.hosts[agency] }

// Purpose returns the purpose with an id.
func (e *Engine) Purpose(id string) (Purpose, bool) {
	p, ok := e.purposes[id]
	return p, ok
}

// Decide answers one request, in one evaluation. A decision that denies is not
// an error. It returns a fault of kind Invalid where Input.Request.Time is not
// RFC 3339, and Unavailable where the rules give no whole answer in time.
func (e *Engine) Decide(ctx context.Context, in Input) (Decision, error) {
	w, err := e.decide(ctx, in)
	if err != nil {
		return Decision{}, err
	}
	return w.decision(e.revision), nil
}

// Access says whether the actor may call a route. Faults are as for Decide.
func (e *Engine) Access(ctx context.Context, in AccessInput) (AccessDecision, error) {
	const op = "policy.Access"
	at, err := instant(op, in.Time)
	if err != nil {
		return AccessDecision{}, err
	}
	return evaluate(ctx, e, op, &e.access, in.value(), at, (*decoder).access)
}

func (e *Engine) decide(ctx context.Context, in Input) (wireDecision, error) {
	const op = "policy.Decide"
	at, err := instant(op, in.Request.Time)
	if err != nil {
		return wireDecision{}, err
	}
	out, err := evaluate(ctx, e, op, &e.release, in.value(e.groups), at, (*decoder).readyDecision)
	if err != nil {
		return wireDecision{}, err
	}
	if !out.answers(in.Groups) {
		return wireDecision{}, fault.New(fault.Unavailable, op, "The policy did not answer for every dataset.").
			WithCode("policy-incomplete")
	}
	return out, nil
}

// evaluate runs a prepared query once and decodes its one answer.
func evaluate[T any](
	ctx context.Context, e *Engine, op string, query *rego.PreparedEvalQuery, input ast.Value, at time.Time,
	decode func(*decoder, ast.Value, *T),
) (T, error) {
	var none T
	v, err := e.answer(ctx, query, input, at)
	if err != nil {
		return none, fault.Wrap(fault.Unavailable, op, "The policy could not be evaluated.", err).WithCode("policy-failed")
	}
	if v == nil {
		return none, fault.New(fault.Unavailable, op, "The policy gave no answer.").WithCode("policy-undefined")
	}
	var out T
	d := decoder{ready: e.decoded}
	decode(&d, v, &out)
	if d.err != nil {
		return none, fault.Wrap(fault.Unavailable, op, "The policy gave an answer of the wrong form.", d.err).
			WithCode("policy-malformed")
	}
	return out, nil
}

// answer evaluates when one of the places is free: as many evaluations run at
// once as there are processors, so that the limits measure one evaluation and
// not the queue before it. It returns nil where the query has no answer.
func (e *Engine) answer(
	ctx context.Context, query *rego.PreparedEvalQuery, input ast.Value, at time.Time,
) (ast.Value, error) {
	select {
	case e.places <- struct{}{}:
		defer func() { <-e.places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w := e.limits.begin()
	defer context.AfterFunc(ctx, w.stop.Cancel)()
	options := append([]rego.EvalOption{
		rego.EvalParsedInput(input), rego.EvalTime(at), rego.EvalExternalCancel(w.stop), rego.EvalMetrics(metrics.NoOp()),
		rego.EvalBaseCache(e.base),
	}, e.options...)
	results, err := query.Eval(ctx, options...)
	if late := w.end(ctx); late != nil {
		err = late
	}
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return nil, nil
	}
	v, _ := results[0].Expressions[0].Value.(ast.Value)
	return v, nil
}

// instant reads the time of a request.
func instant(op, s string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fault.Wrap(fault.Invalid, op, "The time of the request is not RFC 3339.", err).
			At("/request/time")
	}
	return at, nil
}
