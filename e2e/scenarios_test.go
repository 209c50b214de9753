package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// situation is one of the worked situations, in a slot of its own, so that none
// has a neighbour.
type situation struct {
	number string
	name   string // with its number
	slot   string // env/region/component
	want   string // what is shown, and under it the slot, as the file writes them
	words  []*events.Event
}

// second is the time that the file writes as @n.
func second(n int) time.Time { return peerBegins.Add(time.Duration(n) * time.Second) }

// readSituations reads the worked situations of the fold.
func readSituations(t testing.TB) (all []situation) {
	t.Helper()
	raw, err := os.ReadFile("../pkg/statemachine/testdata/scenarios.txt")
	if err != nil {
		t.Fatal(err)
	}
	head := regexp.MustCompile(`(?m)^(\d+)\. (.*)\n((?: +\w+: .*\n)+)`)
	row := regexp.MustCompile(`(?m)^ +(\w+): +(.*)$`)
	for _, m := range head.FindAllStringSubmatch(string(raw)+"\n", -1) {
		rows := map[string]string{}
		for _, r := range row.FindAllStringSubmatch(m[3], -1) {
			rows[r[1]] = r[2]
		}
		s := situation{
			number: m[1], name: m[1] + " " + m[2], slot: "prod/eu/s" + m[1],
			want: cmp.Or(rows["shown"], rows["base"]) + "\nslot " + rows["slot"],
		}
		for i, text := range strings.Split(rows["words"], ";") {
			s.words = append(s.words, situationWord(t, s.slot, fmt.Sprintf("s%s.w%02d", m[1], i), text))
		}
		all = append(all, s)
	}
	if len(all) != 58 {
		t.Fatalf("%d situations, there are 58", len(all))
	}
	return all
}

// situationWord reads "source deployment status @seconds" and the options behind
// it. The word was recorded in the second in which it was said.
func situationWord(t testing.TB, slot, id, text string) *events.Event {
	t.Helper()
	f := strings.Fields(text)
	at, err := strconv.Atoi(strings.TrimPrefix(f[3], "@"))
	if err != nil {
		t.Fatalf("word %q: %v", text, err)
	}
	e := &events.Event{
		ID: id, Source: f[0], Type: events.TypeReported, Subject: slot + "/" + f[1], Time: second(at), RecordedTime: second(at),
	}
	d := events.Reported{Status: f[2], Version: f[1]}
	for _, option := range f[4:] {
		switch name, value, _ := strings.Cut(option, "="); name {
		case "a":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				t.Fatalf("word %q: %v", text, err)
			}
			d.Attempt = uint32(n)
		case "q":
			e.Sequence = value
		case "v":
			d.Version = value
		case "r":
			d.Refs = []string{value}
		default:
			t.Fatalf("word %q: unknown option %q", text, option)
		}
	}
	var data any = d
	if verdict, ok := map[string]events.Verdict{"+": events.VerdictPass, "-": events.VerdictFail}[d.Status]; ok {
		e.Type, data = events.TypeEvidence, events.Evidence{Kind: "tests", Verdict: verdict, Attempt: d.Attempt, Refs: d.Refs}
	}
	if err := e.SetData(data); err != nil {
		t.Fatal(err)
	}
	return e
}

