/* Replays a corpus without libFuzzer: runs the target once on each file, or each file of each folder, that is named. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int failed;
static size_t n_run;

static void complain(const char *path)
{
    perror(path);
    failed = 1;
}

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        complain(path);
        return;
    }
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    /* exactly as large as the input, so that a sanitizer sees reads past its end */
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    size_t n = size > 0 ? (size_t)size : 0;
    if (size < 0 || !data || fread(data, 1, n, f) != n) {
        complain(path);
    } else {
        LLVMFuzzerTestOneInput(data, n);
        n_run++;
    }
    free(data);
    fclose(f);
}

static void run_path(const char *path);

static void run_folder(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) {
        complain(path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char name[4096];
        if (entries[i]->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
            run_path(name);
        }
        free(entries[i]);
    }
    free(entries);
}

static void run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) complain(path);
    else if (S_ISDIR(st.st_mode)) run_folder(path);
    else run_file(path);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) run_path(argv[i]);
    printf("%zu inputs replayed\n", n_run);
    if (n_run == 0) fprintf(stderr, "no inputs: name files or folders\n");
    return failed || n_run == 0;
}
