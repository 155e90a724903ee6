/* tests/unit/core/test_file_posix.c -- core/file_posix.c on a real directory. */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"

struct room {
    char path[64];
    char text[PATH_MAX];
};

/* in gives the path of `name` inside the room; valid until the next call. */
static const char *in(struct room *room, const char *name)
{
    (void)snprintf(room->text, sizeof(room->text), "%s/%s", room->path, name);
    return room->text;
}

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof(*room));
    assert_non_null(room);
    (void)snprintf(room->path, sizeof(room->path), "/tmp/cairn-test-XXXXXX");
    assert_non_null(mkdtemp(room->path));
    *state = room;
    return 0;
}

static bool drop(void *arg, const char *name)
{
    struct room *room = arg;
    (void)remove(in(room, name));
    return true;
}

static int tear_down(void **state)
{
    struct room *room = *state;
    CAIRN_FS *fs = NULL;
    (void)chmod(room->path, 0700);
    assert_int_equal(cairn_fs_open_dir(room->path, false, &fs, NULL), CAIRN_OK);
    assert_int_equal(cairn_file_each(fs, drop, room, NULL), CAIRN_OK);
    assert_int_equal(rmdir(room->path), 0);
    free(room);
    return 0;
}

static void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void files_are_replaced_overwritten_read_listed_and_removed(void **state)
{
    struct room *room = *state;
    CAIRN_FS *fs = NULL;
    CAIRN_BUF bytes = {0};
    struct cairn_err err = {0};
    struct stat st;
    assert_int_equal(cairn_fs_open_dir(room->path, false, &fs, &err), CAIRN_OK);
    assert_int_equal(cairn_file_replace(fs, "a", cairn_span_str("one"), 0600, &err), CAIRN_OK);
    assert_int_equal(cairn_file_replace(fs, "a", cairn_span_str("two!"), 0600, &err), CAIRN_OK);
    assert_int_equal(stat(in(room, "a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(cairn_file_read(fs, "a", 4, &bytes, &err), CAIRN_OK);
    assert_string_equal((char *)bytes.p, "two!");
    assert_int_equal(cairn_file_read(fs, "a", 3, &bytes, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.large");
    assert_int_equal(cairn_file_overwrite(fs, "b", cairn_span_str("slot"), 0600, &err), CAIRN_OK);
    assert_int_equal(cairn_file_overwrite(fs, "b", cairn_span_str("it"), 0600, &err), CAIRN_OK);
    assert_int_equal(cairn_file_read(fs, "b", 9, &bytes, &err), CAIRN_OK);
    assert_string_equal((char *)bytes.p, "it");
    assert_true(cairn_file_exists(fs, "b"));
    assert_int_equal(cairn_file_remove(fs, "b", &err), CAIRN_OK);
    assert_int_equal(cairn_file_remove(fs, "b", &err), CAIRN_OK);
    assert_false(cairn_file_exists(fs, "b"));
    assert_int_equal(cairn_file_read(fs, "b", 9, &bytes, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.absent");
}

static void links_fifos_and_directories_are_not_files(void **state)
{
    struct room *room = *state;
    static const char *const names[] = {"link", "fifo", "dir"};
    CAIRN_FS *fs = NULL;
    CAIRN_BUF bytes = {0};
    put(in(room, "target"), "x", 0600);
    assert_int_equal(symlink("target", in(room, "link")), 0);
    assert_int_equal(mkfifo(in(room, "fifo"), 0600), 0);
    assert_int_equal(mkdir(in(room, "dir"), 0700), 0);
    assert_int_equal(cairn_fs_open_dir(room->path, false, &fs, NULL), CAIRN_OK);
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(names); i++) {
        struct cairn_err err = {0};
        assert_int_equal(cairn_file_read(fs, names[i], 9, &bytes, &err), CAIRN_E_IO);
        assert_string_equal(err.code, "file.read");
        assert_true(cairn_file_exists(fs, names[i]));
        assert_int_equal(cairn_file_overwrite(fs, names[i], cairn_span_str("y"), 0600, &err), CAIRN_E_IO);
        assert_int_equal(cairn_path_write(in(room, names[i]), cairn_span_str("y"), 0600, &err), CAIRN_E_IO);
        assert_string_equal(err.code, "file.kind");
    }
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
    struct room *room = *state;
    static const mode_t modes[] = {0770, 0702, 01777};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(modes); i++) {
        struct cairn_fs *fs = NULL;
        struct cairn_err err = {0};
        assert_int_equal(chmod(room->path, modes[i]), 0);
        assert_int_equal(cairn_fs_open_dir(room->path, false, &fs, &err), CAIRN_E_IO);
        assert_string_equal(err.code, "file.dir");
        assert_null(fs);
    }
    /* a program's argument may lie anywhere */
    assert_int_equal(cairn_path_write(in(room, "out"), cairn_span_str("x"), 0600, NULL), CAIRN_OK);
}

static void a_directory_is_made_on_request_only(void **state)
{
    struct room *room = *state;
    struct cairn_fs *fs = NULL;
    struct cairn_err err = {0};
    struct stat st;
    assert_int_equal(cairn_fs_open_dir(in(room, "new"), false, &fs, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.dir");
    assert_int_equal(err.cause, ENOENT);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cairn_fs_open_dir(in(room, "new"), true, &fs, &err), CAIRN_OK);
        cairn_fs_freep(&fs);
    }
    assert_int_equal(stat(in(room, "new"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    put(in(room, "file"), "x", 0600);
    assert_int_equal(cairn_fs_open_dir(in(room, "file"), true, &fs, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.dir");
    assert_int_equal(cairn_fs_open_dir(in(room, "no/new"), true, &fs, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.dir");
}

static bool note(void *arg, const char *name)
{
    unsigned *seen = arg;
    assert_int_equal(name[0], 'f');
    *seen |= 1u << (name[1] - 'a');
    return true;
}

static void lists_every_entry_each_time(void **state)
{
    struct room *room = *state;
    CAIRN_FS *fs = NULL;
    for (char c = 'a'; c < 'u'; c++) {
        char name[3] = {'f', c, '\0'};
        put(in(room, name), "x", 0600);
    }
    put(in(room, ".fa.tmp"), "left over", 0600);
    assert_int_equal(cairn_fs_open_dir(room->path, false, &fs, NULL), CAIRN_OK);
    for (int i = 0; i < 2; i++) {
        unsigned seen = 0;
        assert_int_equal(cairn_file_each(fs, note, &seen, NULL), CAIRN_OK);
        assert_int_equal(seen, (1u << 20) - 1);
    }
    assert_int_equal(unlink(in(room, ".fa.tmp")), 0);
}

static void a_left_over_temporary_file_or_link_is_no_obstacle(void **state)
{
    struct room *room = *state;
    CAIRN_FS *fs = NULL;
    CAIRN_BUF bytes = {0};
    put(in(room, "victim"), "safe", 0600);
    assert_int_equal(symlink("victim", in(room, ".a.tmp")), 0);
    assert_int_equal(cairn_fs_open_dir(room->path, false, &fs, NULL), CAIRN_OK);
    assert_int_equal(cairn_file_replace(fs, "a", cairn_span_str("new"), 0600, NULL), CAIRN_OK);
    assert_int_equal(cairn_file_read(fs, "victim", 9, &bytes, NULL), CAIRN_OK);
    assert_string_equal((char *)bytes.p, "safe");
    assert_int_equal(cairn_file_read(fs, "a", 9, &bytes, NULL), CAIRN_OK);
}

static void paths_are_read_within_the_limit(void **state)
{
    struct room *room = *state;
    CAIRN_BUF bytes = {0};
    struct cairn_err err = {0};
    put(in(room, "a"), "12345", 0644);
    assert_int_equal(cairn_path_read(in(room, "a"), 5, &bytes, &err), CAIRN_OK);
    assert_string_equal((char *)bytes.p, "12345");
    assert_int_equal(cairn_path_read(in(room, "a"), 4, &bytes, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.large");
    assert_int_equal(bytes.len, 5);
    assert_int_equal(cairn_path_read(in(room, "no"), 4, &bytes, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.absent");
    assert_int_equal(cairn_path_read(room->path, 4, &bytes, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.read");
    /* a file whose size says 0 */
    assert_int_equal(cairn_path_read("/proc/self/status", 1 << 20, &bytes, &err), CAIRN_OK);
    assert_true(bytes.len > 0);
}

static void secrets_are_read_from_private_files_only(void **state)
{
    struct room *room = *state;
    static const mode_t bad[] = {0640, 0604, 0620, 0601};
    CAIRN_BUF bytes = {0};
    struct cairn_err err = {0};
    for (size_t i = 0; i < CAIRN_ARRAY_LEN(bad); i++) {
        put(in(room, "key"), "secret", bad[i]);
        assert_int_equal(cairn_path_read_private(in(room, "key"), 99, &bytes, &err), CAIRN_E_REFUSED);
        assert_string_equal(err.code, "file.mode");
        assert_null(bytes.p);
    }
    put(in(room, "key"), "secret", 0600);
    assert_int_equal(cairn_path_read_private(in(room, "key"), 99, &bytes, &err), CAIRN_OK);
}

static void paths_are_written_durably_wherever_they_point(void **state)
{
    struct room *room = *state;
    CAIRN_BUF bytes = {0};
    struct cairn_err err = {0};
    char cwd[PATH_MAX];
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(cairn_path_write(in(room, "out"), cairn_span_str("1"), 0600, &err), CAIRN_OK);
    assert_int_equal(chdir(room->path), 0);
    assert_int_equal(cairn_path_write("out", cairn_span_str("22"), 0600, &err), CAIRN_OK);
    assert_int_equal(chdir(cwd), 0);
    assert_int_equal(cairn_path_read(in(room, "out"), 9, &bytes, &err), CAIRN_OK);
    assert_string_equal((char *)bytes.p, "22");
    assert_int_equal(cairn_path_write(in(room, "no/out"), cairn_span_str("1"), 0600, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.dir");
    assert_int_equal(cairn_path_write(in(room, ""), cairn_span_str("1"), 0600, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.kind");
    assert_int_equal(cairn_path_write("/dev/null", cairn_span_str("1"), 0600, &err), CAIRN_E_IO);
    assert_string_equal(err.code, "file.kind");
}

static void a_dash_is_standard_input_and_output(void **state)
{
    (void)state;
    int to[2], from[2];
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    pid_t child = fork();
    if (child == 0) {
        CAIRN_BUF bytes = {0};
        (void)close(to[1]);
        bool ok = dup2(to[0], STDIN_FILENO) >= 0 && dup2(from[1], STDOUT_FILENO) >= 0 &&
                  cairn_path_read("-", 100000, &bytes, NULL) == CAIRN_OK &&
                  cairn_path_write("-", cairn_buf_span(&bytes), 0600, NULL) == CAIRN_OK;
        cairn_buf_clear(&bytes);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(write(to[1], "abc", 3), 3);
    (void)close(to[1]);
    (void)close(from[1]);
    char got[8] = "";
    assert_int_equal(read(from[0], got, sizeof(got)), 3);
    assert_string_equal(got, "abc");
    (void)close(to[0]);
    (void)close(from[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(files_are_replaced_overwritten_read_listed_and_removed),
        CASE(links_fifos_and_directories_are_not_files),
        CASE(a_directory_that_others_can_write_is_refused),
        CASE(a_directory_is_made_on_request_only),
        CASE(lists_every_entry_each_time),
        CASE(a_left_over_temporary_file_or_link_is_no_obstacle),
        CASE(paths_are_read_within_the_limit),
        CASE(secrets_are_read_from_private_files_only),
        CASE(paths_are_written_durably_wherever_they_point),
        CASE(a_dash_is_standard_input_and_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
