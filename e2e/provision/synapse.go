package provision

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// synapseConstraints pins what Synapse itself needs, so that a release of one of those cannot change a run.
//
//go:embed synapse-constraints.txt
var synapseConstraints string

// installSynapse makes a virtual environment with Synapse in it and returns its Python.
func (c *Cache) installSynapse(ctx context.Context) (python string, err error) {
	dir := filepath.Join(c.Dir, "synapse-"+SynapseVersion)
	python = filepath.Join(dir, "bin", "python")
	// Written last: without it the environment is half made.
	whole := filepath.Join(dir, "complete")
	if exists(whole) && exists(python) {
		return python, nil
	}
	unlock, err := c.lock(ctx, "synapse")
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(whole) && exists(python) {
		return python, nil
	}
	err = c.step("Install Synapse "+SynapseVersion+" from Python's package index (once, about two minutes)", func() error {
		if err := c.makeVenv(ctx, dir); err != nil {
			return err
		}
		if err := pipInstallSynapse(ctx, c, dir, python); err != nil {
			return err
		}
		return os.WriteFile(whole, nil, 0o644)
	})
	return python, err
}

func pipInstallSynapse(ctx context.Context, c *Cache, dir, python string) error {
	constraints := filepath.Join(dir, "constraints.txt")
	if err := os.WriteFile(constraints, []byte(synapseConstraints), 0o644); err != nil {
		return err
	}
	install := []string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "matrix-synapse==" + SynapseVersion}
	err := runIn(ctx, dir, nil, python, append(install, "--constraint", constraints)...)
	if err == nil || ctx.Err() != nil {
		return err
	}
	c.say("The pinned requirements of Synapse do not install with this Python; try what the index offers")
	return runIn(ctx, dir, nil, python, install...)
}

// makeVenv makes a virtual environment with the first Python that can.
func (c *Cache) makeVenv(ctx context.Context, dir string) error {
	try := func() (err error) {
		for _, name := range []string{"python3", "/usr/bin/python3"} {
			if err = os.RemoveAll(dir); err != nil {
				return err
			}
			if _, err = exec.LookPath(name); err != nil {
				continue
			}
			if err = runIn(ctx, "", nil, name, "-m", "venv", dir); err == nil {
				return nil
			}
		}
		return err
	}
	err := try()
	if err == nil {
		return nil
	}
	if second := c.aptInstall(ctx, "python3", "python3-venv"); second != nil {
		return fmt.Errorf("make a virtual environment: %w: %w", second, err)
	}
	return try()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// configureSynapse writes a configuration for one run: loopback only, no federation, no limits of rate, and all that an application
// service may ask for switched on.
func (hs *Homeserver) configureSynapse() error {
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // never fails
	key := "ed25519 a_run " + base64.RawStdEncoding.EncodeToString(seed) + "\n"
	if err := hs.write("signing.key", key); err != nil {
		return err
	}
	if err := hs.write("log.yaml", synapseLogging); err != nil {
		return err
	}
	var limits strings.Builder
	for _, name := range []string{"rc_message", "rc_registration", "rc_admin_redaction", "rc_joins_per_room", "rc_media_create",
		"rc_room_creation", "rc_third_party_invite", "rc_key_requests", "rc_delayed_event_mgmt"} {
		fmt.Fprintf(&limits, "%s: {per_second: 100000, burst_count: 100000}\n", name)
	}
	for name, parts := range map[string][]string{
		"rc_login":    {"address", "account", "failed_attempts"},
		"rc_joins":    {"local", "remote"},
		"rc_invites":  {"per_room", "per_user", "per_issuer"},
		"rc_presence": {"per_user"},
	} {
		fmt.Fprintf(&limits, "%s:\n", name)
		for _, part := range parts {
			fmt.Fprintf(&limits, "  %s: {per_second: 100000, burst_count: 100000}\n", part)
		}
	}
	return hs.write("homeserver.yaml", fmt.Sprintf(synapseConfig, hs.Domain, hs.URL(), hs.Port, hs.secret, token(), token(),
		yamlList(hs.Registrations))+limits.String())
}

// yamlList is a list in YAML's flow style, which JSON's strings fit.
func yamlList(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = fmt.Sprintf("%q", item)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

const synapseLogging = `version: 1
formatters:
  plain: {format: '%(asctime)s %(levelname)s %(name)s: %(message)s'}
handlers:
  console: {class: logging.StreamHandler, formatter: plain}
root: {level: WARNING, handlers: [console]}
disable_existing_loggers: false
`

const synapseConfig = `server_name: %q
public_baseurl: %q
report_stats: false
listeners:
  - {port: %d, type: http, bind_addresses: ['127.0.0.1'], resources: [{names: [client], compress: false}]}
database: {name: sqlite3, args: {database: homeserver.db}}
signing_key_path: signing.key
log_config: log.yaml
media_store_path: media
pid_file: synapse.pid
registration_shared_secret: %q
macaroon_secret_key: %q
form_secret: %q
app_service_config_files: %s
bcrypt_rounds: 4
trusted_key_servers: []
suppress_key_server_warning: true
federation_domain_whitelist: []
enable_registration: false
send_federation: false
presence: {enabled: true}
max_upload_size: 100M
url_preview_enabled: false
user_directory: {enabled: true, search_all_users: true}
experimental_features:
  msc2409_to_device_messages_enabled: true
  msc3202_device_masquerading: true
  msc3202_transaction_extensions: true
`
