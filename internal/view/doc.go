// Package view holds the read models: what follows from words and states for a
// slot, a region or a reader. Each is a pure function of values; nothing here
// knows a store, a stream or a clock. The JSON shapes of the contract are
// rendered here too, so that the API, the KV bucket and the changes cannot
// differ.
package view
