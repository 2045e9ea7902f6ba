package whatsapp

import (
	"github.com/lib/pq"
	"go.mau.fi/libsignal/logger"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"google.golang.org/protobuf/proto"
)

// SetGlobals sets what whatsmeow and libsignal keep in package variables: how the bridge appears in the list of linked
// devices, how lists are passed to Postgres, libsignal's logger, which its first users would otherwise set all at once,
// and, for a test network, the key that its certificates start from. It must be called once per process, before anything
// connects. The web version, the fifth of them, is kept by Sessions.
func SetGlobals(cfg Config) error {
	if cfg.OSName != "" {
		store.DeviceProps.Os = proto.String(cfg.OSName)
	}
	store.DeviceProps.PlatformType = waCompanionReg.DeviceProps_CHROME.Enum()
	sqlstore.PostgresArrayWrapper = pq.Array
	var mute logger.Loggable = signalLog{}
	logger.Setup(&mute)
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
