-- v2 -> v3: Bans that end, messages that cannot be decrypted yet

-- When the bridge connects a banned login again.
ALTER TABLE login ADD COLUMN retry_at BIGINT NOT NULL DEFAULT 0;

-- One row per message that came but cannot be decrypted, until it comes again. placeholder says that an event in the room
-- stands for it, which becomes the message.
CREATE TABLE awaited_message (
	portal_id   BIGINT  NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id       TEXT    NOT NULL,
	sender_id   BIGINT  NOT NULL REFERENCES puppet (id),
	placeholder BOOLEAN NOT NULL,
	since       BIGINT  NOT NULL,
	PRIMARY KEY (portal_id, wa_id, sender_id)
);
