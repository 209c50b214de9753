package access

import (
	"path"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Role is a kind of work that a caller may be allowed to do.
type Role string

// The roles of the contract. None implies another, except that an admin may do
// everything.
const (
	RoleEmit    Role = "emit"    // say what happened to deployments, slots and releases
	RoleImport  Role = "import"  // bring in recorded history with its stamps and ticks
	RoleView    Role = "view"    // read
	RoleOperate Role = "operate" // override, freeze, acknowledge, silence, replay
	RoleAdmin   Role = "admin"   // put definitions in force
)

// roleSet holds roles as bits.
type roleSet uint8

// bit returns the bit of a role, 0 when it is none of ours.
func (r Role) bit() roleSet {
	switch r {
	case RoleEmit:
		return 1 << 0
	case RoleImport:
		return 1 << 1
	case RoleView:
		return 1 << 2
	case RoleOperate:
		return 1 << 3
	case RoleAdmin:
		return 1 << 4
	}
	return 0
}

// Local is the name of the caller on an open loopback listener.
const Local = "local"

// Caller is an authenticated identity and what it may do. The zero value may do
// nothing. A Caller is a value and safe for concurrent use.
type Caller struct {
	// Name becomes the emitter of what this caller sends.
	Name string

	roles      roleSet
	envs       patterns
	components patterns
}

// Emitting returns a caller that something other than a token vouches for, such as
// the signature of a webhook: it has [RoleEmit] where the patterns allow it, nil
// allowing everything. A name or a pattern that is none is an error.
func Emitting(name string, envs, components []string) (Caller, error) {
	return entry{Name: name, Roles: []Role{RoleEmit}, Envs: envs, Components: components}.caller()
}

// Has reports whether the caller has a role somewhere. It does not say where:
// that is [Caller.May].
func (c Caller) Has(role Role) bool { return c.roles&(role.bit()|RoleAdmin.bit()) != 0 }

// MaySend reports whether there is anything the caller may send to the doors.
func (c Caller) MaySend() bool {
	return c.Has(RoleEmit) || c.Has(RoleImport) || c.Has(RoleOperate)
}

// May returns nil when the caller has role for a component of an environment,
// else [events.CodeForbidden]. An empty component stands for all components of
// env, an empty env for all environments: both take a caller whose patterns
// leave nothing out, so that a token for one component cannot freeze the
// environment around it.
func (c Caller) May(role Role, env, component string) error {
	switch {
	case !c.Has(role):
		return events.Errorf(events.CodeForbidden, "%s does not have the role %s", c.Name, role)
	case !c.envs.match(env):
		return events.Errorf(events.CodeForbidden, "%s may not %s in this environment", c.Name, role)
	case !c.components.match(component):
		return events.Errorf(events.CodeForbidden, "%s may not %s for this component", c.Name, role)
	}
	return nil
}

// patterns are alternatives of [path.Match]; nil allows everything.
type patterns []string

// match reports whether name is allowed; an empty name stands for all names.
func (p patterns) match(name string) bool {
	if p == nil {
		return true
	}
	if name == "" {
		return false
	}
	for _, pattern := range p {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}
