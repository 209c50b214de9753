// Package signature says whether a webhook comes from who shares a secret with
// us. It is pure: the time is an argument, and nothing is remembered, so that a
// request within its five minutes can be sent again; what it says is then a
// duplicate, because events have the identity of the fact and not of the
// delivery.
//
// Every comparison with a secret or with what is computed from one takes the
// same time whatever the guess (crypto/hmac, crypto/subtle), and all secrets of
// a hook are tried whichever of them holds. Errors carry [events.CodeAuth] and
// never a secret, nor anything computed from one.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Scheme is a way in which senders prove who they are.
type Scheme string

// The schemes. Where a scheme signs the time, requests further than [Tolerance]
// from it are refused.
const (
	// GitHub signs the body: X-Hub-Signature-256 is "sha256=" and the HMAC-SHA256
	// in hex. There is no time in it.
	GitHub Scheme = "github"

	// GitLab sends the secret itself as X-Gitlab-Token; with a signing token,
	// a secret that begins with "whsec_", it signs as [StandardWebhooks] does.
	GitLab Scheme = "gitlab"

	// StandardWebhooks signs "id.timestamp.body": webhook-signature is a list of
	// "v1," and the HMAC-SHA256 in base64 (Standard Webhooks 1.0). The secret is
	// base64, with or without "whsec_" before it.
	StandardWebhooks Scheme = "standard-webhooks"

	// Bearer sends the secret as "Authorization: Bearer <secret>".
	Bearer Scheme = "bearer"

	// Basic sends the secret, "user:password", as HTTP Basic authentication.
	Basic Scheme = "basic"

	// PagerDuty signs the body: X-PagerDuty-Signature is a list of "v1=" and the
	// HMAC-SHA256 in hex, one for each secret that is valid there. There is no
	// time in it.
	PagerDuty Scheme = "pagerduty"

	// Slack signs "v0:timestamp:body": X-Slack-Signature is "v0=" and the
	// HMAC-SHA256 in hex, X-Slack-Request-Timestamp the time.
	Slack Scheme = "slack"

	// Jira signs the body: X-Hub-Signature is "sha256=" and the HMAC-SHA256 in hex
	// (WebSub 7.1). There is no time in it.
	Jira Scheme = "jira"

	// Flux signs the body, in a provider of the type generic-hmac: X-Signature is
	// "sha256=" and the HMAC-SHA256 in hex. There is no time in it.
	Flux Scheme = "flux"
)

// Tolerance is how far the time that a sender signed may be from ours, both
// ways.
const Tolerance = 5 * time.Minute

// maxSignatures bounds how many signatures of one request are looked at. Senders
// give one for each secret that they rotate between.
const maxSignatures = 8

// Schemes returns all schemes in their order of definition.
func Schemes() []Scheme {
	return []Scheme{GitHub, GitLab, StandardWebhooks, Bearer, Basic, PagerDuty, Slack, Jira, Flux}
}

// Verifier holds requests against the secrets of one hook. It is never changed
// once made, and safe for concurrent use.
type Verifier struct {
	scheme Scheme
	keys   []key
}

// key is a secret as its scheme uses it.
type key struct {
	bytes  []byte
	signer bool // of the scheme gitlab: it signs, and is not sent itself
}

// New returns a verifier for requests that any of the secrets vouches for:
// several are valid at once while they are rotated. The error says which
// secret, by its place from 1, cannot be one and why, without showing it.
func New(scheme Scheme, secrets ...string) (*Verifier, error) {
	if !slices.Contains(Schemes(), scheme) {
		return nil, fmt.Errorf("scheme %q is none of %v", scheme, Schemes())
	}
	if len(secrets) == 0 {
		return nil, errors.New("there are no secrets")
	}
	v := &Verifier{scheme: scheme}
	for n, secret := range secrets {
		k, err := keyOf(scheme, secret)
		if err != nil {
			return nil, fmt.Errorf("secret %d %w", n+1, err)
		}
		v.keys = append(v.keys, k)
	}
	return v, nil
}

// standardPrefix marks a key of Standard Webhooks.
const standardPrefix = "whsec_"

func keyOf(scheme Scheme, secret string) (key, error) {
	signing := scheme == StandardWebhooks || scheme == GitLab && strings.HasPrefix(secret, standardPrefix)
	raw := []byte(secret)
	if signing {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, standardPrefix))
		if err != nil {
			return key{}, fmt.Errorf("is not base64, with %q before it or without", standardPrefix)
		}
		raw = decoded
	}
	switch {
	case len(raw) == 0:
		return key{}, errors.New("is empty")
	case scheme == Basic && !strings.Contains(secret, ":"):
		return key{}, errors.New("is not user:password")
	case !signing && strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return key{}, errors.New("holds a control character")
	}
	return key{bytes: raw, signer: signing}, nil
}

// Header is the header of a request under canonical names, as net/http gives
// it.
type Header = map[string][]string

