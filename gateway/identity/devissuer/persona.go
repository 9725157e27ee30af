package devissuer

import (
	"slices"

	"github.com/concord-gateway/concord/gateway/identity"
)

// Persona is somebody to play in the demonstration. Nobody of the name exists.
type Persona struct {
	Claims

	// Name is what the command line calls the persona, "housing-submitter".
	Name string
	// Title says in a few words who it is.
	Title string
}

// persona fills in the subject from the name.
func persona(name, agency, title, clearance string, roles ...identity.Role) Persona {
	return Persona{Name: name, Title: title, Claims: Claims{
		Subject: name + "@" + agency + ".example", Agency: agency, Roles: roles, Clearance: clearance,
	}}
}

// Personas returns every persona, in the order of the story: who submits, who
// asks, who watches over it, who writes and signs the agreements, who runs it.
func Personas() []Persona {
	const housing, severn, health, education = "telford-housing", "severn-homes", "mercia-health", "mercia-education"
	return []Persona{
		persona("housing-submitter", housing, "submits for Telford Housing", "", identity.Submitter),
		persona("severn-submitter", severn, "submits for Severn Homes", "", identity.Submitter),
		persona("health-submitter", health, "submits for Mercia Health", "", identity.Submitter),
		persona("education-submitter", education, "submits for Mercia Education", "", identity.Submitter),
		persona("police-submitter", Police, "submits for West Mercia Police", "nppv3", identity.Submitter),
		persona("analyst", Police, "police analyst, may use emergency access", "nppv3", identity.Analyst, identity.Emergency),
		persona("supervisor", Police, "supervises the analysts, assigns case links", "nppv3", identity.Supervisor),
		persona("ig-lead", Police, "information governance lead of the force", "nppv3", identity.IGLead),
		persona("housing-ig", housing, "information governance lead of Telford Housing", "", identity.PartnerIG),
		persona("health-ig", health, "information governance lead of Mercia Health", "", identity.PartnerIG),
		persona("education-ig", education, "information governance lead of Mercia Education", "", identity.PartnerIG),
		persona("policy-author", Police, "writes agreements", "nppv3", identity.PolicyAuthor),
		persona("approver-police", Police, "senior information risk owner (SIRO)", "nppv3", identity.Approver),
		persona("approver-housing", housing, "signs for Telford Housing", "", identity.Approver),
		persona("approver-severn", severn, "signs for Severn Homes", "", identity.Approver),
		persona("approver-health", health, "Caldicott Guardian of Mercia Health", "", identity.Approver),
		persona("approver-education", education, "signs for Mercia Education", "", identity.Approver),
		persona("operator", Police, "runs the gateway", "sc", identity.Operator),
		persona("case-system", Police, "imports case links from the case system; no person", "", identity.CaseSystem),
	}
}

// FindPersona returns the persona of that name.
func FindPersona(name string) (Persona, bool) {
	all := Personas()
	i := slices.IndexFunc(all, func(p Persona) bool { return p.Name == name })
	if i < 0 {
		return Persona{}, false
	}
	return all[i], true
}

// Agencies returns the agencies that the personas belong to, sorted.
func Agencies() []string {
	all := Personas()
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.Agency
	}
	slices.Sort(out)
	return slices.Compact(out)
}
