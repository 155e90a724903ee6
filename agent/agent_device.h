/* agent/agent_device.h -- one device that reports: it asks for a nonce, has its TPM quote, hears what the server wants.
 *
 * Runs without any privilege but group tss: it can quote, and it can hand files to root (agent/spool.h). It installs and wipes
 * nothing. What it believes about itself is root's copy of the signed statement, compared with the TPM by the pinned Names.
 *
 * Between two reports nothing of the TPM stays open. Off-line for weeks is no state: the old nonce is then stale and the server
 * gives a fresh one. No owner authorisation is used, so a TPM whose ownership is taken reports like any other.
 *
 * Trust boundary: the server. Source: docs/protocol.md "Device"; DESIGN 8. Threading: one object, one thread.
 */
#ifndef CAIRN_AGENT_AGENT_DEVICE_H
#define CAIRN_AGENT_AGENT_DEVICE_H

#include "agent/spool_device.h"
#include "client/http_device.h"
#include "core/log.h"

/* struct cairn_agent_world is what a program gives its agent; borrowed for the agent's life. */
struct cairn_agent_world {
    const char *config_path;
    const struct cairn_log *log;
    bool (*alive)(void *arg); /* asked while a call waits, at least once a second; false: end it. May be NULL */
    void *arg;
    int wake_fd; /* readable: ask alive() now. -1: none */
};

struct cairn_agent; /* opaque */
/* cairn_agent_new reads the configuration and opens the spool. Connects nothing. CAIRN_E_USAGE "agent.server" (no server is
 * configured), client.*, config.*; CAIRN_E_IO "spool.absent". */
CAIRN_RC cairn_agent_new(const struct cairn_agent_world *world, struct cairn_agent **out, struct cairn_err *err);
void cairn_agent_free(struct cairn_agent *agent);
void cairn_agent_freep(struct cairn_agent **agent);
#define CAIRN_AGENT CAIRN_CLEANUP(cairn_agent_freep) struct cairn_agent
/* cairn_agent_rest lets the connection go, when the next report is far off. */
void cairn_agent_rest(struct cairn_agent *agent);
/* cairn_agent_changed: `out` has changed, so who this device is is read anew next time. */
void cairn_agent_changed(struct cairn_agent *agent);
/* cairn_agent_interval_s: until the next report, as configured or else as last told; 0: never told. */
uint32_t cairn_agent_interval_s(const struct cairn_agent *agent);
/* cairn_agent_out_path: root's half of the spool, to be watched. */
const char *cairn_agent_out_path(const struct cairn_agent *agent);

/* cairn_agent_report makes one report; `out` is all-zero or an earlier one. A refusal by the server has the server's code:
 * CAIRN_E_REFUSED (a person has to look), CAIRN_E_SERVER (waiting helps; retry_after_s). CAIRN_E_SERVER reply.*, server.*;
 * CAIRN_E_REFUSED "device.unenrolled"; "agent.ending": this device's keys are killed, it reports no more; tpm.*, file.*,
 * "evidence.log.absent"; CAIRN_E_BUSY "client.stopped". */
CAIRN_RC cairn_agent_report(struct cairn_agent *agent, uint64_t now_s, struct cairn_report *out, struct cairn_err *err);
/* cairn_agent_report_fresh is that over a nonce asked for now: grants and releases want evidence of the last minute. */
CAIRN_RC cairn_agent_report_fresh(struct cairn_agent *agent, uint64_t now_s, struct cairn_report *out, struct cairn_err *err);
/* cairn_agent_result is such a report with the server's signed result (`out->ear`, a JWT) for `audience`: what this device
 * shows to somebody else. CAIRN_E_SERVER "reply.ear"; CAIRN_E_USAGE "agent.audience". */
CAIRN_RC cairn_agent_result(struct cairn_agent *agent, const char *audience, uint64_t now_s, struct cairn_report *out,
                            struct cairn_err *err);
/* cairn_agent_fetch gets what the report announced, an order or a grant, and hands it to root. A grant that failed lately is
 * not asked for again before an hour has passed. Errors as above; "spool.busy". */
CAIRN_RC cairn_agent_fetch(struct cairn_agent *agent, uint64_t now_s, const struct cairn_report *report, struct cairn_err *err);
/* cairn_agent_deliver brings the server what root has put out: kill, certificate, receipt; and asks for a release. Each once: a
 * document that the server refuses for good is logged and not sent again. */
CAIRN_RC cairn_agent_deliver(struct cairn_agent *agent, struct cairn_err *err);

#endif
