package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// releaseKind lists releases. Where one is asked for, its members come behind it.
func releaseKind() *kind {
	return &kind{
		name: "releases", aliases: []string{"release"}, short: "List releases, or show one with its members",
		key: "ENV/RELEASE", path: "/v1/releases", paged: true,
		filters: []string{"env", "release", "status"},
		header:  []string{"RELEASE", "STATUS", "MEMBERS", "WHY"},
		wide:    []string{"BY-REGION", "OWNER", "TICKET", "RISK", "IMPACT"},
		status:  1, row: releaseRow, one: oneRelease, detail: memberTable,
		changeType: events.TypeReleaseChanged, changed: changedRelease,
	}
}

func releaseRow(raw jsontext.Value, _ time.Time) (row, error) {
	var r view.ReleaseBody
	if err := json.Unmarshal(raw, &r); err != nil {
		return row{}, err
	}
	members := make([]placed, len(r.Members))
	for i, m := range r.Members {
		members[i] = placed{m.Region, m.Status}
	}
	impact := slices.Clone(r.Impacts)
	if r.Impact != "" {
		impact = slices.Insert(impact, 0, r.Impact)
	}
	name := r.Env + "/" + r.Release
	return row{name, []string{
		name, r.Status, strconv.Itoa(len(r.Members)), r.Reason.Text,
		byRegion(members), r.Owner, r.Ticket, r.Risk, strings.Join(impact, "; "),
	}}, nil
}

// placed is a member of a release by where it is and how.
type placed struct{ region, status string }

// byRegion says in one cell how the members are, region by region.
func byRegion(members []placed) string {
	var regions []string
	count := make(map[placed]int)
	statuses := make(map[string][]string)
	for _, m := range members {
		if !slices.Contains(regions, m.region) {
			regions = append(regions, m.region)
		}
		if count[m]++; count[m] == 1 {
			statuses[m.region] = append(statuses[m.region], m.status)
		}
	}
	slices.Sort(regions)
	for i, region := range regions {
		var parts []string
		for _, status := range statuses[region] {
			part := status
			if n := count[placed{region, status}]; n > 1 {
				part = fmt.Sprintf("%d %s", n, status)
			}
			parts = append(parts, part)
		}
		regions[i] = region + ": " + strings.Join(parts, ", ")
	}
	return strings.Join(regions, "; ")
}

func oneRelease(ctx context.Context, c *Client, key string) (jsontext.Value, error) {
	if err := release(key); err != nil {
		return nil, err
	}
	return c.Get(ctx, "/v1/releases/"+key, nil)
}

// memberTable is the members of a release, by region.
func memberTable(raw jsontext.Value, now time.Time) (d detail, err error) {
	var r view.ReleaseBody
	if err := json.Unmarshal(raw, &r); err != nil {
		return d, err
	}
	d = detail{
		header: []string{"REGION", "COMPONENT", "DEPLOYMENT", "STATUS", "AGE", "OWNER", "WAITS FOR"}, status: 3,
	}
	slices.SortStableFunc(r.Members, func(a, b view.MemberBody) int { return strings.Compare(a.Region, b.Region) })
	for i := range r.Members {
		m := &r.Members[i]
		d.rows = append(d.rows, []string{
			m.Region, m.Component, m.Deployment, m.Status, age(m.Since, now), m.Owner, strings.Join(waits(m), "; "),
		})
	}
	return d, nil
}

// waits lists what a member waits for, as it stands now or as planned.
func waits(m *view.MemberBody) []string {
	var out []string
	for _, w := range m.WaitingFor {
		out = append(out, w.Message)
	}
	if len(out) == 0 && m.Status == view.StatusNotSeen {
		out = m.DependsOn
	}
	return out
}

func changedRelease(data jsontext.Value, where *filters, _ time.Time) (row, bool, error) {
	var ch struct {
		Key     string `json:"key"`
		Env     string `json:"env"`
		Release string `json:"release"`
		To      string `json:"to"`
		Reason  string `json:"reason"`
		Members []struct {
			Key    string `json:"key"`
			Status string `json:"status"`
		} `json:"members"`
	}
	if err := json.Unmarshal(data, &ch); err != nil {
		return row{}, false, err
	}
	if where.env != "" && where.env != ch.Env || where.release != "" && where.release != ch.Release ||
		len(where.statuses) > 0 && !slices.Contains(where.statuses, ch.To) {
		return row{}, false, nil
	}
	members := make([]placed, len(ch.Members))
	for i, m := range ch.Members {
		parts := strings.SplitN(m.Key, "/", 3)
		if len(parts) == 3 {
			members[i].region = parts[1]
		}
		members[i].status = m.Status
	}
	return row{ch.Key, []string{
		ch.Key, ch.To, strconv.Itoa(len(ch.Members)), ch.Reason, byRegion(members), "", "", "", "",
	}}, true, nil
}
