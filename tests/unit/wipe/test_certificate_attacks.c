/* tests/unit/wipe/test_certificate_attacks.c -- whole certificate files, each with exactly one lie, all else rightly signed.
 *
 * Every file is refused with its own code. With CAIRN_WIPE_ATTACKS naming a directory the files are also written there, for the
 * judges that are not Cairn's: NAME.json, NAME.root, NAME.code ("genuine": nothing is wrong).
 */
#include <stdio.h>

#include "world.h"

/* A Quote over exactly the certificate's digest: the right extraData under another type. */
static void sign_quote(struct world *w, struct cairn_span payload, struct cairn_buf *file)
{
    struct cairn_attestation att = {0};
    uint8_t extra[32] = {0};
    assert_int_equal(cairn_pae_digest(CAIRN_TYPE_CERTIFICATE, payload, extra, NULL), CAIRN_OK);
    cairn_fake_quote(w->tpm, CAIRN_WIPE_PCRS, extra, &att);
    cairn_buf_clear(file);
    assert_int_equal(cairn_certificate_file(payload, &w->log, &att, file, NULL), CAIRN_OK);
}

/* Puts a document over the honest one in the payload. */
static void put(json_t *payload, const char *key, const struct cairn_buf *part)
{
    assert_int_equal(cairn_json_set_base64(payload, key, cairn_buf_span(part), NULL), CAIRN_OK);
}

/* The certificate file over the parts and the list as they stand, with the honest derived members. */
static void assemble(struct world *w, const struct cairn_buf *honest, bool quote, struct cairn_buf *file)
{
    CAIRN_JSON *payload = NULL;
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_json_parse(cairn_buf_span(honest), 1 << 20, true, "t", &payload, NULL), CAIRN_OK);
    put(payload, "order", &w->parts.order);
    put(payload, "statement", &w->parts.statement);
    put(payload, "start", &w->parts.start);
    put(payload, "plan", &w->parts.plan);
    put(payload, "media_log", &w->parts.media_log);
    put(payload, "kill", &w->parts.kill);
    assert_int_equal(cairn_json_write(payload, &text, NULL), CAIRN_OK);
    (quote ? sign_quote : world_sign)(w, cairn_buf_span(&text), file);
}

static void magic(struct world *w)
{
    w->tpm->magic = 0x00544347;
}

/* Done by assemble. */
static void quote_instead(struct world *w CAIRN_UNUSED)
{
}

static void owner_key(struct world *w)
{
    assert_int_equal(cairn_name_qualify(CAIRN_RH_OWNER, &w->tpm->ak_name, &w->tpm->signer, NULL), CAIRN_OK);
}

/* The genuine key swapped for a software one, after the list was made. */
static void software_key(struct world *w)
{
    cairn_signer_free(w->tpm->ak);
    assert_int_equal(cairn_signer_generate(&w->tpm->ak, NULL), CAIRN_OK);
}

static void no_clear(struct world *w)
{
    cairn_fake_step_remove(&w->log, CAIRN_FAKE_CLEAR);
}

static void two_clears(struct world *w)
{
    CAIRN_BUF cp = {0};
    CAIRN_BUF rp = {0};
    set_buf(&cp, &w->log.steps[CAIRN_FAKE_CLEAR].cp);
    set_buf(&rp, &w->log.steps[CAIRN_FAKE_CLEAR].rp);
    cairn_fake_step_insert(&w->log, CAIRN_FAKE_CLEAR, cairn_buf_span(&cp), cairn_buf_span(&rp));
}

static void no_challenge(struct world *w)
{
    cairn_fake_step_remove(&w->log, CAIRN_FAKE_STIR);
}

static void old_challenge(struct world *w)
{
    const uint8_t other[32] = {0x77};
    uint8_t extra[32] = {0};
    assert_int_equal(cairn_pae_digest(CAIRN_TYPE_WIPE_START, cairn_buf_span(&w->parts.start), extra, NULL), CAIRN_OK);
    cairn_audit_log_clear(&w->log);
    cairn_fake_wipe(w->tpm, other, extra, w->mask, &w->log);
}

static void owner_key_left(struct world *w)
{
    static const uint32_t left[] = {0x81000001u};
    cairn_fake_step_handles(&w->log, CAIRN_FAKE_PERSISTENT_AFTER, 0x81000000u, false, left, 1);
}

static void list_cut_short(struct world *w)
{
    cairn_fake_step_handles(&w->log, CAIRN_FAKE_NV_AFTER, 0x01000000u, true, NULL, 0);
}