// situationWhy is why each deployment is what it is, by the words of its
// situation: what the first line of its explanation must hold, and behind + what
// must stand below it. Parts are separated by |, and @n is a second.
const situationWhy = `
1 1.0: because ci said deployed at @0
1 2.0: because argo said deployed at @1960 | argo says deployed since @1960, ci says failed since @1900 | + A landing after failed is believed
2 1.0: because ci said deployed at @0
2 2.0: because argo said deployed at @2100 | argo says deployed since @2100, ci says failed since @1900 | + A landing after failed is believed
3 1.0: (attempt 2), because rb said deployed at @2060 | + new_attempt
3 2.0: because ci said deployed at @1060
4 1.0: because ci said deployed at @60 | + echo
4 2.0: because ci said deployed at @1060
5 2.0: (attempt 2), because cli said deployed at @3700 | + new_attempt
6 2.0: because ci said deployed at @100 | + echo
7 2.0: because ci said deployed at @10 | + echo
8 2.0: because argo said deployed at @100 | + echo
9 2.0: because argo said deployed at @2030 | + A landing after failed is believed
10 2.0: because argo said deployed at @1030 | + A landing after failed is believed | + placed by g1
11 2.0: because k8s said deployed at @0 | + echo
12 2.0: because probe brought the evidence tests: pass at @30 | + The lifecycle lets verified follow deployed
13 2.0: because ci said failed at @120 | + The lifecycle lets failed follow deployed
14 1.0: because argo said deployed at @0 | + echo
14 2.0: because ci said deployed at @100 | + echo
15 2.0: because argo said deployed at @600 | + A landing after failed is believed | + held
16 1.0: because helm said deployed at @0
16 2.0: because helm said reverted at @500 | + The steps between verified and reverted were never reported
17 2.0: because ci said manual_intervention at @90 | + The steps between verified and manual_intervention were never reported
18 2.0: because ci said deployed at @100 | + The lifecycle lets deployed follow in_progress
19 2.0: because ci said deployed at @100 | + The lifecycle lets deployed follow in_progress
20 2.0: because ci said deployed at @10 | + echo
21 2.0: because argo said deployed at @660 | + pending_approval
22 2.0: because argo said in_progress at @600 | + The lifecycle lets in_progress follow pending_approval
23 2.0: (attempt 2), because ci said deployed at @1860 | + new_attempt
24 2.0: because ci said deployed at @60 | + echo
25 0.9: because ci said deployed at @0
25 1.0: because ci said deployed at @100
25 2.0: because roll said reverted at @1130 | + The lifecycle lets reverted follow rolling_back
26 1.0: (attempt 2), because ci said deployed at @200 | + new_attempt
26 2.0: because ci said reverted at @210
27 0.9: because ci said deployed at @0
27 1.0: because ci said deployed at @70
27 2.0: because argo said reverted at @200 | + echo
28 1.0: because k8s said removed at @130 | + The lifecycle lets removed follow deployed
28 2.0: because ci said deployed at @100
29 2.0: because k8s said removed at @30 | + The lifecycle lets removed follow in_progress
30 1.0: because ci said deployed at @0 | soak said verified, which waits | for passing evidence from after the landing
30 2.0: because ci said deployed at @1000
31 1.0: because soak said verifying at @1100 | + The lifecycle lets verifying follow deployed
31 2.0: because ci said deployed at @1000
32 2.0: because cli said deployed at @900 | + The lifecycle lets deployed follow manual_intervention
33 2.0: because argo said in_progress at @500 | + The lifecycle lets in_progress follow blocked
34 2.0: because argo said deployed at @60 | argo says deployed since @60, ci says cancelled since @30 | + A landing after cancelled is believed
35 1.0: because ci said deployed at @0 | One event could not be followed | + no_transition
35 2.0: because ci said failed at @200
36 1.0: because ci said deployed at @0 | One event could not be followed | + no_transition
36 2.0: since @420, when 1.0 was put back in its place | By its own words it is failed since @200, because ci said failed at @200
37 1.0: because flagger said failed at @60 | + placed on what was under way
37 2.0: because ci said planned at @30
38 1.0: because flagger said verified at @60 | + placed on what was under way
39 1.0: because ci said in_progress at @0 | + placed on what was under way
40 1.0: because ci said in_progress at @0 | + placed on what was under way
41 1.0: because ci said deployed at @10 | + placed by g1
41 2.0: because ci said in_progress at @100
42 2.0: because ci said in_progress at @100
43 2.0: because argo said deployed at @260 | + placed by g2
44 1.0: (attempt 2), because argo said deployed at @2060 | + placed by g1 | + placed by g3 | + new_attempt
44 2.0: because argo said deployed at @1060 | + placed by g2
45 k1: because ci said deployed at @0
45 k2: because ci said deployed at @100
45 k3: because ci said deployed at @200
46 2.0: (attempt 2), because argo said deployed at @150 | + new_attempt
47 2.0: (attempt 2), because ci said deployed at @260 | + new_attempt
48 2.0: because ci said failed at @20 | + held
49 2.0: because ci said deployed at @10 | + noted
50 1.0: because ci said deployed at @0
50 2.0: because probe brought the evidence tests: pass at @260 | + The lifecycle lets recovered follow reverted
51 2.0: (attempt 2), because ci said deployed at @160 | + new_attempt
52 1.0: since @500, when it landed again: what verified it is older | Before verified: waits for passing evidence | By its own words it is verified since @30
52 2.0: because cd said deployed at @100
53 1.0: (attempt 2), because rb said deployed at @1420 | + new_attempt
53 2.0: since @1400, when the newer 1.0 started in its slot | By its own words it is in_progress since @1000, because ci said in_progress at @1000
54 1: because ci said in_progress at @10
54 2: because ci said planned at @1
54 3: because ci said planned at @2
55 2.0: because k8s said removed at @30 | + The lifecycle lets removed follow planned
56 2.0: because argo said reverted at @260 | + The lifecycle lets reverted follow partially_restored
57 2.0: (attempt 2), because ci said in_progress at @25 | + The event began attempt 2
58 2.0: because k8s said deployed at @90 | ci says failed since @100, k8s says deployed since @90 | + A landing after failed is believed
`

