/* tests/support/boot_replay_main.c -- puts a software TPM into the state of a genuine boot.
 *
 * boot_replay [--tcti TCTI] --vectors DIR [--until-ima N]
 *
 * Extends the PCRs with the digests of DIR/binary_bios_measurements, in every bank that log and TPM have, then with the IMA
 * list DIR/ima_binary (its first N entries) as the kernel does it: the template hash of each active bank. Afterwards the TPM's
 * quote is the one that those logs replay to. A log that starts PCR 0 at another locality is refused: no command can imitate
 * that.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "boot_measure/ima_log.h"
#include "boot_measure/tcg_log.h"
#include "core/file.h"

enum { NUM_BANKS = 3, MAX_LOG = 8 << 20 };
static const enum cairn_hash bank_algs[NUM_BANKS] = {CAIRN_SHA1, CAIRN_SHA256, CAIRN_SHA384};

struct options {
    const char *tcti, *vectors;
    size_t until_ima;
};

struct target {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    bool active[NUM_BANKS];
};

static void close_target(struct target *target)
{
    Esys_Finalize(&target->esys);
    Tss2_TctiLdr_Finalize(&target->tcti);
}

static enum cairn_rc check(TSS2_RC rc, const char *what, struct cairn_err *err)
{
    return rc == TSS2_RC_SUCCESS ? CAIRN_OK : CAIRN_FAIL_CAUSE(err, CAIRN_E_TPM, "tpm.response", rc, "%s: 0x%x", what, rc);
}

/* A bank is active when it is allocated with at least one PCR. */
static enum cairn_rc find_banks(struct target *target, struct cairn_err *err)
{
    TPMS_CAPABILITY_DATA *data = NULL;
    TPMI_YES_NO more = TPM2_NO;
    CAIRN_TRY(
        check(Esys_GetCapability(target->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_PCRS, 0, 16, &more, &data),
              "TPM2_GetCapability", err));
    const TPML_PCR_SELECTION *pcrs = &data->data.assignedPCR;
    for (uint32_t i = 0; i < pcrs->count; i++) {
        for (size_t k = 0; k < NUM_BANKS; k++) {
            target->active[k] = target->active[k] || (pcrs->pcrSelections[i].hash == (TPM2_ALG_ID)bank_algs[k] &&
                                                      pcrs->pcrSelections[i].pcrSelect[0] != 0);
        }
    }
    Esys_Free(data);
    return CAIRN_OK;
}

static enum cairn_rc open_target(const char *tcti, struct target *target, struct cairn_err *err)
{
    CAIRN_TRY(check(Tss2_TctiLdr_Initialize(tcti, &target->tcti), "TCTI", err));
    CAIRN_TRY(check(Esys_Initialize(&target->esys, target->tcti, NULL), "ESYS", err));
    CAIRN_TRY(check(Esys_Startup(target->esys, TPM2_SU_CLEAR), "TPM2_Startup", err));
    return find_banks(target, err);
}

static void add_digest(TPML_DIGEST_VALUES *values, enum cairn_hash alg, struct cairn_span digest)
{
    TPMT_HA *ha = &values->digests[values->count++];
    ha->hashAlg = (TPM2_ALG_ID)alg;
    memcpy(&ha->digest, digest.p, digest.len);
}

static enum cairn_rc extend(struct target *target, unsigned pcr, const TPML_DIGEST_VALUES *values, struct cairn_err *err)
{
    return check(Esys_PCR_Extend(target->esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, values),
                 "TPM2_PCR_Extend", err);
}

static enum cairn_rc extend_event(struct target *target, const struct cairn_tcg_event *event, struct cairn_err *err)
{
    TPML_DIGEST_VALUES values = {0};
    for (size_t k = 0; k < NUM_BANKS; k++) {
        if (target->active[k] && event->digests[k].len > 0) {
            add_digest(&values, bank_algs[k], event->digests[k]);
        }
    }
    return extend(target, event->pcr, &values, err);
}

