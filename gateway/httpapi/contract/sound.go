package contract

import (
	"regexp"
	"slices"
	"strings"
)

// checkDocument refuses a document that is not OpenAPI 3.1, or that has a
// reference that leads nowhere or outside.
func checkDocument(doc node) error {
	if !strings.HasPrefix(doc.text("openapi"), "3.1.") {
		return invalid("/openapi", "The description is not OpenAPI 3.1.")
	}
	info := doc.child("info")
	if info.text("title") == "" || info.text("version") == "" {
		return invalid("/info", "The description needs a title and a version.")
	}
	return checkReferences(doc)
}

// checkReferences walks the whole document. What stands in an example is data,
// not structure.
func checkReferences(n node) error {
	if n.text("$ref") != "" {
		if _, err := n.follow(); err != nil {
			return err
		}
	}
	for _, name := range n.names() {
		if name == "example" || name == "examples" {
			continue
		}
		if err := checkReferences(n.child(name)); err != nil {
			return err
		}
	}
	for _, item := range n.items() {
		if err := checkReferences(item); err != nil {
			return err
		}
	}
	return nil
}

var braces = regexp.MustCompile(`^\{([a-z_]+)\}$`)

// checkPathParameters refuses a path whose parameters are not declared as
// required, a declaration that the path does not have, and a parameter that is
// declared twice.
func checkPathParameters(op *operation, pointer string) error {
	var inPath []string
	for _, segment := range op.segments {
		if m := braces.FindStringSubmatch(segment); m != nil {
			inPath = append(inPath, m[1])
		} else if strings.ContainsAny(segment, "{}") {
			return invalid(pointer, "A path parameter fills a whole segment.")
		}
	}
	seen := map[string]bool{}
	declared := 0
	for _, p := range op.parameters {
		if seen[p.in+" "+p.name] {
			return invalid(pointer, "A parameter is declared twice.")
		}
		seen[p.in+" "+p.name] = true
		if p.in != "path" {
			continue
		}
		declared++
		if !p.required || !slices.Contains(inPath, p.name) {
			return invalid(pointer, "A path parameter is required and stands in the path.")
		}
	}
	if declared != len(inPath) {
		return invalid(pointer, "Every parameter of a path is declared.")
	}
	return nil
}
