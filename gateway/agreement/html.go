package agreement

import (
	"bytes"
	_ "embed"
	"html/template"

	"github.com/concord-gateway/concord/gateway/fault"
)

//go:embed document.html
var pageSource string

// page is parsed here so that a mistake in it stops the program's start and no
// printing.
var page = template.Must(template.New("document").Parse(pageSource))

// HTML prints the agreement as one page that needs nothing beside it: the same
// document as Markdown does, on the same terms.
func HTML(a *Agreement, titles Titles) ([]byte, error) {
	d, err := compose(a, titles)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := page.Execute(&out, d); err != nil {
		return nil, fault.Wrap(fault.Internal, "agreement.HTML", "The agreement cannot be printed.", err)
	}
	return out.Bytes(), nil
}
