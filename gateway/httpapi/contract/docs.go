package contract

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the template and the style of the page
	"encoding/base64"
	"encoding/json"
	"html/template"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

//go:embed docs.gohtml
var page string

//go:embed docs.css
var style string

// StyleSource is the source expression under which a content security policy
// admits the style of the page: "style-src " + StyleSource(). The page needs
// nothing else: it has no script, no image and no font.
func StyleSource() string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// HTML returns the description as a page for people: every operation with its
// parameters, bodies, answers and examples, and every schema. It loads nothing
// and works without scripts.
func (c *Contract) HTML() ([]byte, error) {
	view, err := c.pageView()
	if err != nil {
		return nil, err
	}
	t, err := template.New("docs").Parse(page)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "contract.HTML", "The page could not be read.", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, view); err != nil {
		return nil, fault.Wrap(fault.Internal, "contract.HTML", "The page could not be written.", err)
	}
	return out.Bytes(), nil
}

// pageView is what the template shows.
type pageView struct {
	Style       template.CSS
	Title       string
	Version     string
	Description []string
	Tags        []tagView
	Schemas     []schemaView
}

type tagView struct {
	Name, ID, Description string
	Operations            []operationView
}

type operationView struct {
	ID, Method, Path, Summary string
	Description               []string
	Roles                     string
	Parameters                []rowView
	Request                   []mediaView
	Responses                 []responseView
}

// rowView is one parameter, header or property.
type rowView struct {
	Name, In    string
	Required    bool
	Type        typeView
	Description string
}

type mediaView struct {
	Kind    string
	Type    typeView
	Example string
	// Label names the example for those who cannot see where it stands.
	Label string
}

type responseView struct {
	Status, Description string
	Headers             []rowView
	Media               []mediaView
}

func (c *Contract) pageView() (*pageView, error) {
	info := c.doc.child("info")
	view := &pageView{
		Style: template.CSS(style), //nolint:gosec // the file is part of the program
		Title: info.text("title"), Version: info.text("version"), Description: paragraphs(info.text("description")),
		Schemas: c.schemaViews(),
	}
	for _, n := range c.doc.child("tags").items() {
		name := n.text("name")
		tag := tagView{Name: name, ID: "tag-" + strings.ReplaceAll(name, " ", "-"), Description: n.text("description")}
		for _, op := range c.operations {
			if op.tag != name {
				continue
			}
			o, err := operationViewOf(op)
			if err != nil {
				return nil, err
			}
			tag.Operations = append(tag.Operations, o)
		}
		view.Tags = append(view.Tags, tag)
	}
	return view, nil
}

func operationViewOf(op *operation) (operationView, error) {
	v := operationView{
		ID: op.id, Method: op.method, Path: op.template, Summary: op.summary,
		Description: paragraphs(op.description), Roles: rolesText(op), Parameters: rowViews(op.parameters),
	}
	var err error
	if op.request != nil {
		if v.Request, err = mediaViews(op.request.content, "Example of a request: "+op.summary); err != nil {
			return v, err
		}
	}
	for _, status := range sortedKeys(op.responses) {
		r := op.responses[status]
		media, err := mediaViews(r.content, "Example of answer "+status+": "+op.summary)
		if err != nil {
			return v, err
		}
		v.Responses = append(v.Responses, responseView{
			Status: status, Description: r.description, Headers: rowViews(r.headers), Media: media,
		})
	}
	return v, nil
}

func rolesText(op *operation) string {
	switch {
	case op.public():
		return "no token needed"
	case len(op.roles) == 0:
		return "every role"
	default:
		return strings.Join(op.roles, ", ")
	}
}

func rowViews(parameters []parameter) []rowView {
	out := make([]rowView, len(parameters))
	for i, p := range parameters {
		out[i] = rowView{Name: p.name, In: p.in, Required: p.required, Type: typeOf(p.schema), Description: p.description}
	}
	return out
}

func mediaViews(content map[string]media, label string) ([]mediaView, error) {
	out := make([]mediaView, 0, len(content))
	for _, kind := range sortedKeys(content) {
		m := content[kind]
		v := mediaView{Kind: kind, Type: typeOf(m.schema), Label: label + " (" + kind + ")"}
		if m.line.exists() {
			v.Type = typeOf(m.line).before("on each line: ")
		}
		var err error
		if v.Example, err = exampleText(m.example); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// exampleText writes an example as it would be sent.
func exampleText(n node) (string, error) {
	if text, ok := n.value.(string); ok || !n.exists() {
		return text, nil
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(n.value); err != nil {
		return "", fault.Wrap(fault.Internal, "contract.HTML", "An example could not be written.", err)
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// paragraphs splits plain text at its empty lines.
func paragraphs(text string) []string {
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n\n"), func(p string) bool { return p == "" })
}
