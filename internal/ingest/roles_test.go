package ingest

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// The doors do all their work with the rights of the role ingest, and an
// emitter reaches them with its own. What else they may not do is natsd's to test.
func TestWithTheRightsOfTheRole(t *testing.T) {
	roles := natsd.GenerateRoles()
	users := append(roles.Users(), natsd.Emitter("em-a", sha256.Sum256([]byte("s3cret"))))
	srv := testkit.Start(t, natsd.Config{StoreDir: t.TempDir(), RelaxedSync: true, Users: users, Listen: "127.0.0.1:0"})
	admin := testkit.Connect(t, stream.Options{
		InProcess: srv.InProcess(), User: natsd.RoleAdmin, Password: roles[natsd.RoleAdmin],
		InboxPrefix: natsd.InboxPrefix(natsd.RoleAdmin),
	})
	testkit.Ensure(t, admin, stream.Settings{AllowSingleReplica: true})

	w := &world{T: t, conn: testkit.Connect(t, stream.Options{
		InProcess: srv.InProcess(), User: natsd.RoleIngest, Password: roles[natsd.RoleIngest],
		InboxPrefix: natsd.InboxPrefix(natsd.RoleIngest),
	})}
	w.run(func(o *Options) { o.Definitions = []events.DefinitionActivated{StandardLifecycle()} })
	if a := w.post("/v1/events", event("http")); a.Status != http.StatusAccepted {
		t.Errorf("%d %s", a.Status, a.Text)
	}
	if a := w.post("/v1/events", []byte("{}")); a.Status != http.StatusBadRequest {
		t.Errorf("%d %s", a.Status, a.Text)
	}

	emitter := testkit.Connect(t, stream.Options{URL: srv.ClientURL(), User: "em-a", Password: "s3cret"})
	if _, err := emitter.JS.PublishMsg(t.Context(), &nats.Msg{Subject: "tt.v1.raw.em-a", Data: event("raw")}); err != nil {
		t.Errorf("publish as em-a: %v", err)
	}
	w.rawEmpty()
	if err := w.in.tick(t.Context()); err != nil {
		t.Errorf("tick: %v", err)
	}
	if err := w.in.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	q := w.quarantine(0)
	if len(q) != 1 {
		t.Fatalf("quarantine holds %d entries", len(q))
	}
	path := fmt.Sprintf("/v1/quarantine/%d", q[0].Seq)
	if a := w.ask(http.MethodPost, path+"/replay", nil); a.Status != http.StatusAccepted || len(a.Quarantined) != 1 {
		t.Errorf("replay: %d %s", a.Status, a.Text)
	}
	if a := w.ask(http.MethodDelete, path+"?reason=test", nil); a.Status != http.StatusOK {
		t.Errorf("drop: %d %s", a.Status, a.Text)
	}
	if n, err := w.in.quarantines[doorHTTP].Expire(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("expire: %d, %v", n, err)
	}
	var types []string
	for _, s := range w.stored() {
		types = append(types, s.Type)
	}
	if len(types) != 4 || types[0] != events.TypeDefinitionActivated || types[3] != events.TypeTick {
		t.Errorf("stored %v", types)
	}
	if e := w.stored()[2]; e.ID != "raw" || e.Emitter != "em-a" {
		t.Errorf("%s from %s", e.ID, e.Emitter)
	}
}
