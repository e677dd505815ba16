#include "cmd/card.h"

#include "base/fs.h"
#include "model/card.h"

mn_rc mn_card_make(const char *data_dir, const char *dir, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    const char *corpora = mn_fs_join(&a, data_dir, "corpus");
    mn_rc rc = corpora ? mn_card_write(dir, corpora, NULL, e)
                       : mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_arena_release(&a);
    return rc;
}
