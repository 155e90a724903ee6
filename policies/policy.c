/* policies/policy.c -- see policy.h. */
#include "policies/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot_measure/facts.h"
#include "core/doctype.h"

enum { POLICY_MAX_LEN = CAIRN_FILE_MAX };

void cairn_policy_clear(struct cairn_policy *policy)
{
    free(policy->events);
    *policy = (struct cairn_policy){0};
}

static CAIRN_RC check_seal_mask(uint32_t mask, struct cairn_err *err)
{
    if (mask == 0 || mask >> CAIRN_NUM_PCRS != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.seal", "the seal set names no PCR: such a policy would trust any boot");
    }
    if ((mask >> CAIRN_PCR_IMA & 1u) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.seal",
                          "PCR 10 is in the seal set: IMA changes it with every measured file, so nothing would open");
    }
    return CAIRN_OK;
}

static CAIRN_RC make_events(struct cairn_policy *policy, size_t num, struct cairn_err *err)
{
    policy->events = calloc(num > 0 ? num : 1, sizeof *policy->events);
    if (policy->events == NULL) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "policy.memory", "no memory for %zu events", num);
    }
    return CAIRN_OK;
}

static bool only_of(const char *text, const char *alphabet)
{
    return text[0] != '\0' && strspn(text, alphabet) == strlen(text);
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e) {
            return false;
        }
    }
    return true;
}

static CAIRN_RC read_values(const json_t *json, struct cairn_policy *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "policy.seal.values", err);
    size_t num = 0;
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        char key[4];
        (void)snprintf(key, sizeof key, "%u", pcr);
        const bool wanted = (out->seal_mask >> pcr & 1u) != 0;
        if (wanted != cairn_obj_has(&o, key)) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.values", "PCR %u %s", pcr,
                              wanted ? "is in the seal set but has no value" : "has a value but is not in the seal set");
        }
        if (wanted) {
            cairn_obj_hex(&o, key, out->values[pcr], sizeof out->values[pcr]);
            num++;
        }
    }
    if (num != json_object_size(json)) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.values", "a value for a PCR that does not exist");
    }
    return cairn_obj_done(&o);
}

static CAIRN_RC read_seal(const json_t *json, struct cairn_policy *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "policy.seal", err);
    char canonical[80];
    const char *text = cairn_obj_string(&o, "mask", sizeof canonical - 1);
    const json_t *values = cairn_obj_object(&o, "values");
    CAIRN_TRY(cairn_obj_done(&o));
    if (text[0] != '\0') {
        CAIRN_TRY(cairn_selection_from_text(text, &out->seal_mask, err));
    }
    cairn_selection_to_text(out->seal_mask, canonical);
    if (strcmp(text, canonical) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.member", "policy.seal: \"mask\" must be written \"%s\"", canonical);
    }
    CAIRN_TRY(check_seal_mask(out->seal_mask, err));
    return read_values(values, out, err);
}

static CAIRN_RC read_event(const json_t *json, uint32_t mask, struct cairn_policy_event *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "policy.events", err);
    out->container = cairn_obj_bool(&o, "container");
    cairn_obj_hex(&o, "digest", out->digest, sizeof out->digest);
    const char *kind = cairn_obj_string(&o, "kind", sizeof out->kind - 1);
    const char *label = cairn_obj_string(&o, "label", sizeof out->label - 1);
    out->pcr = (uint8_t)cairn_obj_uint(&o, "pcr", CAIRN_NUM_PCRS - 1);
    CAIRN_TRY(cairn_obj_done(&o));
    if (!only_of(kind, "abcdefghijklmnopqrstuvwxyz.")) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.member", "policy.events: \"kind\" must be small letters and dots");
    }
    if (!is_printable(label)) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "json.member", "policy.events: \"label\" must be printable ASCII");
    }
    if ((mask >> out->pcr & 1u) == 0) {
        return CAIRN_FAIL(err, CAIRN_E_FORMAT, "policy.events", "an event of PCR %u, which is not in the seal set", out->pcr);
    }
    (void)snprintf(out->kind, sizeof out->kind, "%s", kind);
    (void)snprintf(out->label, sizeof out->label, "%s", label);
    return CAIRN_OK;
}

