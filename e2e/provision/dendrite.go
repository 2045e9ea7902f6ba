package provision

import (
	"crypto/rand"
	"encoding/pem"
	"fmt"
)

// configureDendrite writes a configuration for one run: loopback only, no federation, no limits of rate, SQLite.
func (hs *Homeserver) configureDendrite() error {
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // never fails
	key := pem.EncodeToMemory(&pem.Block{Type: "MATRIX PRIVATE KEY", Headers: map[string]string{"Key-ID": "ed25519:run"}, Bytes: seed})
	if err := hs.write("matrix_key.pem", string(key)); err != nil {
		return err
	}
	return hs.write("dendrite.yaml", fmt.Sprintf(dendriteConfig, hs.Domain, yamlList(hs.Registrations), hs.secret))
}

const dendriteConfig = `version: 2
global:
  server_name: %q
  private_key: matrix_key.pem
  disable_federation: true
  cache: {max_size_estimated: 64mb, max_age: 1h}
  presence: {enable_inbound: false, enable_outbound: false}
  report_stats: {enabled: false}
  jetstream: {storage_path: jetstream, in_memory: true, topic_prefix: Dendrite}
app_service_api:
  config_files: %s
client_api:
  registration_disabled: true
  guests_disabled: true
  registration_shared_secret: %q
  rate_limiting: {enabled: false}
federation_api:
  key_perspectives: []
  database: {connection_string: 'file:federation.db'}
key_server:
  database: {connection_string: 'file:keys.db'}
media_api:
  base_path: media
  max_file_size_bytes: 104857600
  database: {connection_string: 'file:media.db'}
mscs:
  mscs: []
  database: {connection_string: 'file:mscs.db'}
relay_api:
  database: {connection_string: 'file:relay.db'}
room_server:
  database: {connection_string: 'file:rooms.db'}
sync_api:
  search: {enabled: false}
  database: {connection_string: 'file:sync.db'}
user_api:
  bcrypt_cost: 4
  account_database: {connection_string: 'file:accounts.db'}
  device_database: {connection_string: 'file:devices.db'}
logging:
  - {type: std, level: warning}
`
