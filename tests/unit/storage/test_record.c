/* storage/record.c: one text per record, and an anchor that shows a torn write. */
#include "unit/storage/expect.h"

#include <stdio.h>

#include "storage/record.h"

static struct cairn_record sample(void)
{
    struct cairn_record r = {.generation = 7,
                             .life = CAIRN_LIFE_OPERATIONAL,
                             .phase = CAIRN_PHASE_CONFIRMED,
                             .epoch = 9,
                             .bound = 9,
                             .floor = 3,
                             .root_version = 1,
                             .vault_file = 6,
                             .num_assets = 2,
                             .sealed_public_len = 78,
                             .sealed_private_len = 190};
    memset(r.statement, 0x11, sizeof r.statement);
    memset(r.manifest, 0x22, sizeof r.manifest);
    memset(r.vault_digest, 0x33, sizeof r.vault_digest);
    memset(r.sealed_public, 0x44, r.sealed_public_len);
    memset(r.sealed_private, 0x55, r.sealed_private_len);
    r.assets[0] = (struct cairn_asset_entry){.name = "online", .slot_class = 3, .size = 42};
    r.assets[1] = (struct cairn_asset_entry){.name = "vault", .slot_class = 3, .version = 2, .size = 77};
    memset(r.assets[1].sha256, 0x66, 32);
    return r;
}

static struct cairn_record ending(void)
{
    struct cairn_record r = sample();
    r.life = CAIRN_LIFE_DECOMMISSIONING;
    r.kill_target = 12;
    memset(r.order, 0x77, sizeof r.order);
    return r;
}

static void assert_round_trip(const struct cairn_record *r)
{
    uint8_t *bytes = test_malloc(CAIRN_RECORD_LEN), *again = test_malloc(CAIRN_RECORD_LEN);
    struct cairn_record *out = test_calloc(1, sizeof *out);
    OK(cairn_record_encode(r, bytes, &err));
    OK(cairn_record_decode(cairn_span(bytes, CAIRN_RECORD_LEN), out, &err));
    OK(cairn_record_encode(out, again, &err));
    assert_memory_equal(bytes, again, CAIRN_RECORD_LEN);
    assert_int_equal(r->generation, out->generation);
    assert_int_equal(r->life, out->life);
    assert_int_equal(r->bound, out->bound);
    assert_string_equal(r->assets[1].name, out->assets[1].name);
    assert_int_equal(r->sealed_private_len, out->sealed_private_len);
    assert_memory_equal(r->sealed_private, out->sealed_private, sizeof r->sealed_private);
    assert_int_equal(r->kill_target, out->kill_target);
    test_free(bytes);
    test_free(again);
    test_free(out);
}

static void what_was_encoded_is_decoded(void **state)
{
    (void)state;
    struct cairn_record r = sample();
    assert_round_trip(&r);
    r.life = CAIRN_LIFE_DECOMMISSIONING;
    r.kill_target = 12;
    memset(r.order, 0x77, sizeof r.order);
    assert_round_trip(&r);
}

static void the_layout_is_the_documented_one(void **state)
{
    (void)state;
    uint8_t b[CAIRN_RECORD_LEN];
    struct cairn_record r = ending();
    r.generation = 0x0102030405060708;
    OK(cairn_record_encode(&r, b, &err));
    assert_memory_equal(b, "CAIRNREC\1\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01\3\4\0\0", 24);
    assert_int_equal(b[24], 9);    /* epoch */
    assert_int_equal(b[32], 9);    /* bound */
    assert_int_equal(b[40], 3);    /* floor */
    assert_int_equal(b[48], 1);    /* root version */
    assert_int_equal(b[52], 0x11); /* statement */
    assert_int_equal(b[84], 0x22); /* manifest */
    assert_int_equal(b[116], 6);   /* vault file */
    assert_int_equal(b[124], 0x33);
    assert_int_equal(b[156], 12); /* kill target */
    assert_int_equal(b[164], 0x77);
    assert_int_equal(b[196], 2); /* number of assets */
    assert_memory_equal(b + 200, "online", 7);
    assert_int_equal(b[232], 3);
    assert_memory_equal(b + 280, "vault", 6);
    assert_int_equal(b[316], 2);
    assert_int_equal(b[200 + 32 * 80], 78);
    assert_int_equal(b[200 + 32 * 80 + 2 + 160], 190);
}

