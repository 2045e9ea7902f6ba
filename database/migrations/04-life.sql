-- v3 -> v4: Disappearing messages, albums, pins, files that the phone is asked for

-- The chat's timer for disappearing messages in seconds, 0 when it is off, and when it was set.
ALTER TABLE portal ADD COLUMN timer BIGINT NOT NULL DEFAULT 0;
ALTER TABLE portal ADD COLUMN timer_set_at BIGINT NOT NULL DEFAULT 0;

-- about_id is what a message belongs to: the album of which it is a part, or the message that an edit changes. kept says
-- that somebody keeps it although its time is up.
ALTER TABLE message ADD COLUMN about_id TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN kept BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX message_about ON message (portal_id, about_id) WHERE about_id<>'';

-- What is to happen to a message at a time: 'vanish' or 'unpin'.
CREATE TABLE timer (
	kind      TEXT   NOT NULL,
	portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id     TEXT   NOT NULL,
	sender_id BIGINT NOT NULL,
	due_at    BIGINT NOT NULL,
	PRIMARY KEY (kind, portal_id, wa_id, sender_id)
);
CREATE INDEX timer_due ON timer (due_at);

-- What each message that was ever pinned is now: pinned on WhatsApp or not, as said last at set_at.
CREATE TABLE pin (
	portal_id BIGINT  NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id     TEXT    NOT NULL,
	sender_id BIGINT  NOT NULL,
	pinned    BOOLEAN NOT NULL,
	set_at    BIGINT  NOT NULL,
	PRIMARY KEY (portal_id, wa_id, sender_id)
);

-- Files that WhatsApp has no more, until the phone has sent them again. What is to be shown then is in plan (JSON), login_id
-- is whose phone is asked, tries how often it was, state 'offered', 'asked' or 'refused'.
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
