// Package e2e runs the real programs against a real homeserver, a real database and the simulated WhatsApp network, and does with
// them what people do. Package rig sets all of it up; these are the stories.
//
// CAUSEWAY_TEST_HOMESERVER names the homeserver (synapse or dendrite), CAUSEWAY_TEST_POSTGRES a Postgres server; without them the
// tests get what they need by themselves.
package e2e
