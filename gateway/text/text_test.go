package text_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/text"
)

// hostile are texts that end lines, steer terminals or turn the direction of writing.
func hostile() []string {
	return []string{
		"a\nb", "a\r\nb", "a\x00b", "\x1b[2Ja", "a\x7fb", "a\u0085b", "a\u009b2Jb", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b\u2069",
		"a\u200fb", "a\u061cb", "\ufeffa", "a\U000e0041b", "a\xffb\u202e", "\u202e\n\x1b]0;x\x07",
	}
}

// TestHidden finds each of them, and nothing in names of any script.
func TestHidden(t *testing.T) {
	t.Parallel()
	for _, s := range hostile() {
		if !strings.ContainsFunc(s, text.Hidden) {
			t.Errorf("%+q holds nothing hidden", s)
		}
	}
	for _, s := range []string{"Zoë O’Neill-Łukasz", "محمد", "נועה", "李小龍", "क्\u200dष", "می\u200cخواهم", "👩\u200d⚕️", "a b\u00a0c"} {
		if strings.ContainsFunc(s, text.Hidden) {
			t.Errorf("%+q: something is hidden", s)
		}
	}
}

// FuzzWriter logs any text: it is one line, nothing in it is hidden, and JSON reads the
// text back.
func FuzzWriter(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(text.NewWriter(&out), nil)).Info(s, "text", s, s, 1)
		line, ended := strings.CutSuffix(out.String(), "\n")
		if !ended || strings.ContainsFunc(line, text.Hidden) {
			t.Fatalf("%+q is logged as %+q", s, out.String())
		}
		var back struct{ Text string }
		if err := json.Unmarshal([]byte(line), &back); err != nil {
			t.Fatalf("%+q is logged as %s: %v", s, line, err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); s == want && back.Text != s && s != "text" {
			t.Errorf("%+q is read back as %+q", s, back.Text)
		}
	})
}