static CAIRN_RC read_events(const json_t *json, struct cairn_policy *out, struct cairn_err *err)
{
    const size_t num = json_array_size(json);
    CAIRN_TRY(make_events(out, num, err));
    for (size_t i = 0; i < num; i++) {
        CAIRN_TRY(read_event(json_array_get(json, i), out->seal_mask, &out->events[i], err));
    }
    out->num_events = num;
    return CAIRN_OK;
}

static CAIRN_RC read_require(const json_t *json, struct cairn_policy *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "policy.require", err);
    out->require_root = cairn_obj_bool(&o, "root");
    out->require_secure_boot = cairn_obj_bool(&o, "secureboot");
    return cairn_obj_done(&o);
}

static CAIRN_RC read_policy(const json_t *json, struct cairn_policy *out, struct cairn_err *err)
{
    struct cairn_obj o = cairn_obj(json, "policy", err);
    const char *device_class = cairn_obj_string(&o, "class", sizeof out->device_class - 1);
    const json_t *events = cairn_obj_array(&o, "events", CAIRN_POLICY_MAX_EVENTS);
    cairn_obj_hex(&o, "fleet", out->fleet, sizeof out->fleet);
    out->issued_s = cairn_obj_uint(&o, "issued", UINT64_C(1) << 40);
    const json_t *require = cairn_obj_object(&o, "require");
    const json_t *seal = cairn_obj_object(&o, "seal");
    if (cairn_obj_uint(&o, "v", 1) != 1) {
        cairn_obj_fail(&o, "v", "must be 1");
    }
    CAIRN_TRY(cairn_obj_done(&o));
    (void)snprintf(out->device_class, sizeof out->device_class, "%s", device_class);
    CAIRN_TRY(read_require(require, out, err));
    CAIRN_TRY(read_seal(seal, out, err));
    return read_events(events, out, err);
}

CAIRN_RC cairn_policy_parse(struct cairn_span payload, struct cairn_policy *out, struct cairn_err *err)
{
    CAIRN_JSON *json = NULL;
    CAIRN_POLICY policy = {0};
    CAIRN_TRY(cairn_json_parse(payload, POLICY_MAX_LEN, true, "policy", &json, err));
    CAIRN_TRY(read_policy(json, &policy, err));
    CAIRN_TRY(cairn_pcr_digest(policy.seal_mask, (const uint8_t(*)[32])policy.values, policy.seal_digest, err));
    CAIRN_TRY(cairn_sha256(payload, policy.digest, err));
    *out = policy;
    policy = (struct cairn_policy){0};
    return CAIRN_OK;
}

CAIRN_RC cairn_policy_open(const struct cairn_root *root, struct cairn_span file, uint64_t now_s, struct cairn_policy *out,
                           struct cairn_err *err)
{
    CAIRN_BUF payload = {0};
    CAIRN_POLICY policy = {0};
    CAIRN_TRY(cairn_root_open_signed(root, file, CAIRN_TYPE_POLICY, CAIRN_ROLE_POLICY, "policy", now_s, &payload, err));
    CAIRN_TRY(cairn_policy_parse(cairn_buf_span(&payload), &policy, err));
    if (memcmp(policy.fleet, cairn_root_fleet(root), sizeof policy.fleet) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.fleet", "the policy was made for another fleet");
    }
    if (strcmp(policy.device_class, cairn_root_class(root)) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.class", "the policy is for class %s, the root for class %s",
                          policy.device_class, cairn_root_class(root));
    }
    *out = policy;
    policy = (struct cairn_policy){0};
    return CAIRN_OK;
}

