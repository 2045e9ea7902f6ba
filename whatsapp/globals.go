package whatsapp

import (
	"github.com/lib/pq"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"google.golang.org/protobuf/proto"
)

// SetGlobals sets what whatsmeow keeps in package variables: how the bridge appears in the list of linked devices, how
// lists are passed to Postgres, and, for a test network, the key that its certificates start from. It must be called
// once per process, before anything connects. The web version, the fourth of them, is kept by Sessions.
func SetGlobals(cfg Config) error {
	if cfg.OSName != "" {
		store.DeviceProps.Os = proto.String(cfg.OSName)
	}
	store.DeviceProps.PlatformType = waCompanionReg.DeviceProps_CHROME.Enum()
	sqlstore.PostgresArrayWrapper = pq.Array
	if cfg.Network.real() {
		return nil
	}
	key, err := cfg.Network.rootKey()
	if err != nil {
		return err
	}
	whatsmeow.WACertPubKey = key
	return nil
}
