package profile

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/release"
)

// subjectBody is the answer about a person. Its fields, and those of the types
// inside it, stand in the order of their JSON names, as canonical JSON wants.
type subjectBody struct {
	Handling  Handling          `json:"handling"`
	Match     match             `json:"match"`
	ProfileID string            `json:"profile_id"`
	Salts     map[string]string `json:"salts"`
	Sections  []json.RawMessage `json:"sections"`
	Withheld  []policy.Withheld `json:"withheld"`
}

type match struct {
	Method  string `json:"method"`
	Outcome string `json:"outcome"`
}

type section struct {
	Dataset  string           `json:"dataset"`
	Provider string           `json:"provider"`
	Records  []releasedRecord `json:"records"`
}

type releasedRecord struct {
	Fields     map[string]any               `json:"fields"`
	Provenance provenance                   `json:"provenance"`
	Treatments map[string]release.Treatment `json:"treatments"`
}

// Subject answers what may be released about one person. It returns *Denied
// where nothing is permitted, a fault of kind Limited where the quota is used
// up, and Unavailable where policy, keys, store or log cannot answer.
func (s *Service) Subject(ctx context.Context, a Asking, subject linkage.Subject) (*Answer, error) {
	at := s.Clock().UTC()
	expected := s.Log.Expect()
	defer expected.End()
	t, err := s.decideSubject(ctx, a, subject, at)
	if err != nil {
		return nil, err
	}
	t.expected = expected
	if code := t.overQuota(); code != "" {
		return nil, s.limit(ctx, t, code)
	}
	if !t.decision.Allow {
		return nil, s.deny(ctx, t)
	}
	body, err := s.subjectBody(ctx, t, subject)
	if err != nil {
		return nil, err
	}
	raw, err := audit.Canonical(body)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "profile.Subject", "The answer could not be written.", err)
	}
	receipt, err := s.append(ctx, t, raw)
	if err != nil {
		return nil, err
	}
	return &Answer{Receipt: receipt, Body: raw}, nil
}

// decideSubject puts the question to the policy. Nothing about the person has
// been looked up by then but the caller's own case links.
func (s *Service) decideSubject(ctx context.Context, a Asking, subject linkage.Subject, at time.Time) (*trail, error) {
	link, err := s.Links.State(ctx, caselink.Analyst{Subject: a.Principal.Subject, Agency: a.Principal.Agency}, a.CaseRef, subject, at)
	if err != nil {
		return nil, err
	}
	in := s.input(s.Rules.In(ctx), a, kindSubject, at)
	in.Request.CaseLink = link
	t, err := s.decide(ctx, a, in, at)
	if err != nil {
		return nil, err
	}
	h, err := s.Keys.Hasher(ctx, keyring.RefScope(at))
	if err != nil {
		return nil, err
	}
	t.refs = linkage.Refs(h, subject)
	return t, nil
}

func (s *Service) decide(ctx context.Context, a Asking, in policy.Input, at time.Time) (*trail, error) {
	rules := s.Rules.In(ctx)
	decision, err := rules.Policy.Decide(ctx, in)
	if err != nil {
		return nil, err
	}
	facts, err := in.Facts()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "profile.decide", "The facts could not be written.", err)
	}
	digest := decision.Digest()
	purpose := unknownText
	if _, ok := rules.Policy.Purpose(a.Purpose); ok {
		purpose = a.Purpose
	}
	return &trail{
		rules: rules, asking: a, at: at, purpose: purpose, area: in.Request.Area, decision: decision, facts: facts,
		digest:   hex.EncodeToString(digest[:]),
		released: map[policy.Group]released{}, sections: map[string]string{},
	}, nil
}

