/*
 * The service manager: sd_notify(3)'s datagrams, without its library.
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <stdint.h>

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment. */
void notify_init(void);

/* Milliseconds between two watchdog messages (half of what is asked for); 0
 * when the service manager wants none. */
int64_t notify_watchdog_ms(void);

/* Sends lines such as "READY=1\nSTATUS=…"; nothing without NOTIFY_SOCKET. */
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
