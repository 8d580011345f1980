/*
 * The steps of every message: see handlers.h.
 */
#include "db-worker/handlers.h"

const struct request_handler handlers[] = {
	{ MSG_db_setup, { { STEP_FREE, db_setup } } },
	{ MSG_db_info, { { STEP_READ, db_info } } },

	{ MSG_auth_check, { { STEP_FREE, auth_check } } },
	{ MSG_auth_register, { { STEP_READ, auth_register_check },
	    { STEP_HASH, auth_register_hash }, { STEP_WRITE, auth_register_insert } } },
	{ MSG_auth_login, { { STEP_READ, auth_login_find },
	    { STEP_HASH, auth_login_verify }, { STEP_WRITE, auth_login_session } } },
	{ MSG_auth_logout, { { STEP_WRITE, auth_logout } } },
	{ MSG_auth_change_password, { { STEP_READ, auth_change_password_check },
	    { STEP_HASH, auth_change_password_hash },
	    { STEP_WRITE, auth_change_password_store } } },
	{ MSG_auth_update_profile, { { STEP_WRITE, auth_update_profile } } },

	{ MSG_users_me, { { STEP_READ, users_me } } },
	{ MSG_users_list, { { STEP_READ, users_list } } },
	{ MSG_users_roles, { { STEP_READ, users_roles } } },
	{ MSG_users_create, { { STEP_READ, users_create_check },
	    { STEP_HASH, users_create_hash }, { STEP_WRITE, users_create_insert } } },
	{ MSG_users_reset_password, { { STEP_READ, users_reset_password_check },
	    { STEP_HASH, users_reset_password_hash },
	    { STEP_WRITE, users_reset_password_store } } },

	{ MSG_tokens_list, { { STEP_READ, tokens_list } } },
	{ MSG_tokens_create, { { STEP_WRITE, tokens_create } } },
	{ MSG_tokens_revoke, { { STEP_WRITE, tokens_revoke } } },
	{ MSG_audit_list, { { STEP_READ, audit_list } } },

	{ MSG_settings_list, { { STEP_READ, settings_list } } },
	{ MSG_settings_get, { { STEP_READ, settings_get } } },
	{ MSG_settings_groups, { { STEP_READ, settings_groups } } },
	{ MSG_settings_health, { { STEP_READ, settings_health } } },
	{ MSG_settings_create, { { STEP_WRITE, settings_create } } },
	{ MSG_settings_update, { { STEP_WRITE, settings_update } } },
	{ MSG_settings_delete, { { STEP_WRITE, settings_delete } } },
	{ MSG_settings_bulk, { { STEP_WRITE, settings_bulk } } },
	{ MSG_settings_group_create, { { STEP_WRITE, settings_group_create } } },
	{ MSG_settings_group_update, { { STEP_WRITE, settings_group_update } } },
	{ MSG_settings_rekey, { { STEP_WRITE, settings_rekey } } },
	{ 0 },
};
