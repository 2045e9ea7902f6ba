package matrix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// socketMode lets the homeserver in through the group of the socket's file.
const socketMode = 0o660

// knockTimeout is how long a socket that is in the way may take to answer.
const knockTimeout = 2 * time.Second

// Listen opens the address of appservice.listen: "host:port", or "unix:/path/to/socket". Its errors say what to change.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return listenUnix(ctx, path)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, explainListen(address, err)
	}
	return listener, nil
}

func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, explainListen("unix:"+path, err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("appservice.listen: let the homeserver use unix:%s: %w", path, err)
	}
	return listener, nil
}

// removeStale removes a socket that a bridge left behind when it was killed: one on which nobody answers.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return explainListen("unix:"+path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("appservice.listen: %s is there already and is not a socket; choose another path", path)
	}
	conn, err := (&net.Dialer{Timeout: knockTimeout}).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		return explainListen("unix:"+path, syscall.EADDRINUSE)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return explainListen("unix:"+path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("appservice.listen: remove the socket that was left behind: %w", err)
	}
	return nil
}

func explainListen(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("appservice.listen: %s is in use by another program; stop that (is it another causeway?), or choose another one and change appservice.address with it", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("appservice.listen: %s is no address of this machine; 0.0.0.0 stands for all of its addresses", address)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("appservice.listen: %s is not allowed to the user whom the bridge runs as: %w", address, err)
	}
	return fmt.Errorf("appservice.listen: %s cannot be listened on: %w", address, err)
}
