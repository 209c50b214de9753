// Package cdevents says in CDEvents what we came to believe: each change of a
// deployment as a custom event that any consumer of CDEvents can read.
//
// CDEvents has no subject for a rollout as a whole (it knows services, runs and
// incidents), so ours is one of the custom events that its specification keeps
// a namespace for ("Custom Event Types", custom/README.md):
//
//	dev.cdeventsx.telltale-deployment.<predicate>.0.1.0
//
// The predicate is the status that the deployment came to, without underscores:
// failed, deployed, inprogress, pendingapproval. A change that leaves the status
// as it was (a condition came or went, an earlier belief was corrected) is
// updated. Consumers subscribe to what they care about by type alone.
//
// The package is pure: the same change gives the same bytes.
package cdevents
