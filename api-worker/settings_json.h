/*
 * Settings and their groups as JSON, both ways.
 */
#ifndef API_WORKER_SETTINGS_JSON_H
#define API_WORKER_SETTINGS_JSON_H

#include "api-worker/body.h"
#include "api-worker/exchange.h"

void json_setting(struct buf *b, const char *name, const struct rec_setting *s);

/* Without the closing brace: members may follow. */
void json_setting_group_open(struct buf *b, const char *name, const struct rec_setting_group *g);

/* The members of a setting that an object gives.  A number's text is appended to
 * *numbers, which must live as long as the record. */
#define SETTING_NUMBER_SIZE 64
void setting_read(struct body *b, const cJSON *object, const char *key,
    char number[SETTING_NUMBER_SIZE], struct rec_setting *out);

/* {"success":true,"data":setting,"message":message} */
void answer_setting(struct exchange *x, int status, const struct rec_setting *s,
    const char *message);

#endif
