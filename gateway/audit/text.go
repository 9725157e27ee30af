package audit

import (
	"maps"
	"slices"
	"strconv"
)

// textWriter writes entries and private parts as Canonical would, some five times
// as fast: it knows their members and the order of these.
type textWriter struct {
	out []byte
	// unsure is set for what only Canonical can tell: a key that is not plain
	// ASCII, a number that may not be exact, facts that are not canonical yet.
	unsure bool
	// splice is the offset behind the member provider.
	splice int
}

// entryText returns e as canonical JSON, and where a provider's chain members
// belong in it.
func entryText(e *Entry) (text []byte, splice int, err error) {
	const usual = 1 << 10
	w := textWriter{out: make([]byte, 0, usual)}
	w.entry(e)
	if !w.unsure {
		return w.out, w.splice, nil
	}
	if text, err = Canonical(e); err != nil {
		return nil, 0, err
	}
	err = members(string(text), func(key, _ string, end int) bool {
		splice = end
		return key != "provider"
	})
	return text, splice, err
}

// privateText appends p as canonical JSON to dst.
func privateText(dst []byte, p *Private) ([]byte, error) {
	w := textWriter{out: dst}
	w.private(p)
	if !w.unsure {
		return w.out, nil
	}
	text, err := Canonical(p)
	return append(dst, text...), err
}

func (w *textWriter) entry(e *Entry) {
	w.raw(`{"action":`)
	w.text(string(e.Action))
	w.raw(`,"actor":{"agency":`)
	w.text(e.Actor.Agency)
	w.raw(`,"roles":`)
	w.list(e.Actor.Roles)
	w.member("subject", e.Actor.Subject)
	w.raw("}")
	if len(e.Admin) > 0 {
		w.raw(`,"admin":`)
		w.dict(e.Admin)
	}
	w.optional("area", e.Area)
	if e.Emergency != nil {
		w.raw(`,"emergency":{"ground":`)
		w.text(e.Emergency.Ground)
		w.raw("}")
	}
	if len(e.Heads) > 0 {
		w.raw(`,"heads":`)
		w.dict(e.Heads)
	}
	w.member("id", e.ID)
	w.member("nonce", e.Nonce)
	w.optional("policy_revision", e.PolicyRevision)
	w.member("private", e.Private)
	w.optional("provider", e.Provider)
	w.splice = len(w.out)
	w.optional("provider_prev", e.ProviderPrev)
	if e.ProviderSeq != 0 {
		w.raw(`,"provider_seq":`)
		w.number(e.ProviderSeq)
	}
	w.optional("purpose", e.Purpose)
	w.optionalList("recipients", e.Recipients)
	w.released(e.Released)
	w.member("request_id", e.RequestID)
	w.optional("response_sha256", e.ResponseSHA256)
	w.optional("sections_sha256", e.SectionsSHA256)
	w.member("time", e.Time)
	w.raw(`,"v":`)
	w.number(int64(e.V))
	w.withheld(e.Withheld)
	w.raw("}")
}

func (w *textWriter) released(all []Released) {
	for i := range all {
		r := &all[i]
		w.raw([2]string{`,"released":[{"agreement":`, `,{"agreement":`}[min(i, 1)])
		w.text(r.Agreement)
		w.raw(`,"basis":{"provider":`)
		w.text(r.Basis.Provider)
		w.member("recipient", r.Basis.Recipient)
		w.raw("}")
		w.member("dataset", r.Dataset)
		w.raw(`,"fields":`)
		w.dict(r.Fields)
		w.raw(`,"records":`)
		w.number(int64(r.Records))
		w.raw(`,"version":`)
		w.number(int64(r.Version))
		w.raw("}")
	}
	if len(all) > 0 {
		w.raw("]")
	}
}

func (w *textWriter) withheld(all []Withheld) {
	for i := range all {
		w.raw([2]string{`,"withheld":[{"code":`, `,{"code":`}[min(i, 1)])
		w.text(all[i].Code)
		w.member("dataset", all[i].Dataset)
		w.raw(`,"fields":`)
		w.list(all[i].Fields)
		w.raw("}")
	}
	if len(all) > 0 {
		w.raw("]")
	}
}

func (w *textWriter) private(p *Private) {
	w.raw("{")
	start := len(w.out)
	w.optional("case_ref", p.CaseRef)
	w.optional("client", p.Client)
	w.optional("decision", p.Decision)
	w.erased(p.Erased)
	if len(p.Facts) > 0 {
		s := scanner{text: string(p.Facts)}
		w.unsure = w.unsure || s.value(1) != nil || s.at != len(s.text)
		w.raw(`,"facts":`)
		w.raw(s.text)
	}
	w.optional("incident", p.Incident)
	w.optional("justification", p.Justification)
	w.member("salt", p.Salt)
	w.optionalList("subject_refs", p.SubjectRefs)
	w.raw("}")
	w.out = slices.Delete(w.out, start, start+1) // the comma of the first member
}

func (w *textWriter) erased(all []Erased) {
	for i := range all {
		w.raw([2]string{`,"erased":[{"dataset":`, `,{"dataset":`}[min(i, 1)])
		w.text(all[i].Dataset)
		w.member("source", all[i].Source)
		w.raw("}")
	}
	if len(all) > 0 {
		w.raw("]")
	}
}

func (w *textWriter) raw(s string) { w.out = append(w.out, s...) }

func (w *textWriter) text(s string) { w.out = appendString(w.out, s) }

// member writes one more member of an object; its name is plain.
func (w *textWriter) member(name, value string) {
	w.raw(`,"`)
	w.raw(name)
	w.raw(`":`)
	w.text(value)
}

// optional writes a member unless it is empty.
func (w *textWriter) optional(name, value string) {
	if value != "" {
		w.member(name, value)
	}
}

func (w *textWriter) optionalList(name string, list []string) {
	if len(list) > 0 {
		w.raw(`,"`)
		w.raw(name)
		w.raw(`":`)
		w.list(list)
	}
}

func (w *textWriter) list(list []string) {
	if list == nil {
		w.raw("null")
		return
	}
	w.raw("[")
	for i, s := range list {
		if i > 0 {
			w.raw(",")
		}
		w.text(s)
	}
	w.raw("]")
}

// dict writes a map whose keys are plain ASCII, which sort by their bytes.
func (w *textWriter) dict(m map[string]string) {
	if m == nil {
		w.raw("null")
		return
	}
	keys := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(keys)
	w.raw("{")
	for i, key := range keys {
		w.unsure = w.unsure || !isOrdinary(key)
		if i > 0 {
			w.raw(",")
		}
		w.text(key)
		w.raw(":")
		w.text(m[key])
	}
	w.raw("}")
}

func (w *textWriter) number(n int64) {
	const exact = 1 << 53
	w.unsure = w.unsure || n > exact || n < -exact
	w.out = strconv.AppendInt(w.out, n, 10)
}

// isOrdinary reports whether every character of s means itself in a string and
// is ASCII.
func isOrdinary(s string) bool {
	for i := range len(s) {
		if !ordinary[s[i]] {
			return false
		}
	}
	return true
}
