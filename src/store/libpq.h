/* libpq, opened when a data folder names a PostgreSQL database. */
#ifndef MN_STORE_LIBPQ_H
#define MN_STORE_LIBPQ_H

#include <libpq-fe.h>

#include "base/late.h"

/* clang-format off */
#define MN_LIBPQ(X) \
    X(PQclear) X(PQcmdStatus) X(PQcmdTuples) X(PQconnectPoll) X(PQconnectStartParams) \
    X(PQconnectionNeedsPassword) X(PQconninfoFree) X(PQconninfoParse) X(PQconsumeInput) \
    X(PQenterPipelineMode) X(PQerrorMessage) X(PQexec) X(PQexecParams) \
    X(PQexitPipelineMode) X(PQfinish) X(PQfreemem) X(PQftype) X(PQgetResult) \
    X(PQgetisnull) X(PQgetlength) X(PQgetvalue) X(PQnotifies) X(PQntuples) \
    X(PQparameterStatus) X(PQpipelineStatus) X(PQpipelineSync) X(PQresultErrorField) \
    X(PQresultStatus) X(PQsendPrepare) X(PQsendQuery) X(PQsendQueryParams) \
    X(PQsendQueryPrepared) X(PQsetErrorVerbosity) X(PQsetNoticeProcessor) X(PQsocket) \
    X(PQstatus)
/* clang-format on */
MN_LATE_TABLE(mn_libpq, MN_LIBPQ)

#define PQclear                   mn_libpq.PQclear
#define PQcmdStatus               mn_libpq.PQcmdStatus
#define PQcmdTuples               mn_libpq.PQcmdTuples
#define PQconnectPoll             mn_libpq.PQconnectPoll
#define PQconnectStartParams      mn_libpq.PQconnectStartParams
#define PQconnectionNeedsPassword mn_libpq.PQconnectionNeedsPassword
#define PQconninfoFree            mn_libpq.PQconninfoFree
#define PQconninfoParse           mn_libpq.PQconninfoParse
#define PQconsumeInput            mn_libpq.PQconsumeInput
#define PQenterPipelineMode       mn_libpq.PQenterPipelineMode
#define PQerrorMessage            mn_libpq.PQerrorMessage
#define PQexec                    mn_libpq.PQexec
#define PQexecParams              mn_libpq.PQexecParams
#define PQexitPipelineMode        mn_libpq.PQexitPipelineMode
#define PQfinish                  mn_libpq.PQfinish
#define PQfreemem                 mn_libpq.PQfreemem
#define PQftype                   mn_libpq.PQftype
#define PQgetResult               mn_libpq.PQgetResult
#define PQgetisnull               mn_libpq.PQgetisnull
#define PQgetlength               mn_libpq.PQgetlength
#define PQgetvalue                mn_libpq.PQgetvalue
#define PQnotifies                mn_libpq.PQnotifies
#define PQntuples                 mn_libpq.PQntuples
#define PQparameterStatus         mn_libpq.PQparameterStatus
#define PQpipelineStatus          mn_libpq.PQpipelineStatus
#define PQpipelineSync            mn_libpq.PQpipelineSync
#define PQresultErrorField        mn_libpq.PQresultErrorField
#define PQresultStatus            mn_libpq.PQresultStatus
#define PQsendPrepare             mn_libpq.PQsendPrepare
#define PQsendQuery               mn_libpq.PQsendQuery
#define PQsendQueryParams         mn_libpq.PQsendQueryParams
#define PQsendQueryPrepared       mn_libpq.PQsendQueryPrepared
#define PQsetErrorVerbosity       mn_libpq.PQsetErrorVerbosity
#define PQsetNoticeProcessor      mn_libpq.PQsetNoticeProcessor
#define PQsocket                  mn_libpq.PQsocket
#define PQstatus                  mn_libpq.PQstatus

#endif
