package access

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Auth tells callers apart. Make one with [Open] or [Load]; it is safe for
// concurrent use.
type Auth struct {
	path  string                // of the tokens file, "" when open
	table atomic.Pointer[table] // nil when open
}

// Open returns an Auth that takes everyone for [Local] with all roles. It is
// for listeners that only this machine reaches.
func Open() *Auth { return new(Auth) }

// Load reads a tokens file. The error names the file and every fault in it, and
// never a token or its hash.
func Load(path string) (*Auth, error) {
	a := &Auth{path: path}
	if err := a.Reload(); err != nil {
		return nil, err
	}
	return a, nil
}

// Reload reads the tokens file again. On an error the tokens read before stay
// in force. Requests under way keep the rights they began with. It does nothing
// on an open Auth.
func (a *Auth) Reload() error {
	if a.path == "" {
		return nil
	}
	doc, err := os.ReadFile(a.path)
	if err != nil {
		return fmt.Errorf("read tokens: %w", err)
	}
	t, err := parse(doc)
	if err != nil {
		return fmt.Errorf("tokens file %s: %w", a.path, err)
	}
	a.table.Store(t)
	return nil
}

// Authenticate returns who sent r, by its bearer token. Without a token or with
// one that nobody has it fails with [events.CodeAuth].
func (a *Auth) Authenticate(r *http.Request) (Caller, error) {
	if a.open() {
		return local(Local), nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Caller{}, events.Errorf(events.CodeAuth, "no bearer token").
			WithHint("send the header \"Authorization: Bearer <token>\"")
	}
	return a.Token(strings.TrimSpace(token))
}

// Token returns who holds a token, or [events.CodeAuth].
//
// The look-up is by the token's SHA-256: how long it takes says something about
// the hash of the guess at most, which the guesser knows, and nothing about any
// token.
func (a *Auth) Token(token string) (Caller, error) {
	if a.open() {
		return local(Local), nil
	}
	if c, ok := a.table.Load().byToken[sha256.Sum256([]byte(token))]; ok {
		return c, nil
	}
	return Caller{}, events.Errorf(events.CodeAuth, "nobody has this token")
}

// Emitter returns the caller of a name whose identity something else has
// proved: the NATS server, which lets each emitter publish on its own subject
// only. When open, every name may do what [Local] may. A name without a token
// fails with [events.CodeForbidden].
func (a *Auth) Emitter(name string) (Caller, error) {
	if err := events.CheckName("emitter", name); err != nil {
		return Caller{}, err
	}
	if a.open() {
		return local(name), nil
	}
	if c, ok := a.table.Load().byName[name]; ok {
		return c, nil
	}
	return Caller{}, events.Errorf(events.CodeForbidden, "no token names this emitter").
		WithHint("add it to auth.tokens_file")
}

func (a *Auth) open() bool { return a.path == "" }

// local is a caller that may do everything.
func local(name string) Caller { return Caller{Name: name, roles: RoleAdmin.bit()} }
