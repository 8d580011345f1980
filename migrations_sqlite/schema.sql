-- The core schema: the single source of truth.
--
-- Migrations are made from this file (see README.md beside it); a unit test
-- proves that all of them in a row give exactly this schema.
--
-- Conventions: ids are random, URL-safe texts.  Columns that end in _at are
-- integer seconds since 1970-01-01T00:00:00Z.  Flags are integers, 0 or 1.
-- Lists and objects are JSON texts.  A foreign key has an index when rows are
-- looked up or deleted by it.

-- ---- roles and accounts ----

-- Synchronised from db-worker/roles.c at every start.
CREATE TABLE roles (
	id text PRIMARY KEY NOT NULL,
	name text NOT NULL UNIQUE,
	description text,
	permissions text NOT NULL, -- JSON array of permission names
	is_system_role integer NOT NULL DEFAULT 0,
	created_at integer NOT NULL,
	updated_at integer NOT NULL
);

CREATE TABLE authUser (
	id text PRIMARY KEY NOT NULL,
	username text NOT NULL UNIQUE,
	email text NOT NULL UNIQUE, -- lower case
	auth_type text NOT NULL,
	first_name text,
	last_name text,
	github_id text UNIQUE,
	hashed_password text, -- Argon2id, PHC string form
	role_id text NOT NULL DEFAULT 'global_user' REFERENCES roles(id),
	email_verified integer NOT NULL DEFAULT 0
);
CREATE INDEX authUser_role_id ON authUser (role_id);

CREATE TABLE authSession (
	id text PRIMARY KEY NOT NULL, -- hash of the cookie's value
	user_id text NOT NULL REFERENCES authUser(id) ON DELETE CASCADE,
	expires_at integer NOT NULL
);
CREATE INDEX authSession_user_id ON authSession (user_id);
CREATE INDEX authSession_expires_at ON authSession (expires_at);

CREATE TABLE authKey (
	id text PRIMARY KEY NOT NULL,
	user_id text NOT NULL REFERENCES authUser(id) ON DELETE CASCADE,
	primary_key text NOT NULL,
	hashed_password text,
	expires integer
);
CREATE INDEX authKey_user_id ON authKey (user_id);

CREATE TABLE emailVerificationTokens (
	id text PRIMARY KEY NOT NULL,
	user_id text NOT NULL REFERENCES authUser(id) ON DELETE CASCADE,
	token_hash text NOT NULL,
	expires_at integer NOT NULL,
	created_at integer NOT NULL
);
CREATE INDEX emailVerificationTokens_user_id ON emailVerificationTokens (user_id);
CREATE INDEX emailVerificationTokens_expires_at ON emailVerificationTokens (expires_at);

CREATE TABLE passwordResetTokens (
	id text PRIMARY KEY NOT NULL,
	user_id text NOT NULL REFERENCES authUser(id) ON DELETE CASCADE,
	token_hash text NOT NULL,
	expires_at integer NOT NULL,
	created_at integer NOT NULL
);
CREATE INDEX passwordResetTokens_user_id ON passwordResetTokens (user_id);
CREATE INDEX passwordResetTokens_expires_at ON passwordResetTokens (expires_at);

-- ---- access by machines, and who changed what ----

CREATE TABLE apiTokens (
	id text PRIMARY KEY NOT NULL,
	name text NOT NULL,
	token_hash text NOT NULL UNIQUE, -- of what the client sends
	scopes text NOT NULL, -- JSON array of scope names
	plugin_id text, -- the only plugin whose tables it reaches
	created_by text REFERENCES authUser(id) ON DELETE SET NULL,
	created_at integer NOT NULL,
	expires_at integer, -- NULL: never
	last_used_at integer, -- to the hour
	revoked_at integer
);
CREATE INDEX apiTokens_created_by ON apiTokens (created_by);

-- Only ever appended to; never holds a value, a password or a token.
CREATE TABLE auditLog (
	id integer PRIMARY KEY NOT NULL,
	at_ms integer NOT NULL, -- ms since 1970
	actor_type text NOT NULL, -- user, token, operator, anonymous or setup
	actor_id text,
	actor_name text,
	action text NOT NULL,
	target text,
	address text
);

-- ---- teams ----

CREATE TABLE teams (
	id text PRIMARY KEY NOT NULL,
	name text NOT NULL,
	slug text NOT NULL UNIQUE,
	description text,
	owner_id text NOT NULL REFERENCES authUser(id) ON DELETE CASCADE,
	created_at integer NOT NULL,
	updated_at integer NOT NULL
);
CREATE INDEX teams_owner_id ON teams (owner_id);

CREATE TABLE teamMemberships (
	id text PRIMARY KEY NOT NULL,
	team_id text NOT NULL REFERENCES teams(id) ON DELETE CASCADE,
	user_id text NOT NULL REFERENCES authUser(id) ON DELETE CASCADE,
	role text NOT NULL, -- team_admin or team_user
	joined_at integer NOT NULL
);
CREATE INDEX teamMemberships_team_id ON teamMemberships (team_id);
CREATE INDEX teamMemberships_user_id ON teamMemberships (user_id);

-- ---- global settings ----

