/* tests/fuzz/server/fuzz_http_head.c -- a request head. What is accepted keeps what the header promises, and its end is where
 * cairn_http_head_end says. */
#include <stdlib.h>
#include <string.h>

#include "server/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool inside(struct cairn_span part, struct cairn_span whole)
{
    return part.len == 0 || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

static void check_target(const struct cairn_http_head *head)
{
    demand(head->path.len > 0 && head->path.p[0] == '/');
    demand(head->path.len + head->query.len <= CAIRN_HTTP_TARGET_MAX);
    for (size_t i = 0; i < head->path.len; i++) {
        demand(head->path.p[i] > ' ' && head->path.p[i] < 0x7f && strchr("%?#\\;\"", head->path.p[i]) == NULL);
    }
    for (size_t i = 0; i + 1 < head->path.len; i++) {
        demand(head->path.p[i] != '/' || head->path.p[i + 1] != '/');
    }
}

static void check_fields(const struct cairn_http_head *head, struct cairn_span bytes)
{
    demand(head->num_fields <= CAIRN_HTTP_MAX_FIELDS);
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct cairn_http_field *field = &head->fields[i];
        demand(field->name.len > 0 && inside(field->name, bytes) && inside(field->value, bytes));
        demand(memchr(field->name.p, ':', field->name.len) == NULL && memchr(field->name.p, ' ', field->name.len) == NULL);
        for (size_t k = 0; k < field->value.len; k++) {
            demand(field->value.p[k] >= ' ' && field->value.p[k] <= '~');
        }
    }
}

static void check_query(const struct cairn_http_head *head)
{
    static const char *const names[] = {"a", "after", "limit", ""};
    char value[64];
    bool there = false;
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(names); i++) {
        if (cairn_http_query(head, names[i], value, sizeof(value), &there, NULL) == CAIRN_OK && there) {
            for (size_t k = 0; value[k] != '\0'; k++) {
                demand(value[k] >= ' ' && value[k] <= '~');
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cairn_span bytes = cairn_span(data, size);
    struct cairn_http_head head;
    struct cairn_span value;
    size_t end = cairn_http_head_end(bytes, 0);
    demand(end <= size && cairn_http_head_end(bytes, size / 2) <= size);
    struct cairn_span first = end > 0 ? cairn_span(data, end) : bytes;
    if (cairn_http_head_parse(first, &head, NULL) != CAIRN_OK) {
        return 0;
    }
    demand(end == first.len);
    check_target(&head);
    check_fields(&head, first);
    check_query(&head);
    demand(cairn_http_field(&head, "host", &value) && value.len > 0);
    demand(!cairn_http_field(&head, "TRANSFER-ENCODING", &value));
    demand(head.has_length || (head.length == 0 && head.method != CAIRN_HTTP_POST));
    return 0;
}