static CAIRN_RC write_seal(const struct cairn_policy *policy, json_t *to, struct cairn_err *err)
{
    char mask[80];
    json_t *seal = json_object(), *values = json_object();
    cairn_selection_to_text(policy->seal_mask, mask);
    CAIRN_TRY(cairn_json_set_take(to, "seal", seal, err));
    CAIRN_TRY(cairn_json_set_take(seal, "values", values, err));
    CAIRN_TRY(cairn_json_set_string(seal, "mask", mask, err));
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        if ((policy->seal_mask >> pcr & 1u) != 0) {
            char key[4];
            (void)snprintf(key, sizeof key, "%u", pcr);
            CAIRN_TRY(cairn_json_set_hex(values, key, CAIRN_SPAN(policy->values[pcr]), err));
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC write_event(const struct cairn_policy_event *event, json_t *to, struct cairn_err *err)
{
    json_t *json = json_object();
    if (json == NULL || json_array_append_new(to, json) != 0) {
        return CAIRN_FAIL(err, CAIRN_E_IO, "json.memory", "no memory for the policy");
    }
    CAIRN_TRY(cairn_json_set_bool(json, "container", event->container, err));
    CAIRN_TRY(cairn_json_set_hex(json, "digest", CAIRN_SPAN(event->digest), err));
    CAIRN_TRY(cairn_json_set_string(json, "kind", event->kind, err));
    CAIRN_TRY(cairn_json_set_string(json, "label", event->label, err));
    return cairn_json_set_uint(json, "pcr", event->pcr, err);
}

static CAIRN_RC write_require(const struct cairn_policy *policy, json_t *to, struct cairn_err *err)
{
    json_t *require = json_object();
    CAIRN_TRY(cairn_json_set_take(to, "require", require, err));
    CAIRN_TRY(cairn_json_set_bool(require, "root", policy->require_root, err));
    return cairn_json_set_bool(require, "secureboot", policy->require_secure_boot, err);
}

CAIRN_RC cairn_policy_payload(const struct cairn_policy *policy, struct cairn_buf *out, struct cairn_err *err)
{
    CAIRN_JSON *json = json_object();
    json_t *events = json_array();
    CAIRN_TRY(cairn_json_set_take(json, "events", events, err));
    CAIRN_TRY(cairn_json_set_string(json, "class", policy->device_class, err));
    CAIRN_TRY(cairn_json_set_hex(json, "fleet", CAIRN_SPAN(policy->fleet), err));
    CAIRN_TRY(cairn_json_set_uint(json, "issued", policy->issued_s, err));
    CAIRN_TRY(cairn_json_set_uint(json, "v", 1, err));
    CAIRN_TRY(write_require(policy, json, err));
    CAIRN_TRY(write_seal(policy, json, err));
    for (size_t i = 0; i < policy->num_events; i++) {
        CAIRN_TRY(write_event(&policy->events[i], events, err));
    }
    return cairn_json_write(json, out, err);
}

enum cairn_root_seen cairn_policy_root_seen(const struct cairn_replay *replay, const uint8_t fleet[32],
                                            const char *device_class)
{
    struct cairn_boot_root root = {.class_name = ""};
    const size_t num_roots = cairn_boot_roots(replay, &root);
    if (num_roots == 0) {
        return CAIRN_ROOT_ABSENT;
    }
    const bool ours =
        num_roots == 1 && memcmp(root.digest, fleet, sizeof root.digest) == 0 && strcmp(root.class_name, device_class) == 0;
    return ours ? CAIRN_ROOT_SEEN : CAIRN_ROOT_OTHER;
}

static CAIRN_RC learn_values(const struct cairn_replay *replay, struct cairn_policy *out, struct cairn_err *err)
{
    for (unsigned pcr = 0; pcr < CAIRN_NUM_PCRS; pcr++) {
        if ((out->seal_mask >> pcr & 1u) == 0) {
            continue;
        }
        const uint8_t *value = cairn_replay_value(replay, pcr);
        if (value == NULL) {
            return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.seal.unquoted",
                              "PCR %u is in the seal set but not in the evidence: ask for it with `nonce new --pcrs`, or name "
                              "another seal set with --seal",
                              pcr);
        }
        struct cairn_writer w = cairn_writer(out->values[pcr], sizeof out->values[pcr]);
        cairn_write_bytes(&w, cairn_span(value, sizeof out->values[pcr]));
    }
    return CAIRN_OK;
}

static bool in_seal_set(const struct cairn_policy *policy, const struct cairn_boot_event *event)
{
    return event->pcr < CAIRN_NUM_PCRS && (policy->seal_mask >> event->pcr & 1u) != 0;
}

static void learn_event(const struct cairn_replay *replay, size_t i, struct cairn_policy_event *out)
{
    const struct cairn_boot_event *event = cairn_replay_event(replay, i);
    struct cairn_writer w = cairn_writer(out->digest, sizeof out->digest);
    out->pcr = (uint8_t)event->pcr;
    out->container = cairn_boot_event_is_container(replay, i);
    cairn_write_bytes(&w, CAIRN_SPAN(event->digest));
    (void)snprintf(out->kind, sizeof out->kind, "%s", cairn_boot_event_kind(event));
    (void)snprintf(out->label, sizeof out->label, "%s", event->label);
}

static CAIRN_RC learn_events(const struct cairn_replay *replay, struct cairn_policy *out, struct cairn_err *err)
{
    size_t num = 0;
    for (size_t i = 0; i < cairn_replay_num_events(replay); i++) {
        num += in_seal_set(out, cairn_replay_event(replay, i)) ? 1 : 0;
    }
    if (num > CAIRN_POLICY_MAX_EVENTS) {
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "policy.events",
                          "the seal set has %zu events, a policy holds %d: name a smaller set with --seal", num,
                          CAIRN_POLICY_MAX_EVENTS);
    }
    CAIRN_TRY(make_events(out, num, err));
    for (size_t i = 0; i < cairn_replay_num_events(replay); i++) {
        if (in_seal_set(out, cairn_replay_event(replay, i))) {
            learn_event(replay, i, &out->events[out->num_events++]);
        }
    }
    return CAIRN_OK;
}