static void one_signature(struct world *w)
{
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_order_payload(&w->order, &text, NULL), CAIRN_OK);
    cairn_test_sign(cairn_buf_span(&text), CAIRN_TYPE_ORDER, w->keys.role[CAIRN_ROLE_RETIRE], &w->parts.order);
}

static void release_signature(struct world *w)
{
    CAIRN_BUF once = {0};
    set_buf(&once, &w->parts.order);
    cairn_test_sign(cairn_buf_span(&once), CAIRN_TYPE_ORDER, w->keys.role[CAIRN_ROLE_RELEASE], &w->parts.order);
}

static void other_serial(struct world *w)
{
    (void)snprintf(w->order.devices[0].serial, sizeof w->order.devices[0].serial, "SN-9999");
    world_again(w);
}

static void other_device(struct world *w)
{
    w->order.devices[0].device[0] ^= 1;
    world_order(w);
}

static void other_key(struct world *w)
{
    w->order.devices[0].ak.bytes[5] ^= 1;
    world_order(w);
}

static void low_counter(struct world *w)
{
    w->tpm->epoch = 10;
    world_kill(w);
}

static void low_target(struct world *w)
{
    w->target = 10;
    world_kill(w);
}

static void old_kill(struct world *w)
{
    CAIRN_BUF old = {0};
    set_buf(&old, &w->parts.kill);
    (void)snprintf(w->order.reason, sizeof w->order.reason, "later");
    world_again(w);
    set_buf(&w->parts.kill, &old);
}

static void exchanged_log(struct world *w)
{
    w->media.entries[0].keyslots = 9;
    world_media(w);
}

static void boasting_medium(struct world *w)
{
    w->media.entries[0].medium.evidence = CAIRN_EVIDENCE_MEASURED;
    world_again(w);
}

static void vanished_target(struct world *w)
{
    w->media.num = 0;
    world_again(w);
}

static void other_epoch_index(struct world *w)
{
    w->tpm->epoch_name.bytes[7] ^= 1;
    world_kill(w);
    w->tpm->epoch_name.bytes[7] ^= 1;
}

static void honest_but_less_erased(struct world *w)
{
    w->media.entries[0].result = CAIRN_RESULT_FAILED;
    (void)snprintf(w->media.entries[0].code, sizeof w->media.entries[0].code, "media.readback");
    world_again(w);
}

static void hidden_server(struct world *w)
{
    world_by_server(w);
}

/* Told in statement and plan, but the grade keeps silent. */
static void server_for_a_desk(struct world *w)
{
    world_by_server(w);
    world_again(w);
}

/* No lie yet: the file is bent afterwards. */
static void none(struct world *w CAIRN_UNUSED)
{
}

static void foreign_countersigner(struct world *w, struct cairn_buf *file)
{
    world_plant(w->keys.role[CAIRN_ROLE_RELEASE], CAIRN_TYPE_CERTIFICATE, file);
}

static void other_countersigned(struct world *w, struct cairn_buf *file)
{
    world_plant(w->keys.verifier[0], CAIRN_TYPE_RELEASE, file);
}

/* The first counter-signature moved behind the second, or put there twice. */
static void rearrange(struct world *w, bool twice, struct cairn_buf *file)
{
    CAIRN_JSON *json = NULL;
    CAIRN_BUF text = {0};
    world_plant(w->keys.verifier[0], CAIRN_TYPE_CERTIFICATE, file);
    world_plant(w->keys.verifier[1], CAIRN_TYPE_CERTIFICATE, file);
    assert_int_equal(cairn_json_parse(cairn_span(file->p, file->len - 1), 1 << 20, true, "t", &json, NULL), CAIRN_OK);
    json_t *list = json_object_get(json, "signatures");
    assert_int_equal(json_array_append(list, json_array_get(list, 0)), 0);
    assert_int_equal(json_array_remove(list, twice ? 1 : 0), 0);
    assert_int_equal(cairn_json_write(json, &text, NULL), CAIRN_OK);
    assert_int_equal(cairn_buf_append(&text, cairn_span_str("\n"), NULL), CAIRN_OK);
    set_buf(file, &text);
}

static void countersigners_swapped(struct world *w, struct cairn_buf *file)
{
    rearrange(w, false, file);
}

static void countersigner_doubled(struct world *w, struct cairn_buf *file)
{
    rearrange(w, true, file);
}

