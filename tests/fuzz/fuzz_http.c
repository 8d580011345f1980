/*
 * The request parser on any bytes.  The first two bytes choose how the rest is
 * cut; the same input fed whole must come to the same end.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api-worker/http_parser.h"

#define BODY_MAX 4096

struct end {
	unsigned requests;
	uint64_t bodies;  /* bytes */
	uint64_t targets; /* bytes */
	int status;       /* of the refusal, or 0 */
};

/* What must hold for every request that is passed on. */
static void check(const struct http_request *r)
{
	struct http_text host = { NULL, 0 };
	unsigned i;

	if (r->head.len > HTTP_HEAD_MAX || r->nfields > HTTP_FIELDS_MAX ||
	    r->body.len > BODY_MAX || r->target.path.len > HTTP_TARGET_MAX)
		abort();
	if (!r->minor_0 && !http_request_field(r, HTTP_FIELD_HOST, &host))
		abort();
	if (r->chunked && r->has_length)
		abort();
	if (!r->chunked && r->body.len != r->content_length)
		abort();
	for (i = 0; i < r->nfields; i++) {
		struct http_text name = http_request_text(r, r->field[i].name);

		if (name.len == 0 || !http_all(name, HTTP_TCHAR) ||
		    !http_all(http_request_text(r, r->field[i].value), HTTP_VALUE))
			abort();
	}
}

static struct end feed(const uint8_t *data, size_t size, unsigned cut, unsigned step)
{
	struct end end = { 0 };
	struct http_parser p;
	size_t at = 0, used;

	http_parser_init(&p);
	http_parser_reset(&p);
	for (;;) {
		size_t n = size - at;
		char *piece;
		enum http_result result;

		if (step > 0) {
			cut = cut * 1103515245 + 12345;
			if (n > 1 + (cut >> 8) % step)
				n = 1 + (cut >> 8) % step;
		}
		/* Exactly this much, so that reading behind it is seen. */
		piece = malloc(n > 0 ? n : 1);
		if (n > 0)
			memcpy(piece, data + at, n);
		result = http_parser_feed(&p, piece, n, &used);
		free(piece);
		if (used > n)
			abort();
		at += used;
		if (result == HTTP_HEADERS) {
			http_parser_body(&p, BODY_MAX, true);
		} else if (result == HTTP_COMPLETE) {
			check(&p.request);
			end.requests++;
			end.bodies += p.request.body.len;
			end.targets += p.request.target.path.len;
			http_parser_reset(&p);
		} else if (result == HTTP_REFUSED) {
			end.status = p.error->status;
			break;
		} else if (at == size) {
			break;
		}
	}
	http_parser_free(&p);
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct end whole, cut;

	if (size < 2)
		return 0;
	whole = feed(data + 2, size - 2, 0, 0);
	cut = feed(data + 2, size - 2, data[0], 1u + data[1]);
	if (whole.requests != cut.requests || whole.bodies != cut.bodies ||
	    whole.targets != cut.targets || whole.status != cut.status)
		abort();
	return 0;
}
