//go:build !unix

package natsd

import "os"

// flock does nothing where there is no flock(2): a second server over the same
// directory is then kept out only by the port it wants.
func flock(*os.File) error { return nil }
