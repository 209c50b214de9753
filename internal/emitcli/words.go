package emitcli

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/pflag"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Bounds of the vocabulary. What the environment adds beyond them is left
// out; what a person gives beyond them is refused.
const (
	maxRefs      = 16
	maxRefBytes  = 256
	maxNameBytes = 256
	maxLinkBytes = 2048
)

// words holds the flags that say what happened, to what.
type words struct {
	env, component, deployment, version, release string
	regions, refs, images                        []string
	attempt                                      uint32
	source, link, actor, id                      string
	at                                           instant

	reason, message, class, owner string
	labels                        map[string]string

	ci CI // what the CI system says, filled in by complete
}

// register adds the flags that every word has.
func (w *words) register(fs *pflag.FlagSet) {
	fs.StringVar(&w.env, "env", "", "environment")
	fs.StringSliceVar(&w.regions, "region", nil, "region, or several: one event for each")
	fs.StringVar(&w.component, "component", "", "component")
	fs.StringVar(&w.deployment, "deployment", "", "name of the rollout (default: version, image tag, commit, run)")
	fs.StringVar(&w.version, "version", "", "version that people know")
	fs.StringVar(&w.release, "release", "", "release that the deployment belongs to")
	fs.StringSliceVar(&w.refs, "ref", nil, "other names of the same thing: git:org/app@abc, oci:sha256:…")
	fs.StringSliceVar(&w.images, "image", nil, "image that is rolled out; its tag names the deployment")
	fs.Uint32Var(&w.attempt, "attempt", 0, "number of the rollout under this name (default: the one under way)")
	fs.StringVar(&w.source, "source", "", "who says so (default: from the CI system)")
	fs.StringVar(&w.link, "link", "", "where to look (default: the CI system's page)")
	fs.StringVar(&w.actor, "actor", "", "opaque id of who acts, like github:12345")
	fs.StringVar(&w.id, "id", "", "event id (default: derived, so that a repeated step is a duplicate)")
	fs.Var(&w.at, "time", "when it happened (default: now)")
}

// registerReport adds the flags of a status.
func (w *words) registerReport(fs *pflag.FlagSet) {
	fs.StringVar(&w.reason, "reason", "", "why, in a few words")
	fs.StringVar(&w.message, "message", "", "more for people")
	fs.StringVar(&w.class, "class", "", "of a failure: permanent, transient or environmental")
	fs.StringVar(&w.owner, "owner", "", "who is responsible")
	fs.StringToStringVar(&w.labels, "label", nil, "label as name=value, repeatable")
}

// complete fills in what the CI system knows and no flag gave.
func (w *words) complete(ci CI) {
	w.ci = ci
	if w.source == "" {
		w.source = ci.Source
	}
	if w.source == "" {
		w.source = "/cli"
	}
	if w.link == "" {
		w.link = webLink(ci.URL)
	}
	if w.actor == "" {
		w.actor = ci.Actor
	}
	names := ci.names()
	names.Deployment, names.Version, names.Images = w.deployment, w.version, w.images
	w.deployment = events.DeploymentID(names)
	all := slices.Clone(w.refs)
	for _, image := range w.images {
		if _, digest, ok := strings.Cut(image, "@"); ok {
			all = append(all, "oci:"+digest)
		}
	}
	for _, r := range ci.Refs {
		if len(all) < maxRefs && len(r) <= maxRefBytes {
			all = append(all, r)
		}
	}
	slices.Sort(all)
	w.refs = slices.Compact(all)
}

// webLink drops what an environment calls a link and a server would refuse.
func webLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(u.String()) > maxLinkBytes {
		return ""
	}
	return u.String()
}

// reported returns the data of a status.
func (w *words) reported(status string) *events.Reported {
	r := &events.Reported{
		Status: status, Attempt: w.attempt, Version: w.version, Release: w.release,
		Class: events.Class(w.class), Reason: w.reason, Message: w.message,
		URL: w.link, Actor: w.actor, Owner: w.owner, Labels: w.labels, Refs: w.refs,
	}
	if len(w.images) == 1 {
		name, digest, _ := strings.Cut(w.images[0], "@")
		r.Artifact = &events.Artifact{Name: name, Digest: digest}
	}
	return r
}

// say returns one event for each region, valid and ready to send. step tells
// executions apart: the same word said again under the same step gets the same
// id, an empty step gives every word an id of its own.
func (w *words) say(typ string, data any, step string) ([]events.Event, error) {
	if w.env == "" || w.component == "" || len(w.regions) == 0 {
		return nil, usage("--env, --region and --component say what this is about (or TELLTALE_ENV, TELLTALE_REGION, TELLTALE_COMPONENT)")
	}
	if typ != events.TypeObserved && w.deployment == "" {
		return nil, usage("nothing names the deployment: give --version or --deployment")
	}
	at := w.at.Time
	if at.IsZero() {
		at = time.Now().UTC()
	}
	out := make([]events.Event, 0, len(w.regions))
	for _, region := range w.regions {
		e := events.Event{Source: w.source, Type: typ}
		e.Subject = w.env + "/" + region + "/" + w.component
		if typ != events.TypeObserved {
			e.Subject += "/" + w.deployment
		}
		e.SetTime(at)
		if err := e.SetData(data); err != nil {
			return nil, usage("%s: %w", e.Subject, err)
		}
		switch {
		case w.id != "" && len(w.regions) > 1:
			e.ID = w.id + "." + region // one identity is one event
		case w.id != "":
			e.ID = w.id
		case step != "":
			e.ID = derivedID(&e, step)
		default:
			e.ID = rand.Text()
		}
		if err := e.Validate(); err != nil {
			return nil, usage("%s: %w", e.Subject, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// derivedID is a hash over everything that an event says but when. Key, status
// and attempt are in the subject and the data.
func derivedID(e *events.Event, step string) string {
	h := sha256.New()
	for _, part := range []string{e.Source, e.Type, e.Subject, step} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(e.Data)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// object returns a flag's pairs as a JSON object, nil without any. It fails on
// what is not UTF-8.
func object(pairs map[string]string) (jsontext.Value, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	return json.Marshal(pairs, json.Deterministic(true))
}
