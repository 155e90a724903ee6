/* policies/explain.c -- see explain.h. */
#include "policies/explain.h"

#include <stdio.h>
#include <string.h>

struct words {
    const char *code, *means, *act;
};

static const struct words exact[] = {
    /* verdicts */
    {"appraisal.checks.full", "There are more findings than the table holds, so it is no ground for trust.",
     "Deal with the findings that are shown, then appraise again."},
    {"boot.replay", "The boot logs give exactly the PCR values that the TPM signed.", ""},
    {"boot.replay.mismatch",
     "The boot logs do not give the PCR values that the TPM signed: something was measured that the logs do not "
     "show, or a log was altered.",
     "Collect evidence again right after a reboot. If it stays, check which software extends PCRs without logging it."},
    {"boot.replay.work", "The logs allow too many combinations to find the one the TPM signed.",
     "Reboot the device, so that its lists are short, and collect evidence again."},
    {"boot.log.header", "The firmware's event log does not begin with a valid header.",
     "Check that the configured path is the kernel's binary log, then report the board."},
    {"boot.log.truncated", "The event log ends inside an event.", "Collect evidence again; check the log file on the device."},
    {"boot.log.large", "The event log is larger than a real one can be.", "Check the configured log path on the device."},
    {"boot.log.pcr", "The event log names a PCR that does not exist.",
     "Treat the log as altered: collect evidence after a reboot."},
    {"boot.log.bank", "An event does not carry one digest for each bank of the log's header.",
     "Treat the log as altered: collect evidence after a reboot."},
    {"boot.log.bank.absent", "The event log has no SHA-256 digests.", "Enable the TPM's SHA-256 bank in the firmware setup."},
    {"boot.log.sha1", "The firmware writes the old SHA-1 log, which proves nothing about the SHA-256 PCRs.",
     "Update the firmware, or choose TPM 2.0 log format in its setup."},
    {"boot.log.locality", "The log's statement about TPM startup is misplaced or impossible.",
     "Treat the log as altered: collect evidence after a reboot."},
    {"boot.log.user", "The userspace log has too many events, or extends PCR 10 beside an IMA list.",
     "Let cairn-measure extend PCR 8 only."},
    {"boot.ima.truncated", "The IMA list ends inside an entry.", "Collect evidence again."},
    {"boot.ima.pcr", "The IMA list names another PCR than 10.", "Leave IMA's PCR at its default."},
    {"boot.ima.large", "The IMA list is larger than is accepted.", "Narrow the IMA policy, or leave PCR 10 out of the nonce."},
    {"boot.ima.field", "An IMA entry's fields do not fill its template data.",
     "Treat the list as altered: collect evidence after a reboot."},
    {"boot.ima.template", "The IMA list uses a template that is not known here.", "Use ima-ng, ima-sig or ima-buf."},
    {"boot.root", "The boot measured this fleet's root, so another root would have been another boot state.", ""},
    {"boot.root.absent", "The boot did not show that it measured the Cairn root: a replaced root would not be seen.",
     "Run cairn-measure early in the boot, and ask for PCR 8 in the nonce."},
    {"boot.root.other", "The boot measured a root of another fleet or class, or more than one.",
     "Find out who put another root on the device before anything is provisioned to it."},
    {"boot.secureboot", "The firmware measured that Secure Boot is on.", ""},
    {"boot.secureboot.off", "The firmware measured that Secure Boot is off.",
     "Turn Secure Boot on in the firmware setup and reboot, or sign a policy that does not require it."},
    {"boot.secureboot.unknown", "The evidence does not show whether Secure Boot is on.",
     "Ask for PCR 7 in the nonce. If it was there, the firmware's measurements of it are not in the standard form."},
    {"boot.debug.on", "The firmware runs in debug mode.", "Install a production firmware."},
    {"boot.dma.off", "The firmware turned DMA protection off.",
     "Turn it on in the firmware setup (IOMMU, kernel DMA protection)."},
    {"boot.more", "The comparison of this PCR's events stopped after the first differences.", "Deal with those first."},
    {"tpm.clock", "The TPM's clock has run on without a gap.", ""},
    {"tpm.clock.unsafe",
     "The TPM lost power without an orderly shutdown, so its clock may have gone back a little. A power cut does "
     "that; it never lowers trust.",
     ""},
    {"tpm.reboot", "The device was restarted since its last report.", ""},
    {"tpm.restart.unlogged",
     "The TPM was restarted or reset, and the system's own log says that the system was not: measurements may have been erased "
     "and made again.",
     "Power-cycle the device and let it report again; if it repeats, inspect the machine and its TPM."},
    {"tpm.clock.back", "The TPM's clock went back within one boot: its state was copied or restored.",
     "Find out whether a virtual TPM was restored from a snapshot, or two machines use one TPM."},
    {"tpm.resets.back", "The TPM counts fewer resets than before: it was cleared, or its state was restored.",
     "Find out whether a virtual TPM was restored from a snapshot."},
    {"appraisal.sticky", "An earlier report of this device failed, and nobody has cleared that since.",
     "See what failed: `cairn fleet show DEVICE`. When it is understood: `cairn fleet clear DEVICE`."},
    {"policy.absent", "The server has no policy, so it can affirm nothing.", "Configure a signed policy: [fleet] policy."},
    /* errors: not a verdict about the device */
    {"evidence.selection", "The TPM signed other PCRs, or another bank, than the nonce asked for.",
     "Ask again with a new nonce. If it repeats, the device's software does not answer what it is asked."},
    {"evidence.reserved", "The evidence uses a member that this version does not know.",
     "Use the same version of cairn on both sides."},
    {"document.fleet", "The document belongs to another fleet.", "Check that statement, nonce and document are of one fleet."},
    {"document.device", "The document was made by another device.", "Check which device the nonce was sent to."},
    {"document.ak", "The document names another attestation key than the enrolled one.",
     "If the TPM was replaced, enrol the device again."},
    {"document.nonce", "The document answers another nonce.", "Check it with the nonce file it was made for, or ask again."},
    {"nonce.required", "Evidence is only made for somebody who asks.",
     "Get a nonce file from the verifier: `cairn nonce new`."},
    {"nonce.spent", "Another document was already checked with this nonce.", "Make a new nonce and collect evidence again."},
    {"nonce.purpose", "The nonce was made for another purpose.", "Make one with the right `--purpose`."},
    {"nonce.device", "The nonce was made for another device.", "Make one from this device's statement."},
    {"attestation.magic", "The signed bytes do not come from inside the TPM.", "Treat it as an attack."},
    {"attestation.type", "The TPM signed another kind of statement than this document needs.", "Treat it as an attack."},
    {"attestation.signer", "Another key, or a key of another hierarchy, signed.",
     "If the TPM was replaced, enrol the device again."},
    {"attestation.extra", "The TPM's signature covers another document or another nonce.", "Collect evidence again."},
    {"attestation.signature", "The TPM's signature does not verify.",
     "Collect evidence again; check how the file was carried."},
    {"policy.class", "The policy is for another class of devices.", "Use the policy of this class."},
    {"policy.fleet", "The policy is for another fleet.", "Use the policy of this fleet."},
    {"policy.seal", "The seal set is empty or holds PCR 10, which IMA changes all the time.", "Name PCRs that stay: --seal."},
    {"policy.seal.unquoted", "The seal set needs a PCR that the evidence does not hold.",
     "Ask for it with `cairn nonce new --pcrs`."},
    {"policy.signer", "A key that may not sign policies signed this one.", "Sign with a key of role policy."},
    {"policy.holders", "Not enough different holders signed the policy.", "Collect the missing signatures."},
};