static void rejects_every_truncation_and_a_trailing_byte(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_RECORD_LEN];
    struct cairn_record r = sample(), out;
    OK(cairn_record_encode(&r, bytes, &err));
    for (size_t len = 0; len <= CAIRN_RECORD_LEN + 1; len++) {
        uint8_t *exact = calloc(1, len + 1);
        assert_non_null(exact);
        memcpy(exact, bytes, len < CAIRN_RECORD_LEN ? len : CAIRN_RECORD_LEN);
        if (len != CAIRN_RECORD_LEN) {
            REFUSES(CAIRN_E_FORMAT, "record.magic", cairn_record_decode(cairn_span(exact, len), &out, &err));
        }
        free(exact);
    }
}

static void every_bit_of_a_record_has_a_meaning(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_RECORD_LEN], again[CAIRN_RECORD_LEN];
    struct cairn_record r = sample();
    OK(cairn_record_encode(&r, bytes, &err));
    for (size_t at = 0; at < CAIRN_RECORD_LEN; at++) {
        struct cairn_record out;
        bytes[at] ^= 0x80;
        /* refused, or a record that encodes to exactly these bytes */
        if (cairn_record_decode(CAIRN_SPAN(bytes), &out, NULL) == CAIRN_OK) {
            OK(cairn_record_encode(&out, again, &err));
            assert_memory_equal(bytes, again, sizeof again);
        }
        bytes[at] ^= 0x80;
    }
}

static void rejects_another_format(void **state)
{
    (void)state;
    uint8_t bytes[CAIRN_RECORD_LEN];
    struct cairn_record r = sample(), out;
    OK(cairn_record_encode(&r, bytes, &err));
    bytes[8] = 2;
    REFUSES(CAIRN_E_FORMAT, "record.format", cairn_record_decode(CAIRN_SPAN(bytes), &out, &err));
    bytes[8] = 1;
    bytes[0] = 'c';
    REFUSES(CAIRN_E_FORMAT, "record.magic", cairn_record_decode(CAIRN_SPAN(bytes), &out, &err));
}

static void rejects_reserved_space_in_use(void **state)
{
    (void)state;
    static const size_t PLACES[] = {
        22, 23, 200 + 10, 200 + 33, 200 + 79 + 80 * 2, 200 + 32 * 80 + 2 + 100, CAIRN_RECORD_LEN - 1};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(PLACES); i++) {
        uint8_t bytes[CAIRN_RECORD_LEN];
        struct cairn_record r = sample(), out;
        OK(cairn_record_encode(&r, bytes, &err));
        bytes[PLACES[i]] = 1;
        REFUSES(CAIRN_E_FORMAT, "record.field", cairn_record_decode(CAIRN_SPAN(bytes), &out, &err));
    }
}

static void refuse_record(const struct cairn_record *r)
{
    uint8_t bytes[CAIRN_RECORD_LEN];
    REFUSES(CAIRN_E_FORMAT, "record.field", cairn_record_encode(r, bytes, &err));
}

static void refuses_life_cycles_that_no_record_has(void **state)
{
    (void)state;
    const enum cairn_life never[] = {CAIRN_LIFE_MANUFACTURED, CAIRN_LIFE_ENROLLED, CAIRN_LIFE_RETIRED};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(never); i++) {
        struct cairn_record r = sample();
        r.life = never[i];
        refuse_record(&r);
    }
}

static void a_kill_target_and_an_order_belong_to_decommissioning_only(void **state)
{
    (void)state;
    struct cairn_record r = sample();
    r.kill_target = 12;
    refuse_record(&r);
    r = sample();
    r.order[0] = 1;
    refuse_record(&r);
    r = ending();
    r.kill_target = 0;
    refuse_record(&r);
    r = ending();
    memset(r.order, 0, sizeof r.order);
    refuse_record(&r);
}

static void only_resealed_may_be_sealed_ahead(void **state)
{
    (void)state;
    struct cairn_record r = sample();
    uint8_t bytes[CAIRN_RECORD_LEN];
    for (int phase = CAIRN_PHASE_NONE; phase <= CAIRN_PHASE_CONFIRMED; phase++) {
        r.phase = (enum cairn_phase)phase;
        r.bound = r.epoch + 1;
        if (phase == CAIRN_PHASE_RESEALED) {
            OK(cairn_record_encode(&r, bytes, &err));
        } else {
            refuse_record(&r);
        }
        r.bound = r.epoch + 2;
        refuse_record(&r);
        r.bound = r.epoch - 1;
        refuse_record(&r);
    }
    r = sample();
    r.phase = (enum cairn_phase)5;
    refuse_record(&r);
}