// readWhy returns the parts of situationWhy by deployment, its times written out.
func readWhy(t testing.TB) map[string][]string {
	t.Helper()
	moment := regexp.MustCompile(`@\d+`)
	all := map[string][]string{}
	for line := range strings.Lines(strings.TrimSpace(situationWhy)) {
		name, why, _ := strings.Cut(strings.TrimSpace(line), ": ")
		number, deployment, _ := strings.Cut(name, " ")
		why = moment.ReplaceAllStringFunc(why, func(text string) string {
			n, err := strconv.Atoi(text[1:])
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			return second(n).Format(time.RFC3339)
		})
		all["prod/eu/s"+number+"/"+deployment] = strings.Split(why, " | ")
	}
	return all
}

// TestSituationsEndToEnd tells all worked situations to one server at once,
// every second one backwards, and reads each as its users do: what is shown of
// a deployment and of its slot, and why.
func TestSituationsEndToEnd(t *testing.T) {
	all, why := readSituations(t), readWhy(t)
	var told []*events.Event
	for i, s := range all {
		words := slices.Clone(s.words)
		if i%2 == 1 {
			slices.Reverse(words)
		}
		told = append(told, words...)
	}
	p := serve(t, t.TempDir(), "--clock", "events")
	if accepted, _ := p.sendRecorded(t, encode(t, told), len(told)); accepted != len(told) {
		t.Fatalf("%d of %d words were accepted", accepted, len(told))
	}
	p.settle(t, uint64(len(told)))
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			var texts []string
			for _, raw := range p.list(t, "/v1/deployments?limit=100&"+s.query()) {
				var listed struct{ Key string }
				if err := json.Unmarshal(raw, &listed); err != nil {
					t.Fatal(err)
				}
				var d view.DeploymentBody
				p.get(t, "/v1/deployments/"+listed.Key, &d)
				texts = append(texts, shownText(&d, p.explains(t, &d, why[d.Key])))
			}
			slices.Sort(texts)
			if got := strings.Join(texts, "; ") + "\nslot " + p.slotText(t, &s); got != s.want {
				t.Errorf("\n got %s\nwant %s", got, s.want)
			}
		})
	}
	p.stop(t)
}

// query filters a list to the slot of a situation.
func (s *situation) query() string { return "env=prod&region=eu&component=s" + s.number }

