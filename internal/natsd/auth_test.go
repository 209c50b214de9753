package natsd_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// secured is a server as `serve` starts it: our roles, an emitter with a token,
// and the open local user.
type secured struct {
	*natsd.Server
	roles natsd.Roles
}

const token = "a token that the emitter has"

func secure(t *testing.T) secured {
	t.Helper()
	roles := natsd.GenerateRoles()
	users := append(roles.Users(), natsd.Emitter("jenkins", sha256.Sum256([]byte(token))), natsd.Local())
	s := secured{testkit.Start(t, natsd.Config{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", RelaxedSync: true, Users: users, NoAuthUser: "local",
	}), roles}
	testkit.Ensure(t, s.as(t, natsd.RoleAdmin), stream.Settings{AllowSingleReplica: true})
	return s
}

// as connects as one of our roles, "jenkins", or "" for nobody.
func (s secured) as(t *testing.T, user string) *stream.Conn {
	t.Helper()
	o := stream.Options{URL: s.ClientURL()}
	switch user {
	case "":
	case "jenkins":
		o.User, o.Password = user, token
	default:
		o.InProcess = s.InProcess()
		o.User, o.Password, o.InboxPrefix = user, s.roles[user], natsd.InboxPrefix(user)
	}
	return testkit.Connect(t, o)
}

// TestWhoMayWriteWhat tries every writer on every kind of subject.
func TestWhoMayWriteWhat(t *testing.T) {
	s := secure(t)
	subjects := []string{
		"tt.v1.raw.jenkins", "tt.v1.raw.other", "tt.v1.events.prod.eu.web", "tt.v1.ticks.r1",
		"tt.v1.changes.prod.eu.web", "tt.v1.alerts.page.prod.web", "tt.v1.quarantine.ingest.E_TYPE", "$KV.TT_CURRENT.prod.eu.web",
	}
	for user, may := range map[string]string{
		"":                  "yyn nnn nn",
		"jenkins":           "ynn nnn nn",
		natsd.RoleIngest:    "nny ynn yn",
		natsd.RoleProjector: "nnn nyn yy",
		natsd.RoleNotifier:  "nnn nny yn",
		natsd.RoleAdmin:     "nnn nnn nn",
	} {
		t.Run("user "+user, func(t *testing.T) {
			c := s.as(t, user)
			allowed := make([]bool, 0, len(subjects))
			for _, m := range may {
				if m != ' ' {
					allowed = append(allowed, m == 'y')
				}
			}
			for i, subject := range subjects {
				if got := accepted(t, c, subject); got != allowed[i] {
					t.Errorf("%s: accepted %t, want %t", subject, got, allowed[i])
				}
			}
		})
	}
}

// accepted reports whether the server takes a publish: a stream acknowledges
// it, or the connection is told that it may not.
func accepted(t *testing.T, c *stream.Conn, subject string) bool {
	t.Helper()
	denied := make(chan error, 1)
	c.NC.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		select {
		case denied <- err:
		default:
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	acked := make(chan error, 1)
	go func() {
		_, err := c.NC.RequestWithContext(ctx, subject, []byte("{}"))
		acked <- err
	}()
	select {
	case err := <-acked:
		if err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
		return true
	case err := <-denied:
		cancel()
		<-acked
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Fatalf("%s: %v", subject, err)
		}
		return false
	}
}