static enum cairn_rc replay_firmware(struct target *target, struct cairn_span bytes, struct cairn_err *err)
{
    struct cairn_tcg_log log;
    struct cairn_tcg_event event;
    bool more = false;
    CAIRN_TRY(cairn_tcg_log_open(bytes, &log, err));
    for (;;) {
        CAIRN_TRY(cairn_tcg_log_next(&log, &more, &event, err));
        if (!more) {
            return CAIRN_OK;
        }
        if (log.locality != 0) {
            return CAIRN_FAIL(err, CAIRN_E_UNDECIDED, "boot.log.locality", "this boot started its TPM at locality %u",
                              log.locality);
        }
        if (event.extends) {
            CAIRN_TRY(extend_event(target, &event, err));
        }
    }
}

static enum cairn_rc extend_entry(struct target *target, struct cairn_hasher *const hashers[NUM_BANKS],
                                  const struct cairn_ima_entry *entry, struct cairn_err *err)
{
    TPML_DIGEST_VALUES values = {0};
    for (size_t k = 0; k < NUM_BANKS; k++) {
        uint8_t digest[CAIRN_HASH_MAX];
        size_t len = cairn_hash_len(bank_algs[k]);
        if (target->active[k]) {
            CAIRN_TRY(cairn_ima_extended(hashers[k], entry, digest, len, err));
            add_digest(&values, bank_algs[k], cairn_span(digest, len));
        }
    }
    return extend(target, CAIRN_PCR_IMA, &values, err);
}

static enum cairn_rc replay_ima(struct target *target, struct cairn_span bytes, size_t until, struct cairn_err *err)
{
    CAIRN_CLEANUP(cairn_hasher_freep) struct cairn_hasher *sha1 = NULL;
    CAIRN_CLEANUP(cairn_hasher_freep) struct cairn_hasher *sha256 = NULL;
    CAIRN_CLEANUP(cairn_hasher_freep) struct cairn_hasher *sha384 = NULL;
    CAIRN_TRY(cairn_hasher_new(CAIRN_SHA1, &sha1, err));
    CAIRN_TRY(cairn_hasher_new(CAIRN_SHA256, &sha256, err));
    CAIRN_TRY(cairn_hasher_new(CAIRN_SHA384, &sha384, err));
    struct cairn_hasher *const hashers[NUM_BANKS] = {sha1, sha256, sha384};
    struct cairn_ima_log log;
    struct cairn_ima_entry entry;
    bool more = true;
    CAIRN_TRY(cairn_ima_log_open(bytes, &log, err));
    while (log.num_entries < until) {
        CAIRN_TRY(cairn_ima_log_next(&log, &more, &entry, err));
        if (!more) {
            break;
        }
        CAIRN_TRY(extend_entry(target, hashers, &entry, err));
    }
    return CAIRN_OK;
}

static enum cairn_rc read_vector(const char *folder, const char *name, struct cairn_buf *out, struct cairn_err *err)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "path", "the path of %s is too long", name);
    }
    return cairn_path_read(path, MAX_LOG, out, err);
}

static enum cairn_rc run(const struct options *options, struct cairn_err *err)
{
    CAIRN_BUF firmware = {0};
    CAIRN_BUF ima = {0};
    CAIRN_CLEANUP(close_target) struct target target = {0};
    CAIRN_TRY(cairn_crypto_self_test(err));
    CAIRN_TRY(read_vector(options->vectors, "binary_bios_measurements", &firmware, err));
    CAIRN_TRY(read_vector(options->vectors, "ima_binary", &ima, err));
    CAIRN_TRY(open_target(options->tcti, &target, err));
    CAIRN_TRY(replay_firmware(&target, cairn_buf_span(&firmware), err));
    return replay_ima(&target, cairn_buf_span(&ima), options->until_ima, err);
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"tcti", required_argument, NULL, 't'},
                                          {"vectors", required_argument, NULL, 'v'},
                                          {"until-ima", required_argument, NULL, 'u'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.until_ima = SIZE_MAX};
    int c = 0;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (c == 't') {
            options.tcti = optarg;
        } else if (c == 'v') {
            options.vectors = optarg;
        } else if (c == 'u') {
            options.until_ima = strtoul(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    if (options.vectors == NULL || optind != argc) {
        (void)fputs("usage: boot_replay [--tcti TCTI] --vectors DIR [--until-ima N]\n", stderr);
        return 2;
    }
    struct cairn_err err = {0};
    enum cairn_rc rc = run(&options, &err);
    if (rc != CAIRN_OK) {
        (void)fprintf(stderr, "boot_replay: %s: %s\n", err.code, err.text);
    }
    return cairn_rc_exit_code(rc);
}
