package backup_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/backup"
	"github.com/concord-gateway/concord/gateway/fault"
)

func unzip(t *testing.T, raw []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func zip(t *testing.T, plain string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// damage is a world with a backup of all sections, and a store that must stay
// empty whatever is restored into it.
type damage struct {
	*world

	file string
	raw  []byte
	into backup.Stores
}

func newDamage(t *testing.T) *damage {
	t.Helper()
	w := newWorld(t)
	w.submit("T-1", "T-2")
	w.withdraw("T-2")
	file := w.backup()
	return &damage{world: w, file: file, raw: read(t, file), into: newStores(t)}
}

// refuses fails unless a changed backup is refused, as the backup and as the log.
func (d *damage) refuses(what string, raw []byte) {
	d.t.Helper()
	path := d.file + ".damaged"
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		d.t.Fatal(err)
	}
	for _, files := range [][2]string{{path, d.file}, {d.file, path}} {
		if _, err := d.restore(d.into, files[0], files[1]); !fault.Is(err, fault.Invalid) {
			d.t.Fatalf("%s: %v", what, err)
		}
	}
}

// TestCutOff ends a backup at every line, within every line, and at many bytes of
// the compressed file: all of them near both ends, and the whole in steps.
func TestCutOff(t *testing.T) {
	t.Parallel()
	d := newDamage(t)
	plain := unzip(t, d.raw)
	lines := strings.SplitAfter(plain, "\n")
	at := 0
	for i, line := range lines[:len(lines)-1] {
		d.refuses(fmt.Sprintf("before line %d", i+1), zip(t, plain[:at]))
		d.refuses(fmt.Sprintf("within line %d", i+1), zip(t, plain[:at+len(line)/2]))
		d.refuses(fmt.Sprintf("before the end of line %d", i+1), zip(t, plain[:at+len(line)-1]))
		d.refuses(fmt.Sprintf("without line %d", i+1), zip(t, plain[:at]+plain[at+len(line):]))
		at += len(line)
	}
	const edge = 24
	for n := range d.raw {
		if n > edge && n < len(d.raw)-edge && n%(len(d.raw)/20) != 0 {
			continue
		}
		d.refuses(fmt.Sprintf("%d of %d bytes", n, len(d.raw)), d.raw[:n])
	}
	wantEmpty(t, d.into)
}

// TestAltered flips bits all over the file, before compression and after, adds to
// its end, and exchanges lines.
func TestAltered(t *testing.T) {
	t.Parallel()
	d := newDamage(t)
	plain := unzip(t, d.raw)
	flipped := func(raw []byte, n int) []byte {
		raw = bytes.Clone(raw)
		raw[n] ^= 1 << (n % 8)
		return raw
	}
	for n := 0; n < len(plain); n += 1 + len(plain)/60 {
		d.refuses(fmt.Sprintf("byte %d before compression", n), zip(t, string(flipped([]byte(plain), n))))
	}
	const header = 10 // of gzip: its flags, time and system say nothing of the content
	for n := header; n < len(d.raw); n += 1 + len(d.raw)/60 {
		d.refuses(fmt.Sprintf("byte %d", n), flipped(d.raw, n))
	}
	for n := len(d.raw) - 8; n < len(d.raw); n++ {
		d.refuses(fmt.Sprintf("byte %d of the checksum", n), flipped(d.raw, n))
	}
	lines := strings.SplitAfter(plain, "\n")
	for i := range len(lines) - 2 {
		swapped := append([]string{}, lines...)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		d.refuses(fmt.Sprintf("lines %d and %d exchanged", i, i+1), zip(t, strings.Join(swapped, "")))
	}
	d.refuses("something behind the trailer", zip(t, plain+"{}\n"))
	d.refuses("a byte behind the file", append(bytes.Clone(d.raw), 0))
	d.refuses("another copy behind the file", append(bytes.Clone(d.raw), d.raw...))
	d.refuses("no copy", []byte("hello"))
	d.refuses("another compressed file", zip(t, "hello\n"))
	wantEmpty(t, d.into)
}

// TestForged gives a changed backup counts and a SHA-256 that fit: without the log
// key it has no signature.
func TestForged(t *testing.T) {
	t.Parallel()
	d := newDamage(t)
	plain := unzip(t, d.raw)
	whole, last, _ := strings.Cut(plain, `{"trailer":`)
	if !strings.HasPrefix(last, "{") {
		t.Fatal("no trailer")
	}
	for what, change := range map[string]func(map[string]any) string{
		"an event left out": func(c map[string]any) string {
			from := strings.Index(whole, `{"event":`)
			c["events"] = c["events"].(float64) - 1
			return whole[:from] + whole[from+strings.Index(whole[from:], "\n")+1:]
		},
		"another signature": func(c map[string]any) string {
			c["signature"] = base64.StdEncoding.EncodeToString(make([]byte, 64))
			return whole
		},
	} {
		c := map[string]any{}
		if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimSpace(last), "}")), &c); err != nil {
			t.Fatal(err)
		}
		body := change(c)
		sum := sha256.Sum256([]byte(body))
		c["sha256"] = hex.EncodeToString(sum[:])
		raw, err := json.Marshal(map[string]any{"trailer": c})
		if err != nil {
			t.Fatal(err)
		}
		path := write(t, zip(t, body+string(raw)+"\n"))
		_, err = d.restore(d.into, path, d.file)
		wantFault(t, what, err, fault.Invalid, "not signed by a key of the log")
	}
	wantEmpty(t, d.into)
}

// FuzzRestore reads whatever it is given: no panic, no row written.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"header":{"format":1,"size":1}}` + "\n"))
	f.Add([]byte(`{"header":{"format":1}}` + "\n" + `{"batch":{"n":0,"entries":["e30="],"leaves":[""],"size":1}}` + "\n" + `{"checkpoint":"x"}` + "\n"))
	f.Add([]byte(`{"header":{"format":1}}` + "\n" + `{"record":{"source":"AA=="}}` + "\n" + `{"trailer":{}}` + "\n"))
	f.Fuzz(func(t *testing.T, plain []byte) {
		w := newWorld(t)
		into := newStores(t)
		path := write(t, zip(t, string(plain)))
		for _, raw := range []string{path, write(t, plain)} {
			if _, err := w.restore(into, raw, raw); !fault.Is(err, fault.Invalid) {
				t.Errorf("%v", err)
			}
		}
		wantEmpty(t, into)
	})
}
