package events

import "strings"

// Names are what a tool knows about a rollout when it wants to name it.
type Names struct {
	Deployment string   // given by the caller
	Version    string   // the version people know
	Images     []string // image references, "registry/app:tag"
	Commit     string   // a full or short Git commit id
	Run        string   // the run id of a pipeline
}

// DeploymentID walks the naming ladder that emit, run and every mapping share:
// the given deployment, else the version, else the one image's tag, else
// git-<12 hex>, else run-<id>. It returns "" when no rung holds. The result is
// not checked against the alphabet: [ParseKey] does that.
func DeploymentID(n Names) string {
	if n.Deployment != "" {
		return n.Deployment
	}
	if n.Version != "" {
		return n.Version
	}
	if len(n.Images) == 1 {
		if tag := imageTag(n.Images[0]); tag != "" {
			return tag
		}
	}
	if len(n.Commit) >= 12 && isHex(n.Commit) {
		return "git-" + strings.ToLower(n.Commit[:12])
	}
	if n.Run != "" {
		return "run-" + n.Run
	}
	return ""
}

// imageTag returns the tag of an image reference, or "" when it has none. A
// colon before the last slash is a port.
func imageTag(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	_, tag, _ := strings.Cut(name, ":")
	return tag
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
