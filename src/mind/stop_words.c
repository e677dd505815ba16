/* Words that say nothing about the topic, as terms (after stemming): articles, pronouns,
 * auxiliaries, question words, and what people put around a question ("tell", "people", "said").
 * Sorted. They are searched like all others, which their small weight makes cheap; only
 * expansion and `ask` leave them out. */
#include "mind/parts.h"

static const char *const words[] = {
    "a",       "about",   "abov",   "after",   "again",   "against", "all",      "also",
    "am",      "among",   "an",     "and",     "ani",     "anyon",   "anyth",    "ar",
    "arent",   "around",  "as",     "ask",     "at",      "be",      "becaus",   "been",
    "befor",   "being",   "below",  "between", "both",    "but",     "by",       "came",
    "can",     "cannot",  "cant",   "come",    "could",   "did",     "didnt",    "do",
    "doe",     "doesnt",  "don",    "done",    "dont",    "down",    "dure",     "each",
    "els",     "even",    "ever",   "everi",   "everyon", "everyth", "few",      "for",
    "from",    "further", "get",    "give",    "go",      "goe",     "going",    "got",
    "ha",      "had",     "happen", "have",    "he",      "hear",    "heard",    "her",
    "here",    "herself", "hi",     "him",     "himself", "how",     "http",     "i",
    "if",      "ill",     "im",     "in",      "into",    "is",      "isnt",     "it",
    "itself",  "ive",     "just",   "know",    "known",   "least",   "less",     "let",
    "like",    "lol",     "made",   "make",    "mani",    "mayb",    "me",       "mean",
    "might",   "more",    "most",   "much",    "must",    "my",      "myself",   "no",
    "nor",     "not",     "now",    "of",      "off",     "ok",      "on",       "onc",
    "one",     "onli",    "or",     "other",   "our",     "out",     "over",     "own",
    "peopl",   "person",  "pleas",  "post",    "quit",    "rather",  "re",       "realli",
    "rt",      "s",       "sai",    "said",    "same",    "say",     "see",      "seem",
    "seen",    "shall",   "she",    "should",  "show",    "sinc",    "so",       "some",
    "someon",  "someth",  "still",  "such",    "t",       "take",    "talk",     "tell",
    "than",    "that",    "the",    "thei",    "their",   "them",    "themselv", "then",
    "there",   "these",   "they",   "thi",     "thing",   "think",   "those",    "though",
    "through", "to",      "told",   "too",     "tweet",   "u",       "under",    "until",
    "up",      "upon",    "us",     "use",     "ve",      "veri",    "via",      "wa",
    "want",    "wasnt",   "we",     "well",    "went",    "were",    "what",     "when",
    "where",   "whether", "which",  "while",   "who",     "whom",    "whose",    "why",
    "will",    "with",    "within", "without", "wont",    "would",   "yet",      "you",
    "your",    "yourself"};

bool mn_mind__stop_word(mn_str term)
{
    size_t lo = 0, hi = sizeof words / sizeof *words;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = mn_str_cmp(mn_str_from(words[mid]), term);
        if (c == 0) return true;
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return false;
}