static void assets_have_plain_names_in_order(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", "Vault", "9vault", "../x", "va/lt", "va lt", ".vault"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(BAD); i++) {
        struct cairn_record r = sample();
        memset(r.assets[1].name, 0, sizeof r.assets[1].name);
        (void)snprintf(r.assets[1].name, sizeof r.assets[1].name, "%s", BAD[i]);
        refuse_record(&r);
    }
    struct cairn_record r = sample();
    (void)snprintf(r.assets[0].name, sizeof r.assets[0].name, "zebra"); /* after "vault" */
    refuse_record(&r);
    r = sample();
    r.assets[1].slot_class = 1;
    refuse_record(&r);
    r = sample();
    r.num_assets = CAIRN_RECORD_MAX_ASSETS + 1;
    refuse_record(&r);
    r = sample();
    r.num_assets = 1; /* the second entry is not empty */
    refuse_record(&r);
}

static void a_vault_file_needs_its_sealed_key(void **state)
{
    (void)state;
    struct cairn_record r = sample();
    r.sealed_public_len = 0;
    refuse_record(&r);
    r = sample();
    r.vault_file = 0;
    refuse_record(&r);
    r = sample();
    r.vault_file = r.generation + 2;
    refuse_record(&r);
    r = sample();
    r.sealed_private_len = sizeof r.sealed_private + 1;
    refuse_record(&r);
}

static void an_anchor_is_generation_digest_and_checksum(void **state)
{
    (void)state;
    uint8_t record[CAIRN_RECORD_LEN] = {1}, anchor[CAIRN_ANCHOR_LEN], want[32], digest[32], sum[32];
    bool intact = false;
    uint64_t generation = 0;
    OK(cairn_anchor_make(0x1122334455667788, record, anchor, &err));
    OK(cairn_sha256(CAIRN_SPAN(record), want, &err));
    OK(cairn_sha256(cairn_span(anchor, 40), sum, &err));
    assert_memory_equal(anchor, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    assert_memory_equal(anchor + 8, want, 32);
    assert_memory_equal(anchor + 40, sum, 8);
    OK(cairn_anchor_parse(anchor, &intact, &generation, digest, &err));
    assert_true(intact);
    assert_int_equal(generation, 0x1122334455667788);
    assert_memory_equal(digest, want, 32);
}

static void a_torn_anchor_is_seen_at_every_byte(void **state)
{
    (void)state;
    uint8_t record[CAIRN_RECORD_LEN] = {0}, old[CAIRN_ANCHOR_LEN], fresh[CAIRN_ANCHOR_LEN], digest[32];
    bool intact = true;
    uint64_t generation = 0;
    OK(cairn_anchor_make(6, record, old, &err));
    record[0] = 1;
    OK(cairn_anchor_make(8, record, fresh, &err));
    for (size_t cut = 8; cut < CAIRN_ANCHOR_LEN; cut++) {
        uint8_t torn[CAIRN_ANCHOR_LEN];
        memcpy(torn, old, sizeof torn);
        memcpy(torn, fresh, cut);
        OK(cairn_anchor_parse(torn, &intact, &generation, digest, &err));
        assert_false(intact);
    }
    for (size_t bit = 0; bit < 8 * CAIRN_ANCHOR_LEN; bit++) {
        fresh[bit / 8] ^= (uint8_t)(1u << bit % 8);
        OK(cairn_anchor_parse(fresh, &intact, &generation, digest, &err));
        assert_false(intact);
        fresh[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_encoded_is_decoded),
        cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(rejects_every_truncation_and_a_trailing_byte),
        cmocka_unit_test(every_bit_of_a_record_has_a_meaning),
        cmocka_unit_test(rejects_another_format),
        cmocka_unit_test(rejects_reserved_space_in_use),
        cmocka_unit_test(refuses_life_cycles_that_no_record_has),
        cmocka_unit_test(a_kill_target_and_an_order_belong_to_decommissioning_only),
        cmocka_unit_test(only_resealed_may_be_sealed_ahead),
        cmocka_unit_test(assets_have_plain_names_in_order),
        cmocka_unit_test(a_vault_file_needs_its_sealed_key),
        cmocka_unit_test(an_anchor_is_generation_digest_and_checksum),
        cmocka_unit_test(a_torn_anchor_is_seen_at_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
