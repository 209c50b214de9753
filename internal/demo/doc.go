// Package demo tells one release from its first word to the message that a
// person gets, with a real Telltale: [app.Serve] with a NATS server of its own,
// events through its doors, answers from its API, and a webhook of the demo's
// that checks signatures as any receiver would. It takes no way in that a user
// does not have.
//
// The story is data (story.go): three components in three regions, from two
// tools, out of order and twice. [Run] tells it at a pace to read along and goes
// on serving; [Once] tells it at once and then holds what the API says against
// nine claims (checks.go).
package demo
