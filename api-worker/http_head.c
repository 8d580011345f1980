/*
 * Lines of a request head and their meaning: see http_head.h.
 *
 * Invariant: a field that decides framing or identity (every one that this
 * server reads, but Connection and Accept, which are lists) is there at most
 * once.
 */
#include "api-worker/http_head.h"

static const struct http_error bad_request_line = { 400,
	"The request line must be: method, one space, target, one space, HTTP/1.1." };
static const struct http_error target_too_long = { 414,
	"The request target is too long: at most 8 KiB are accepted." };
static const struct http_error bad_target = { 400,
	"The request target is not a valid path, absolute URL or \"*\"." };
static const struct http_error no_proxy = { 501,
	"CONNECT is not supported: this server is not a proxy." };
static const struct http_error bad_version = { 505,
	"Only HTTP/1.1 and HTTP/1.0 are spoken here." };
static const struct http_error folded = { 400,
	"A header field is folded over several lines, which is obsolete and refused." };
static const struct http_error bad_name = { 400,
	"A header field's name is malformed, or there is white space before its colon." };
static const struct http_error bad_value = { 400,
	"A header field's value has a control character in it." };
static const struct http_error too_many_fields = { 431,
	"The request has too many header fields: at most 100 are accepted." };
static const struct http_error twice = { 400,
	"A header field that may be given only once is given twice." };
static const struct http_error no_host = { 400,
	"An HTTP/1.1 request must have a Host field." };
static const struct http_error bad_host = { 400,
	"The Host field must be a host name or address, with a port if need be." };
static const struct http_error other_host = { 400,
	"Host and the request target name different hosts." };
static const struct http_error bad_length = { 400,
	"Content-Length must be one decimal number." };
static const struct http_error both_lengths = { 400,
	"A request must not have both Transfer-Encoding and Content-Length." };
static const struct http_error bad_coding = { 400,
	"Transfer-Encoding must be \"chunked\"." };
static const struct http_error unknown_coding = { 501,
	"The only transfer coding supported is \"chunked\"." };
static const struct http_error coding_in_1_0 = { 400,
	"An HTTP/1.0 request must not have Transfer-Encoding." };
static const struct http_error bad_expectation = { 417,
	"The only expectation supported is \"100-continue\"." };

static const struct {
	struct http_text name;
	enum http_method method;
} methods[] = {
	{ { "GET", 3 }, HTTP_GET },
	{ { "HEAD", 4 }, HTTP_HEAD },
	{ { "POST", 4 }, HTTP_POST },
	{ { "PUT", 3 }, HTTP_PUT },
	{ { "PATCH", 5 }, HTTP_PATCH },
	{ { "DELETE", 6 }, HTTP_DELETE },
	{ { "OPTIONS", 7 }, HTTP_OPTIONS },
};

static const struct {
	struct http_text name;
	enum http_field id;
	bool list; /* may be given several times */
} fields[] = {
	{ { "Host", 4 }, HTTP_FIELD_HOST, false },
	{ { "Accept", 6 }, HTTP_FIELD_ACCEPT, true },
	{ { "Connection", 10 }, HTTP_FIELD_CONNECTION, true },
	{ { "Content-Length", 14 }, HTTP_FIELD_CONTENT_LENGTH, false },
	{ { "Content-Type", 12 }, HTTP_FIELD_CONTENT_TYPE, false },
	{ { "Cookie", 6 }, HTTP_FIELD_COOKIE, true },
	{ { "Authorization", 13 }, HTTP_FIELD_AUTHORIZATION, false },
	{ { "X-Setup-Token", 13 }, HTTP_FIELD_SETUP_TOKEN, false },
	{ { "Origin", 6 }, HTTP_FIELD_ORIGIN, false },
	{ { "Sec-Fetch-Site", 14 }, HTTP_FIELD_FETCH_SITE, false },
	{ { "Expect", 6 }, HTTP_FIELD_EXPECT, false },
	{ { "Transfer-Encoding", 17 }, HTTP_FIELD_TRANSFER_ENCODING, false },
	{ { "X-Request-Id", 12 }, HTTP_FIELD_REQUEST_ID, false },
	{ { "Access-Control-Request-Method", 29 }, HTTP_FIELD_REQUEST_METHOD, false },
};

/* ---- request line ---- */

static const struct http_error *take_method(struct http_request *r, struct http_text t)
{
	size_t i;

	if (t.len == 0 || t.len > HTTP_METHOD_MAX || !http_all(t, HTTP_TCHAR))
		return &bad_request_line;
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (http_equal(t, methods[i].name))
			r->method = methods[i].method;
	return NULL;
}

/* HTTP-version (RFC 9112 section 2.3).  A higher minor version is 1.1 to us. */
static const struct http_error *take_version(struct http_request *r, struct http_text t)
{
	if (t.len != 8 || memcmp(t.at, "HTTP/", 5) != 0 || !http_is(t.at[5], HTTP_DIGIT) ||
	    t.at[6] != '.' || !http_is(t.at[7], HTTP_DIGIT))
		return &bad_request_line;
	if (t.at[5] != '1')
		return &bad_version;
	r->minor_0 = t.at[7] == '0';
	return NULL;
}

const struct http_error *http_head_request_line(struct http_request *r, size_t at,
    size_t len)
{
	const char *line = (const char *)r->head.data + at;
	const char *first = memchr(line, ' ', len);
	const char *last = memrchr(line, ' ', len);
	const struct http_error *error;
	size_t target;

	if (!first || first == last)
		return &bad_request_line;
	r->method_text = (struct http_span){ (uint16_t)at, (uint16_t)(first - line) };
	error = take_method(r, (struct http_text){ line, (size_t)(first - line) });
	if (!error)
		error = take_version(r,
		    (struct http_text){ last + 1, len - (size_t)(last + 1 - line) });
	if (error)
		return error;
	target = (size_t)(last - first) - 1;
	if (target > HTTP_TARGET_MAX)
		return &target_too_long;
	r->target_text = (struct http_span){ (uint16_t)(at + (size_t)(first + 1 - line)),
		(uint16_t)target };
	return NULL;
}

