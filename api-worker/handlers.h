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

#endif
