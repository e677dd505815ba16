/* The words of display names, by which people are found.
 *
 * Folding is by rule, not by table, since this layer knows no Unicode: it covers the alphabets that have capitals and are
 * written by most (Latin-1, Latin Extended-A, Greek, Cyrillic). Anything else is compared as it is written. */
#include "store/people_int.h"

/* The small letter of a capital, in those ranges; else the same. */
static uint32_t fold(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0x0410 && c <= 0x042F) || (c >= 0x0391 && c <= 0x03A9))
        return c + 32;
    if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
    if (c >= 0x0400 && c <= 0x040F) return c + 80;
    bool odd_capitals = (c >= 0x0139 && c <= 0x0148) || (c >= 0x0179 && c <= 0x017E);
    if (odd_capitals) return c & 1 ? c + 1 : c;
    if (c >= 0x0100 && c <= 0x0177 && c != 0x0130 && c != 0x0131) return c | 1;
    return c;
}

static bool in_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_' ||
           (c >= 0xC0 && c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c <= 0x206F) &&
            !(c >= 0x3000 && c <= 0x3002));
}

/* Adds a letter to the word under way, unless the word is full. */
static void add(mn_words *w, uint32_t c)
{
    char bytes[4];
    size_t n = mn_utf8_encode(c, bytes);
    if (w->len[w->n] + n > MN_WORD_MAX) return;
    memcpy(w->text[w->n] + w->len[w->n], bytes, n);
    w->len[w->n] += n;
}

void mn_store__words(mn_str text, mn_words *ret)
{
    *ret = (mn_words){0};
    for (size_t i = 0; i < text.len && ret->n < MN_WORDS_MAX;) {
        uint32_t c = 0;
        size_t n = mn_utf8_decode(text.ptr + i, text.len - i, &c);
        i += n ? n : 1;
        c = fold(c);
        if (n && in_word(c)) add(ret, c);
        else if (ret->len[ret->n] > 0) ret->n++;
    }
    if (ret->n < MN_WORDS_MAX && ret->len[ret->n] > 0) ret->n++;
}

mn_rc mn_store__words_set(mn_tx *tx, uint64_t account, mn_str display_name, mn_err *e)
{
    mn_words w;
    mn_stmt *q;
    mn_store__words(display_name, &w);
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM account_words WHERE account_id = ?1", account, 0,
                          e));
    for (size_t i = 0; i < w.n; i++) {
        MN_TRY(db_prepare(tx->db,
                          "INSERT INTO account_words (word, account_id) VALUES (?1, ?2) ON "
                          "CONFLICT DO NOTHING",
                          &q, e));
        db_text(q, 1, (mn_str){w.text[i], w.len[i]});
        db_u64(q, 2, account);
        MN_TRY(mn_store__run(q, NULL, e));
    }
    return MN_OK;
}
