package natsd

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Names of our own roles on the embedded server.
const (
	RoleAdmin     = "admin" // creates and repairs the streams; never leaves the process
	RoleIngest    = "ingest"
	RoleProjector = "projector"
	RoleNotifier  = "notifier"
)

// rolesFile is where [WriteRoles] puts the passwords, below the data directory.
const rolesFile = "nats/roles.json"

// Roles are the passwords of our own roles, by name. Who has them can write the
// truth: the file that holds them is readable by its owner only.
type Roles map[string]string

// GenerateRoles returns a new random password (256 bits) for each role.
func GenerateRoles() Roles {
	r := make(Roles, 4)
	for _, name := range []string{RoleAdmin, RoleIngest, RoleProjector, RoleNotifier} {
		r[name] = rand.Text() + rand.Text()
	}
	return r
}

// Users returns the roles as users, each with what its work needs and no more.
func (r Roles) Users() []User {
	users := make([]User, 0, len(r))
	for _, name := range []string{RoleAdmin, RoleIngest, RoleProjector, RoleNotifier} {
		password, ok := r[name]
		if !ok {
			continue
		}
		users = append(users, User{
			Name:      name,
			Secret:    sha256.Sum256([]byte(password)),
			Own:       true,
			Publish:   publishes(name),
			Subscribe: []string{InboxPrefix(name) + ".>"},
		})
	}
	return users
}

// InboxPrefix returns the prefix of the reply subjects of a role. Each role has
// its own, so that none can read what another was answered.
func InboxPrefix(role string) string { return "_INBOX_" + role }

func publishes(role string) []string {
	out := []string{"$JS.API.INFO", "$JS.API.STREAM.INFO.*"}
	switch role {
	case RoleAdmin:
		return []string{"$JS.API.>"}
	case RoleIngest:
		out = append(out, events.AllEvents, events.AllTicks, events.AllQuarantine)
		out = append(out, consumes(events.StreamRaw)...)
		out = append(out, "$JS.ACK."+events.StreamRaw+".>")
		out = append(out, gets(events.StreamEvents, events.StreamQuarantine)...)
		// What people drop from quarantine, and what is too old to stay there.
		out = append(out, "$JS.API.STREAM.MSG.DELETE."+events.StreamQuarantine, "$JS.API.STREAM.PURGE."+events.StreamQuarantine)
	case RoleProjector:
		out = append(out, events.AllChanges, events.AllQuarantine, "$KV."+events.BucketCurrent+".>")
		out = append(out, consumes(events.StreamEvents, events.StreamChanges, events.StreamAlerts)...)
		out = append(out, gets(events.StreamEvents, events.StreamChanges, events.StreamAlerts, events.StreamQuarantine, "KV_"+events.BucketCurrent)...)
	case RoleNotifier:
		out = append(out, events.AllAlerts, events.AllQuarantine)
		out = append(out, consumes(events.StreamEvents, events.StreamChanges, events.StreamAlerts)...)
		out = append(out, gets(events.StreamChanges, events.StreamAlerts)...)
	}
	return out
}

// consumes lists the API subjects of reading streams through consumers.
func consumes(streams ...string) []string {
	var out []string
	for _, s := range streams {
		for _, verb := range []string{"CREATE", "DURABLE.CREATE", "INFO", "DELETE", "MSG.NEXT"} {
			out = append(out, "$JS.API.CONSUMER."+verb+"."+s+".>")
		}
		out = append(out, "$JS.API.CONSUMER.CREATE."+s)
	}
	return out
}

// gets lists the API subjects of reading single messages.
func gets(streams ...string) []string {
	var out []string
	for _, s := range streams {
		out = append(out, "$JS.API.STREAM.MSG.GET."+s, "$JS.API.DIRECT.GET."+s, "$JS.API.DIRECT.GET."+s+".>")
	}
	return out
}

// WriteRoles stores the passwords that role processes on this machine need to
// connect in <data-dir>/nats/roles.json, readable by its owner only. The admin
// role is left out. The file is replaced as a whole or not at all.
func WriteRoles(dataDir string, r Roles) error {
	shared := make(Roles, len(r))
	for name, password := range r {
		if name != RoleAdmin {
			shared[name] = password
		}
	}
	raw, err := json.MarshalIndent(shared, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the role passwords: %w", err)
	}
	path := filepath.Join(dataDir, filepath.FromSlash(rolesFile))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return classify("create the directory of the role passwords", dataDir, err)
	}
	// CreateTemp makes the file 0600. A crash before the rename leaves the old
	// file in place; the passwords are made anew at each start of the server.
	tmp, err := os.CreateTemp(filepath.Dir(path), ".roles-*")
	if err != nil {
		return classify("write the role passwords", dataDir, err)
	}
	_, err = tmp.Write(append(raw, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return classify("write the role passwords", dataDir, errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}

// ReadRoles reads what [WriteRoles] wrote. It refuses a file that others than
// its owner could read; errors.Is(err, fs.ErrNotExist) says that there is none.
func ReadRoles(dataDir string) (Roles, error) {
	path := filepath.Join(dataDir, filepath.FromSlash(rolesFile))
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{
				Kind: KindConfig, Op: "read the role passwords", Err: err,
				Hint: "start the server (telltale serve) with this --data-dir first, or give --nats-url with credentials",
			}
		}
		return nil, classify("read the role passwords", dataDir, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &Error{
			Kind: KindConfig, Op: "read the role passwords", Hint: "chmod 600 " + path,
			Err: fmt.Errorf("%s can be read by others", path),
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, classify("read the role passwords", dataDir, err)
	}
	var r Roles
	if err := json.Unmarshal(raw, &r); err != nil {
		// The cause would quote the file, which is secret.
		return nil, &Error{Kind: KindConfig, Op: "read the role passwords", Hint: "delete " + path + " and restart the server", Err: errors.New("the file is not JSON")}
	}
	return r, nil
}
