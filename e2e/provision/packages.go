package provision

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// aptInstall installs packages of Debian's where that is possible: as root, with apt-get.
func (c *Cache) aptInstall(ctx context.Context, packages ...string) error {
	names := strings.Join(packages, " ")
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("%w: install %s (sudo apt-get install %s) and try again", ErrUnavailable, names, names)
	}
	unlock, err := c.lock(ctx, "apt")
	if err != nil {
		return err
	}
	defer unlock()
	env := append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return c.step("Install "+names+" with apt-get", func() error {
		if err := runIn(ctx, "", env, "apt-get", "update", "-q"); err != nil {
			return err
		}
		install := append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...)
		return runIn(ctx, "", env, "apt-get", install...)
	})
}

// CCompiler makes sure that there is a C compiler, which the race detector needs.
func (c *Cache) CCompiler(ctx context.Context) error {
	for _, name := range []string{os.Getenv("CC"), "gcc", "clang"} {
		if name == "" {
			continue
		}
		if _, err := exec.LookPath(name); err == nil {
			return nil
		}
	}
	return c.aptInstall(ctx, "gcc", "libc6-dev")
}

// FFmpeg makes sure that there are ffmpeg and ffprobe, and returns the version.
func (c *Cache) FFmpeg(ctx context.Context) (version string, err error) {
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if err := c.aptInstall(ctx, "ffmpeg"); err != nil {
			return "", err
		}
	}
	out, err := exec.CommandContext(ctx, "ffmpeg", "-version").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the version of ffmpeg: %w", err)
	}
	version, _, _ = strings.Cut(string(out), " Copyright")
	return strings.TrimSpace(version), nil
}