CREATE TABLE globalSettingGroups (
	id text PRIMARY KEY NOT NULL,
	name text NOT NULL,
	description text,
	icon text,
	sort_order integer NOT NULL DEFAULT 0,
	created_at integer NOT NULL,
	updated_at integer NOT NULL
);
CREATE INDEX globalSettingGroups_sort_order ON globalSettingGroups (sort_order);

CREATE TABLE globalSettings (
	key text PRIMARY KEY NOT NULL,
	value text NOT NULL, -- ciphertext when is_encrypted
	type text NOT NULL DEFAULT 'string', -- string, number or boolean
	description text,
	is_encrypted integer NOT NULL DEFAULT 0,
	group_id text REFERENCES globalSettingGroups(id),
	created_at integer NOT NULL,
	updated_at integer NOT NULL
);
CREATE INDEX globalSettings_group_id ON globalSettings (group_id);

-- ---- MCP servers: catalogue, installations, configurations ----

CREATE TABLE mcpCategories (
	id text PRIMARY KEY NOT NULL,
	name text NOT NULL UNIQUE,
	description text,
	icon text,
	sort_order integer NOT NULL DEFAULT 0,
	created_at integer NOT NULL
);
CREATE INDEX mcpCategories_sort_order ON mcpCategories (sort_order);

CREATE TABLE mcpServers (
	id text PRIMARY KEY NOT NULL,
	name text NOT NULL,
	slug text NOT NULL UNIQUE,
	description text,
	category_id text REFERENCES mcpCategories(id),
	visibility text NOT NULL DEFAULT 'team', -- global or team
	owner_team_id text REFERENCES teams(id),
	created_by text NOT NULL REFERENCES authUser(id),
	transport_type text NOT NULL DEFAULT 'stdio',
	packages text, -- this and the next 13: JSON
	remotes text,
	template_args text,
	template_env text,
	template_headers text,
	template_url_query_params text,
	team_args_schema text,
	team_env_schema text,
	team_headers_schema text,
	team_url_query_params_schema text,
	user_args_schema text,
	user_env_schema text,
	user_headers_schema text,
	user_url_query_params_schema text,
	official_name text,
	synced_from_official_registry integer NOT NULL DEFAULT 0,
	official_registry_server_id text,
	official_registry_version_id text,
	official_registry_published_at integer,
	official_registry_updated_at integer,
	repository_source text,
	repository_id text,
	repository_subfolder text,
	github_account_id text,
	github_readme_base64 text,
	github_stars integer,
	status text NOT NULL DEFAULT 'active',
	created_at integer NOT NULL,
	updated_at integer NOT NULL
);
CREATE INDEX mcpServers_category_id ON mcpServers (category_id);
CREATE INDEX mcpServers_owner_team_id ON mcpServers (owner_team_id);
CREATE INDEX mcpServers_created_by ON mcpServers (created_by);
CREATE INDEX mcpServers_visibility_name ON mcpServers (visibility, name);
CREATE INDEX mcpServers_official_name ON mcpServers (official_name);

CREATE TABLE mcpServerInstallations (
	id text PRIMARY KEY NOT NULL,
	team_id text NOT NULL REFERENCES teams(id) ON DELETE CASCADE,
	server_id text NOT NULL REFERENCES mcpServers(id) ON DELETE CASCADE,
	created_by text NOT NULL REFERENCES authUser(id),
	installation_name text NOT NULL,
	team_args text, -- this and the next three: JSON
	team_env text,
	team_headers text,
	team_url_query_params text,
	created_at integer NOT NULL,
	updated_at integer NOT NULL,
	last_used_at integer,
	UNIQUE (team_id, installation_name)
);
CREATE INDEX mcpServerInstallations_server_id ON mcpServerInstallations (server_id);
CREATE INDEX mcpServerInstallations_created_by ON mcpServerInstallations (created_by);

CREATE TABLE mcpUserConfigurations (
	id text PRIMARY KEY NOT NULL,
	installation_id text NOT NULL REFERENCES mcpServerInstallations(id) ON DELETE CASCADE,
	user_id text NOT NULL REFERENCES authUser(id) ON DELETE CASCADE,
	user_args text, -- this and the next three: JSON
	user_env text,
	user_headers text,
	user_url_query_params text,
	created_at integer NOT NULL,
	updated_at integer NOT NULL,
	UNIQUE (installation_id, user_id)
);
CREATE INDEX mcpUserConfigurations_user_id ON mcpUserConfigurations (user_id);

-- ---- job queue ----

CREATE TABLE queueJobBatches (
	id text PRIMARY KEY NOT NULL,
	name text NOT NULL,
	total_jobs integer NOT NULL DEFAULT 0,
	metadata text, -- JSON
	created_at integer NOT NULL
);

CREATE TABLE queueJobs (
	id text PRIMARY KEY NOT NULL,
	type text NOT NULL,
	payload text NOT NULL, -- JSON
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
	attempts integer NOT NULL DEFAULT 0,
	max_attempts integer NOT NULL DEFAULT 3,
	scheduled_for integer, -- seconds since 1970; NULL: at once
	created_at integer NOT NULL,
	started_at integer,
	completed_at integer,
	last_error text,
	batch_id text REFERENCES queueJobBatches(id)
);
CREATE INDEX queueJobs_status_scheduled_for ON queueJobs (status, scheduled_for);
CREATE INDEX queueJobs_type ON queueJobs (type);
CREATE INDEX queueJobs_batch_id ON queueJobs (batch_id);
