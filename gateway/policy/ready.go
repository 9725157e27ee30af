package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// text is the words of one reason, from the METADATA of its rule.
type text struct{ message, remedy string }

// The codes of what is not released for no failing of the request.
const (
	codeNotInAgreement      = "not_in_agreement"
	codeWithheldByAgreement = "withheld_by_agreement"
	codePurposeNotPermitted = "purpose_not_permitted"
	codeGroundNotCovered    = "ground_not_covered"
)

// releasePackage holds the rules whose reasons may stand ready.
const releasePackage = "data.concord.release"

// readTexts collects message and remedy of every rule of the package that has a
// code, by the name of the rule and its code.
func readTexts(modules map[string]*ast.Module) map[string]text {
	out := map[string]text{}
	for _, m := range modules {
		if m.Package.Path.String() != releasePackage {
			continue
		}
		for _, a := range m.Annotations {
			code, _ := a.Custom["code"].(string)
			message, _ := a.Custom["message"].(string)
			remedy, _ := a.Custom["remedy"].(string)
			if code != "" {
				rule := strings.TrimPrefix(a.GetTargetPath().String(), releasePackage+".")
				out[rule+"/"+code] = text{message: message, remedy: remedy}
			}
		}
	}
	return out
}

// place adds a term to those for one use and one kind of request. Where it is
// the only one, the answer that it gives alone stands beside it.
func (b builder) place(use object, kind string, t *term) {
	left, ok := use["unnamed"].([]string)
	if !ok {
		left = slices.Clone(b.fields)
	}
	left = slices.DeleteFunc(left, func(f string) bool { return t.named[f] != nil })
	use["unnamed"] = left
	terms := under(use, "terms")
	terms[b.a.ID] = t.values(b.a.Version)
	delete(use, "alone")
	if len(terms) == 1 && len(t.grants[kind]) > 0 && b.worded() && b.marked() {
		use["alone"] = b.alone(kind, t, left)
	}
}

// values returns the term as data, converted once.
func (t *term) values(version int) ast.Value {
	if t.data != nil {
		return t.data
	}
	t.granted = map[string]ast.Object{}
	fields := object{}
	for kind, grants := range t.grants {
		t.granted[kind] = values(grants)
		fields[kind] = t.granted[kind]
	}
	t.shared = object{
		"demands": values(t.demands), "guard": values(t.guard), "obliges": values(t.obliges), "basis": values(t.basis),
	}
	out := maps.Clone(t.shared)
	maps.Copy(out, t.rest)
	out["version"], out["clause"], out["named"] = version, t.clause, t.named
	out["fields"], out["rows"] = fields, t.rows
	if len(t.counted) > 0 {
		out["counted"] = t.counted
	}
	if len(t.kept) > 0 {
		out["kept"] = t.kept
	}
	t.data = values(out)
	return t.data
}

// alone is the answer of a term for which no other stands in.
func (b builder) alone(kind string, t *term, unnamed []string) object {
	group := b.group(true, t.granted[kind], t.rows, t.shared["basis"], []any{object{
		"code": codePermitted, "clause": t.clause,
		"message": fmt.Sprintf(b.words("permission", codePermitted).message, b.a.ID, b.a.Version),
	}})
	out := object{
		"demands": t.shared["demands"], "guard": t.shared["guard"], "obliges": t.shared["obliges"],
		"answer":  answer(true, group, b.kept(kind, t, unnamed), t.whole),
		"refused": b.refused(t, unnamed),
	}
	if admits := t.admits[kind]; admits != nil {
		out["admits"] = admits
	}
	return out
}

// answer is the decision about a group where no other is asked for.
func answer(allow bool, group any, withheld []any, obligations any) object {
	return object{"allow": allow, "groups": []any{group}, "withheld": withheld, "obligations": obligations}
}

// admit says at a glance who a term is for: by clearance, case link and role. It is
// not for all that the demands let through, only for what is usual, and not for a
// term with conditions; what it does not admit, the rules look at.
func (t *term) admit(roles []string, clearance int, links ...string) {
	if len(roles) == 0 {
		roles = []string{"analyst", "partner-ig", "supervisor"}
	}
	anybody := values(set(roles))
	for kind := range t.grants {
		by, from := object{}, object{}
		for _, l := range links {
			by[l] = anybody
		}
		if kind == kindArea {
			by = object{"": anybody, "none": anybody}
		}
		linked := values(by)
		for _, c := range clearances[clearance:] {
			from[c] = linked
		}
		t.admits[kind] = values(from)
	}
}

