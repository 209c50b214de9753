package statemachine

import "testing"

// What other documents give counts beside the lifecycle's own, the first row
// that matches a source alone, and only over statuses that there are.
func TestAuthorityGivenBeside(t *testing.T) {
	own, none := strict(t), Standard() // of its own argo knows best, and k8s
	argoSays := []Word{say("argocd", StatusInProgress, 0), say("ci", StatusDeployed, 5)}
	ciSays := []Word{say("ci", StatusInProgress, 0), say("flux", StatusDeployed, 5)}
	for name, tc := range map[string]struct {
		l       *Lifecycle
		rows    []AuthoritySpec
		words   []Word
		against string
	}{
		"nothing is given":            {none, nil, argoSays, ""},
		"it is given":                 {none, []AuthoritySpec{{"argo*", []string{"deployed"}}}, argoSays, "argocd"},
		"over another status":         {none, []AuthoritySpec{{"argo*", []string{"failed"}}}, argoSays, ""},
		"over none that there is":     {none, []AuthoritySpec{{"argo*", []string{"shipped", "unknown"}}}, argoSays, ""},
		"to another source":           {none, []AuthoritySpec{{"argo", []string{"deployed"}}}, argoSays, ""},
		"a row before takes it away":  {none, []AuthoritySpec{{"argocd", nil}, {"argo*", []string{"deployed"}}}, argoSays, ""},
		"a row behind does not":       {none, []AuthoritySpec{{"argo*", []string{"deployed"}}, {"argocd", nil}}, argoSays, "argocd"},
		"beside the lifecycle's own":  {own, []AuthoritySpec{{"ci", []string{"deployed"}}}, ciSays, "ci"},
		"whose own nobody takes away": {own, []AuthoritySpec{{"*", nil}}, argoSays, "argocd"},
		"both agree at last":          {own, []AuthoritySpec{{"ci", []string{"deployed"}}}, argoSays, ""},
	} {
		l := tc.l.With(tc.rows)
		if s, _ := l.Fold(key2, tc.words); s.Against() != tc.against {
			t.Errorf("%s: against %q, want %q", name, s.Against(), tc.against)
		}
		checkOrders(t, l, "2.0", tc.words)
	}
}

// A lifecycle with the same rows is the same, one without any is that which was
// written, and what was given goes when other things are given.
func TestSameAuthority(t *testing.T) {
	l, deployed := Standard(), []AuthoritySpec{{"argo*", []string{"deployed"}}}
	given := l.With(deployed)
	if given.Same(l) || !given.Same(l.With([]AuthoritySpec{{"argo*", []string{"deployed", "shipped"}}})) {
		t.Error("what decides otherwise is the same, or what decides alike is not")
	}
	if other := given.With([]AuthoritySpec{{"argo*", nil}}); other.Same(given) || !other.Same(l.With([]AuthoritySpec{{"argo*", nil}})) {
		t.Error("what was given before counts still")
	}
	if given.With(nil) != l || l.With(nil) != l || !l.Same(l) {
		t.Error("without rows it is another lifecycle than the one written")
	}
	if strict(t).With(deployed).Same(given) {
		t.Error("two lifecycles are the same")
	}
	s, _ := given.Fold(key2, []Word{say("argocd", StatusInProgress, 0), say("ci", StatusDeployed, 5)})
	if best := given.Best(s); len(best) != 1 || best[0] != "argocd" || l.Best(s) != nil {
		t.Errorf("best known to %v, and as written to %v", best, l.Best(s))
	}
}
