-- v5 -> v6: Read receipts

-- When the bridge took a message, which is the order in which its room shows it: what was sent on a phone without a
-- connection comes late, with an old time.
ALTER TABLE message ADD COLUMN added_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX message_added ON message (portal_id, added_at) WHERE kind='';

-- Up to which message, by added_at, a login's user has read a chat on Matrix.
ALTER TABLE portal_login ADD COLUMN read_at BIGINT NOT NULL DEFAULT 0;
