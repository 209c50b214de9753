package natsd

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/telltale-dev/telltale/pkg/events"
)

// doorsAccount holds everyone who is not one of our own roles.
const doorsAccount = "DOORS"

// User is who may connect, and what for. A client gives the name and the
// password, or the password alone as a token.
type User struct {
	Name string

	// Secret is the SHA-256 of the password: all the server needs to know.
	// The zero value admits nobody by password, only as NoAuthUser.
	Secret [sha256.Size]byte

	// Own puts the user among our own roles, beside the streams. The others are
	// in an account that sees only what the streams offer to outsiders.
	Own bool

	// Publish and Subscribe list what is allowed; nothing else is.
	Publish, Subscribe []string
}

// Emitter returns a user who may report under its own name on
// tt.v1.raw.<name>, and read what everybody may read: changes as they happen,
// and by direct get. secret is the SHA-256 of its token.
func Emitter(name string, secret [sha256.Size]byte) User {
	return User{Name: name, Secret: secret, Publish: append(reads(), events.RawSubject(name)), Subscribe: listens()}
}

// Local returns the user that a client without credentials becomes on the open
// loopback listener. It may report under any name and read what everybody may
// read.
func Local() User {
	return User{Name: "local", Publish: append(reads(), events.AllRaw), Subscribe: listens()}
}

// listens are the subjects an outsider may subscribe to: replies to its own
// requests, and changes as they are published.
func listens() []string { return []string{"_INBOX.>", events.AllChanges} }

// reads are the requests an outsider may make. Consumers are not among them: a
// consumer delivers to any subject its creator names, a direct get only ever
// answers who asked.
func reads() []string {
	var out []string
	for _, stream := range []string{events.StreamChanges, "KV_" + events.BucketCurrent} {
		out = append(out,
			"$JS.API.STREAM.INFO."+stream,
			"$JS.API.DIRECT.GET."+stream,
			"$JS.API.DIRECT.GET."+stream+".>")
	}
	return out
}

// authenticator decides who a client is. Nobody is admitted before open.
type authenticator struct {
	bySecret map[[sha256.Size]byte]*User
	accounts atomic.Pointer[accounts]
	noAuth   *User
}

// accounts exist once the server runs.
type accounts struct {
	own, doors *server.Account
}

// newAuthenticator returns nil when there are no users: the open server.
func newAuthenticator(users []User, noAuth string) (*authenticator, error) {
	if len(users) == 0 && noAuth == "" {
		return nil, nil
	}
	users = slices.Clone(users) // the caller may change its own
	a := &authenticator{bySecret: make(map[[sha256.Size]byte]*User, len(users))}
	var errs []error
	named := make(map[string]*User, len(users))
	for i := range users {
		u := &users[i]
		// An emitter may have several passwords, the old and the new while one is
		// being replaced. The name of a role of ours is its own.
		if other := named[u.Name]; u.Name == "" || other != nil && (u.Own || other.Own) {
			errs = append(errs, fmt.Errorf("user %q has no name or that of a role", u.Name))
		}
		named[u.Name] = u
		if u.Secret != ([sha256.Size]byte{}) {
			if other, taken := a.bySecret[u.Secret]; taken {
				errs = append(errs, fmt.Errorf("users %q and %q have the same password", other.Name, u.Name))
			}
			a.bySecret[u.Secret] = u
		}
		if u.Name == noAuth {
			a.noAuth = u
		}
	}
	if noAuth != "" && a.noAuth == nil {
		errs = append(errs, fmt.Errorf("no user %q for clients without credentials", noAuth))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &Error{Kind: KindConfig, Op: "read the NATS users", Err: err}
	}
	return a, nil
}

// open sets up what the streams offer to outsiders and admits clients.
func (a *authenticator) open(srv *server.Server) error {
	own := srv.GlobalAccount()
	doors, _ := srv.LookupOrRegisterAccount(doorsAccount)
	services := append(reads(), events.AllRaw)
	for _, subject := range services {
		kind := server.Singleton
		if strings.HasPrefix(subject, "$JS.API.DIRECT.GET.") {
			kind = server.Streamed // several messages may answer it
		}
		if err := own.AddServiceExportWithResponse(subject, kind, []*server.Account{doors}); err != nil {
			return fmt.Errorf("offer %s: %w", subject, err)
		}
		if err := doors.AddServiceImport(own, subject, subject); err != nil {
			return fmt.Errorf("use %s: %w", subject, err)
		}
	}
	if err := own.AddStreamExport(events.AllChanges, []*server.Account{doors}); err != nil {
		return fmt.Errorf("offer %s: %w", events.AllChanges, err)
	}
	if err := doors.AddStreamImport(own, events.AllChanges, ""); err != nil {
		return fmt.Errorf("use %s: %w", events.AllChanges, err)
	}
	a.accounts.Store(&accounts{own: own, doors: doors})
	return nil
}

// Check implements server.Authentication.
func (a *authenticator) Check(c server.ClientAuthentication) bool {
	acc := a.accounts.Load()
	if acc == nil || c.Kind() != server.CLIENT {
		return false
	}
	u := a.user(c.GetOpts())
	if u == nil {
		return false
	}
	account := acc.doors
	if u.Own {
		account = acc.own
	}
	c.RegisterUser(&server.User{
		Username: u.Name,
		Account:  account,
		Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: u.Publish},
			Subscribe: &server.SubjectPermission{Allow: u.Subscribe},
		},
	})
	return true
}

// user finds who gave these credentials. The look-up goes by the hash of what
// was given, so its timing tells nothing about a password.
func (a *authenticator) user(o *server.ClientOpts) *User {
	if o.Username == "" && o.Password == "" && o.Token == "" {
		return a.noAuth
	}
	secret := o.Password
	if o.Username == "" && secret == "" {
		secret = o.Token
	}
	u := a.bySecret[sha256.Sum256([]byte(secret))]
	if u == nil || o.Username != "" && subtle.ConstantTimeCompare([]byte(o.Username), []byte(u.Name)) == 0 {
		return nil
	}
	return u
}