// TestOutsidersCannotReachTheTruthByReply uses the reply subject of what an
// emitter may do to have something written where it may not.
func TestOutsidersCannotReachTheTruthByReply(t *testing.T) {
	s := secure(t)
	admin := s.as(t, natsd.RoleAdmin)
	for _, user := range []string{"", "jenkins"} {
		c := s.as(t, user)
		for subject, body := range map[string]string{
			"tt.v1.raw.jenkins":                  "{}",
			"$JS.API.STREAM.INFO.TT_CHANGES":     "",
			"$JS.API.DIRECT.GET.TT_CHANGES":      `{"seq":1}`,
			"$JS.API.DIRECT.GET.KV_TT_CURRENT":   `{"seq":1}`,
			"$JS.API.CONSUMER.CREATE.TT_CHANGES": `{"stream_name":"TT_CHANGES","config":{"deliver_subject":"tt.v1.events.a.b.c","ack_policy":"none"}}`,
		} {
			if err := c.NC.PublishRequest(subject, "tt.v1.events.prod.eu.web", []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		// The server works a connection off in order, so an answer to the last
		// request says that the others are done.
		if _, err := c.NC.Request("tt.v1.raw.jenkins", []byte("{}"), 20*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	id, err := stream.Identify(t.Context(), admin.JS, events.StreamEvents)
	if err != nil || id.Last != 0 {
		t.Errorf("TT_EVENTS holds %d messages, %v", id.Last, err)
	}
}

// TestOutsidersRead reads what everybody may read.
func TestOutsidersRead(t *testing.T) {
	s := secure(t)
	projector := s.as(t, natsd.RoleProjector)
	reader := s.as(t, "")
	live, err := reader.NC.SubscribeSync(events.AllChanges)
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	var changes []stream.Change
	for i := range uint32(3) {
		id := events.ChangeID{Incarnation: "i", Seq: 1, Index: i}
		changes = append(changes, stream.Change{
			Env: "prod", Subject: "tt.v1.changes.prod.eu.web", ID: id, Data: fmt.Appendf(nil, `{"id":%q}`, id),
		})
	}
	if err := stream.NewPublisher(projector, stream.PublisherOptions{}).Publish(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	past, err := reader.NC.SubscribeSync(reader.NC.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	get := []byte(`{"seq":1,"batch":100,"next_by_subj":"tt.v1.changes.prod.>"}`)
	if err := reader.NC.PublishRequest("$JS.API.DIRECT.GET.TT_CHANGES", past.Subject, get); err != nil {
		t.Fatal(err)
	}
	for _, want := range changes {
		for name, sub := range map[string]*nats.Subscription{"live": live, "past": past} {
			if m, err := sub.NextMsg(20 * time.Second); err != nil || string(m.Data) != string(want.Data) {
				t.Fatalf("%s %s: %v, %v", name, want.ID, m, err)
			}
		}
	}
	current, err := stream.NewCurrent(t.Context(), projector)
	if err != nil {
		t.Fatal(err)
	}
	if err := current.Put(t.Context(), []stream.Entry{{Key: "prod.eu.web", Revision: 1, Value: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	kv, err := reader.JS.KeyValue(t.Context(), events.BucketCurrent)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := kv.Get(t.Context(), "prod.eu.web"); err != nil || string(e.Value()) != "{}" {
		t.Errorf("get: %v, %v", e, err)
	}
}

// TestRolesDoTheirWork lets each role do with its own rights what it is for.
func TestRolesDoTheirWork(t *testing.T) {
	s := secure(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ingest, projector := s.as(t, natsd.RoleIngest), s.as(t, natsd.RoleProjector)

	committer := stream.NewCommitter(ingest, events.StreamEvents, stream.CommitterOptions{})
	done := make(chan error, 1)
	go func() { done <- committer.Run(ctx) }()
	msgs := make([]stream.Message, 20)
	for i := range msgs {
		msgs[i] = stream.Message{Subject: events.TickSubject("r1"), Data: []byte("{}")}
	}
	if _, err := committer.Commit(ctx, msgs); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*stream.Conn{projector, s.as(t, natsd.RoleNotifier)} {
		read, stop := context.WithCancel(ctx)
		seen := 0
		err := stream.NewReader(c, stream.ReaderOptions{Stream: events.StreamEvents, From: 1}).
			Run(read, func(_ context.Context, batch []stream.Msg) error {
				if seen += len(batch); seen == len(msgs) {
					stop()
				}
				return nil
			})
		if err != nil || seen != len(msgs) {
			t.Errorf("%d read, %v", seen, err)
		}
	}
	for _, c := range []*stream.Conn{ingest, projector} {
		q := stream.NewQuarantine(c)
		if _, err := q.Put(ctx, stream.Quarantined{Stage: "ingest", Code: events.CodeType}); err != nil {
			t.Error(err)
		}
		if got, err := q.List(ctx, 0, 10); err != nil || len(got) == 0 {
			t.Errorf("%v, %v", got, err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWrongCredentials(t *testing.T) {
	s := secure(t)
	for name, o := range map[string]stream.Options{
		"wrong password":         {User: "ingest", Password: "x"},
		"another's password":     {User: "ingest", Password: token},
		"a user without secret":  {User: "local", Password: ""},
		"unknown user":           {User: "root", Password: token},
		"token instead, but bad": {Password: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			o.URL = s.ClientURL()
			c, err := stream.Connect(t.Context(), o)
			if err == nil {
				c.Close()
			}
			var e *stream.Error
			if !errors.As(err, &e) || e.Kind != stream.Permanent || e.Hint == "" {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("token alone", func(t *testing.T) {
		nc, err := nats.Connect(s.ClientURL(), nats.Token(token))
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
	})
}

// While a token is replaced, the old and the new one open the same door.
func TestTwoTokensOfOneEmitter(t *testing.T) {
	tokens := []string{"the-old-token", "the-new-token"}
	var users []natsd.User
	for _, token := range tokens {
		users = append(users, natsd.Emitter("ci", sha256.Sum256([]byte(token))))
	}
	s, err := natsd.Start(t.Context(), natsd.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Users: users})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	for _, token := range tokens {
		nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("ci", token))
		if err != nil {
			t.Fatalf("%s: %v", token, err)
		}
		nc.Close()
	}
	if nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("ci", "another")); err == nil {
		nc.Close()
		t.Error("any token opens the door")
	}
}

func TestRolesFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := natsd.ReadRoles(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	roles := natsd.GenerateRoles()
	if err := natsd.WriteRoles(dir, roles); err != nil {
		t.Fatal(err)
	}
	got, err := natsd.ReadRoles(dir)
	if err != nil || len(got) != 3 || got[natsd.RoleIngest] != roles[natsd.RoleIngest] || got[natsd.RoleAdmin] != "" {
		t.Errorf("%d roles, %v", len(got), err)
	}
	path := filepath.Join(dir, "nats", "roles.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := natsd.ReadRoles(dir); err == nil {
		t.Error("a file that others can read was taken")
	}
}
