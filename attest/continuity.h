/* attest/continuity.h -- does a quote go on from the last one of the same device? Clock, resets, restarts.
 *
 * Detects and never locks out: a plain reboot, a power cut, weeks off-line and a wrong server clock all pass (CHECKS 16, 62).
 * What fails is a TPM that was restarted or reset while the system was not (CVE-2018-6622; CHECKS 40): the userspace log, which
 * names the kernel's boot, is the same and the TPM's boot is another.
 *
 * Pure. Source: TPM 2.0 Part 1, section 36 (clock, resetCount, restartCount); DESIGN 8.
 */
#ifndef CAIRN_ATTEST_CONTINUITY_H
#define CAIRN_ATTEST_CONTINUITY_H

#include "attest/evidence.h"
#include "policies/evaluate.h"

/* struct cairn_moment is one accepted quote. */
struct cairn_moment {
    uint64_t clock_ms;    /* the TPM's */
    uint64_t received_ms; /* the server's */
    uint32_t resets, restarts;
    bool has_user_log;
    uint8_t user_log[32]; /* SHA-256 of the whole userspace log */
};

/* cairn_continuity_stale is the clock lag rule (CHECKS 53): since `before`, within one boot, the TPM's clock moved less than
 * the server's by more than 2 % and 60 s, so the quote was made early and delivered late. A nonce younger than 60 s proves
 * that the quote is not old, whatever the clocks say: then never. Not a failure of the device: it gets a new nonce. */
bool cairn_continuity_stale(const struct cairn_moment *before, const struct cairn_moment *now, uint64_t nonce_age_s);

/* cairn_continuity_later: by the TPM's own counters `now` was quoted after `before`. Whatever the server's clock did, of one
 * document and its copy only one is later (CHECKS 62). */
bool cairn_continuity_later(const struct cairn_moment *before, const struct cairn_moment *now);

/* cairn_continuity_judge adds: "tpm.restart.unlogged" (required, fails) as above; "tpm.clock.back" (fails, a warning: the clock
 * of one boot went back: a copied or restored TPM state), "tpm.resets.back" (a warning: fewer resets than before); "tpm.reboot"
 * (passes: another boot than last time). */
void cairn_continuity_judge(const struct cairn_moment *before, const struct cairn_moment *now, struct cairn_verdict *verdict);

#endif
