package adapter

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// identity is who an event is about.
type identity struct {
	env, component string
	regions        []string // at least one
	name           string   // of the deployment, as the naming ladder gives it; "" of a word that follows
	follow         bool
	originals      []nativeValue // names that had to be made fit, as the tool says them
}

// subject is the subject of an event in one of the regions.
func (id *identity) subject(kind outcomeKind, region string) string {
	slot := events.Slot{Env: id.env, Region: region, Component: id.component}
	if kind == outcomeObserved {
		return slot.String()
	}
	deployment := id.name
	if id.follow {
		deployment = events.Missing
	}
	return events.Key{Slot: slot, Deployment: deployment}.String()
}

// identity finds out who the event is about: from the payload, and from how names
// in it are made, else from the hook's defaults. It records what is missing.
func (d *draft) identity() (*identity, bool) {
	r := d.request
	found := names{env: d.text(fieldEnv), component: d.text(fieldComponent)}
	if region := d.text(fieldRegion); region != "" {
		found.regions = []string{region}
	}
	found.split(r.Hook.Patterns)
	found.fill(names{env: r.query("env"), regions: r.list("region", nil), component: r.query("component")})
	found.fill(names{regions: r.Hook.Regions})
	found.split(r.Hook.Patterns) // where the environment is the hook's

	id := &identity{}
	id.env = id.slug("env", found.env)
	id.component = id.slug("component", found.component)
	for _, region := range found.regions {
		if s := id.slug("region", region); s != "" {
			id.regions = append(id.regions, s)
		}
	}
	d.nameOf(id)
	if d.err != nil {
		d.result.Unmapped = append(d.result.Unmapped, *d.err)
		return nil, false
	}
	var missing []string
	for _, part := range []struct {
		name string
		none bool
	}{
		{"env", id.env == ""},
		{"region", len(id.regions) == 0},
		{"component", id.component == ""},
		{"deployment", id.name == "" && !id.follow && d.outcome.kind != outcomeObserved},
	} {
		if part.none {
			missing = append(missing, part.name)
		}
	}
	if len(missing) == 0 {
		return id, true
	}
	d.result.Unmapped = append(d.result.Unmapped, Unmapped{Rule: d.rule, Missing: missing, Err: missingErr(missing)})
	return nil, false
}

// nameOf sets how the deployment is called.
func (d *draft) nameOf(id *identity) {
	given := d.text(fieldDeployment)
	if id.follow = d.request.follow() || given == events.Missing; id.follow {
		return
	}
	name := events.DeploymentID(events.Names{
		Deployment: given, Version: d.text(fieldVersion), Images: d.value(fieldImages).Texts(),
		Commit: d.text(fieldCommit), Run: d.text(fieldRun),
	})
	if id.name = fitRollout(name); id.name != name {
		id.originals = append(id.originals, nativeValue{"deployment", cutText(name, maxText)})
	}
}

// knownAs is the name of a word that follows, as the ladder would give it: another
// tool may lead with it. A run is left out, which is each tool's own.
func (d *draft) knownAs() string {
	given := d.text(fieldDeployment)
	if given == events.Missing {
		given = ""
	}
	return events.DeploymentID(events.Names{
		Deployment: given, Version: d.text(fieldVersion), Images: d.value(fieldImages).Texts(), Commit: d.text(fieldCommit),
	})
}

func missingErr(missing []string) *events.Error {
	verb := "is"
	if len(missing) > 1 {
		verb = "are"
	}
	list := missing[0]
	if n := len(missing); n > 1 {
		list = strings.Join(missing[:n-1], ", ") + " and " + missing[n-1]
	}
	err := events.Errorf(events.CodeUnmapped, "%s %s not in the payload", list, verb)
	if missing[0] == "deployment" {
		return err.WithHint("the payload has neither a version nor an image's tag, a commit or a run: add ?names=follow to the hook's URL")
	}
	return err.WithHint("add ?" + missing[0] + "=… to the hook's URL")
}

// slug makes a tool's name fit, and remembers the original.
func (id *identity) slug(field, name string) string {
	s := events.Slug(name)
	if s != name && s != "" {
		id.originals = append(id.originals, nativeValue{field, cutText(name, maxText)})
	}
	return s
}

// names are the parts of a slot as tools call them.
type names struct {
	env, component string
	regions        []string
}

// fill takes what is missing from defaults.
func (n *names) fill(from names) {
	if n.env == "" {
		n.env = from.env
	}
	if n.component == "" {
		n.component = from.component
	}
	if len(n.regions) == 0 {
		n.regions = from.regions
	}
}

