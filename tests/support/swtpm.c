/* tests/support/swtpm.c -- see swtpm.h. */
#include "support/swtpm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATH_LEN = 128, ARG_LEN = 200 };

struct cairn_swtpm {
    char dir[PATH_LEN];
    char tcti[ARG_LEN];
    pid_t pid;
};

static void die(const char *what)
{
    fprintf(stderr, "software TPM: %s: %s\n", what, strerror(errno));
    exit(99);
}

/* Runs a program with up to three arguments to its end, without its output. */
static void run(const char *program, const char *a, const char *b, const char *c)
{
    const char *argv[] = {program, a, b, c, NULL};
    pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0) {
            (void)dup2(null, 1);
        }
        execvp(program, (char *const *)(uintptr_t)argv); /* const only by history */
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        die(program);
    }
}

static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.107s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static void nap(void)
{
    struct timespec t = {.tv_nsec = 2000000};
    (void)nanosleep(&t, NULL);
}

static void exec_swtpm(const struct cairn_swtpm *swtpm)
{
    char state[ARG_LEN], server[ARG_LEN], ctrl[ARG_LEN], log[ARG_LEN];
    (void)snprintf(state, sizeof state, "dir=%s/state", swtpm->dir);
    (void)snprintf(server, sizeof server, "type=unixio,path=%s/sock", swtpm->dir);
    (void)snprintf(ctrl, sizeof ctrl, "type=unixio,path=%s/sock.ctrl", swtpm->dir);
    (void)snprintf(log, sizeof log, "file=%s/swtpm.log,level=1", swtpm->dir);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--flags", "not-need-init,startup-clear", "--server",
           server, "--ctrl", ctrl, "--log", log, (char *)NULL);
    _exit(127);
}

void cairn_swtpm_start(struct cairn_swtpm *swtpm)
{
    char sock[ARG_LEN], ctrl[ARG_LEN];
    (void)snprintf(sock, sizeof sock, "%s/sock", swtpm->dir);
    (void)snprintf(ctrl, sizeof ctrl, "%s/sock.ctrl", swtpm->dir);
    (void)unlink(sock);
    (void)unlink(ctrl);
    swtpm->pid = fork();
    if (swtpm->pid == 0) {
        exec_swtpm(swtpm);
    }
    for (unsigned i = 0; i < 2000; i++) {
        if (answers(ctrl) && answers(sock)) {
            return;
        }
        nap();
    }
    die("it does not start");
}

void cairn_swtpm_cut(struct cairn_swtpm *swtpm)
{
    if (swtpm->pid > 0) {
        (void)kill(swtpm->pid, SIGKILL);
        (void)waitpid(swtpm->pid, NULL, 0);
        swtpm->pid = 0;
    }
}

void cairn_swtpm_reset(struct cairn_swtpm *swtpm)
{
    cairn_swtpm_cut(swtpm);
    cairn_swtpm_start(swtpm);
}

static void off(struct cairn_swtpm *swtpm)
{
    run("tpm2_shutdown", "-c", "-T", swtpm->tcti);
    cairn_swtpm_cut(swtpm);
}

void cairn_swtpm_reboot(struct cairn_swtpm *swtpm)
{
    off(swtpm);
    cairn_swtpm_start(swtpm);
}

static void copy(const struct cairn_swtpm *swtpm, const char *from, const char *to)
{
    char source[ARG_LEN], target[ARG_LEN];
    (void)snprintf(source, sizeof source, "%s/%s", swtpm->dir, from);
    (void)snprintf(target, sizeof target, "%s/%s", swtpm->dir, to);
    run("rm", "-rf", target, NULL);
    run("cp", "-r", source, target);
}

void cairn_swtpm_save(struct cairn_swtpm *swtpm, const char *name)
{
    off(swtpm);
    copy(swtpm, "state", name);
    cairn_swtpm_start(swtpm);
}

void cairn_swtpm_restore(struct cairn_swtpm *swtpm, const char *name)
{
    cairn_swtpm_cut(swtpm);
    copy(swtpm, name, "state");
    cairn_swtpm_start(swtpm);
}

/* The script lies beside this file. */
static void manufacture(struct cairn_swtpm *swtpm)
{
    char script[512];
    (void)snprintf(script, sizeof script, "%s", __FILE__);
    char *slash = strrchr(script, '/');
    if (slash == NULL) {
        die(script);
    }
    (void)snprintf(slash, sizeof script - (size_t)(slash - script), "/manufacture-swtpm");
    run(script, swtpm->dir, NULL, NULL);
}

struct cairn_swtpm *cairn_swtpm_new(bool factory)
{
    struct cairn_swtpm *swtpm = calloc(1, sizeof *swtpm);
    if (swtpm == NULL) {
        die("memory");
    }
    char state[ARG_LEN];
    (void)snprintf(swtpm->dir, sizeof swtpm->dir, "/tmp/cairn-tpm-XXXXXX");
    if (mkdtemp(swtpm->dir) == NULL) {
        die("temporary directory");
    }
    (void)snprintf(swtpm->tcti, sizeof swtpm->tcti, "swtpm:path=%s/sock", swtpm->dir);
    (void)snprintf(state, sizeof state, "%s/state", swtpm->dir);
    if (factory) {
        manufacture(swtpm);
    } else if (mkdir(state, 0700) != 0) {
        die(state);
    }
    cairn_swtpm_start(swtpm);
    return swtpm;
}

void cairn_swtpm_free(struct cairn_swtpm *swtpm)
{
    if (swtpm != NULL) {
        cairn_swtpm_cut(swtpm);
        run("rm", "-rf", swtpm->dir, NULL);
        free(swtpm);
    }
}

const char *cairn_swtpm_dir(const struct cairn_swtpm *swtpm)
{
    return swtpm->dir;
}

const char *cairn_swtpm_tcti(const struct cairn_swtpm *swtpm)
{
    return swtpm->tcti;
}
