package demo

import (
	"fmt"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Who and what the story is about.
const (
	environment = "prod"
	oldVersion  = "1.4.1"
	newVersion  = "1.5.0"
	oldRelease  = "r-2026.10"
	newRelease  = "r-2026.11"

	checkout = "checkout"
	america  = "us-east-1"
)

func regions() []string    { return []string{"eu-west-1", america, "ap-south-1"} }
func components() []string { return []string{checkout, "cart", "search"} }

// troubled is the deployment that fails and is put back.
func troubled() events.Key {
	return events.Key{Slot: events.Slot{Env: environment, Region: america, Component: checkout}, Deployment: newVersion}
}

// tool is who says a word.
type tool string

const (
	ci   tool = "ci"   // builds, and starts what argo carries out
	argo tool = "argo" // sees what runs
)

// door is a way into Telltale.
type door string

const (
	batch  door = "HTTP batch"
	single door = "HTTP"
	raw    door = "NATS"
)

// act is a part of the story. The words of one act are sent in a random order.
type act int

const (
	yesterday act = iota // what runs
	rollout              // the new release, until one region fails
	straggler            // a word that should have come before the failure
	rollback             // the old version is put back
)

// word is one thing that a tool says.
type word struct {
	act       act
	tool      tool
	region    string
	component string
	version   string
	status    string
	ago       time.Duration // how long before the base time it happened
	door      door
	reason    string
	message   string
}

// story returns all words in the order in which things happened to each
// deployment. A row without a region is said of every region, one without a
// component of every component, each step seconds after the one before.
func story() []word {
	const step = 20 * time.Second
	rows := []word{
		{act: yesterday, tool: argo, version: oldVersion, status: statemachine.StatusDeployed, ago: 26 * time.Hour, door: batch},

		{act: rollout, tool: ci, version: newVersion, status: statemachine.StatusPlanned, ago: 20 * time.Minute, door: batch},

		{act: rollout, tool: ci, region: "eu-west-1", version: newVersion, status: statemachine.StatusInProgress, ago: 18 * time.Minute, door: single},
		{act: rollout, tool: argo, region: "eu-west-1", version: newVersion, status: statemachine.StatusDeployed, ago: 16 * time.Minute, door: raw},

		{act: straggler, tool: ci, region: america, component: checkout, version: newVersion, status: statemachine.StatusInProgress, ago: 14 * time.Minute, door: single},
		{act: rollout, tool: ci, region: america, component: "cart", version: newVersion, status: statemachine.StatusInProgress, ago: 14 * time.Minute, door: single},
		{act: rollout, tool: ci, region: america, component: "search", version: newVersion, status: statemachine.StatusInProgress, ago: 14 * time.Minute, door: single},
		{act: rollout, tool: argo, region: america, version: newVersion, status: statemachine.StatusDeployed, ago: 12 * time.Minute, door: raw},

		{act: rollout, tool: ci, region: "ap-south-1", version: newVersion, status: statemachine.StatusInProgress, ago: 10 * time.Minute, door: single},
		{act: rollout, tool: argo, region: "ap-south-1", version: newVersion, status: statemachine.StatusDeployed, ago: 8 * time.Minute, door: raw},

		{
			act: rollout, tool: argo, region: america, component: checkout, version: newVersion, status: statemachine.StatusFailed,
			ago: 6 * time.Minute, door: raw, reason: "error_rate", message: "7 of 100 payments are declined, 1 is usual",
		},
		{
			act: rollback, tool: argo, region: america, component: checkout, version: newVersion, status: statemachine.StatusRollingBack,
			ago: 4 * time.Minute, door: raw, reason: "error_rate",
		},
		{act: rollback, tool: argo, region: america, component: checkout, version: newVersion, status: statemachine.StatusReverted, ago: time.Minute, door: raw},
	}
	var words []word
	for _, row := range rows {
		for _, region := range regions() {
			for i, component := range components() {
				if row.region != "" && row.region != region || row.component != "" && row.component != component {
					continue
				}
				w := row
				w.region, w.component, w.ago = region, component, row.ago-time.Duration(i)*step
				words = append(words, w)
			}
		}
	}
	return words
}

// wordsOf returns the words of one act.
func wordsOf(a act) []word {
	var words []word
	for _, w := range story() {
		if w.act == a {
			words = append(words, w)
		}
	}
	return words
}

// runs returns the version that a slot runs when all is said.
func runs(region, component string) string {
	if t := troubled(); region == t.Region && component == t.Component {
		return oldVersion
	}
	return newVersion
}

func (w *word) key() string {
	return events.Key{
		Slot:       events.Slot{Env: environment, Region: w.region, Component: w.component},
		Deployment: w.version,
	}.String()
}

// id is the same whenever and through whichever door the word is said.
func (w *word) id() string { return w.key() + "/" + w.status }

// event returns the word as the tool sends it, when base is the end of the story.
func (w *word) event(base time.Time) (events.Event, error) {
	release := newRelease
	if w.version == oldVersion {
		release = oldRelease
	}
	e := events.Event{ID: w.id(), Source: "/" + string(w.tool) + "/shop", Type: events.TypeReported, Subject: w.key()}
	e.SetTime(base.Add(-w.ago).UTC())
	err := e.SetData(events.Reported{
		Status: w.status, Version: w.version, Release: release, Reason: w.reason, Message: w.message,
	})
	if err != nil {
		return e, fmt.Errorf("write the event %s: %w", w.id(), err)
	}
	return e, nil
}

// unusable returns an event that no door can use: its region is not a name.
func unusable(base time.Time) (events.Event, error) {
	w := word{
		tool: ci, region: "EU West", component: "search", version: newVersion,
		status: statemachine.StatusDeployed, ago: 2 * time.Minute,
	}
	return w.event(base)
}
