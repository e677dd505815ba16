/* The C face of CLD2, which is a C++ library: langid_cld2.cc behind it, langid.c in front. C and C++. */
#ifndef MN_TEXT_LANGID_INT_H
#define MN_TEXT_LANGID_INT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Detects the languages of len bytes of plain UTF-8 text. Writes CLD2's own code of the likeliest ("iw", "zh-Hant", "un"),
 * a static string, its share of the text in percent, and whether CLD2 trusts it. */
void mn_text__cld2(const char *text, int len, const char **ret_code, int *ret_percent,
                   int *ret_reliable);

#ifdef __cplusplus
}
#endif

#endif
