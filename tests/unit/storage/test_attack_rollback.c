/* tests/unit/storage/test_attack_rollback.c -- an old record under a new anchor number: the two must say the same generation.
 */
#include "unit/storage/expect.h"

#include "storage/state.h"
#include "support/fault_fs.h"

static const uint8_t STATEMENT[32] = {0x51};

/* Two indices: 0 is torn, 1 holds `anchor`. */
static enum cairn_rc read_index(void *ctx, unsigned i, enum cairn_index *kind, uint8_t out[CAIRN_ANCHOR_LEN],
                                struct cairn_err *err CAIRN_UNUSED)
{
    *kind = CAIRN_INDEX_WRITTEN;
    memset(out, 0, CAIRN_ANCHOR_LEN);
    if (i == 1) {
        memcpy(out, ctx, CAIRN_ANCHOR_LEN);
    }
    return CAIRN_OK;
}

static enum cairn_rc no_write(void *ctx CAIRN_UNUSED, unsigned i CAIRN_UNUSED,
                              const uint8_t bytes[CAIRN_ANCHOR_LEN] CAIRN_UNUSED, struct cairn_err *err CAIRN_UNUSED)
{
    return CAIRN_E_TPM;
}

static enum cairn_rc no_define(void *ctx CAIRN_UNUSED, unsigned i CAIRN_UNUSED, struct cairn_err *err CAIRN_UNUSED)
{
    return CAIRN_E_TPM;
}

static enum cairn_rc counter(void *ctx CAIRN_UNUSED, bool *there, uint64_t *out, struct cairn_err *err CAIRN_UNUSED)
{
    *there = true;
    *out = 9;
    return CAIRN_OK;
}

/* What recovery says of a record of generation 3 under an anchor that says `generation`. */
static void recover(uint64_t generation, struct cairn_state *out)
{
    static const struct cairn_anchor_ops OPS = {read_index, no_write, no_define, counter};
    struct cairn_record r = {.generation = 3, .life = CAIRN_LIFE_OPERATIONAL, .epoch = 9, .bound = 9, .floor = 1};
    uint8_t bytes[CAIRN_RECORD_LEN], anchor[CAIRN_ANCHOR_LEN];
    struct fault_disk *disk = fault_disk_new();
    struct cairn_fs *fs = fault_disk_mount(disk);
    const struct cairn_anchored a = {.fs = fs, .ops = &OPS, .ctx = anchor, .statement = STATEMENT, .enrolled_at = 7};
    memcpy(r.statement, STATEMENT, sizeof r.statement);
    OK(cairn_record_encode(&r, bytes, &err));
    OK(cairn_anchor_make(generation, bytes, anchor, &err));
    fault_disk_put(disk, "record.b", CAIRN_SPAN(bytes));
    OK(cairn_state_recover(&a, out, &err));
    cairn_fs_free(fs);
    fault_disk_free(disk);
}

static void a_record_under_the_number_of_a_later_one_is_state_lost(void **state CAIRN_UNUSED)
{
    struct cairn_state s = {0};
    recover(3, &s);
    assert_true(s.has_record);
    recover(5, &s);
    assert_true(s.lost);
    assert_false(s.has_record);
    assert_string_equal(s.lost_why, "the record's generation is not its anchor's");
    REFUSES(CAIRN_E_REFUSED, "state.lost", cairn_state_require(&s, CAIRN_LIFE_OPERATIONAL, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_record_under_the_number_of_a_later_one_is_state_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
