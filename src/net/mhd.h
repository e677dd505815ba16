/* libmicrohttpd, opened when a server starts. */
#ifndef MN_NET_MHD_H
#define MN_NET_MHD_H

#include <microhttpd.h>

#include "base/late.h"

/* clang-format off */
#define MN_MHD(X) \
    X(MHD_add_response_header) X(MHD_create_response_for_upgrade) \
    X(MHD_create_response_from_buffer) \
    X(MHD_create_response_from_buffer_with_free_callback) \
    X(MHD_create_response_from_callback) X(MHD_create_response_from_fd64) \
    X(MHD_destroy_response) X(MHD_get_connection_info) X(MHD_get_connection_values) \
    X(MHD_get_connection_values_n) X(MHD_lookup_connection_value) X(MHD_queue_response) \
    X(MHD_quiesce_daemon) X(MHD_resume_connection) X(MHD_start_daemon) \
    X(MHD_stop_daemon) X(MHD_suspend_connection) X(MHD_upgrade_action)
/* clang-format on */
MN_LATE_TABLE(mn_mhd, MN_MHD)

#define MHD_add_response_header         mn_mhd.MHD_add_response_header
#define MHD_create_response_for_upgrade mn_mhd.MHD_create_response_for_upgrade
#define MHD_create_response_from_buffer mn_mhd.MHD_create_response_from_buffer
#define MHD_create_response_from_buffer_with_free_callback                                     \
    mn_mhd.MHD_create_response_from_buffer_with_free_callback
#define MHD_create_response_from_callback mn_mhd.MHD_create_response_from_callback
#define MHD_create_response_from_fd64     mn_mhd.MHD_create_response_from_fd64
#define MHD_destroy_response              mn_mhd.MHD_destroy_response
#define MHD_get_connection_info           mn_mhd.MHD_get_connection_info
#define MHD_get_connection_values         mn_mhd.MHD_get_connection_values
#define MHD_get_connection_values_n       mn_mhd.MHD_get_connection_values_n
#define MHD_lookup_connection_value       mn_mhd.MHD_lookup_connection_value
#define MHD_queue_response                mn_mhd.MHD_queue_response
#define MHD_quiesce_daemon                mn_mhd.MHD_quiesce_daemon
#define MHD_resume_connection             mn_mhd.MHD_resume_connection
#define MHD_start_daemon                  mn_mhd.MHD_start_daemon
#define MHD_stop_daemon                   mn_mhd.MHD_stop_daemon
#define MHD_suspend_connection            mn_mhd.MHD_suspend_connection
#define MHD_upgrade_action                mn_mhd.MHD_upgrade_action

#endif
