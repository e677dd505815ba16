/* module: archive */
#include "archive/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Every field is UTF-8, borrowed from the text or no longer than it may be; what is written again reads back the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_csv c, again;
    mn_csv_row row, back;
    mn_arena ar;
    mn_err e = {0};
    bool more = true, one = true;
    mn_arena_init(&ar, (size_t)64 << 20);
    mn_rc rc = mn_csv_init(&c, (mn_str){(const char *)data, size}, &e);
    while (rc == MN_OK && (rc = mn_csv_next(&c, &ar, &row, &more, &e)) == MN_OK && more) {
        mn_buf b;
        if (row.n == 0 || row.n > MN_CSV_FIELDS_MAX) __builtin_trap();
        mn_buf_init(&b, 0);
        for (size_t i = 0; i < row.n; i++) {
            if (row.fields[i].len > MN_CSV_FIELD_MAX || !mn_utf8_valid(row.fields[i]))
                __builtin_trap();
            mn_csv_put(&b, i == 0, row.fields[i]);
        }
        mn_buf_addc(&b, '\n');
        if (mn_csv_init(&again, mn_buf_str(&b), &e) == MN_OK && row.fields[0].len &&
            !mn_str_starts(row.fields[0], "\xef\xbb\xbf")) {
            if (mn_csv_next(&again, &ar, &back, &one, &e) != MN_OK || !one || back.n != row.n)
                __builtin_trap();
            for (size_t i = 0; i < row.n; i++)
                if (!mn_str_eq(row.fields[i], back.fields[i])) __builtin_trap();
        }
        mn_buf_release(&b);
        mn_arena_reset(&ar);
    }
    mn_arena_release(&ar);
    return 0;
}
