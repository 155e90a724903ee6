/* tests/unit/tpm/test_tpm_faults_provision.c -- run.c: keys and indices are made, whatever breaks on the way. */
#include "unit/tpm/walk.h"

static void erase(void)
{
    raw_clear(d);
    memset(&d->pins, 0, sizeof d->pins);
}

static void provisioned_right(void)
{
    uint64_t value = 0;
    OK(d, cairn_tpm_epoch_read(d->tpm, &value, &d->err));
    assert_true(value > 0);
}

static enum cairn_rc provision(void)
{
    return device_try_provision(d);
}

static void provisioning_survives_every_fault(void **state)
{
    (void)state;
    const struct flow flow = {"provision", erase, provision, provisioned_right};
    walk(&flow);
}

int main(void)
{
    (void)setenv("TSS2_LOG", "all+none", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(provisioning_survives_every_fault, provisioned),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
