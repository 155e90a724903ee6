/* cli/tables.h -- the list of command tables, one per cmd_<noun>.c.
 */
#ifndef CAIRN_CLI_TABLES_H
#define CAIRN_CLI_TABLES_H

#include "cli/cli.h"

extern const struct cairn_command cairn_commands_doctor[], cairn_commands_key[], cairn_commands_root[], cairn_commands_device[],
    cairn_commands_enrol[], cairn_commands_nonce[], cairn_commands_attest[], cairn_commands_policy[], cairn_commands_manifest[],
    cairn_commands_grant[], cairn_commands_install[], cairn_commands_receipt[], cairn_commands_store[], cairn_commands_state[],
    cairn_commands_order[], cairn_commands_release[], cairn_commands_wipe[], cairn_commands_kill[],
    cairn_commands_certificate[], cairn_commands_online[], cairn_commands_spool[], cairn_commands_seal[],
    cairn_commands_unseal[], cairn_commands_fleet[], cairn_commands_status[];

/* In the order of a device's life; ends with NULL. */
extern const struct cairn_command *const cairn_command_tables[];

#endif