static CAIRN_RC learn_facts(const struct cairn_root *root, const struct cairn_replay *replay,
                            const struct cairn_policy_wish *wish, struct cairn_policy *out, struct cairn_err *err)
{
    struct cairn_boot_facts facts = {0};
    cairn_boot_facts_read(replay, &facts);
    out->require_secure_boot = facts.secure_boot == CAIRN_SECURE_BOOT_ON;
    out->require_root = !wish->without_root;
    switch (cairn_policy_root_seen(replay, cairn_root_fleet(root), cairn_root_class(root))) {
    case CAIRN_ROOT_SEEN:
        return CAIRN_OK;
    case CAIRN_ROOT_ABSENT:
        if (wish->without_root) {
            return CAIRN_OK;
        }
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "boot.root.absent",
                          "this boot measured no Cairn root: run cairn-measure early in the boot and quote PCR 8, or accept "
                          "with --without-root that a replaced root is not seen");
    case CAIRN_ROOT_OTHER:
    default:
        return CAIRN_FAIL(err, CAIRN_E_REFUSED, "boot.root.other",
                          "this boot measured a Cairn root of another fleet or class, or more than one");
    }
}

CAIRN_RC cairn_policy_learn(const struct cairn_root *root, const struct cairn_replay *replay,
                            const struct cairn_policy_wish *wish, struct cairn_policy *out, struct cairn_err *err)
{
    CAIRN_POLICY policy = {.seal_mask = wish->seal_mask, .issued_s = wish->now_s};
    CAIRN_TRY(check_seal_mask(wish->seal_mask, err));
    CAIRN_TRY(learn_values(replay, &policy, err));
    CAIRN_TRY(learn_facts(root, replay, wish, &policy, err));
    CAIRN_TRY(learn_events(replay, &policy, err));
    (void)snprintf(policy.device_class, sizeof policy.device_class, "%s", cairn_root_class(root));
    struct cairn_writer w = cairn_writer(policy.fleet, sizeof policy.fleet);
    cairn_write_bytes(&w, cairn_span(cairn_root_fleet(root), sizeof policy.fleet));
    /* Written and read once: what cannot be parsed again must not leave this place, and the digests come with it. */
    CAIRN_BUF payload = {0};
    CAIRN_TRY(cairn_policy_payload(&policy, &payload, err));
    return cairn_policy_parse(cairn_buf_span(&payload), out, err);
}
