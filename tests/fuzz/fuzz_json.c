/* JSON text: what is accepted prints and parses again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *json = NULL, *again = NULL;
	char *text;

	if (json_parse((const char *)data, size, NULL, &json, NULL) < 0)
		return 0;
	text = cJSON_PrintUnformatted(json);
	if (text == NULL || json_parse(text, strlen(text), NULL, &again, NULL) < 0)
		abort();
	cJSON_Delete(json);
	cJSON_Delete(again);
	free(text);
	return 0;
}
