package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Levels of a place, from the smallest to the largest. A local policing area
// has no ONS code; its code is "lpa:" and a short name.
const (
	LevelLocalAuthority = "local_authority"
	LevelLPA            = "lpa"
	LevelCounty         = "county"
	LevelForce          = "force"
)

// Place is an area for which a profile can be made.
type Place struct {
	// Code is an ONS code, or "lpa:<slug>".
	Code string
	Name string
	// Level is one of the levels above.
	Level string
	// Parents are the codes of all places that it lies in, the nearest first.
	Parents []string
}

// Places is the tree of areas. It is immutable and safe for concurrent use.
type Places struct {
	boundaryYear int
	order        []string
	byCode       map[string]Place
	children     map[string][]string
}

type placesFile struct {
	BoundaryYear int         `json:"boundary_year"`
	Places       []placeLine `json:"places"`
}

type placeLine struct {
	Code   string `json:"code"`
	Name   string `json:"name"`
	Level  string `json:"level"`
	Parent string `json:"parent"`
}

// LoadPlaces reads schemas/places.json: every place with its level and the code
// of the place it lies in, empty for a force. The error is of kind Invalid and
// names the place that is wrong: a code that does not fit its level, is given
// twice or lies in a place that is unknown or not larger, or an area without
// any local authority.
func LoadPlaces(raw []byte) (*Places, error) {
	var file placesFile
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fault.Wrap(fault.Invalid, "dataset.LoadPlaces", "The file of places cannot be read.", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, placesFault("something follows the list")
	}
	if file.BoundaryYear < 1974 || file.BoundaryYear > 2999 {
		return nil, placesFault("the boundary year is missing")
	}
	p := &Places{boundaryYear: file.BoundaryYear, byCode: map[string]Place{}, children: map[string][]string{}}
	lines := make(map[string]placeLine, len(file.Places))
	for _, line := range file.Places {
		if err := line.check(); err != nil {
			return nil, err
		}
		if _, twice := lines[line.Code]; twice {
			return nil, placesFault(line.Code + " is given twice")
		}
		lines[line.Code] = line
	}
	for _, line := range file.Places {
		if err := p.add(line, lines); err != nil {
			return nil, err
		}
	}
	slices.Sort(p.order)
	for _, code := range p.order {
		slices.Sort(p.children[code])
		if len(p.Leaves(code)) == 0 {
			return nil, placesFault(code + " has no local authority in it")
		}
	}
	return p, nil
}

func (l placeLine) check() error {
	expr, ok := map[string]string{
		LevelLocalAuthority: `^[EWSN]0[6-9]\d{6}$`,
		LevelLPA:            `^lpa:[a-z]+(-[a-z]+)*$`,
		LevelCounty:         `^E10\d{6}$`,
		LevelForce:          `^E23\d{6}$`,
	}[l.Level]
	if !ok {
		return placesFault(fmt.Sprintf("%q has an unknown level", l.Code))
	}
	if !regexp.MustCompile(expr).MatchString(l.Code) {
		return placesFault(fmt.Sprintf("%q is not a code of the level %s", l.Code, l.Level))
	}
	if l.Name == "" {
		return placesFault(l.Code + " has no name")
	}
	if (l.Parent == "") != (l.Level == LevelForce) {
		return placesFault(l.Code + " must lie in another place, unless it is a force")
	}
	return nil
}

func (p *Places) add(line placeLine, lines map[string]placeLine) error {
	place := Place{Code: line.Code, Name: line.Name, Level: line.Level}
	// Levels rise strictly on the way up, so that the walk ends.
	for here := line; here.Parent != ""; {
		parent, ok := lines[here.Parent]
		if !ok {
			return placesFault(here.Code + " lies in a place that is not listed")
		}
		if rank(parent.Level) <= rank(here.Level) {
			return placesFault(here.Code + " lies in a place that is not larger")
		}
		place.Parents = append(place.Parents, parent.Code)
		here = parent
	}
	if line.Parent != "" {
		p.children[line.Parent] = append(p.children[line.Parent], line.Code)
	}
	p.byCode[line.Code] = place
	p.order = append(p.order, line.Code)
	return nil
}

func rank(level string) int {
	return slices.Index([]string{LevelLocalAuthority, LevelLPA, LevelCounty, LevelForce}, level)
}

func placesFault(message string) error {
	return fault.New(fault.Invalid, "dataset.LoadPlaces", "The file of places is wrong: "+message+".").WithCode("places")
}

// BoundaryYear is the year of the boundaries that the codes stand for.
func (p *Places) BoundaryYear() int { return p.boundaryYear }

// Get returns the place with a code.
func (p *Places) Get(code string) (Place, bool) {
	place, ok := p.byCode[code]
	place.Parents = slices.Clone(place.Parents)
	return place, ok
}

// All returns every place, sorted by code.
func (p *Places) All() []Place {
	all := make([]Place, 0, len(p.order))
	for _, code := range p.order {
		place, _ := p.Get(code)
		all = append(all, place)
	}
	return all
}

// Children returns the codes of the places directly below, sorted.
func (p *Places) Children(code string) []string { return slices.Clone(p.children[code]) }

// Leaves returns the codes of the local authorities in a place, sorted; a local
// authority is its own leaf. An unknown place has none.
func (p *Places) Leaves(code string) []string {
	place, ok := p.byCode[code]
	if !ok {
		return nil
	}
	if place.Level == LevelLocalAuthority {
		return []string{code}
	}
	var leaves []string
	for _, child := range p.children[code] {
		leaves = append(leaves, p.Leaves(child)...)
	}
	slices.Sort(leaves)
	return leaves
}
