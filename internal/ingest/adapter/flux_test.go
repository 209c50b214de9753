package adapter

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/testkit"
)

func TestFluxEvents(t *testing.T) {
	body := string(made(t, "flux", "event"))
	for _, c := range []struct {
		kind, reason string
		want         []string
	}{
		{"Kustomization", "Progressing", []string{"in_progress"}},
		{"Kustomization", "ProgressingWithRetry", []string{"in_progress"}},
		{"Kustomization", "ReconciliationSucceeded", []string{"deployed"}},
		{"Kustomization", "ReconciliationFailed", []string{"failed"}},
		{"Kustomization", "BuildFailed", []string{"failed/permanent"}},
		{"Kustomization", "ArtifactFailed", []string{"failed/environmental"}},
		{"Kustomization", "PruneFailed", []string{"failed"}},
		{"Kustomization", "HealthCheckFailed", []string{"failed", "evidence:health-"}},
		{"Kustomization", "HealthCheckCanceled", []string{"superseded"}},
		{"Kustomization", "DependencyNotReady", []string{"blocked"}},
		{"Kustomization", "Suspended", []string{"blocked"}},
		{"HelmRelease", "InstallSucceeded", []string{"deployed"}},
		{"HelmRelease", "UpgradeSucceeded", []string{"deployed"}},
		{"HelmRelease", "TestSucceeded", []string{"verified"}},
		{"HelmRelease", "InstallFailed", []string{"failed"}},
		{"HelmRelease", "UpgradeFailed", []string{"failed"}},
		{"HelmRelease", "TestFailed", []string{"failed", "evidence:tests-"}},
		{"HelmRelease", "RollbackSucceeded", []string{"reverted"}},
		{"HelmRelease", "UninstallSucceeded", []string{"removed"}}, // that it was a remedy only the object says
		{"HelmRelease", "RollbackFailed", []string{"manual_intervention"}},
		{"HelmRelease", "UninstallFailed", []string{"manual_intervention"}},
		{"HelmRelease", "DriftDetected", []string{"evidence:drift-"}},
		{"HelmRelease", "NoDriftDetected", []string{"ignored"}},
		{"HelmRelease", "DependencyNotReady", []string{"blocked"}},
		{"HelmRelease", "ArtifactFailed", []string{"failed/environmental"}},
		{"Kustomization", "trace", []string{"ignored"}},
		{"Kustomization", "info", []string{"ignored"}},
		{"Kustomization", "error", []string{"ignored"}},
		{"Kustomization", "Levitated", []string{"unmapped"}},
		{"GitRepository", "NewArtifact", []string{"ignored"}},
	} {
		t.Run(c.kind+" "+c.reason, func(t *testing.T) {
			changed := strings.Replace(strings.Replace(body, `"Kustomization"`, fmt.Sprintf("%q", c.kind), 1), `"ReconciliationSucceeded"`, fmt.Sprintf("%q", c.reason), 1)
			// The severity alone never says what happened.
			for _, severity := range []string{"info", "error", "trace"} {
				says(t, "flux", strings.Replace(changed, `"severity": "info"`, fmt.Sprintf(`"severity": %q`, severity), 1), c.want...)
			}
		})
	}
	t.Run("an Alert for what waits for health", func(t *testing.T) {
		says(t, "flux", strings.Replace(body, `"env": "prod"`, `"env": "prod", "wait": "true"`, 1), "verified")
	})
}

func TestFluxEventNames(t *testing.T) {
	body := string(made(t, "flux", "event"))
	const sha = "0123456789abcdef0123456789abcdef01234567"
	const digest = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
	for _, c := range []struct{ name, from, to, subject, refs string }{
		{"a commit", "", "", "git-0123456789ab", "[git:shop/gitops@" + sha + "]"},
		{"a commit as Flux 0 wrote it", "main@sha1:" + sha, "main/" + sha, "git-0123456789ab", "[git:shop/gitops@" + sha + "]"},
		{"an artifact", "main@sha1:" + sha, "v2.14.0@" + digest, "v2.14.0", "[oci:" + digest + "]"},
		{"an artifact made of a commit", `"main@sha1:` + sha + `"`, `"latest@` + digest + `", "kustomize.toolkit.fluxcd.io/originRevision": "main@sha1:` + sha + `"`, "git-0123456789ab", "[git:shop/gitops@" + sha + " oci:" + digest + "]"},
		{"a repository by ssh", "https://git.made-up.example/shop/gitops", "git@git.made-up.example:shop/gitops.git", "git-0123456789ab", "[git:shop/gitops@" + sha + "]"},
		{"a repository by its path", "https://git.made-up.example/shop/gitops", "shop/gitops", "git-0123456789ab", "[git:shop/gitops@" + sha + "]"},
		{"a version of the Alert", `"env": "prod"`, `"env": "prod", "version": "2.14.0"`, "2.14.0", "[git:shop/gitops@" + sha + "]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := hear(t, "flux", atProd, []byte(strings.Replace(body, c.from, c.to, 1)))
			same(t, "subject", h.events[0].Subject, "prod/eu-west-1/checkout/"+c.subject)
			same(t, "refs", reported(t, h.events[0]).Refs, c.refs)
		})
	}
	// Ten minutes later it is another word of the same source; delivered twice it
	// is one, which hear looks at.
	first := hear(t, "flux", atProd, []byte(body)).events[0]
	later := hear(t, "flux", atProd, []byte(strings.Replace(body, "10:04:00", "10:14:00", 1))).events[0]
	if first.ID == later.ID || first.Source != later.Source || first.Source != "/flux/shop/Kustomization/checkout" {
		t.Errorf("%s by %s and %s by %s", first.ID, first.Source, later.ID, later.Source)
	}
}

