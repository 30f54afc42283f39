/*
 * The thin client of smtp_statusd: stands in the place of check_smtp_status and has the resident do the check.
 *
 * Request: its length in four octets, then fields that each end with a NUL: the version of this form, the network
 * namespace, the working directory, SMTP_STATUS_AUTHPASS behind a '=' (nothing where it is not set), the arguments.
 * Answer: 'A' once the request is taken, then the exit code as a digit, the length of the output in four octets, and
 * the output; 'N' in the place of 'A' or of the digit: not for the resident.  Whatever goes wrong before the last octet
 * of the output is here, the plugin itself is run.  Lengths are big-endian.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef PLUGIN
#define PLUGIN "/usr/lib/check-smtp-status/check_smtp_status"
#endif
#ifndef SOCKET
#define SOCKET "/run/smtp-statusd/socket"
#endif
#define PATIENCE 1000       /* milliseconds until the request must have been taken */
#define MAX_REQUEST 0x20000 /* octets; the resident takes no more */
#define MAX_OUTPUT 0x100000 /* octets; the plugin prints less than 8 KiB, but of a document for programs */

static const struct sockaddr_un resident = {AF_UNIX, SOCKET};

/* What a resident, whose environment is its own, would not see: with one of these the verdict may be another one. */
static const char *const telling[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF", "MP_CONFIG_FILE",
    "NAGIOS_CONFIG_PATH", "RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES"};
static const int ending[] = {SIGTERM, SIGINT, SIGHUP};
static volatile sig_atomic_t connection = -1, interrupted;

/* The resident sees the end of what we send and answers with the verdict so far. */
static void pass_on(int number)
{
    int before = errno;
    (void)number;
    interrupted = 1;
    if (connection >= 0)
        (void)shutdown(connection, SHUT_WR);
    errno = before;
}

static void put(const char *text, size_t size)
{
    (void)signal(SIGPIPE, SIG_IGN);
    while (size > 0) {
        struct pollfd output = {STDOUT_FILENO, POLLOUT, 0};
        ssize_t done = write(STDOUT_FILENO, text, size);
        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return; /* closed or full: the exit code still says it */
        if (done < 0)
            (void)poll(&output, 1, -1);
        text += done > 0 ? done : 0;
        size -= (size_t)(done > 0 ? done : 0);
    }
}

static void run_plugin(char **argv)
{
    argv[0] = (char[]){PLUGIN};
    (void)(signal(SIGTERM, SIG_DFL), signal(SIGINT, SIG_DFL), signal(SIGHUP, SIG_DFL)); /* or one could be lost here */
    if (!interrupted)
        (void)execv(PLUGIN, argv);
    (void)dprintf(STDOUT_FILENO, "SMTP UNKNOWN - %s%s\n", interrupted ? "interrupted" : PLUGIN " cannot be run: ",
        interrupted ? "" : strerror(errno));
    exit(3);
}

static long milliseconds(void)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Receive (or send) all of `size` octets until `end`, 0 for as long as it takes. */
static int transfer(int sending, char *data, size_t size, long end)
{
    while (size > 0) {
        struct pollfd peer = {connection, sending ? POLLOUT : POLLIN, 0};
        ssize_t done = sending ? send(connection, data, size, MSG_NOSIGNAL) : recv(connection, data, size, 0);
        long left = end ? end - milliseconds() : -1;
        if (done == 0 || (done < 0 && errno != EAGAIN && errno != EINTR))
            return 0;
        if (done < 0 && poll(&peer, 1, end && left < 0 ? 0 : (int)left) == 0)
            return 0;
        data += done > 0 ? done : 0;
        size -= (size_t)(done > 0 ? done : 0);
    }
    return 1;
}

/* The request in `buffer`; its size, 0 where there cannot be one. */
static size_t request(char *buffer, char **argv)
{
    static char directory[4096];
    const char *password = getenv("SMTP_STATUS_AUTHPASS");
    struct stat network;
    size_t size;
    uint32_t length;
    if (stat("/proc/self/ns/net", &network) != 0 || getcwd(directory, sizeof directory) == NULL)
        return 0;
    int head = snprintf(buffer + 4, MAX_REQUEST - 4, "1%c%llu:%llu%c%s%c%s%s", 0, (unsigned long long)network.st_dev,
        (unsigned long long)network.st_ino, 0, directory, 0, password ? "=" : "", password ? password : "");
    for (size = 5 + (size_t)head; size <= MAX_REQUEST && *argv != NULL; argv++) {
        if (strlen(*argv) < MAX_REQUEST - size)
            (void)strcpy(buffer + size, *argv);
        size += strlen(*argv) + 1;
    }
    length = htonl((uint32_t)size - 4);
    memcpy(buffer, &length, 4);
    return size <= MAX_REQUEST ? size : 0;
}

int main(int argc, char **argv)
{
    static char buffer[MAX_OUTPUT + 5];
    struct sigaction action = {.sa_handler = pass_on};
    long end = milliseconds() + PATIENCE;
    uint32_t length;
    size_t size, i;
    if (argc < 1)
        return 3;
    for (i = 0; i < sizeof telling / sizeof *telling; i++)
        if (getenv(telling[i]) != NULL)
            run_plugin(argv);
    for (i = 0; i < sizeof ending / sizeof *ending; i++)
        (void)sigaction(ending[i], &action, NULL);
    size = request(buffer, argv + 1);
    connection = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); /* 0 to 2: one of those is closed */
    if (size == 0 || connection <= STDERR_FILENO || interrupted
        || connect(connection, (const struct sockaddr *)&resident, sizeof resident) != 0 || !transfer(1, buffer, size, end)
        || !transfer(0, buffer, 1, end) || buffer[0] != 'A' || !transfer(0, buffer, 5, 0) || buffer[0] < '0' || buffer[0] > '3'
        || !memcpy(&length, buffer + 1, 4) || ntohl(length) > MAX_OUTPUT || !transfer(0, buffer + 5, ntohl(length), 0))
        run_plugin(argv);
    put(buffer + 5, ntohl(length));
    return buffer[0] - '0';
}