// split takes the name of an environment apart that holds more than one, when
// parts are missing: by the hook's patterns, and then by the clouds' regions. A
// region at the end that is known already is taken off all the same.
func (n *names) split(patterns []string) {
	if n.env == "" {
		return
	}
	if len(n.regions) == 0 || n.component == "" {
		for _, p := range patterns {
			if parts := matchPattern(p, n.env); parts != nil {
				n.take(parts)
				return
			}
		}
	}
	at := cloudRegion.FindStringSubmatchIndex(separators.Replace(n.env))
	if at == nil {
		return
	}
	region := strings.ReplaceAll(n.env[at[4]:at[5]], "_", "-") // which names may have
	switch {
	case len(n.regions) == 0:
		n.regions = []string{region}
	case len(n.regions) > 1 || events.Slug(n.regions[0]) != events.Slug(region):
		return
	}
	n.env = n.env[:at[3]]
}

// separators are what stands in names where regions have a dash, byte by byte.
var separators = strings.NewReplacer(" ", "-", "_", "-", "/", "-", ".", "-")

func (n *names) take(parts map[string]string) {
	if env := parts["env"]; env != "" {
		n.env = env
	}
	n.fill(names{component: parts["component"]})
	if region := parts["region"]; region != "" && len(n.regions) == 0 {
		n.regions = []string{region}
	}
}

// cloudRegion finds a region of the large clouds at the end of a name whose
// separators are dashes: AWS's eu-west-1 and us-gov-east-1, Google's europe-west1,
// Azure's westeurope and eastus2.
var cloudRegion = regexp.MustCompile(`(?i)^(.*[a-z0-9])-+(` +
	`(?:us|eu|ap|sa|ca|me|af|il|cn|mx)-(?:gov-|iso[a-z]?-)?(?:north|south|central)?(?:east|west|north|south|central)-[0-9]` +
	`|(?:us|europe|asia|australia|northamerica|southamerica|me|africa)-(?:north|south|central)?(?:east|west|north|south|central)[0-9]{1,2}` +
	`|(?:north|south|east|west|central)(?:central)?(?:europe|us|india|korea)[23]?` +
	`|(?:north|south|west)central(?:us)|(?:east|southeast)asia|(?:japan|australia|canada|uae)(?:east|west|central|north|southeast)2?` +
	`|uk(?:south|west)|(?:france|switzerland|germany|norway|sweden|poland|italy|spain|israel|qatar|mexico|newzealand)(?:central|north|south|east|west|westcentral)` +
	`|brazilsouth(?:east)?|southafrica(?:north|west))$`)

// patternParts are what stands in braces in a pattern.
var patternParts = regexp.MustCompile(`\{(env|region|component)\}`)

// CheckPattern reports what is wrong with a pattern of names.
func CheckPattern(pattern string) error {
	if len(pattern) > maxWord {
		return events.Errorf(events.CodeSchema, "a pattern has at most %d bytes", maxWord)
	}
	rest := patternParts.ReplaceAllString(pattern, "")
	parts := patternParts.FindAllString(pattern, -1)
	seen := make(map[string]bool)
	for _, p := range parts {
		if seen[p] {
			return events.Errorf(events.CodeSchema, "the pattern has %s twice", p)
		}
		seen[p] = true
	}
	switch {
	case strings.ContainsAny(rest, "{}"):
		return events.Errorf(events.CodeSchema, "a pattern has {env}, {region} and {component} in it, and nothing else in braces")
	case !seen["{env}"] || len(parts) < 2:
		return events.Errorf(events.CodeSchema, "a pattern has {env} in it, and {region} or {component}")
	}
	return nil
}

// matchPattern returns the parts of a name that a pattern tells apart, nil when
// it does not match. Of several ways that in which the first parts are shortest
// counts.
func matchPattern(pattern, name string) map[string]string {
	at := patternParts.FindStringIndex(pattern)
	if at == nil {
		if pattern == name {
			return make(map[string]string)
		}
		return nil
	}
	rest, ok := strings.CutPrefix(name, pattern[:at[0]])
	if !ok {
		return nil
	}
	part := strings.Trim(pattern[at[0]:at[1]], "{}")
	for n := 1; n <= len(rest); n++ {
		if parts := matchPattern(pattern[at[1]:], rest[n:]); parts != nil {
			parts[part] = rest[:n]
			return parts
		}
	}
	return nil
}

// maxRollout is the longest name of a deployment or a release.
const maxRollout = 128

// fitRollout makes a name fit for a deployment or a release: what is outside
// their alphabet becomes '-', a longer one keeps its beginning and 8 hex digits
// of its SHA-256. It returns "" when nothing usable is left.
func fitRollout(name string) string {
	fit := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '+', r == '-':
			return r
		}
		return '-'
	}, name)
	fit = strings.TrimLeft(fit, "._+-")
	if strings.HasPrefix(fit, "run.") {
		fit = "run-" + fit[len("run."):] // reserved
	}
	if len(fit) <= maxRollout {
		return fit
	}
	sum := sha256.Sum256([]byte(name))
	return fit[:maxRollout-9] + "-" + hex.EncodeToString(sum[:4])
}
