/* server/handlers.h -- the handlers that routes.c names, by the file they are in. */
#ifndef CAIRN_SERVER_HANDLERS_H
#define CAIRN_SERVER_HANDLERS_H

#include "server/work.h"

/* on_enrolment.c */
cairn_handler cairn_on_enrolment_request, cairn_on_enrolment_answer;
cairn_handler cairn_on_enrolments, cairn_on_enrolment_get_request, cairn_on_enrolment_get_answer;
cairn_handler cairn_on_enrolment_challenge, cairn_on_enrolment_statement, cairn_on_enrolment_refuse;
/* on_report.c */
cairn_handler cairn_on_nonce, cairn_on_evidence;
/* on_grant.c */
cairn_handler cairn_on_grant, cairn_on_receipt;
/* on_order.c */
cairn_handler cairn_on_order_get, cairn_on_release;
cairn_handler cairn_on_orders, cairn_on_order_put, cairn_on_order_hold, cairn_on_order_resume, cairn_on_order_cancel;
/* on_retire.c */
cairn_handler cairn_on_kill, cairn_on_certificate;
/* on_relying.c */
cairn_handler cairn_on_root, cairn_on_jwks, cairn_on_forward_auth;
/* on_device.c */
cairn_handler cairn_on_devices, cairn_on_device, cairn_on_device_statement, cairn_on_device_receipt, cairn_on_device_kill;
cairn_handler cairn_on_device_certificate, cairn_on_device_clear, cairn_on_device_ticket, cairn_on_certificates, cairn_on_audit;
/* on_status.c */
cairn_handler cairn_on_status, cairn_on_metrics, cairn_on_health, cairn_on_ready;

#endif
