/* attest/ca_dir.c -- see attest/ca_dir.h. */
#include "attest/ca_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"

enum { PATH_LEN = 1024 };

static CAIRN_RC add_file(struct cairn_ca_set *set, const char *dir, const char *name, struct cairn_err *err)
{
    char path[PATH_LEN] = "";
    CAIRN_BUF pem = {0};
    int len = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (len < 0 || (size_t)len >= sizeof path) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "usage", "%s/%s: the path is too long", dir, name);
    }
    CAIRN_TRY(cairn_path_read(path, CAIRN_CA_FILE_MAX, &pem, err));
    enum cairn_rc rc = cairn_ca_set_add(set, cairn_buf_span(&pem), err);
    if (rc != CAIRN_OK) {
        cairn_err_prefix(err, "%s", path);
    }
    return rc;
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

/* Every *.pem counts; another file is a README. */
static CAIRN_RC add_files(struct cairn_ca_set *set, const char *path, size_t *num, struct cairn_err *err)
{
    CAIRN_CLEANUP(close_dir) DIR *dir = opendir(path);
    if (dir == NULL) {
        return CAIRN_FAIL_CAUSE(err, CAIRN_E_IO, "ca.dir", errno, "%s: %s", path, strerror(errno));
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        size_t len = strlen(entry->d_name);
        if (len > 4 && strcmp(entry->d_name + len - 4, ".pem") == 0) {
            CAIRN_TRY(add_file(set, path, entry->d_name, err));
            *num += 1;
        }
    }
    return CAIRN_OK;
}

CAIRN_RC cairn_ca_dir_load(const char *path, struct cairn_ca_set **out, struct cairn_err *err)
{
    size_t num = 0;
    CAIRN_CA_SET *set = NULL;
    CAIRN_TRY(cairn_ca_set_new(&set, err));
    CAIRN_TRY(add_files(set, path, &num, err));
    if (num == 0) {
        return CAIRN_FAIL(err, CAIRN_E_USAGE, "ca.empty", "%s holds no *.pem: put the TPM maker's CA certificates there", path);
    }
    *out = set;
    set = NULL;
    return CAIRN_OK;
}
