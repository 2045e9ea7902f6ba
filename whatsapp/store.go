package whatsapp

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/rs/zerolog"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/store/sqlstore/upgrades"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
)

// devices is whatsmeow's session store, in the bridge's own database.
type devices struct {
	db        *database.DB
	container *sqlstore.Container
}

// openDevices upgrades whatsmeow's tables. A child database shares the connections and the key under which a
// transaction travels in the context, so that what whatsmeow writes joins the bridge's transactions.
func openDevices(ctx context.Context, db *database.DB, log zerolog.Logger) (*devices, error) {
	child := db.Child("whatsmeow_version", upgrades.Table, nil)
	container := sqlstore.NewWithWrappedDB(child, newLibraryLog(log))
	if err := db.UpgradeAlone(ctx, container.Upgrade); err != nil {
		return nil, fmt.Errorf("upgrade the session store: %w", err)
	}
	return &devices{db: db, container: container}, nil
}

// load reads a linked device whose stores call failed when a message could not be stored. It returns nil when there is
// no such device.
func (d *devices) load(ctx context.Context, jid types.JID, failed func(error)) (*store.Device, *accountStore, error) {
	device, err := d.container.GetDevice(ctx, jid)
	if err != nil {
		return nil, nil, fmt.Errorf("load the session of %s: %w", jid, err)
	} else if device == nil {
		return nil, nil, nil
	}
	stores := newAccountStore(d.db, d.container, jid, failed)
	device.SetAllStores(stores)
	return device, stores, nil
}

// all lists the linked devices.
func (d *devices) all(ctx context.Context) ([]types.JID, error) {
	list, err := d.container.GetAllDevices(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the sessions: %w", err)
	}
	jids := make([]types.JID, 0, len(list))
	for _, device := range list {
		jids = append(jids, device.GetJID())
	}
	return jids, nil
}

// remove forgets a linked device, with its keys.
func (d *devices) remove(ctx context.Context, jid types.JID) error {
	if err := d.container.DeleteDevice(ctx, &store.Device{ID: &jid}); err != nil {
		return fmt.Errorf("remove the session of %s: %w", jid, err)
	}
	return nil
}

// fresh makes a device to be linked. paired is called in the transaction that stores it for the first time, so that a
// device is never in the store without the bridge knowing whose it is.
func (d *devices) fresh(paired func(ctx context.Context, device *store.Device) error) *store.Device {
	device := d.container.NewDevice()
	device.Container = &pairingContainer{devices: d, paired: paired}
	return device
}

// pairingContainer stores a device that is being linked.
type pairingContainer struct {
	devices *devices
	paired  func(ctx context.Context, device *store.Device) error
	known   atomic.Bool // paired has been called and its transaction is durable
}

// PutDevice implements store.DeviceContainer.
func (c *pairingContainer) PutDevice(ctx context.Context, device *store.Device) error {
	known := c.known.Load()
	err := c.devices.db.Write(ctx, func(ctx context.Context) error {
		if err := c.devices.container.PutDevice(ctx, device); err != nil || known {
			return err
		}
		return c.paired(ctx, device)
	})
	device.Container = c // the first PutDevice makes whatsmeow's own container the device's
	if err != nil {
		return fmt.Errorf("store the session of %s: %w", device.GetJID(), err)
	}
	c.known.Store(true)
	return nil
}

// DeleteDevice implements store.DeviceContainer.
func (c *pairingContainer) DeleteDevice(ctx context.Context, device *store.Device) error {
	return c.devices.container.DeleteDevice(ctx, device)
}
