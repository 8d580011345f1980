CREATE TABLE apiTokens (
	id text PRIMARY KEY NOT NULL,
	name text NOT NULL,
	token_hash text NOT NULL UNIQUE,
	scopes text NOT NULL,
	plugin_id text,
	created_by text REFERENCES authUser(id) ON DELETE SET NULL,
	created_at integer NOT NULL,
	expires_at integer,
	last_used_at integer,
	revoked_at integer
);--> statement-breakpoint
CREATE INDEX apiTokens_created_by ON apiTokens (created_by);--> statement-breakpoint
CREATE TABLE auditLog (
	id integer PRIMARY KEY NOT NULL,
	at_ms integer NOT NULL,
	actor_type text NOT NULL,
	actor_id text,
	actor_name text,
	action text NOT NULL,
	target text,
	address text
);
