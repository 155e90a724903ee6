/* tests/fuzz/replay_main.c -- runs a fuzz target without a fuzzer: every file below the directories named, and every truncation
 * of the small ones.
 *
 * Inputs are exact-size heap copies, so that ASan sees a read past the end. What the target finds, it aborts on.
 * usage: replay_fuzz_NAME DIRECTORY...
 */
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

enum { INPUT_MAX = 1 << 20, TRUNCATED_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct cairn_span input)
{
    uint8_t *copy = malloc(input.len > 0 ? input.len : 1);
    if (copy == NULL) {
        abort();
    }
    cairn_copy(copy, input.p, input.len);
    (void)LLVMFuzzerTestOneInput(copy, input.len);
    free(copy);
}

static void replay(struct cairn_span file)
{
    run(file);
    for (size_t len = 0; file.len <= TRUNCATED_MAX && len < file.len; len++) {
        run(cairn_span(file.p, len));
    }
}

/* The vectors' own notes are no document that a decoder ever reads. */
static bool is_note(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcmp(dot, ".txt") == 0 || strcmp(dot, ".md") == 0);
}

/* The number of files replayed; 0 as soon as one cannot be read: the tree is there, or the test says nothing. */
static size_t replay_tree(FTS *tree)
{
    size_t num = 0;
    for (FTSENT *entry = fts_read(tree); entry != NULL; entry = fts_read(tree)) {
        CAIRN_BUF file = {0};
        if (entry->fts_info == FTS_D || entry->fts_info == FTS_DP || is_note(entry->fts_name)) {
            continue;
        }
        if (entry->fts_info != FTS_F || cairn_path_read(entry->fts_path, INPUT_MAX, &file, NULL) != CAIRN_OK) {
            (void)fprintf(stderr, "cannot read %s\n", entry->fts_path);
            return 0;
        }
        replay(cairn_buf_span(&file));
        num++;
    }
    return num;
}

int main(int argc, char **argv)
{
    FTS *tree = argc > 1 ? fts_open(argv + 1, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    if (tree == NULL) {
        (void)fprintf(stderr, "usage: %s DIRECTORY...\n", argv[0]);
        return 2;
    }
    const size_t num = replay_tree(tree);
    (void)fts_close(tree);
    (void)printf("%zu files replayed\n", num);
    return num > 0 ? 0 : 1;
}