static const struct {
    const char *name, *code;
    void (*lie)(struct world *w);
    void (*after)(struct world *w, struct cairn_buf *file); /* NULL: the file stays as it was signed */
} ATTACKS[] = {
    {"magic", "attestation.magic", magic, NULL},
    {"type", "attestation.type", quote_instead, NULL},
    {"owner-key", "attestation.signer", owner_key, NULL},
    {"software-key", "attestation.signature", software_key, NULL},
    {"no-clear", "audit.clear", no_clear, NULL},
    {"two-clears", "audit.clear", two_clears, NULL},
    {"no-challenge", "audit.sequence", no_challenge, NULL},
    {"old-challenge", "audit.stir", old_challenge, NULL},
    {"owner-key-left", "audit.handles", owner_key_left, NULL},
    {"list-cut-short", "audit.handles", list_cut_short, NULL},
    {"one-signature", "order.holders", one_signature, NULL},
    {"release-signature", "order.signer", release_signature, NULL},
    {"other-serial", "order.serial", other_serial, NULL},
    {"other-device", "order.device", other_device, NULL},
    {"other-key", "order.ak", other_key, NULL},
    {"low-counter", "kill.counter", low_counter, NULL},
    {"low-target", "kill.target", low_target, NULL},
    {"old-kill", "kill.order", old_kill, NULL},
    {"exchanged-log", "start.media", exchanged_log, NULL},
    {"boasting-medium", "media.evidence", boasting_medium, NULL},
    {"vanished-target", "certificate.targets", vanished_target, NULL},
    {"other-epoch-index", "attestation.index", other_epoch_index, NULL},
    {"better-grade-than-evidence", "certificate.grade", honest_but_less_erased, NULL},
    {"plan-hides-the-enroller", "certificate.plan", hidden_server, NULL},
    {"grade-hides-the-enroller", "certificate.grade", server_for_a_desk, NULL},
    {"foreign-countersigner", "certificate.countersigner", none, foreign_countersigner},
    {"countersigned-as-another-type", "signature.invalid", none, other_countersigned},
    {"countersigners-swapped", "tpmdoc.format", none, countersigners_swapped},
    {"countersigner-doubled", "tpmdoc.format", none, countersigner_doubled},
};

static void keep(struct world *w, const char *name, const char *code, const struct cairn_buf *file)
{
    const char *dir = getenv("CAIRN_WIPE_ATTACKS");
    char path[512];
    if (dir == NULL) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s.json", dir, name);
    assert_int_equal(cairn_path_write(path, cairn_buf_span(file), 0644, NULL), CAIRN_OK);
    (void)snprintf(path, sizeof path, "%s/%s.root", dir, name);
    assert_int_equal(cairn_path_write(path, cairn_buf_span(&w->keys.root_file), 0644, NULL), CAIRN_OK);
    (void)snprintf(path, sizeof path, "%s/%s.code", dir, name);
    assert_int_equal(cairn_path_write(path, cairn_span_str(code), 0644, NULL), CAIRN_OK);
}

static void refuses_every_certificate_with_one_lie_by_its_own_code(void **state CAIRN_UNUSED)
{
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(ATTACKS); i++) {
        WORLD *w = world_new();
        CAIRN_BUF honest = {0};
        CAIRN_BUF file = {0};
        struct cairn_err err = {0};
        world_payload(w, &honest);
        ATTACKS[i].lie(w);
        assemble(w, &honest, ATTACKS[i].lie == quote_instead, &file);
        if (ATTACKS[i].after != NULL) {
            ATTACKS[i].after(w, &file);
        }
        keep(w, ATTACKS[i].name, ATTACKS[i].code, &file);
        if (world_verify(w, &file, &err) == CAIRN_OK || strcmp(err.code, ATTACKS[i].code) != 0) {
            fail_msg("%s: got \"%s\" (%s), wanted %s", ATTACKS[i].name, err.code, err.text, ATTACKS[i].code);
        }
    }
}

/* What is right in a less common way: the judges must not be stricter than the formats. */
static void accepts_each_honest_variant(void **state CAIRN_UNUSED)
{
    WORLD *w = world_new();
    CAIRN_BUF file = {0};
    w->order.online = true;
    world_by_server(w);
    world_again(w);
    world_certificate(w, &file);
    keep(w, "online-and-enrolled-by-the-server", "genuine", &file);
    assert_int_equal(world_verify(w, &file, NULL), CAIRN_OK);
    world_plant(w->keys.verifier[0], CAIRN_TYPE_CERTIFICATE, &file);
    world_plant(w->keys.verifier[1], CAIRN_TYPE_CERTIFICATE, &file);
    keep(w, "counter-signed-twice", "genuine", &file);
    assert_int_equal(world_verify(w, &file, NULL), CAIRN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_certificate_with_one_lie_by_its_own_code),
        cmocka_unit_test(accepts_each_honest_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
