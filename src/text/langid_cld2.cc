// The only C++ of this module: one call of CLD2. DetectLanguage() would answer "English" where it knows nothing, so the
// summary call is used, with best effort, because posts are short.
#include "text/langid_int.h"

#include <cstdio> // cld2's header needs it and does not say so

#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

void mn_text__cld2(const char *text, int len, const char **ret_code, int *ret_percent,
                   int *ret_reliable)
{
    const CLD2::CLDHints no_hints = {NULL, NULL, CLD2::UNKNOWN_ENCODING,
                                     CLD2::UNKNOWN_LANGUAGE};
    CLD2::Language languages[3];
    int percents[3], text_bytes = 0;
    double scores[3];
    bool reliable = false;
    CLD2::ExtDetectLanguageSummary(text, len, true, &no_hints, CLD2::kCLDFlagBestEffort,
                                   languages, percents, scores, NULL, &text_bytes, &reliable);
    *ret_code = CLD2::LanguageCode(languages[0]);
    *ret_percent = percents[0];
    *ret_reliable = reliable;
}
