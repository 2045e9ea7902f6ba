//go:build tools

// Package lint pins golangci-lint. It is a module of its own so that the linter's requirements never reach the bridge's.
package lint

import _ "github.com/golangci/golangci-lint/v2/cmd/golangci-lint"