// append logs the request. One that the sequencer finds over its limit is
// logged as a denial and refused.
func (s *Service) append(ctx context.Context, t *trail, response []byte) (audit.Receipt, error) {
	receipt, err := s.Log.Append(ctx, t.request(response))
	if fault.Is(err, fault.Limited) {
		var f *fault.Error
		errors.As(err, &f) // a fault of a kind is one
		code := quotaExceeded
		if strings.HasPrefix(f.Code, audit.AgencyLimit) {
			code = agencyQuotaExceeded
		}
		return receipt, limited(receipt, code, f.RetryAfter)
	}
	return receipt, err
}

// limit logs and refuses a request that the policy finds over a quota. It has
// the same outcome as one that the sequencer finds over it, so that it does not
// matter which of many requests at once came first: the whole is refused.
func (s *Service) limit(ctx context.Context, t *trail, code string) error {
	receipt, err := s.Log.Append(ctx, audit.Request{
		ID: t.asking.RequestID, Actor: t.actor(), Time: t.at, Drafts: t.overLimit(code), Expected: t.expected,
	})
	if err != nil {
		return err
	}
	var wait time.Duration
	if q := t.decision.Obligations.Quota; q != nil {
		wait = s.Log.Wait(t.asking.Principal.Subject, t.asking.Principal.Agency, limitOf(q), t.at)
	}
	if wait == 0 {
		wait = askAgain
	}
	return limited(receipt, code, wait)
}

// askAgain is what a caller over a quota is told to wait where the log finds
// that there is room by now.
const askAgain = time.Second

func limited(receipt audit.Receipt, code string, retry time.Duration) *Denied {
	message := "You have asked about as many people as an agreement allows for the time."
	if code == agencyQuotaExceeded {
		message = "Your agency has asked about as many people as an agreement allows it for the time."
	}
	f := fault.New(fault.Limited, "profile.Subject", message).WithCode(code)
	f.RetryAfter = retry
	return &Denied{Fault: f, AuditIndex: receipt.First}
}

// deny logs a request of which nothing is permitted and returns the refusal.
func (s *Service) deny(ctx context.Context, t *trail) error {
	receipt, err := s.append(ctx, t, nil)
	if err != nil {
		return err
	}
	f := fault.New(fault.Forbidden, "profile", "No agreement permits any of this for the purpose given.").WithCode("nothing-permitted")
	if _, ok := t.rules.Policy.Purpose(t.asking.Purpose); !ok {
		f = fault.New(fault.Forbidden, "profile", "The purpose is not one that any agreement knows.").At("/purpose").WithCode("purpose-unknown")
	}
	return &Denied{Fault: f, Withheld: t.decision.Withheld, AuditIndex: receipt.First}
}

// subjectBody looks the person up in the permitted datasets and projects what
// the decision allows.
func (s *Service) subjectBody(ctx context.Context, t *trail, subject linkage.Subject) (*subjectBody, error) {
	src, err := s.newSource(ctx, t)
	if err != nil {
		return nil, err
	}
	result, err := linkage.Link(ctx, subject, src.permitted(), src)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "profile.Subject", "No profile id could be made.", err)
	}
	body := &subjectBody{
		ProfileID: id.String(), Handling: handling(t.decision.Obligations),
		Match: match{Outcome: string(result.Outcome), Method: src.method(result.Method)},
		Salts: map[string]string{}, Sections: []json.RawMessage{}, Withheld: t.decision.Withheld,
	}
	if body.Withheld == nil {
		body.Withheld = []policy.Withheld{}
	}
	if result.Outcome != linkage.Matched {
		return body, nil
	}
	return body, src.project(ctx, result, body)
}

// addSections puts one provider's sections into the answer and commits the
// provider's log entry to them.
func (b *subjectBody) addSections(t *trail, provider string, sections []json.RawMessage) error {
	raw, err := audit.Canonical(sections)
	if err != nil {
		return fault.Wrap(fault.Internal, "profile.Subject", "The answer could not be written.", err)
	}
	if b.Salts[provider], err = t.commit(provider, raw); err != nil {
		return err
	}
	b.Sections = append(b.Sections, sections...)
	return nil
}
