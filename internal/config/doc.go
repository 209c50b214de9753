// Package config is the one place that says how Telltale is configured: what
// can be set, in which unit, and what holds when nothing is said.
//
// [Load] takes the values of [Default], lays over them those of a YAML file,
// then of the environment, then of the command line, and validates the result.
// Keys that do not exist are refused. Every fault is reported at once, and each
// says where its value came from: file:line:column, a variable, or a flag.
//
// The package opens no listener and no store; it reads the configuration file
// and the files that hold secrets, and nothing else.
package config

//go:generate go test -run=TestReference -update .
