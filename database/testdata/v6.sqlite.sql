CREATE TABLE version (version INTEGER, compat INTEGER);
CREATE TABLE queue_entry (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	queue      TEXT     NOT NULL,
	lane       TEXT     NOT NULL,
	dedup_key  TEXT     NOT NULL,
	kind       TEXT     NOT NULL,
	payload    BYTEA,
	state      SMALLINT NOT NULL DEFAULT 0,
	attempts   INTEGER  NOT NULL DEFAULT 0,
	not_before BIGINT   NOT NULL DEFAULT 0,
	parked_for TEXT     NOT NULL DEFAULT '',
	park_limit BIGINT   NOT NULL DEFAULT 0,
	last_error TEXT     NOT NULL DEFAULT '',
	added_at   BIGINT   NOT NULL,
	closed_at  BIGINT   NOT NULL DEFAULT 0
);
CREATE TABLE setting (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
CREATE TABLE puppet (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	user_id   TEXT NOT NULL UNIQUE,
	lid       TEXT UNIQUE,
	pn        TEXT UNIQUE,
	push_name TEXT NOT NULL DEFAULT '',
	name      TEXT NOT NULL DEFAULT ''
);
CREATE TABLE matrix_user (
	mxid            TEXT PRIMARY KEY,
	management_room TEXT NOT NULL DEFAULT ''
);
CREATE TABLE login (
	id           TEXT PRIMARY KEY,
	mxid         TEXT   NOT NULL,
	puppet_id    BIGINT NOT NULL REFERENCES puppet (id),
	device       TEXT   NOT NULL,
	state        TEXT   NOT NULL,
	state_detail TEXT   NOT NULL DEFAULT '',
	state_since  BIGINT NOT NULL,
	phone_seen   BIGINT NOT NULL DEFAULT 0
, retry_at BIGINT NOT NULL DEFAULT 0);
CREATE TABLE login_flow (
	mxid       TEXT PRIMARY KEY,
	id         TEXT   NOT NULL,
	method     TEXT   NOT NULL,
	room_id    TEXT   NOT NULL,
	started_at BIGINT NOT NULL
);
CREATE TABLE portal (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	receiver    TEXT NOT NULL,
	chat        TEXT NOT NULL,
	other       BIGINT REFERENCES puppet (id),
	room_id     TEXT UNIQUE,
	name        TEXT NOT NULL DEFAULT '',
	topic       TEXT NOT NULL DEFAULT '',
	-- Whether name, topic and members are known: a room is not made before.
	has_details BOOLEAN NOT NULL DEFAULT false, timer BIGINT NOT NULL DEFAULT 0, timer_set_at BIGINT NOT NULL DEFAULT 0,
	UNIQUE (receiver, chat)
);
CREATE TABLE portal_alias (
	receiver  TEXT   NOT NULL,
	jid       TEXT   NOT NULL,
	portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	PRIMARY KEY (receiver, jid)
);
CREATE TABLE portal_login (
	portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	login_id  TEXT   NOT NULL REFERENCES login (id) ON DELETE CASCADE, read_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (portal_id, login_id)
);
CREATE TABLE portal_member (
	portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	puppet_id BIGINT NOT NULL REFERENCES puppet (id),
	role      TEXT   NOT NULL DEFAULT '',
	PRIMARY KEY (portal_id, puppet_id)
);
CREATE TABLE message (
	portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id     TEXT   NOT NULL,
	sender_id BIGINT NOT NULL REFERENCES puppet (id),
	event_id  TEXT   NOT NULL DEFAULT '',
	sent_at   BIGINT NOT NULL, kind TEXT NOT NULL DEFAULT '', from_matrix BOOLEAN NOT NULL DEFAULT false, removed BOOLEAN NOT NULL DEFAULT false, edited_at BIGINT NOT NULL DEFAULT 0, quote TEXT NOT NULL DEFAULT '', about_id TEXT NOT NULL DEFAULT '', kept BOOLEAN NOT NULL DEFAULT false, added_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (portal_id, wa_id, sender_id)
);
CREATE TABLE bot_event (
	name     TEXT PRIMARY KEY,
	room_id  TEXT NOT NULL,
	event_id TEXT NOT NULL
);
CREATE TABLE reaction (
	portal_id     BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	target_id     TEXT   NOT NULL,
	target_sender BIGINT NOT NULL REFERENCES puppet (id),
	sender_id     BIGINT NOT NULL REFERENCES puppet (id),
	wa_id         TEXT   NOT NULL,
	emoji         TEXT   NOT NULL,
	sent_at       BIGINT NOT NULL,
	PRIMARY KEY (portal_id, target_id, target_sender, sender_id)
);
CREATE TABLE awaited_message (
	portal_id   BIGINT  NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id       TEXT    NOT NULL,
	sender_id   BIGINT  NOT NULL REFERENCES puppet (id),
	placeholder BOOLEAN NOT NULL,
	since       BIGINT  NOT NULL,
	PRIMARY KEY (portal_id, wa_id, sender_id)
);
CREATE TABLE timer (
	kind      TEXT   NOT NULL,
	portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id     TEXT   NOT NULL,
	sender_id BIGINT NOT NULL,
	due_at    BIGINT NOT NULL,
	PRIMARY KEY (kind, portal_id, wa_id, sender_id)
);
CREATE TABLE pin (
	portal_id BIGINT  NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id     TEXT    NOT NULL,
	sender_id BIGINT  NOT NULL,
	pinned    BOOLEAN NOT NULL,
	set_at    BIGINT  NOT NULL,
	PRIMARY KEY (portal_id, wa_id, sender_id)
);
CREATE TABLE lost_file (
	portal_id BIGINT  NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id     TEXT    NOT NULL,
	sender_id BIGINT  NOT NULL,
	login_id  TEXT    NOT NULL,
	state     TEXT    NOT NULL,
	tries     INTEGER NOT NULL,
	plan      BYTEA   NOT NULL,
	lost_at   BIGINT  NOT NULL,
	PRIMARY KEY (portal_id, wa_id, sender_id)
);
CREATE TABLE question (
	portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id     TEXT   NOT NULL,
	sender_id BIGINT NOT NULL REFERENCES puppet (id),
	kind      TEXT   NOT NULL,
	author    TEXT   NOT NULL,
	secret    BYTEA,
	shown_id  TEXT   NOT NULL,
	content   TEXT   NOT NULL,
	PRIMARY KEY (portal_id, wa_id, sender_id)
);
CREATE TABLE answer (
	portal_id       BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	question_id     TEXT   NOT NULL,
	question_sender BIGINT NOT NULL REFERENCES puppet (id),
	sender_id       BIGINT NOT NULL REFERENCES puppet (id),
	wa_id           TEXT   NOT NULL,
	sealed          BYTEA,
	iv              BYTEA,
	content         TEXT   NOT NULL,
	sent_at         BIGINT NOT NULL,
	PRIMARY KEY (portal_id, question_id, question_sender, sender_id)
);
INSERT INTO version VALUES (6, 6);
INSERT INTO queue_entry VALUES (1, 'inbox', 'chat/1', '0', 'k', X'7B2261223A317D', 0, 0, 0, '', 0, '', 1, 0);
INSERT INTO queue_entry VALUES (2, 'inbox', 'chat/1', '1', 'k', NULL, 1, 0, 0, '', 0, '', 1, 0);
INSERT INTO queue_entry VALUES (3, 'inbox', 'chat/1', '2', 'k', X'7B7D', 2, 0, 0, '', 0, '', 1, 0);
INSERT INTO setting VALUES ('a', '1');
INSERT INTO puppet VALUES (1, '@whatsapp_1:localhost', '1001@lid', '49001@s.whatsapp.net', 'Zoë', 'Zoë (WA)');
INSERT INTO puppet VALUES (2, '@whatsapp_2:localhost', '1002@lid', '49002@s.whatsapp.net', 'Zoë', 'Zoë (WA)');
INSERT INTO matrix_user VALUES ('@alice:localhost', '!m:localhost');
INSERT INTO login VALUES ('49001', '@alice:localhost', 1, '49001:7@s.whatsapp.net', 'connected', 'fine', 1770091506789, 0, 0);
INSERT INTO login_flow VALUES ('@alice:localhost', '1', 'qr', '!m:localhost', 1770091506789);
INSERT INTO portal VALUES (1, '', '123-456@g.us', NULL, '!group:localhost', 'Group', 'It''s; fine', 1, 86400, 1770091506789);
INSERT INTO portal VALUES (2, '49001', '1002@lid', 2, NULL, '', '', 1, 0, 0);
INSERT INTO portal_alias VALUES ('', '123-456@g.us', 1);
INSERT INTO portal_alias VALUES ('49001', '1002@lid', 2);
INSERT INTO portal_alias VALUES ('49001', '49002@s.whatsapp.net', 2);
INSERT INTO portal_login VALUES (1, '49001', 0);
INSERT INTO portal_member VALUES (1, 1, 'admin');
INSERT INTO message VALUES (1, '3EB0', 1, '$1', 1770091506789, '', 0, 0, 0, '', '', 0, 1795283206004);
INSERT INTO bot_event VALUES ('qr', '!m:localhost', '$2');
INSERT INTO reaction VALUES (1, '3EB0', 1, 1, '3EB1', '👍', 1770091506789);
INSERT INTO awaited_message VALUES (1, '3EB1', 1, 1, 1770091506789);
INSERT INTO timer VALUES ('vanish', 1, '3EB0', 1, 1770091506789);
INSERT INTO pin VALUES (1, '3EB0', 1, 1, 1770091506789);
INSERT INTO lost_file VALUES (1, '3EB0', 1, '49001', 'asked', 0, X'7B7D', 1770091506789);
INSERT INTO question VALUES (1, '3EB0', 1, 'poll', '1001@lid', X'01', '3EB0', '{"question":"?"}');
INSERT INTO answer VALUES (1, '3EB0', 1, 1, '3EB2', NULL, NULL, '["a"]', 1770091506789);
CREATE UNIQUE INDEX queue_entry_key ON queue_entry (queue, dedup_key);
CREATE INDEX queue_entry_open ON queue_entry (queue, lane, id) WHERE state=0;
CREATE INDEX queue_entry_parked ON queue_entry (parked_for) WHERE state=0 AND parked_for<>'';
CREATE INDEX queue_entry_closed ON queue_entry (closed_at) WHERE state=1;
CREATE INDEX queue_entry_dead ON queue_entry (queue, id) WHERE state=2;
CREATE INDEX matrix_user_room ON matrix_user (management_room);
CREATE INDEX login_mxid ON login (mxid);
CREATE INDEX login_puppet ON login (puppet_id);
CREATE INDEX portal_login_login ON portal_login (login_id);
CREATE INDEX message_event ON message (event_id) WHERE event_id<>'';
CREATE INDEX message_quote ON message (sent_at) WHERE quote<>'';
CREATE INDEX reaction_message ON reaction (portal_id, wa_id, sender_id);
CREATE INDEX message_about ON message (portal_id, about_id) WHERE about_id<>'';
CREATE INDEX timer_due ON timer (due_at);
CREATE INDEX answer_message ON answer (portal_id, wa_id, sender_id);
CREATE INDEX message_added ON message (portal_id, added_at) WHERE kind='';
