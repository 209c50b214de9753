package query_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

func TestFilters(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	const (
		old      = "prod/eu-west-1/checkout/2.13.0"
		eu       = "prod/eu-west-1/checkout/2.14.0"
		us       = "prod/us-east-1/checkout/2.14.0"
		payments = "prod/us-east-1/payments/7.1"
		stage    = "stage/eu-west-1/checkout/2.15.0"
	)
	for query, want := range map[string][]string{
		"":                                      {old, eu, us, payments, stage},
		"env=prod":                              {old, eu, us, payments},
		"env=pro":                               nil, // a prefix of a name is not the name
		"region=us-east-1":                      {us, payments},
		"component=checkout":                    {old, eu, us, stage},
		"env=prod&component=payments":           {payments},
		"env=prod&region=eu-west-1":             {old, eu},
		"env=prod&region=us-east-1&component=c": nil,
		"env=prod&release=r7":                   {eu, us, payments},
		"release=r7":                            {eu, us, payments},
		"env=prod&release=r7&region=us-east-1":  {us, payments},
		"env=stage&release=r7":                  nil,
		"status=failed":                         {us},
		"status=failed&status=planned":          {us, payments},
		"since=2026-03-01T10:04:00Z":            {payments, stage},
		"since=2026-03-01T12:05:00%2B02:00":     {stage},
		"env=prod&release=r7&status=deployed":   {eu},
	} {
		if got := f.list("/v1/deployments?" + query).keys(); got != strings.Join(want, " ") {
			t.Errorf("?%s: %s, want %v", query, got, want)
		}
	}
}

// A listing that is paged through while deployments come and go shows each that
// was there all the time exactly once.
func TestPagingIsStable(t *testing.T) {
	for _, base := range []string{"/v1/deployments?env=prod&limit=2", "/v1/deployments?env=prod&release=r1&limit=2"} {
		f := newFixture(t, nil)
		report := word{status: "planned", release: "r1"}
		for i := range 7 {
			f.tell(fmt.Sprintf("prod/eu/app/b%d", i), report)
		}
		seen := make(map[string]int)
		cursor := ""
		for page := 0; ; page++ {
			path := base
			if cursor != "" {
				path += "&cursor=" + cursor
			}
			l := f.list(path)
			for _, item := range l.Items {
				seen[item.Key]++
			}
			if len(l.Items) > 2 {
				t.Fatalf("%d items, the limit is 2", len(l.Items))
			}
			if cursor = l.Next; cursor == "" {
				break
			}
			f.tell(fmt.Sprintf("prod/eu/app/a%d", page), report) // before where we are
			f.tell(fmt.Sprintf("prod/eu/app/c%d", page%2), report)
		}
		for i := range 7 {
			if key := fmt.Sprintf("prod/eu/app/b%d", i); seen[key] != 1 {
				t.Errorf("%s: %s was shown %d times", base, key, seen[key])
			}
		}
		for key, n := range seen {
			if n > 1 || strings.HasPrefix(key, "prod/eu/app/a") {
				t.Errorf("%s: %s was shown %d times", base, key, n)
			}
		}
	}
}

// A filter that matches nothing costs pages, not one long scan.
func TestScanIsBounded(t *testing.T) {
	f := newFixture(t, nil)
	state, _ := statemachine.Standard().Fold(events.Key{}, nil)
	const rows = 20_500
	for from := 0; from < rows; from += 5000 { // a transaction is bounded
		f.update(func(w *store.Writer) error {
			for i := from; i < min(from+5000, rows); i++ {
				if err := w.PutDeployment(fmt.Sprintf("prod/eu/app/%06d", i), &store.Deployment{State: state}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	first := f.list("/v1/deployments?status=failed")
	if len(first.Items) != 0 || first.Next == "" {
		t.Fatalf("%d items, next %q: want none, and a cursor", len(first.Items), first.Next)
	}
	if second := f.list("/v1/deployments?status=failed&cursor=" + first.Next); second.Next != "" {
		t.Errorf("the second page should be the last")
	}
}

func TestHistoriesPage(t *testing.T) {
	f := newFixture(t, nil)
	const key = "prod/eu/app/1"
	var story []word
	for i := range 6 {
		story = append(story, word{minute: 30 * i, status: []string{"in_progress", "deployed"}[i%2], version: "1"})
	}
	f.tell(key, story...)
	for _, path := range []string{"/v1/deployments/" + key + "/events", "/v1/deployments/" + key + "/changes", "/v1/slots/prod/eu/app/history"} {
		whole := f.pages(path + "?limit=1000")
		if len(whole) < 3 {
			t.Fatalf("%s: %d items", path, len(whole))
		}
		if parts := f.pages(path + "?limit=2"); strings.Join(parts, "\n") != strings.Join(whole, "\n") {
			t.Errorf("%s: pages of 2 give\n%s\nwant\n%s", path, strings.Join(parts, "\n"), strings.Join(whole, "\n"))
		}
	}
}

// pages returns the items of all pages of a listing.
func (f *fixture) pages(path string) []string {
	f.t.Helper()
	var all []string
	for cursor := ""; ; {
		var l struct {
			Items []jsontext.Value `json:"items"`
			Next  string           `json:"next"`
		}
		if err := json.Unmarshal(f.get(path+cursor), &l); err != nil {
			f.t.Fatal(err)
		}
		for _, item := range l.Items {
			all = append(all, string(item))
		}
		if l.Next == "" {
			return all
		}
		cursor = "&cursor=" + l.Next
	}
}