// fluxObject is an object with conditions, as type=status reason.
func fluxObject(kind, spec string, conditions ...string) string {
	var all []string
	for _, c := range conditions {
		typ, rest, _ := strings.Cut(c, "=")
		status, reason, _ := strings.Cut(rest, " ")
		all = append(all, fmt.Sprintf(`{"type":%q,"status":%q,"reason":%q,"message":"made up","lastTransitionTime":"2026-03-01T10:00:00Z"}`, typ, status, reason))
	}
	return fmt.Sprintf(`{"apiVersion":"made-up.toolkit.fluxcd.io/v1","kind":%q,"metadata":{"name":"checkout","namespace":"shop","uid":"made-up-uid","generation":3},"spec":%s,`+
		`"status":{"observedGeneration":3,"lastAttemptedRevision":"main@sha1:0123456789abcdef0123456789abcdef01234567","conditions":[%s]}}`, kind, spec, strings.Join(all, ","))
}

func TestFluxObjects(t *testing.T) {
	for _, c := range []struct {
		name, object string
		want         []string
	}{
		{"ready", fluxObject("Kustomization", `{}`, "Ready=True ReconciliationSucceeded"), []string{"deployed"}},
		{"ready, and it waited", fluxObject("Kustomization", `{"wait":true}`, "Ready=True ReconciliationSucceeded"), []string{"verified"}},
		{"ready, and it checked", fluxObject("Kustomization", `{"healthChecks":[{"kind":"Deployment"}]}`, "Ready=True ReconciliationSucceeded"), []string{"verified"}},
		{"ready and tested", fluxObject("HelmRelease", `{}`, "Ready=True TestSucceeded", "TestSuccess=True TestSucceeded"), []string{"verified"}},
		{"ready and changed by hand", fluxObject("HelmRelease", `{}`, "Ready=True UpgradeSucceeded", "Drifted=True DriftDetected"), []string{"deployed", "evidence:drift-"}},
		{"at work", fluxObject("Kustomization", `{}`, "Reconciling=True Progressing", "Ready=Unknown Progressing"), []string{"in_progress"}},
		{"a new spec", strings.Replace(fluxObject("Kustomization", `{}`, "Ready=True ReconciliationSucceeded"), `"observedGeneration":3`, `"observedGeneration":2`, 1), []string{"in_progress"}},
		{"cannot go on", fluxObject("HelmRelease", `{}`, "Stalled=True RetriesExceeded", "Ready=False UpgradeFailed"), []string{"manual_intervention"}},
		{"cannot go back", fluxObject("HelmRelease", `{}`, "Stalled=True MissingRollbackTarget", "Ready=False UpgradeFailed"), []string{"manual_intervention"}},
		{"makes no sense", fluxObject("Kustomization", `{}`, "Stalled=True InvalidPath", "Ready=False InvalidPath"), []string{"failed/permanent"}},
		{"put back", fluxObject("HelmRelease", `{}`, "Remediated=True RollbackSucceeded", "Ready=False RollbackSucceeded", "Reconciling=True ProgressingWithRetry"), []string{"reverted"}},
		{"taken away as a remedy", fluxObject("HelmRelease", `{}`, "Remediated=True UninstallSucceeded", "Ready=False UninstallSucceeded"), []string{"reverted"}},
		{"could not be put back", fluxObject("HelmRelease", `{}`, "Remediated=False RollbackFailed", "Ready=False RollbackFailed"), []string{"manual_intervention"}},
		{"failed", fluxObject("Kustomization", `{}`, "Ready=False ReconciliationFailed"), []string{"failed"}},
		{"no manifest", fluxObject("Kustomization", `{}`, "Ready=False BuildFailed"), []string{"failed/permanent"}},
		{"no artifact", fluxObject("Kustomization", `{}`, "Ready=False ArtifactFailed"), []string{"failed/environmental"}},
		{"not healthy", fluxObject("Kustomization", `{}`, "Ready=False HealthCheckFailed"), []string{"failed", "evidence:health-"}},
		{"waits for another", fluxObject("Kustomization", `{}`, "Ready=False DependencyNotReady"), []string{"blocked"}},
		{"suspended", fluxObject("Kustomization", `{"suspend":true}`, "Ready=True ReconciliationSucceeded"), []string{"blocked"}},
		{"nothing yet", fluxObject("Kustomization", `{}`), []string{"ignored"}},
		{"deleted", `{"type":"DELETED","object":` + fluxObject("Kustomization", `{}`, "Ready=True ReconciliationSucceeded") + `}`, []string{"removed"}},
	} {
		t.Run(c.name, func(t *testing.T) { says(t, "flux", c.object, c.want...) })
	}
	h := hear(t, "flux", atProd, made(t, "flux", "helmrelease"))
	same(t, "subject", h.events[0].Subject, "prod/eu-west-1/checkout/1.4.2")
	same(t, "refs", reported(t, h.events[0]).Refs, "[oci:sha256:3333333333333333333333333333333333333333333333333333333333333333]")
}

// TestFluxOfTheOracle: the releases of Argo CD's own tests, in Flux' words.
func TestFluxOfTheOracle(t *testing.T) {
	root := testkit.RealInputs(t, "k8s-health-oracle", "argoproj+argo-cd", "resource_customizations", "helm.toolkit.fluxcd.io", "HelmRelease", "testdata")
	for file, want := range map[string]string{"healthy.yaml": "deployed", "progressing.yaml": "in_progress", "degraded.yaml": "reverted"} {
		t.Run(file, func(t *testing.T) { says(t, "flux", string(fromYAML(t, filepath.Join(root, file))), want) })
	}
}