/* What the kinds of boot events stand for: boot_measure/facts.h. */
static const struct words kinds[] = {
    {"boot.firmware", "the firmware or an option ROM",
     "Was the firmware updated? Then learn and sign a policy for the new one."},
    {"boot.secureboot", "the Secure Boot settings, key lists or the key that allowed an image",
     "Compare the Secure Boot keys with what your fleet ships."},
    {"boot.loader", "the boot loader or the image the firmware started", "Was it updated? If not, reinstall it and reboot."},
    {"boot.kernel", "the kernel", "Was it updated? If not, reinstall it and reboot."},
    {"boot.initrd", "the initial RAM disk", "Was it rebuilt? If not, reinstall it and reboot."},
    {"boot.cmdline", "the kernel command line", "Compare /proc/cmdline with what your fleet ships, put it right and reboot."},
    {"boot.devicetree", "the device tree", "Was it updated? If not, reinstall it and reboot."},
    {"boot.root", "the Cairn root event", "Find out who put another root on the device."},
    {"boot.config", "a boot setting or a file the loader read",
     "Compare the loader's configuration with what your fleet ships."},
    {"boot.separator", "the mark between firmware and what it starts", "Firmware of another make or version runs: check it."},
    {"boot.event", "an event of the firmware that has no name here", "Compare the label; was the firmware updated?"},
};

