/* agent/config_device.h -- cairn.conf: an INI file whose every key is known, or the run does not start.
 *
 * Trust boundary: the file names devices to erase and files with secrets, so nobody but its owner may write it (CHECKS 39). It
 * holds no secret itself, so everybody may read it: the agent does, without any privilege.
 */
#ifndef CAIRN_AGENT_CONFIG_DEVICE_H
#define CAIRN_AGENT_CONFIG_DEVICE_H

#include "authority/statement.h"
#include "wipe/settings.h"

/* struct cairn_agent_settings is [agent], for those who speak to a server. "": not set. */
struct cairn_agent_settings {
    char server[256];          /* https://host[:port] */
    char ca[256];              /* PEM file; not set: the system's */
    char pin[256];             /* sha256//BASE64, at most four, ';' between */
    char proxy[256];           /* http://host:port */
    char enrolment_token[256]; /* file, mode 0600 */
    char spool[160];           /* directory, default /var/spool/cairn */
    char cnf[256];             /* file: the public key that the evidence names */
    uint32_t interval_s;       /* between two reports; 0: as the server says */
};
/* struct cairn_config is cairn.conf (docs/integrator.md): [device], [tpm], [boot], [wipe]. */
struct cairn_config {
    char state[256], tcti[256], serial[CAIRN_LABEL_MAX], tag[CAIRN_LABEL_MAX], site[CAIRN_LABEL_MAX];
    char boot_log[256], ima_log[256], userspace_log[256];
    char owner_auth_file[256], endorsement_auth_file[256], lockout_auth_file[256];
    uint32_t ak, srk, epoch, anchor[2];
    struct cairn_wipe_settings wipe;
};
/* cairn_config_default is what holds where cairn.conf says nothing; cairn_agent_settings_default likewise. */
struct cairn_config cairn_config_default(void);
struct cairn_agent_settings cairn_agent_settings_default(void);
/* CAIRN_E_IO "config.absent", file.*; CAIRN_E_REFUSED "config.mode" (others can write it); CAIRN_E_USAGE "config.key" (no such
 * setting), "config.value"; CAIRN_E_FORMAT "config.text". The text names the line. Both check
 * the whole file; `agent` may be NULL. */
CAIRN_RC cairn_config_load(const char *path, struct cairn_config *out, struct cairn_err *err);
CAIRN_RC cairn_config_load_agent(const char *path, struct cairn_config *out, struct cairn_agent_settings *agent,
                                 struct cairn_err *err);

#endif
