/* server/routes.c -- every route the server has: who may, what it takes, who answers. docs/protocol.md says the same in words.
 */
#include "core/doctype.h"
#include "server/handlers.h"

enum { STRANGER_MAX = 16 << 10, FILE_MAX = 1 << 20, CERTIFICATE_MAX = 8 << 20 };

#define JSON "application/json"
#define GET(path, right, handle)                                                                                               \
    {                                                                                                                          \
        CAIRN_HTTP_GET, (path), (right), NULL, 0, (handle)                                                                     \
    }
#define ACT(path, right, handle)                                                                                               \
    {                                                                                                                          \
        CAIRN_HTTP_POST, (path), (right), NULL, 0, (handle)                                                                    \
    }
#define POST(path, right, type, max_body, handle)                                                                              \
    {                                                                                                                          \
        CAIRN_HTTP_POST, (path), (right), (type), (max_body), (handle)                                                         \
    }

const struct cairn_route cairn_routes[] = {
    /* devices: believed by what their TPM signs */
    POST("/v1/enrolment/request", CAIRN_RIGHT_ENROL, CAIRN_TYPE_ENROLMENT_REQUEST, 128 << 10, cairn_on_enrolment_request),
    POST("/v1/enrolment/answer", CAIRN_RIGHT_NONE, CAIRN_TYPE_ENROLMENT, STRANGER_MAX, cairn_on_enrolment_answer),
    POST("/v1/nonce", CAIRN_RIGHT_NONE, JSON, STRANGER_MAX, cairn_on_nonce),
    POST("/v1/evidence", CAIRN_RIGHT_NONE, CAIRN_TYPE_EVIDENCE, STRANGER_MAX, cairn_on_evidence),
    POST("/v1/grant", CAIRN_RIGHT_NONE, CAIRN_TYPE_REQUEST, STRANGER_MAX, cairn_on_grant),
    POST("/v1/receipt", CAIRN_RIGHT_NONE, CAIRN_TYPE_RECEIPT, STRANGER_MAX, cairn_on_receipt),
    GET("/v1/order/*", CAIRN_RIGHT_NONE, cairn_on_order_get),
    POST("/v1/release", CAIRN_RIGHT_NONE, JSON, STRANGER_MAX, cairn_on_release),
    POST("/v1/kill", CAIRN_RIGHT_NONE, CAIRN_TYPE_KILL, STRANGER_MAX, cairn_on_kill),
    POST("/v1/certificate", CAIRN_RIGHT_NONE, CAIRN_TYPE_CERTIFICATE, 256 << 10, cairn_on_certificate),
    GET("/v1/root", CAIRN_RIGHT_NONE, cairn_on_root),
    /* relying parties */
    GET("/.well-known/jwks.json", CAIRN_RIGHT_NONE, cairn_on_jwks),
    GET("/v1/forward-auth", CAIRN_RIGHT_NONE, cairn_on_forward_auth),
    GET("/healthz", CAIRN_RIGHT_NONE, cairn_on_health),
    GET("/readyz", CAIRN_RIGHT_NONE, cairn_on_ready),
    /* operators: default deny */
    GET("/", CAIRN_RIGHT_VIEW, cairn_on_status),
    GET("/metrics", CAIRN_RIGHT_VIEW, cairn_on_metrics),
    GET("/v1/devices", CAIRN_RIGHT_VIEW, cairn_on_devices),
    GET("/v1/devices/*", CAIRN_RIGHT_VIEW, cairn_on_device),
    GET("/v1/devices/*/statement", CAIRN_RIGHT_VIEW, cairn_on_device_statement),
    GET("/v1/devices/*/receipt", CAIRN_RIGHT_VIEW, cairn_on_device_receipt),
    GET("/v1/devices/*/kill", CAIRN_RIGHT_VIEW, cairn_on_device_kill),
    GET("/v1/devices/*/certificate", CAIRN_RIGHT_VIEW, cairn_on_device_certificate),
    ACT("/v1/devices/*/clear", CAIRN_RIGHT_OPERATE, cairn_on_device_clear),
    ACT("/v1/devices/*/ticket", CAIRN_RIGHT_APPROVE, cairn_on_device_ticket),
    GET("/v1/enrolments", CAIRN_RIGHT_VIEW, cairn_on_enrolments),
    GET("/v1/enrolments/*/request", CAIRN_RIGHT_APPROVE, cairn_on_enrolment_get_request),
    GET("/v1/enrolments/*/answer", CAIRN_RIGHT_APPROVE, cairn_on_enrolment_get_answer),
    POST("/v1/enrolments/*/challenge", CAIRN_RIGHT_APPROVE, CAIRN_TYPE_ENROLMENT_CHALLENGE, FILE_MAX,
         cairn_on_enrolment_challenge),
    POST("/v1/enrolments/*/statement", CAIRN_RIGHT_APPROVE, CAIRN_TYPE_STATEMENT, FILE_MAX, cairn_on_enrolment_statement),
    ACT("/v1/enrolments/*/refuse", CAIRN_RIGHT_APPROVE, cairn_on_enrolment_refuse),
    GET("/v1/orders", CAIRN_RIGHT_VIEW, cairn_on_orders),
    POST("/v1/orders", CAIRN_RIGHT_APPROVE, CAIRN_TYPE_ORDER, FILE_MAX, cairn_on_order_put),
    ACT("/v1/orders/*/hold", CAIRN_RIGHT_OPERATE, cairn_on_order_hold),
    ACT("/v1/orders/*/resume", CAIRN_RIGHT_APPROVE, cairn_on_order_resume),
    ACT("/v1/orders/*/cancel", CAIRN_RIGHT_APPROVE, cairn_on_order_cancel),
    GET("/v1/certificates", CAIRN_RIGHT_VIEW, cairn_on_certificates),
    GET("/v1/audit", CAIRN_RIGHT_AUDIT, cairn_on_audit),
    {CAIRN_HTTP_GET, NULL, CAIRN_RIGHT_NONE, NULL, 0, NULL},
};
