/* tests/bench/sim_fleet.h -- a fleet for load: keys of every role, a root, a policy, and any number of devices that a server
 * believes.
 *
 * A device is a make-believe TPM (support/fake_tpm.h) whose statement is signed by the fleet's enroller and whose quotes are
 * signed by its own AK. All devices boot the same genuine boot of tests/vectors/boot; with `own` each has measured one line of
 * its own into the userspace log, so that no two have the same log. Ends the program when something fails.
 */
#ifndef CAIRN_TESTS_SIM_FLEET_H
#define CAIRN_TESTS_SIM_FLEET_H

#include "authority/sign.h"
#include "authority/statement.h"
#include "policies/policy.h"
#include "support/fake_tpm.h"
#include "unit/boot_measure/vectors.h"

#define SIM_CLASS "gateway-a"
/* SIM_PCRS is [fleet] pcrs of the server; SIM_MASK the same as a mask. */
#define SIM_PCRS "0-11,14"
enum { SIM_MASK = 0x4fff };

void sim_must(enum cairn_rc rc, const struct cairn_err *err);

struct sim_device {
    struct cairn_fake_tpm tpm;
    struct cairn_buf payload; /* of evidence, the nonce in it to be replaced */
    size_t nonce_at;
    struct cairn_buf user; /* its userspace log */
    uint8_t nonce[32];     /* for its next report */
    bool has_nonce;
};
struct sim_fleet {
    struct cairn_signer *role[CAIRN_NUM_ROLES];
    struct cairn_buf root_file, policy_file;
    struct cairn_root *root;
    struct boot boot;
    struct cairn_area anchor[2];
    struct cairn_buf statement; /* one of a statement's usual size */
    size_t num_devices;
    struct sim_device *devices;
    uint64_t now_s, started_ms;
};
uint64_t sim_now_us(void); /* monotonic */
void sim_fleet_make(struct sim_fleet *out, size_t num_devices, bool own);
void sim_fleet_clear(struct sim_fleet *fleet);
/* sim_statement writes the statement of a device: `*out` is replaced. */
void sim_statement(const struct sim_fleet *fleet, const struct sim_device *device, struct cairn_buf *out);

/* sim_evidence answers device->nonce. How the logs go: left out, named, or attached. */
enum sim_logs { SIM_LOGS_LEFT_OUT, SIM_LOGS_NAMED, SIM_LOGS_ATTACHED };
void sim_evidence(const struct sim_fleet *fleet, struct sim_device *device, enum sim_logs logs, struct cairn_buf *out);

#endif