/* "@" is where the kind goes. */
static const struct words suffixes[] = {
    {"changed", "@ is not the one the policy knows.", NULL},
    {"added", "Something was measured that the policy does not know: @.", NULL},
    {"removed", "A measurement that the policy expects is missing: @.", NULL},
    {"container",
     "The digest of @ differs too. It holds parts that changed, so it had to; whether the rest of it changed as well "
     "cannot be told from its digest.",
     "Put the changed parts right first."},
};

static const struct words pcr_words = {"pcr.N", "The value of this PCR is compared with the policy's.",
                                       "Fail: look at the events that differ. Absent: ask for the PCR in the nonce."};

static const struct words *find(const struct words *table, size_t num, const char *code, size_t len)
{
    for (size_t i = 0; i < num; i++) {
        if (strlen(table[i].code) == len && strncmp(table[i].code, code, len) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static void put(struct cairn_explanation *out, const char *means, const char *act)
{
    (void)snprintf(out->means, sizeof out->means, "%s", means);
    (void)snprintf(out->act, sizeof out->act, "%s", act);
}

/* The first letter of a sentence is a capital. */
static void capitalise(char *text)
{
    if (text[0] >= 'a' && text[0] <= 'z') {
        text[0] = (char)(text[0] - 'a' + 'A');
    }
}

static bool explain_kind(const char *code, struct cairn_explanation *out)
{
    const char *dot = strrchr(code, '.');
    const struct words *kind = dot != NULL ? find(kinds, CAIRN_ARRAY_LEN(kinds), code, (size_t)(dot - code)) : NULL;
    const struct words *suffix = dot != NULL ? find(suffixes, CAIRN_ARRAY_LEN(suffixes), dot + 1, strlen(dot + 1)) : NULL;
    if (kind == NULL || suffix == NULL) {
        return false;
    }
    const int before = (int)strcspn(suffix->means, "@");
    (void)snprintf(out->means, sizeof out->means, "%.*s%s%s", before, suffix->means, kind->means, suffix->means + before + 1);
    (void)snprintf(out->act, sizeof out->act, "%s", suffix->act != NULL ? suffix->act : kind->act);
    capitalise(out->means);
    return true;
}

static bool is_pcr_code(const char *code)
{
    static const char prefix[] = "pcr.";
    const char *number = code + sizeof prefix - 1;
    return strncmp(code, prefix, sizeof prefix - 1) == 0 && number[0] != '\0' && strlen(number) <= 2 &&
           strspn(number, "0123456789") == strlen(number);
}

bool cairn_explain(const char *code, struct cairn_explanation *out)
{
    const struct words *words = find(exact, CAIRN_ARRAY_LEN(exact), code, strlen(code));
    if (words == NULL && is_pcr_code(code)) {
        words = &pcr_words;
    }
    if (words == NULL) {
        return explain_kind(code, out);
    }
    put(out, words->means, words->act);
    return true;
}

const char *cairn_explain_code(size_t i)
{
    static const char *const patterns[] = {"pcr.N", "KIND.changed", "KIND.added", "KIND.removed", "KIND.container"};
    if (i < CAIRN_ARRAY_LEN(exact)) {
        return exact[i].code;
    }
    i -= CAIRN_ARRAY_LEN(exact);
    return i < CAIRN_ARRAY_LEN(patterns) ? patterns[i] : NULL;
}
