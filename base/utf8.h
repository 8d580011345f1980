/*
 * UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decodes the first character of text (len bytes) into *cp and returns its
 * length, 1 to 4; 0 when len is 0 or the bytes are not valid UTF-8. */
size_t utf8_decode(const char *text, size_t len, uint32_t *cp);

/* Encodes cp (a Unicode scalar value) and returns the length, 1 to 4. */
size_t utf8_encode(uint32_t cp, char out[4]);

/* Length of the longest valid prefix of text. */
size_t utf8_prefix(const char *text, size_t len);

/* True for characters that could change how the text around them is shown or
 * split: C0 and C1 controls, line and paragraph separators, bidi overrides. */
int utf8_is_control(uint32_t cp);

#endif
