package cli

import (
	"bytes"
	"os"
	"testing"
	"time"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain — ü 日本":         "plain — ü 日本",
		"a\x1b]0;title\x07b":   `a\x1b]0;title\x07b`,
		"a\nb\tc\rd":           `a\nb\tc\x0dd`,
		"a\u202eb\u200bc":      `a\u202eb\u200bc`,
		"a\u2028b\u0085":       `a\u2028b\u0085`,
		"a\xffb\xc3":           `a\xffb\xc3`,
		"a replacement \ufffd": "a replacement \ufffd",
		"\u009b31m":            `\u009b31m`,
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) = %q, want %q", in, got, want)
		}
	}
}

// Blocks that come later may be wider: what was written stays aligned.
func TestTableInBlocks(t *testing.T) {
	var out bytes.Buffer
	table := &table{w: &out, header: []string{"A", "B"}}
	for _, rows := range [][][]string{{{"1", "x"}, {"22", ""}}, {{"4444", "é"}}, {{"5", "z"}}} {
		if err := table.write(rows); err != nil {
			t.Fatal(err)
		}
	}
	const want = "A    B\n1    x\n22   -\n4444   é\n5      z\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}

func TestPaintKeepsTheWidth(t *testing.T) {
	var out bytes.Buffer
	table := &table{w: &out, header: []string{"STATUS", "B"}, paint: paintColumn(0)}
	if err := table.write([][]string{{"failed", "x"}, {"verified", "failed"}, {"home-made", "y"}}); err != nil {
		t.Fatal(err)
	}
	const want = "STATUS      B\n" + sgrRed + "failed" + sgrReset + "      x\n" +
		sgrGreen + "verified" + sgrReset + "    failed\nhome-made   y\n"
	if out.String() != want {
		t.Errorf("got %q", out.String())
	}
}

func TestColourful(t *testing.T) {
	none := func(string) string { return "" }
	xterm := func(name string) string { return map[string]string{"TERM": "xterm"}[name] }
	asked := func(name string) string { return map[string]string{"TERM": "xterm", "NO_COLOR": "1"}[name] }
	tty, err := os.OpenFile("/dev/null", os.O_WRONLY, 0) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tty.Close(); err != nil {
			t.Error(err)
		}
	}()
	if !colourful(tty, xterm) || colourful(tty, asked) || colourful(tty, none) || colourful(new(bytes.Buffer), xterm) {
		t.Error("colours go to a terminal only, and only if nobody minds")
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour:                    "0s",
		59*time.Second + 9e8:          "59s",
		time.Minute:                   "1m",
		90 * time.Second:              "1m30s",
		2 * time.Hour:                 "2h",
		47*time.Hour + 59*time.Minute: "47h59m",
		49 * time.Hour:                "2d1h",
		24 * 29 * time.Hour:           "29d",
		24 * 400 * time.Hour:          "400d",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%v) = %s, want %s", d, got, want)
		}
	}
}
