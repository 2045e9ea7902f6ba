package rig

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// runProgram runs a program to its end and returns what it wrote.
func runProgram(ctx context.Context, path string, env []string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, path, args...)
	command.Env = env
	output, err := command.CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("run causeway %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return string(output), nil
}
