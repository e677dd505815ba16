/* A listening socket, and what to tell a person when there is none. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_int.h"

static mn_rc listen_failed(const char *listen_at, mn_err *e)
{
    if (errno == EADDRINUSE)
        return mn_fail(e, MN_E_BUSY,
                       "%s is in use by another program; stop it or choose --listen HOST:PORT",
                       listen_at);
    if (errno == EACCES)
        return mn_fail(e, MN_E_DENIED,
                       "%s needs more rights than this user has; choose a port above 1023 with "
                       "--listen HOST:PORT",
                       listen_at);
    if (errno == EADDRNOTAVAIL)
        return mn_fail(e, MN_E_USAGE,
                       "%s is not an address of this machine; choose another with --listen "
                       "HOST:PORT",
                       listen_at);
    return mn_fail_errno(e, MN_E_IO, "cannot listen on %s", listen_at);
}

static int bound_port(int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &n) != 0) return 0;
    return a.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&a)->sin6_port)
                                   : ntohs(((struct sockaddr_in *)&a)->sin_port);
}

mn_rc mn_http__listen(const char *listen_at, int *ret_fd, int *ret_port, mn_err *e)
{
    char host[256], port[8];
    MN_TRY(mn_http_listen_parse(listen_at, host, port, e));
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *all = NULL;
    int bad = getaddrinfo(host[0] ? host : NULL, port, &hints, &all);
    if (bad)
        return mn_fail(e, MN_E_USAGE, "cannot find the address '%s': %s", host,
                       gai_strerror(bad));
    mn_rc rc = MN_OK;
    int on = 1, fd = socket(all->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        rc = mn_fail_errno(e, MN_E_IO, "cannot open a socket");
        goto out;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, all->ai_addr, all->ai_addrlen) != 0 || listen(fd, 512) != 0) {
        rc = listen_failed(listen_at, e);
        close(fd);
        goto out;
    }
    *ret_fd = fd;
    *ret_port = bound_port(fd);
out:
    freeaddrinfo(all);
    return rc;
}