// explains wants `telltale explain` to say in its first line what is shown of d,
// since when, and the parts of why; and to show the rule, and each word heard.
func (p *process) explains(t testing.TB, d *view.DeploymentBody, why []string) *view.Explanation {
	t.Helper()
	var x view.Explanation
	p.get(t, "/v1/deployments/"+d.Key+"/explain", &x)
	out := run(t, "telltale", "explain", d.Key, "--server", p.url)
	first, rest, _ := strings.Cut(out, "\n")
	if first != x.Answer {
		t.Errorf("the CLI says %q, the API %q", first, x.Answer)
	}
	if len(why) == 0 {
		t.Errorf("nobody wrote down why %s is %s: %s", d.Key, d.Status, first)
	}
	why = append([]string{fmt.Sprintf("%s is %s since %s", d.Key, d.Status, d.Since.Format(time.RFC3339))}, why...)
	if slices.Contains(d.Conditions, "conflicted") {
		why = append(why, "Sources contradict each other")
	}
	for _, part := range why {
		if below, ok := strings.CutPrefix(part, "+ "); ok && !strings.Contains(rest, below) {
			t.Errorf("explain %s does not show %q:\n%s", d.Key, below, out)
		} else if !ok && !strings.Contains(first, part) {
			t.Errorf("explain %s does not say %q:\n%s", d.Key, part, first)
		}
	}
	if x.Rule == nil || x.Event == nil || !strings.Contains(rest, x.Rule.Text) {
		t.Errorf("explain %s does not show the rule %+v:\n%s", d.Key, x.Rule, out)
	}
	if len(x.History) != int(d.Events) {
		t.Errorf("explain %s shows %d words, %d count", d.Key, len(x.History), d.Events)
	}
	return &x
}

// shownText renders a deployment as the file does.
func shownText(d *view.DeploymentBody, x *view.Explanation) string {
	text := fmt.Sprintf("%s=%s/%d", d.Deployment, d.Status, d.Attempt)
	for _, c := range d.Conditions {
		text += " " + c
	}
	for _, w := range d.WaitingFor {
		if w.Source != "" { // else it is a step that goes by itself
			text += " held:" + w.Status
		}
	}
	if d.Anomalies > 0 {
		var reasons []string
		for _, a := range x.Anomalies {
			reasons = append(reasons, a.Reason)
		}
		text += fmt.Sprintf(" anom:%d(%s)", d.Anomalies, strings.Join(reasons, ","))
	}
	return text
}

// slotText renders what the slot of a situation runs, its landings, and how many
// words wait for a name, as the file does.
func (p *process) slotText(t testing.TB, s *situation) string {
	t.Helper()
	slots := p.list(t, "/v1/slots?limit=100&"+s.query())
	if len(slots) != 1 {
		t.Fatalf("%d slots are listed, want 1", len(slots))
	}
	var slot view.SlotListed
	if err := json.Unmarshal(slots[0], &slot); err != nil {
		t.Fatal(err)
	}
	var landings []string
	for _, raw := range p.list(t, "/v1/slots/"+s.slot+"/history?limit=100") {
		var l view.LandingBody
		if err := json.Unmarshal(raw, &l); err != nil {
			t.Fatal(err)
		}
		text := l.Deployment + ":" + l.Landing
		if l.Restored {
			text += "(restored)"
		}
		landings = append(landings, text)
	}
	slices.Reverse(landings) // the newest comes first
	text := fmt.Sprintf("%s [%s]", cmp.Or(slot.Deployment, "-"), strings.Join(landings, " "))
	unplaced := p.list(t, "/v1/unplaced?limit=100&"+s.query())
	if len(unplaced) != slot.Unplaced {
		t.Errorf("%d words wait for a name, the slot counts %d", len(unplaced), slot.Unplaced)
	}
	for _, raw := range unplaced {
		var u view.Unplaced
		if err := json.Unmarshal(raw, &u); err != nil {
			t.Fatal(err)
		}
		if len(u.Refs) == 0 { // what has no name of its own goes to what was under way
			t.Errorf("%s waits for a name and does not say which", raw)
		}
	}
	if len(unplaced) > 0 {
		text += fmt.Sprintf("; unplaced %d", len(unplaced))
	}
	return text
}