// Verify returns nil when one of the secrets vouches for the request: its header,
// and where the scheme signs it the whole body as it came. now is our clock.
// Everything else is an [*events.Error] with [events.CodeAuth].
func (v *Verifier) Verify(h Header, body []byte, now time.Time) error {
	switch v.scheme {
	case GitHub:
		return v.signed(h, "X-Hub-Signature-256", "sha256=", hex.DecodeString, body)
	case Jira:
		return v.signed(h, "X-Hub-Signature", "sha256=", hex.DecodeString, body)
	case Flux:
		return v.signed(h, "X-Signature", "sha256=", hex.DecodeString, body)
	case PagerDuty:
		return v.signed(h, "X-Pagerduty-Signature", "v1=", hex.DecodeString, body)
	case Slack:
		return v.slack(h, body, now)
	case StandardWebhooks:
		return v.standard(h, body, now)
	case GitLab:
		return v.gitlab(h, body, now)
	case Bearer:
		return v.shown(h, "Authorization", "Bearer ")
	}
	return v.basic(h)
}

// gitlab takes a signature where GitLab sends one, else the token.
func (v *Verifier) gitlab(h Header, body []byte, now time.Time) error {
	signers := slices.DeleteFunc(slices.Clone(v.keys), func(k key) bool { return !k.signer })
	shown := slices.DeleteFunc(slices.Clone(v.keys), func(k key) bool { return k.signer })
	if len(signers) > 0 && (len(h["Webhook-Signature"]) > 0 || len(shown) == 0) {
		return (&Verifier{scheme: StandardWebhooks, keys: signers}).standard(h, body, now)
	}
	return (&Verifier{scheme: GitLab, keys: shown}).shown(h, "X-Gitlab-Token", "")
}

// standard checks Standard Webhooks, section "Signature scheme".
func (v *Verifier) standard(h Header, body []byte, now time.Time) error {
	id, err := one(h, "Webhook-Id")
	if err != nil {
		return err
	}
	stamp, err := fresh(h, "Webhook-Timestamp", now)
	if err != nil {
		return err
	}
	return v.signed(h, "Webhook-Signature", "v1,", base64.StdEncoding.DecodeString,
		[]byte(id), []byte("."), []byte(stamp), []byte("."), body)
}

func (v *Verifier) slack(h Header, body []byte, now time.Time) error {
	stamp, err := fresh(h, "X-Slack-Request-Timestamp", now)
	if err != nil {
		return err
	}
	return v.signed(h, "X-Slack-Signature", "v0=", hex.DecodeString, []byte("v0:"), []byte(stamp), []byte(":"), body)
}

// signed holds the signatures in a header against those of our own over the
// given parts. Signatures of another version of the scheme are passed over.
func (v *Verifier) signed(h Header, name, version string, decode func(string) ([]byte, error), parts ...[]byte) error {
	value, err := one(h, name)
	if err != nil {
		return err
	}
	given := make([][]byte, 0, 1)
	for _, text := range split(value, version) {
		text, ok := strings.CutPrefix(text, version)
		if !ok {
			continue
		}
		sum, err := decode(text)
		if err != nil || len(sum) != sha256.Size {
			continue
		}
		if given = append(given, sum); len(given) == maxSignatures {
			break
		}
	}
	if len(given) == 0 {
		return events.Errorf(events.CodeAuth, "the header %s holds no signature of the form %s…", name, version).
			WithHint("check that the hook's scheme is that of the tool")
	}
	matches := 0
	for _, k := range v.keys {
		mac := hmac.New(sha256.New, k.bytes)
		for _, part := range parts {
			mac.Write(part) // never fails
		}
		own := mac.Sum(nil)
		for _, sum := range given {
			matches += subtle.ConstantTimeCompare(own, sum)
		}
	}
	if matches == 0 {
		return wrong("the signature in %s does not hold", name)
	}
	return nil
}

// shown holds a secret that is sent as it is against ours. Digests are compared,
// so that not even a secret's length shows in the time it takes.
func (v *Verifier) shown(h Header, name, prefix string) error {
	value, err := one(h, name)
	if err != nil {
		return err
	}
	if len(value) < len(prefix) || !strings.EqualFold(value[:len(prefix)], prefix) {
		return events.Errorf(events.CodeAuth, "the header %s does not begin with %q", name, strings.TrimSpace(prefix)).
			WithHint("check that the hook's scheme is that of the tool")
	}
	return v.compare(strings.TrimSpace(value[len(prefix):]), name)
}

// basic checks HTTP Basic authentication (RFC 7617).
func (v *Verifier) basic(h Header) error {
	const name, prefix = "Authorization", "Basic "
	value, err := one(h, name)
	if err != nil {
		return err
	}
	var given []byte
	if len(value) >= len(prefix) && strings.EqualFold(value[:len(prefix)], prefix) {
		given, err = base64.StdEncoding.DecodeString(strings.TrimSpace(value[len(prefix):]))
	}
	if given == nil || err != nil {
		return events.Errorf(events.CodeAuth, "the header %s holds no Basic credentials", name).
			WithHint("check that the hook's scheme is that of the tool")
	}
	return v.compare(string(given), name)
}

func (v *Verifier) compare(given, name string) error {
	sum, matches := sha256.Sum256([]byte(given)), 0
	for _, k := range v.keys {
		own := sha256.Sum256(k.bytes)
		matches += subtle.ConstantTimeCompare(own[:], sum[:])
	}
	if matches == 0 {
		return wrong("the secret in %s is not one of this hook", name)
	}
	return nil
}