// group is the decision about the dataset.
func (b builder) group(allow bool, fields, rows, basis any, reasons []any) object {
	return object{
		"provider": b.a.Provider.Agency, "dataset": b.dataset, "allow": allow,
		"fields": fields, "row_conditions": rows, "basis": basis, "reasons": reasons,
	}
}

// denied is the decision that releases nothing.
func (b builder) denied(reasons []any) object {
	return b.group(false, object{}, []any{}, object{"provider": "", "recipient": ""}, reasons)
}

// refused is what the answer is made of where a demand of a term that is alone
// is not met: words has the text for each code.
func (b builder) refused(t *term, unnamed []string) object {
	reasons, withheld := []any{}, []any{}
	if len(unnamed) > 0 {
		withheld = append(withheld, b.entry(codeNotInAgreement, unnamed, "", ""))
		reasons = append(reasons, b.reason(codeNotInAgreement))
	}
	words := object{}
	for code, args := range t.refusals {
		w := b.words("refusals", code)
		words[code] = object{
			"code": code, "reason": fmt.Sprintf(w.message, append([]any{b.a.ID}, args...)...), "remedy": w.remedy,
		}
	}
	return object{
		"group": b.denied([]any{}), "reasons": reasons, "withheld": withheld, "words": words,
		"entry": object{
			"provider": b.a.Provider.Agency, "dataset": b.dataset, "agreement": b.a.ID, "clause": t.clause,
			"fields": slices.Sorted(maps.Keys(t.named)),
		},
	}
}

// reason is a reason that has no clause.
func (b builder) reason(code string) object {
	return object{"code": code, "message": b.words("withheld", code).message, "clause": ""}
}

// kept are the entries of what a term that is alone does not release.
func (b builder) kept(kind string, t *term, unnamed []string) []any {
	entries := []any{}
	if kind == kindSubject && len(t.counted) > 0 {
		entries = append(entries, b.entry(codeCountOnly, t.counted, b.a.ID, t.clause))
	}
	if len(t.kept) > 0 {
		entries = append(entries, b.entry(codeWithheldByAgreement, t.kept, b.a.ID, t.clause))
	}
	if len(unnamed) > 0 {
		entries = append(entries, b.entry(codeNotInAgreement, unnamed, "", ""))
	}
	return entries
}

// placeAmiss holds the answers for a dataset that is shared, but not for what
// it is asked for.
func (b builder) placeAmiss(at object) {
	if !b.worded() || len(at) > 0 {
		return
	}
	for _, code := range []string{codePurposeNotPermitted, codeGroundNotCovered} {
		at[code] = object{"answer": answer(false, b.denied([]any{b.reason(code)}), []any{b.entry(code, b.fields, "", "")}, object{
			"handling": "", "instructions": []any{}, "review": "", "expires": "",
		})}
	}
}

func (b builder) entry(code string, fields []string, id, clause string) object {
	w := b.words("withheld", code)
	message := w.message
	if id != "" {
		message = fmt.Sprintf(message, id)
	}
	return object{
		"provider": b.a.Provider.Agency, "dataset": b.dataset, "fields": fields, "code": code,
		"reason": message, "clause": clause, "agreement": id, "remedy": w.remedy,
	}
}

// words are those of the METADATA of a rule with a code.
func (b builder) words(rule, code string) text { return b.texts[rule+"/"+code] }

// worded reports whether the rules have words for what would stand ready.
// Without them nothing does, and the rules say all themselves.
func (b builder) worded() bool { return b.words("permission", codePermitted).message != "" }

// marked reports whether the agreement has a marking that the rules rank, as every
// agreement that was loaded has. Under another they decide nothing.
func (b builder) marked() bool {
	return slices.Contains([]string{"OFFICIAL", "OFFICIAL-SENSITIVE"}, b.a.Handling.Marking)
}
