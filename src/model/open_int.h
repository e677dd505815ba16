/* What the files that open a model share. */
#ifndef MN_MODEL_OPEN_INT_H
#define MN_MODEL_OPEN_INT_H

#include "base/fs.h"
#include "model/open.h"
#include "model/tensors.h"

#define MN_SHARDS_MAX 1024u

struct mn_model_map {
    mn_arena arena; /* of everything the model points to but the weights */
    mn_fs_map *maps;
    char **paths; /* of maps; the texts are on the arena */
    size_t n_maps;
    bool gguf;         /* one GGUF file, else safetensors */
    bool weights_only; /* no tokenizer is read */
    double *
        stretch; /* [D/2] what each pair's angle is divided by, as a GGUF file says it; or NULL */
};

/* Fill m from a path; what they leave on failure is freed with m. */
mn_rc mn_model__open_gguf(mn_model *m, const char *path, mn_err *e);
mn_rc mn_model__open_folder(mn_model *m, const char *dir, mn_err *e);
/* An empty model, for mn_model_free; and a GGUF file's bytes, which must outlive it, read into one. */
mn_rc mn_model__new(mn_model **ret, mn_err *e);
mn_rc mn_model__read_gguf(mn_model *m, const uint8_t *p, size_t len, mn_err *e);
/* The files that a model.safetensors.index.json names, each once, sorted; names of files in the same folder only. */
mn_rc mn_model__shard_names(mn_str index, mn_arena *a, mn_str **ret, size_t *ret_n, mn_err *e);

/* Maps a file for as long as the model lives. */
mn_rc mn_model__map(mn_model *m, const char *path, mn_fs_map *ret, mn_err *e);
/* Once cfg is checked: room for the layers. */
mn_rc mn_model__layers(mn_model *m, mn_err *e);
mn_tensor_view *mn_model__view(mn_model *m, const mn_tensor *t);
/* A shape in the order [rows][cols] fits the tensor. */
bool mn_model__fits(const mn_tensor *t, uint32_t rank, uint64_t rows, uint64_t cols);
/* Adds an end id once, when there is room and it is a token. */
void mn_model__add_end(mn_model *m, uint64_t id);
/* "DIR/NAME" as text on the model's arena; *ret is MN_STR_NONE when there is no such file. */
mn_rc mn_model__read(mn_model *m, const char *dir, const char *name, size_t max, mn_str *ret,
                     mn_err *e);
/* origin.json, else the front matter of README.md. */
mn_rc mn_model__read_origin(mn_model *m, const char *dir, mn_err *e);

#endif
