//go:build tools

// Package dendrite pins the Dendrite homeserver that the end-to-end tests can run against. It is a module of its own so that the
// homeserver's requirements never reach the bridge's.
package dendrite

import (
	_ "github.com/element-hq/dendrite/cmd/create-account"
	_ "github.com/element-hq/dendrite/cmd/dendrite"
	_ "github.com/element-hq/dendrite/cmd/generate-keys"
)
