/*
 * The handlers of api-worker/routes.c; each is in the file of its feature.
 */
#ifndef API_WORKER_HANDLERS_H
#define API_WORKER_HANDLERS_H

#include "api-worker/exchange.h"

void handle_root(struct exchange *x);          /* root.c */
void handle_healthz(struct exchange *x);       /* health.c */
void handle_readyz(struct exchange *x);        /* health.c */
void handle_db_status(struct exchange *x);     /* db_status.c */
void handle_db_setup(struct exchange *x);      /* db_setup.c */
void handle_setup_page(struct exchange *x);    /* setup_page.c */
void handle_asset(struct exchange *x);         /* setup_page.c */
void handle_system_status(struct exchange *x); /* system.c */
void handle_system_reload(struct exchange *x); /* system.c */

void handle_auth_register(struct exchange *x);       /* auth.c */
void handle_auth_login(struct exchange *x);          /* auth.c */
void handle_auth_logout(struct exchange *x);         /* auth.c */
void handle_auth_change_password(struct exchange *x); /* auth.c */
void handle_auth_update_profile(struct exchange *x); /* auth.c */
void handle_users_me(struct exchange *x);            /* users.c */
void handle_users_list(struct exchange *x);          /* users.c */
void handle_users_create(struct exchange *x);        /* users.c */
void handle_users_reset_password(struct exchange *x); /* users.c */
void handle_users_roles(struct exchange *x);         /* users.c */
void handle_tokens_list(struct exchange *x);         /* tokens.c */
void handle_tokens_create(struct exchange *x);       /* tokens.c */
void handle_tokens_revoke(struct exchange *x);       /* tokens.c */
void handle_audit_list(struct exchange *x);          /* audit.c */
void handle_settings_list(struct exchange *x);       /* settings.c */
void handle_settings_create(struct exchange *x);     /* settings_write.c */
void handle_settings_categories(struct exchange *x); /* settings.c */
void handle_settings_health(struct exchange *x);     /* settings.c */
void handle_settings_search(struct exchange *x);     /* settings.c */
void handle_settings_bulk(struct exchange *x);       /* settings_write.c */
void handle_settings_rekey(struct exchange *x);      /* settings_write.c */
void handle_settings_groups(struct exchange *x);     /* settings_group.c */
void handle_settings_group_create(struct exchange *x); /* settings_group.c */
void handle_settings_group_get(struct exchange *x);  /* settings_group.c */
void handle_settings_group_update(struct exchange *x); /* settings_group.c */
void handle_settings_of_group(struct exchange *x);   /* settings.c */
void handle_settings_get(struct exchange *x);        /* settings.c */
void handle_settings_update(struct exchange *x);     /* settings_write.c */
void handle_settings_delete(struct exchange *x);     /* settings_write.c */

#endif
