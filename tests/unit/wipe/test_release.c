/* tests/unit/wipe/test_release.c -- release tokens: for one device, one order, one nonce, ten minutes, and by a verifier. */
#include "wipe/release.h"

#include "world.h"

static const uint8_t NONCE[32] = {0x4e, 0x0c};

/* An online order and the honest token for it. */
static struct world *online(struct cairn_release *release)
{
    struct world *w = world_new();
    struct cairn_release_ask ask = {0};
    w->order.online = true;
    world_order(w);
    memcpy(ask.device, w->keys.statement.device, 32);
    memcpy(ask.order, w->order.digest, 32);
    memcpy(ask.nonce, NONCE, 32);
    assert_int_equal(cairn_release_for(&ask, &w->order, &w->keys.statement, CAIRN_TEST_NOW + 50, release, NULL), CAIRN_OK);
    return w;
}

static void sign(struct world *w, const struct cairn_release *release, const struct cairn_signer *signer,
                 struct cairn_buf *file)
{
    CAIRN_BUF payload = {0};
    assert_int_equal(cairn_release_payload(release, &payload, NULL), CAIRN_OK);
    cairn_test_sign(cairn_buf_span(&payload), CAIRN_TYPE_RELEASE, signer != NULL ? signer : w->keys.role[CAIRN_ROLE_VERIFIER],
                    file);
}

static enum cairn_rc open_file(struct world *w, const struct cairn_buf *file, uint64_t now_s, struct cairn_err *err)
{
    return cairn_release_open(w->keys.root, cairn_buf_span(file), &w->order, &w->keys.statement, NONCE, now_s, err);
}

static enum cairn_rc open_signed(struct world *w, const struct cairn_release *release, struct cairn_err *err)
{
    CAIRN_BUF file = {0};
    sign(w, release, NULL, &file);
    return open_file(w, &file, CAIRN_TEST_NOW + 60, err);
}

static void lets_one_device_carry_one_order_out(void **state CAIRN_UNUSED)
{
    struct cairn_release release = {0};
    WORLD *w = online(&release);
    assert_int_equal(open_signed(w, &release, NULL), CAIRN_OK);
    assert_true(release.expires_s == release.issued_s + CAIRN_RELEASE_LIFE_S);
}

static void refuses_a_token_that_a_verifier_has_not_signed(void **state CAIRN_UNUSED)
{
    struct cairn_release release = {0};
    WORLD *w = online(&release);
    CAIRN_BUF file = {0};
    sign(w, &release, w->keys.role[CAIRN_ROLE_RETIRE], &file);
    assert_refused(open_file(w, &file, CAIRN_TEST_NOW, err), "release.signer");
    sign(w, &release, w->keys.stranger, &file);
    assert_refused(open_file(w, &file, CAIRN_TEST_NOW, err), "release.signer");
    sign(w, &release, NULL, &file);
    assert_refused(open_file(w, &file, CAIRN_TEST_NOW + 400 * 86400, err), "release.key.dates");
}

static void refuses_a_token_for_another_device(void **state CAIRN_UNUSED)
{
    struct cairn_release release = {0};
    WORLD *w = online(&release);
    struct cairn_release other = release;
    other.fleet[3] ^= 1;
    assert_refused(open_signed(w, &other, err), "release.fleet");
    other = release;
    other.device[3] ^= 1;
    assert_refused(open_signed(w, &other, err), "release.device");
    other = release;
    other.ak.bytes[9] ^= 1;
    assert_refused(open_signed(w, &other, err), "release.ak");
}

static void refuses_a_token_for_another_order_or_question(void **state CAIRN_UNUSED)
{
    struct cairn_release release = {0};
    WORLD *w = online(&release);
    struct cairn_release other = release;
    other.order[31] ^= 1;
    assert_refused(open_signed(w, &other, err), "release.order");
    other = release;
    other.nonce[31] ^= 1;
    assert_refused(open_signed(w, &other, err), "release.nonce");
}

static void ends_after_ten_minutes_by_the_devices_clock(void **state CAIRN_UNUSED)
{
    struct cairn_release release = {0};
    WORLD *w = online(&release);
    CAIRN_BUF file = {0};
    sign(w, &release, NULL, &file);
    assert_int_equal(open_file(w, &file, release.expires_s, NULL), CAIRN_OK);
    assert_refused(open_file(w, &file, release.expires_s + 1, err), "release.expired");
    assert_int_equal(open_file(w, &file, CAIRN_TEST_NOW - 600, NULL), CAIRN_OK);
}

