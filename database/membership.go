package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Member is one person's place in a group.
type Member struct {
	Portal PortalID
	Puppet PuppetID
	Role   string // "", "admin" or "superadmin", as in whatsmeow's types.GroupParticipant
}

// AddPortalLogin records that a login is in a chat. It reports false when that was known.
func (db *DB) AddPortalLogin(ctx context.Context, portal PortalID, login LoginID) (bool, error) {
	isNew, err := changed(db.Exec(ctx, `INSERT INTO portal_login (portal_id, login_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, portal, login))
	if err != nil {
		return false, fmt.Errorf("add login %s to portal %d: %w", login, portal, err)
	}
	return isNew, nil
}

// RemovePortalLogin records that a login is no longer in a chat. It reports false when it was not.
func (db *DB) RemovePortalLogin(ctx context.Context, portal PortalID, login LoginID) (bool, error) {
	was, err := changed(db.Exec(ctx, `DELETE FROM portal_login WHERE portal_id=$1 AND login_id=$2`, portal, login))
	if err != nil {
		return false, fmt.Errorf("remove login %s from portal %d: %w", login, portal, err)
	}
	return was, nil
}

// PortalLogins lists the logins that are in a chat, by number.
func (db *DB) PortalLogins(ctx context.Context, portal PortalID) ([]Login, error) {
	return db.logins(ctx, `SELECT `+loginColumns+` FROM login JOIN portal_login pl ON pl.login_id=login.id
		WHERE pl.portal_id=$1 ORDER BY login.id`, portal)
}

// PortalsOf lists the chats that a login is in, or was in: its direct chats stay its own.
func (db *DB) PortalsOf(ctx context.Context, login LoginID) ([]Portal, error) {
	return db.portals(ctx, `SELECT `+portalColumns+` FROM portal
		WHERE receiver=$1 OR id IN (SELECT portal_id FROM portal_login WHERE login_id=$1) ORDER BY id`, login)
}

// PutMember records a person's place in a group. It reports whether the person was not in it before.
func (db *DB) PutMember(ctx context.Context, m Member) (bool, error) {
	isNew, err := changed(db.Exec(ctx, `INSERT INTO portal_member (portal_id, puppet_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		m.Portal, m.Puppet, m.Role))
	if err == nil && !isNew {
		_, err = db.Exec(ctx, `UPDATE portal_member SET role=$3 WHERE portal_id=$1 AND puppet_id=$2 AND role<>$3`, m.Portal, m.Puppet, m.Role)
	}
	if err != nil {
		return false, fmt.Errorf("add puppet %d to portal %d: %w", m.Puppet, m.Portal, err)
	}
	return isNew, nil
}

// RemoveMember records that a person left a group. It reports false when they were not in it.
func (db *DB) RemoveMember(ctx context.Context, portal PortalID, puppet PuppetID) (bool, error) {
	was, err := changed(db.Exec(ctx, `DELETE FROM portal_member WHERE portal_id=$1 AND puppet_id=$2`, portal, puppet))
	if err != nil {
		return false, fmt.Errorf("remove puppet %d from portal %d: %w", puppet, portal, err)
	}
	return was, nil
}

// Members lists the people in a group.
func (db *DB) Members(ctx context.Context, portal PortalID) ([]Puppet, error) {
	rows, err := db.Query(ctx, `SELECT `+puppetColumns+` FROM puppet JOIN portal_member m ON m.puppet_id=puppet.id
		WHERE m.portal_id=$1 ORDER BY puppet.id`, portal)
	if err != nil {
		return nil, fmt.Errorf("list members of portal %d: %w", portal, err)
	}
	defer func() { _ = rows.Close() }()
	var list []Puppet
	for rows.Next() {
		p, err := scanPuppet(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// RoleOf tells a person's place in a group; "" also for who is not in it.
func (db *DB) RoleOf(ctx context.Context, portal PortalID, puppet PuppetID) (string, error) {
	var role string
	err := db.QueryRow(ctx, `SELECT role FROM portal_member WHERE portal_id=$1 AND puppet_id=$2`, portal, puppet).Scan(&role)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read role of puppet %d in portal %d: %w", puppet, portal, err)
	}
	return role, nil
}