/* ---- fields ---- */

static const struct http_error *classify(struct http_request *r, struct http_text name,
    unsigned index)
{
	size_t i;

	r->field[index].id = HTTP_FIELD_OTHER;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		enum http_field id = fields[i].id;

		if (fields[i].name.len != name.len || !http_equal_nocase(fields[i].name, name))
			continue;
		r->field[index].id = (uint8_t)id;
		if (r->first[id] == 0)
			r->first[id] = (uint8_t)(index + 1);
		else if (!fields[i].list)
			return &twice;
		break;
	}
	return NULL;
}

const struct http_error *http_head_field_line(struct http_request *r, size_t at, size_t len)
{
	const char *line = (const char *)r->head.data + at;
	const char *colon;
	struct http_text name, value;
	unsigned index = r->nfields;

	if (line[0] == ' ' || line[0] == '\t')
		return &folded;
	colon = memchr(line, ':', len);
	if (!colon || colon == line)
		return &bad_name;
	name = (struct http_text){ line, (size_t)(colon - line) };
	if (!http_all(name, HTTP_TCHAR))
		return &bad_name;
	value = http_trim((struct http_text){ colon + 1, len - name.len - 1 });
	if (!http_all(value, HTTP_VALUE))
		return &bad_value;
	if (index == HTTP_FIELDS_MAX)
		return &too_many_fields;
	r->field[index].name = (struct http_span){ (uint16_t)at, (uint16_t)name.len };
	r->field[index].value = (struct http_span){
		(uint16_t)(at + (size_t)(value.at - line)), (uint16_t)value.len };
	r->nfields++;
	return classify(r, name, index);
}

/* ---- the complete head ---- */

static const struct http_error *check_target(struct http_request *r)
{
	struct http_text target = http_request_text(r, r->target_text);

	if (http_equal(http_request_text(r, r->method_text), HTTP_TEXT("CONNECT")))
		return &no_proxy;
	if (!http_target_parse(target, &r->target))
		return &bad_target;
	if (r->target.form == HTTP_TARGET_ASTERISK && r->method != HTTP_OPTIONS)
		return &bad_target;
	return NULL;
}

static const struct http_error *check_host(struct http_request *r)
{
	struct http_authority authority;
	struct http_text host;

	/* Before Host existed there was no browser that could be deceived. */
	if (!http_request_field(r, HTTP_FIELD_HOST, &host))
		return r->minor_0 ? NULL : &no_host;
	if (!http_authority_parse(host, &authority))
		return &bad_host;
	if (r->target.form == HTTP_TARGET_ABSOLUTE &&
	    !http_equal_nocase(host, r->target.authority))
		return &other_host;
	return NULL;
}

/* RFC 9112 section 6.1: codings that end in chunked are only unknown to us,
 * anything else leaves the length open. */
static const struct http_error *check_coding(struct http_request *r, struct http_text value)
{
	struct http_text element, last = { NULL, 0 };
	unsigned n = 0, chunked = 0;

	while (http_list_next(&value, &element)) {
		if (element.len == 0 || !http_all(element, HTTP_TCHAR))
			return &bad_coding;
		chunked += http_equal_nocase(element, HTTP_TEXT("chunked"));
		last = element;
		n++;
	}
	if (chunked != 1 || !http_equal_nocase(last, HTTP_TEXT("chunked")))
		return &bad_coding;
	if (n > 1)
		return &unknown_coding;
	r->chunked = true;
	return NULL;
}

/* RFC 9112 section 6.3. */
static const struct http_error *check_framing(struct http_request *r)
{
	struct http_text coding, length;

	r->has_length = http_request_field(r, HTTP_FIELD_CONTENT_LENGTH, &length);
	if (http_request_field(r, HTTP_FIELD_TRANSFER_ENCODING, &coding)) {
		if (r->has_length)
			return &both_lengths;
		if (r->minor_0)
			return &coding_in_1_0;
		return check_coding(r, coding);
	}
	if (r->has_length && !http_number(length, &r->content_length))
		return &bad_length;
	return NULL;
}

static const struct http_error *check_expect(struct http_request *r)
{
	struct http_text value;

	if (r->minor_0 || !http_request_field(r, HTTP_FIELD_EXPECT, &value))
		return NULL;
	if (!http_equal_nocase(value, HTTP_TEXT("100-continue")))
		return &bad_expectation;
	r->expect_continue = true;
	return NULL;
}

/* RFC 9112 section 9.3. */
static void find_persistence(struct http_request *r)
{
	struct http_text value, option;
	bool close = false, keep = false;
	unsigned i;

	for (i = 0; r->first[HTTP_FIELD_CONNECTION] != 0 && i < r->nfields; i++) {
		if (r->field[i].id != HTTP_FIELD_CONNECTION)
			continue;
		value = http_request_text(r, r->field[i].value);
		while (http_list_next(&value, &option)) {
			close = close || http_equal_nocase(option, HTTP_TEXT("close"));
			keep = keep || http_equal_nocase(option, HTTP_TEXT("keep-alive"));
		}
	}
	r->keep_alive = !close && (keep || !r->minor_0);
}

const struct http_error *http_head_complete(struct http_request *r)
{
	const struct http_error *error = check_target(r);

	if (!error)
		error = check_host(r);
	if (!error)
		error = check_framing(r);
	if (!error)
		error = check_expect(r);
	if (!error)
		find_persistence(r);
	return error;
}
