/*
 * The steps of every message; each is in the file of its feature.
 */
#ifndef DB_WORKER_HANDLERS_H
#define DB_WORKER_HANDLERS_H

#include "db-worker/requests.h"

/* For requests_new. */
extern const struct request_handler handlers[];

void db_setup(struct request *q);                    /* db_setup.c */
void db_info(struct request *q);                     /* db_info.c */

void auth_check(struct request *q);                  /* auth.c */
void auth_login_find(struct request *q);
void auth_login_verify(struct request *q);
void auth_login_session(struct request *q);
void auth_logout(struct request *q);
void auth_register_check(struct request *q);         /* auth_register.c */
void auth_register_hash(struct request *q);
void auth_register_insert(struct request *q);
void users_create_check(struct request *q);
void users_create_hash(struct request *q);
void users_create_insert(struct request *q);
void auth_change_password_check(struct request *q);  /* auth_profile.c */
void auth_change_password_hash(struct request *q);
void auth_change_password_store(struct request *q);
void users_reset_password_check(struct request *q);
void users_reset_password_hash(struct request *q);
void users_reset_password_store(struct request *q);
void auth_update_profile(struct request *q);

void users_me(struct request *q);                    /* users.c */
void users_list(struct request *q);
void users_roles(struct request *q);
void tokens_list(struct request *q);                 /* tokens.c */
void tokens_create(struct request *q);
void tokens_revoke(struct request *q);
void audit_list(struct request *q);                  /* audit.c */

void settings_list(struct request *q);               /* settings.c */
void settings_get(struct request *q);
void settings_groups(struct request *q);
void settings_health(struct request *q);
void settings_create(struct request *q);             /* settings_write.c */
void settings_update(struct request *q);
void settings_delete(struct request *q);
void settings_bulk(struct request *q);
void settings_group_create(struct request *q);       /* settings_group.c */
void settings_group_update(struct request *q);
void settings_rekey(struct request *q);              /* settings_rekey.c */

#endif
