package cli

import (
	"context"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/emitcli"
	"github.com/telltale-dev/telltale/pkg/events"
)

// gitTimeout bounds one question to Git, which answers from the disk.
const gitTimeout = 5 * time.Second

// originOf says where a file is kept: what the CI system says it has checked
// out, else what Git says of the file's directory. nil when neither knows, or
// when the file is not what was committed.
func originOf(ctx context.Context, ci emitcli.CI, file string) *events.Origin {
	for _, ref := range ci.Refs {
		if repo, commit, ok := strings.Cut(strings.TrimPrefix(ref, "git:"), "@"); ok && strings.HasPrefix(ref, "git:") {
			return &events.Origin{Repo: repo, Commit: commit}
		}
	}
	if file == "-" {
		return nil
	}
	dir, base := filepath.Split(file)
	if dir == "" {
		dir = "."
	}
	commit, ok := git(ctx, dir, "rev-parse", "--verify", "HEAD")
	if !ok {
		return nil
	}
	if changes, ok := git(ctx, dir, "status", "--porcelain", "--ignored", "--", base); !ok || changes != "" {
		return nil
	}
	remote, _ := git(ctx, dir, "config", "--get", "remote.origin.url") // a repository may have none
	return &events.Origin{Repo: withoutUser(remote), Commit: commit}
}

// git asks Git about a directory; ok=false without Git or an answer. No program
// that the repository names is run for it.
func git(ctx context.Context, dir string, args ...string) (answer string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-C", dir}, args...)...).Output()
	return strings.TrimSpace(string(out)), err == nil
}

// withoutUser drops the user and password that a remote's URL may hold.
func withoutUser(remote string) string {
	u, err := url.Parse(remote)
	if err != nil || u.User == nil {
		return remote
	}
	u.User = nil
	return u.String()
}
