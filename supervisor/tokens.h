/*
 * Tokens that this daemon makes for people on its host: the operator's
 * (control.token, new at every start) and the one-time setup token (setup.token,
 * while there is no account and some listener is not loopback).  Each is one line in
 * a file of mode 0600; the db-worker learns the hash only.
 */
#ifndef SUPERVISOR_TOKENS_H
#define SUPERVISOR_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define OPERATOR_TOKEN_FILE "control.token"
#define SETUP_TOKEN_FILE "setup.token"
#define TOKEN_HASH_BYTES 32

/* Makes a new operator's token.  hash: BLAKE2b-256 of its text.  Codes of
 * fs_write_file. */
int operator_token_make(int data_dirfd, uint8_t hash[TOKEN_HASH_BYTES], struct err *e);

/* The hash of the setup token in the file, which is made when there is none.  When it
 * cannot be written the token goes to the log. */
void setup_token_keep(int data_dirfd, uint8_t hash[TOKEN_HASH_BYTES]);

/* Removes the file; none is fine. */
void setup_token_remove(int data_dirfd);

#endif
