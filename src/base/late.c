/* Opening a library by its name and filling a table of its functions: see late.h. */
#include "base/late.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* What was found stays in the table also when something is missing: nobody calls it. */
static bool fill(mn_late *l, void *library)
{
    for (size_t i = 0; i < l->n; i++) {
        void *f = dlsym(library, l->names[i]);
        if (!f) {
            snprintf(l->why, sizeof l->why, "'%s' has no %s: another %s is needed", l->soname,
                     l->names[i], l->package);
            return false;
        }
        memcpy((char *)l->table + i * sizeof f, &f, sizeof f); /* POSIX: they are alike */
    }
    return true;
}

static void try_open(mn_late *l)
{
    void *library = dlopen(l->soname, RTLD_NOW | RTLD_LOCAL);
    l->tried = true;
    if (!library) {
        snprintf(l->why, sizeof l->why, "'%s' cannot be loaded; install %s (%.160s)", l->soname,
                 l->package, dlerror());
        return;
    }
    if (fill(l, library)) atomic_store_explicit(&l->open, true, memory_order_release);
}

mn_rc mn_late_open(mn_late *l, mn_err *e)
{
    if (atomic_load_explicit(&l->open, memory_order_acquire)) return MN_OK;
    pthread_mutex_lock(&l->lock);
    if (!l->tried) try_open(l);
    pthread_mutex_unlock(&l->lock);
    if (atomic_load_explicit(&l->open, memory_order_acquire)) return MN_OK;
    return mn_fail(e, MN_E_UNSUPPORTED, "%s", l->why);
}
