/* tests/unit/server/test_access.c -- server/access.c: who asks, and what he may. */
#include "server/access.h"

#include <stdio.h>

#include "core/crypto.h"
#include "support/cmocka_all.h"

static const char ALICE[] = "alice-alice-alice-alice-alice-alice-alice-a";
static const char BOB[] = "bob-bob-bob-bob-bob-bob-bob-bob-bob-bob-bob";
_Static_assert(sizeof ALICE - 1 == CAIRN_TOKEN_LEN && sizeof BOB - 1 == CAIRN_TOKEN_LEN, "43 characters");
static const uint8_t card[32] = {0xca}, other_card[32] = {0xcb};

/* alice: a token; bob: a token and a certificate; carol: a certificate. */
static struct cairn_access *three(void)
{
    static struct cairn_access access;
    memset(&access, 0, sizeof access);
    access.num = 3;
    struct cairn_principal *p = access.principals;
    p[0] = (struct cairn_principal){.name = "alice", .rights = CAIRN_RIGHT_VIEW, .has_token = true};
    p[1] = (struct cairn_principal){.name = "bob", .rights = CAIRN_RIGHT_AUDIT, .has_token = true, .has_certificate = true};
    p[2] = (struct cairn_principal){.name = "carol", .rights = CAIRN_RIGHT_ENROL, .has_certificate = true};
    assert_int_equal(cairn_sha256(cairn_span_str(ALICE), p[0].token, NULL), CAIRN_OK);
    assert_int_equal(cairn_sha256(cairn_span_str(BOB), p[1].token, NULL), CAIRN_OK);
    memcpy(p[1].certificate, card, sizeof card);
    memcpy(p[2].certificate, other_card, sizeof other_card);
    return &access;
}

static const char *found(const char *authorization, const uint8_t *certificate)
{
    const struct cairn_principal *who = cairn_access_find(three(), cairn_span_str(authorization), certificate);
    return who != NULL ? who->name : "nobody";
}

static const char *bearer(const char *token)
{
    static char field[256];
    (void)snprintf(field, sizeof field, "Bearer %s", token);
    return found(field, NULL);
}

static void knows_a_principal_by_token_or_certificate(void **state)
{
    (void)state;
    assert_string_equal(bearer(ALICE), "alice");
    assert_string_equal(bearer(BOB), "bob");
    assert_string_equal(found("", card), "bob");
    assert_string_equal(found("", other_card), "carol");
    assert_string_equal(found("", NULL), "nobody");
}

static void a_token_that_is_not_exactly_right_is_nobodys(void **state)
{
    (void)state;
    static const uint8_t unknown[32] = {0xcc}, zeros[32] = {0};
    char wrong[CAIRN_TOKEN_LEN + 2] = "";
    assert_string_equal(bearer(""), "nobody");
    for (size_t i = 0; i < CAIRN_TOKEN_LEN; i++) {
        (void)snprintf(wrong, sizeof wrong, "%s", ALICE);
        wrong[i] ^= 1;
        assert_string_equal(bearer(wrong), "nobody");
        wrong[i] = '\0';
        assert_string_equal(bearer(wrong), "nobody");
    }
    (void)snprintf(wrong, sizeof wrong, "%sx", ALICE);
    assert_string_equal(bearer(wrong), "nobody");
    assert_string_equal(found("", unknown), "nobody");
    assert_string_equal(found("", zeros), "nobody"); /* alice has no certificate: the empty digest is not hers */
}

static void only_the_scheme_bearer_carries_a_token(void **state)
{
    (void)state;
    static const char *const schemes[] = {"bearer ", "BEARER ", "Bearer", "Bearer\t", "Basic ", "DPoP ", "", " Bearer "};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(schemes); i++) {
        char field[128];
        (void)snprintf(field, sizeof field, "%s%s", schemes[i], ALICE);
        assert_string_equal(found(field, NULL), "nobody");
    }
}

static void a_certificate_does_not_excuse_a_wrong_token(void **state)
{
    (void)state;
    char field[128];
    assert_string_equal(found("Bearer x", card), "nobody");
    (void)snprintf(field, sizeof field, "Bearer %s", ALICE);
    assert_string_equal(found(field, card), "nobody"); /* two people at once */
    (void)snprintf(field, sizeof field, "Bearer %s", BOB);
    assert_string_equal(found(field, card), "bob");
    assert_string_equal(found(field, other_card), "nobody");
}

static void every_role_has_its_rights_and_no_others(void **state)
{
    (void)state;
    assert_int_equal(cairn_access_rights("viewer"), CAIRN_RIGHT_VIEW);
    assert_int_equal(cairn_access_rights("operator"), CAIRN_RIGHT_VIEW | CAIRN_RIGHT_OPERATE);
    assert_int_equal(cairn_access_rights("approver"), CAIRN_RIGHT_VIEW | CAIRN_RIGHT_OPERATE | CAIRN_RIGHT_APPROVE);
    assert_int_equal(cairn_access_rights("auditor"), CAIRN_RIGHT_VIEW | CAIRN_RIGHT_AUDIT);
    assert_int_equal(cairn_access_rights("enrolee"), CAIRN_RIGHT_ENROL);
    static const char *const none[] = {"", "admin", "root", "Viewer", "viewer ", "device"};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(none); i++) {
        assert_int_equal(cairn_access_rights(none[i]), 0);
    }
}

/* CHECKS 5 */
static void denies_by_default(void **state)
{
    (void)state;
    static const enum cairn_right rights[] = {CAIRN_RIGHT_VIEW, CAIRN_RIGHT_OPERATE, CAIRN_RIGHT_APPROVE, CAIRN_RIGHT_AUDIT,
                                              CAIRN_RIGHT_ENROL};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(rights); i++) {
        struct cairn_err err = {0};
        const struct cairn_principal others = {.name = "dave", .rights = 31u & ~(unsigned)rights[i]};
        const struct cairn_principal holder = {.name = "erin", .rights = (unsigned)rights[i]};
        assert_int_equal(cairn_access_allow(NULL, rights[i], &err), CAIRN_E_REFUSED);
        assert_string_equal(err.code, "access.credential");
        assert_int_equal(cairn_access_allow(&others, rights[i], &err), CAIRN_E_REFUSED);
        assert_string_equal(err.code, "access.role");
        assert_int_equal(cairn_access_allow(&holder, rights[i], &err), CAIRN_OK);
    }
    assert_int_equal(cairn_access_allow(NULL, CAIRN_RIGHT_NONE, NULL), CAIRN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_a_principal_by_token_or_certificate),
        cmocka_unit_test(a_token_that_is_not_exactly_right_is_nobodys),
        cmocka_unit_test(only_the_scheme_bearer_carries_a_token),
        cmocka_unit_test(a_certificate_does_not_excuse_a_wrong_token),
        cmocka_unit_test(every_role_has_its_rights_and_no_others),
        cmocka_unit_test(denies_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
