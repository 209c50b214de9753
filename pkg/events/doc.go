// Package events is the wire vocabulary of Telltale: what an event is, who it
// is about, when it counts, and on which NATS subject it travels.
//
// An event is a CloudEvent 1.0 in JSON. [Decode] refuses what two parsers could
// read differently (duplicate keys, trailing data, invalid UTF-8, numbers a
// float cannot hold); [Event.Validate] then holds it against the vocabulary.
// Both answer with an [*Error] that carries a stable [Code].
//
// The identity of an event is (source, id). Its content is what the emitter
// sent, as canonical JSON without the attributes that ingest stamps: equal
// content under one identity is one event, see [Event.Content] and [MsgID].
//
// Programs that hold events of the CloudEvents SDK turn them into ours with
// package cesdk.
//
// The package is pure: it reads no clock, no environment and no network.
package events