static void refuses_a_token_that_would_last(void **state CAIRN_UNUSED)
{
    struct cairn_release release = {0};
    WORLD *w = online(&release);
    release.expires_s++;
    assert_refused(open_signed(w, &release, err), "release.dates");
    release.expires_s = release.issued_s;
    assert_refused(open_signed(w, &release, err), "release.dates");
}

static void is_given_for_the_question_that_was_asked(void **state CAIRN_UNUSED)
{
    struct cairn_release release = {0};
    WORLD *w = online(&release);
    struct cairn_release_ask ask = {0};
    memcpy(ask.device, w->keys.statement.device, 32);
    assert_refused(cairn_release_for(&ask, &w->order, &w->keys.statement, 1, &release, err), "release.order");
    memcpy(ask.order, w->order.digest, 32);
    ask.device[0] ^= 1;
    assert_refused(cairn_release_for(&ask, &w->order, &w->keys.statement, 1, &release, err), "release.device");
    w->order.online = false;
    assert_refused(cairn_release_for(&ask, &w->order, &w->keys.statement, 1, &release, err), "order.delivery");
}

static void a_question_reads_as_written_and_in_no_other_form(void **state CAIRN_UNUSED)
{
    struct cairn_release_ask ask = {.device = {1}, .order = {2}, .nonce = {3}};
    struct cairn_release_ask again = {0};
    CAIRN_BUF text = {0};
    assert_int_equal(cairn_release_ask_write(&ask, &text, NULL), CAIRN_OK);
    assert_int_equal(cairn_release_ask_read(cairn_buf_span(&text), &again, NULL), CAIRN_OK);
    assert_memory_equal(&ask, &again, sizeof ask);
    for (size_t len = 0; len + 1 < text.len; len++) {
        CAIRN_BUF cut = {0};
        assert_int_equal(cairn_buf_set(&cut, cairn_span(text.p, len), NULL), CAIRN_OK);
        assert_int_equal(cairn_release_ask_read(cairn_buf_span(&cut), &again, NULL), CAIRN_E_FORMAT);
    }
    assert_int_equal(cairn_buf_append(&text, cairn_span_str("\n"), NULL), CAIRN_OK);
    assert_int_equal(cairn_release_ask_read(cairn_buf_span(&text), &again, NULL), CAIRN_E_FORMAT);
}

/* One member of the token missing, or one more. */
static void refuses_a_token_of_any_other_form(void **state CAIRN_UNUSED)
{
    struct cairn_release release = {0};
    WORLD *w = online(&release);
    CAIRN_BUF file = {0};
    sign(w, &release, NULL, &file);
    CAIRN_JSON *whole = cairn_test_payload(&file, CAIRN_TYPE_RELEASE);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(whole, name, value)
    {
        json_t *json = json_deep_copy(whole);
        json_object_del(json, name);
        cairn_test_sign_json(json, CAIRN_TYPE_RELEASE, w->keys.role[CAIRN_ROLE_VERIFIER], &file);
        assert_refused(open_file(w, &file, CAIRN_TEST_NOW, err), "json.member");
    }
    json_t *json = json_deep_copy(whole);
    json_object_set_new(json, "v", json_integer(2));
    cairn_test_sign_json(json, CAIRN_TYPE_RELEASE, w->keys.role[CAIRN_ROLE_VERIFIER], &file);
    assert_int_equal(open_file(w, &file, CAIRN_TEST_NOW, NULL), CAIRN_E_FORMAT);
    json = json_deep_copy(whole);
    json_object_set_new(json, "more", json_true());
    cairn_test_sign_json(json, CAIRN_TYPE_RELEASE, w->keys.role[CAIRN_ROLE_VERIFIER], &file);
    assert_refused(open_file(w, &file, CAIRN_TEST_NOW, err), "json.member");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_one_device_carry_one_order_out),
        cmocka_unit_test(refuses_a_token_that_a_verifier_has_not_signed),
        cmocka_unit_test(refuses_a_token_for_another_device),
        cmocka_unit_test(refuses_a_token_for_another_order_or_question),
        cmocka_unit_test(ends_after_ten_minutes_by_the_devices_clock),
        cmocka_unit_test(refuses_a_token_that_would_last),
        cmocka_unit_test(is_given_for_the_question_that_was_asked),
        cmocka_unit_test(a_question_reads_as_written_and_in_no_other_form),
        cmocka_unit_test(refuses_a_token_of_any_other_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
