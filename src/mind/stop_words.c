/* Words that say nothing about the topic, as terms (after stemming): articles, pronouns,
 * auxiliaries, question words, and what people put around a question ("tell", "people", "said").
 * Sorted. They are searched like all others, which their small weight makes cheap; only
 * expansion and `ask` leave them out. Other languages have lists of their own, for questions in
 * them: "die" and "war" are topics in English. */
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

/* clang-format off */
static const char *const words_de[] = {"aber", "al", "all", "allem", "allen", "aller", "also",
    "am", "an", "ander", "anderen", "au", "auch", "auf", "bedeutet", "bei", "beim", "bi",
    "bin", "bist", "da", "dabei", "damit", "dann", "dass", "de", "dem", "den", "denkt",
    "denn", "der", "dessen", "di", "dich", "die", "dies", "diesem", "diesen", "dieser", "dir",
    "doch", "dort", "du", "durch", "ein", "einem", "einen", "einer", "einig", "er", "erzahlt",
    "es", "etwa", "euch", "euer", "fur", "gegen", "geht", "gibt", "hab", "habe", "haben",
    "hat", "hatt", "hatten", "heisst", "hier", "hinter", "ich", "ihm", "ihn", "ihnen", "ihr",
    "ihrem", "ihren", "ihrer", "im", "in", "ist", "ja", "jede", "jeden", "jeder", "jemand",
    "jetzt", "kann", "kein", "keinen", "konnen", "konnt", "lassen", "leut", "machen", "macht",
    "mal", "man", "manch", "mehr", "mein", "meinem", "meinen", "meiner", "meint", "mich",
    "mir", "mit", "muss", "mussen", "nach", "nicht", "noch", "nun", "nur", "ob", "oder",
    "ohn", "sagen", "sagt", "schon", "sehr", "sein", "seinem", "seinen", "seiner", "seit",
    "sich", "sie", "sind", "so", "soll", "sollen", "sollt", "sollten", "sondern", "sonst",
    "uber", "um", "un", "und", "unser", "unter", "viel", "vielen", "vom", "von", "vor", "wa",
    "wann", "war", "waren", "warum", "weil", "weiss", "welch", "welchen", "welcher", "wenn",
    "wer", "werden", "wie", "wieder", "wieso", "wieviel", "will", "wir", "wird", "wirklich",
    "wo", "wohl", "womit", "worub", "wurd", "wurden", "zu", "zum", "zur", "zwischen"};
static const char *const words_es[] = {"a", "acerca", "al", "algo", "alguien", "alguna",
    "alguno", "ant", "aquel", "aquella", "aquello", "asi", "aun", "aunqu", "bajo", "bien",
    "cada", "casi", "como", "con", "contra", "cual", "cualquier", "cuando", "cuanto", "de",
    "debe", "deben", "decia", "decian", "decir", "del", "desd", "dice", "dicen", "dijo", "do",
    "dond", "durant", "e", "el", "ella", "ello", "en", "entr", "er", "era", "eran", "es",
    "esa", "eso", "est", "esta", "estan", "esto", "estoi", "fue", "fueron", "gent", "ha",
    "hace", "hacen", "hacer", "hacia", "hai", "han", "hasta", "he", "la", "le", "lo", "ma",
    "me", "mi", "mismo", "mucho", "mui", "nada", "ni", "no", "nosotro", "nuestra", "nuestro",
    "o", "opinan", "os", "otra", "otro", "para", "pero", "piensan", "poco", "por", "porqu",
    "pue", "pued", "pueden", "que", "quien", "saben", "se", "sea", "segun", "ser", "si",
    "sido", "significa", "sin", "sobr", "soi", "solo", "son", "su", "tambien", "tan", "tanto",
    "te", "tien", "tienen", "todo", "tu", "un", "una", "uno", "ust", "va", "vez", "y", "ya",
    "yo"};
static const char *const words_fr[] = {"a", "ai", "alor", "apr", "au", "aucun", "aussi",
    "autr", "aux", "avant", "avec", "avoir", "bien", "c", "ca", "car", "ce", "cela", "cell",
    "celui", "cet", "cett", "ceux", "chaqu", "chez", "ci", "comm", "comment", "contr", "d",
    "dan", "de", "depui", "dire", "disent", "dit", "donc", "dont", "du", "ell", "en", "encor",
    "entr", "es", "est", "et", "etaient", "etait", "etr", "eu", "fair", "fait", "faut", "gen",
    "il", "j", "je", "jusqu", "l", "la", "le", "leur", "lorsqu", "lui", "m", "ma", "mai",
    "me", "meme", "moi", "moin", "mon", "n", "ne", "ni", "no", "non", "notr", "nou", "on",
    "ont", "ou", "pa", "par", "parc", "parl", "pendant", "pens", "pensent", "peu", "peut",
    "peuvent", "plu", "pour", "pourquoi", "pui", "qu", "quand", "que", "quel", "quell",
    "quelqu", "qui", "quoi", "s", "sa", "san", "se", "selon", "sera", "si", "signifi", "son",
    "sont", "sou", "sur", "t", "ta", "tandi", "te", "toi", "ton", "tou", "tout", "tre", "tu",
    "un", "ver", "veut", "vo", "votr", "vou", "y"};
static const char *const words_it[] = {"a", "abbia", "ad", "agli", "ai", "al", "all", "alla",
    "allo", "allora", "altri", "altro", "anch", "ancora", "aver", "aveva", "ce", "che", "chi",
    "ci", "cioe", "come", "con", "contro", "cosa", "cosi", "cui", "da", "dagli", "dai", "dal",
    "dall", "dalla", "dallo", "degli", "dei", "del", "dell", "della", "dello", "dentro",
    "detto", "deve", "devono", "di", "dice", "diceva", "dicono", "dire", "diss", "dobbiamo",
    "dopo", "dove", "due", "dunqu", "e", "ed", "era", "erano", "esser", "fa", "fanno", "fare",
    "fatto", "fino", "fra", "gent", "gia", "gli", "ha", "hai", "hanno", "ho", "i", "il", "in",
    "io", "la", "le", "lei", "li", "lo", "loro", "lui", "ma", "mai", "me", "meno", "mentr",
    "mi", "mia", "mie", "mio", "molto", "ne", "negli", "nei", "nel", "nell", "nella", "nello",
    "no", "noi", "non", "nostro", "o", "ogni", "oppur", "pensa", "pensano", "per", "perch",
    "percio", "pero", "piu", "poco", "poi", "possono", "prima", "proprio", "puo", "qual",
    "qualch", "qualcosa", "qualcuno", "quali", "quando", "quanti", "quanto", "quel", "quell",
    "quella", "quelli", "quello", "quest", "questa", "questi", "questo", "qui", "sa", "sanno",
    "se", "sei", "senza", "si", "sia", "siamo", "significa", "sono", "sta", "stato", "su",
    "sua", "sue", "sugli", "sui", "sul", "sull", "sulla", "suo", "suoi", "te", "ti", "tra",
    "tu", "tutt", "tutta", "tutti", "tutto", "un", "una", "uno", "va", "vi", "voi", "vuol"};
static const char *const words_pt[] = {"a", "acerca", "ainda", "alem", "algo", "alguem",
    "algum", "alguma", "ao", "apo", "aquel", "aquela", "aquilo", "as", "at", "cada", "com",
    "como", "contra", "da", "de", "dela", "dele", "depoi", "desd", "dess", "dessa", "dest",
    "desta", "deve", "diz", "dizem", "dizer", "do", "e", "el", "ela", "em", "entr", "era",
    "eram", "ess", "essa", "est", "esta", "estao", "eu", "faz", "fazem", "fazer", "foi",
    "foram", "gent", "ha", "isso", "isto", "ja", "lhe", "lo", "ma", "mai", "me", "mesmo",
    "meu", "minha", "muito", "na", "nao", "nem", "no", "nossa", "nosso", "num", "numa", "o",
    "ond", "os", "ou", "outro", "para", "pela", "pelo", "pensam", "pode", "podem", "por",
    "porqu", "quai", "qual", "qualquer", "quando", "quanto", "que", "quem", "sao", "se",
    "seja", "sem", "ser", "seu", "significa", "sim", "so", "sobr", "sua", "tambem", "tao",
    "te", "tem", "tenho", "teu", "todo", "tu", "tudo", "um", "uma", "un", "voce"};
static const char *const words_ru[] = {"а", "без", "бы", "был", "была", "были", "было",
    "быть", "в", "вам", "вас", "весь", "во", "вот", "все", "всегда", "всего", "всех", "вы",
    "где", "говорил", "говорили", "говорит", "говорят", "да", "даже", "для", "до", "думает",
    "думают", "его", "ее", "если", "есть", "еще", "же", "за", "зачем", "значит", "и", "из",
    "или", "им", "имеет", "их", "к", "как", "какая", "какие", "каким", "какого", "какое",
    "какой", "когда", "кого", "которая", "которое", "которые", "который", "кто", "ли", "либо",
    "люди", "между", "меня", "мне", "много", "могут", "может", "можно", "мы", "на", "над",
    "надо", "нам", "нас", "наш", "не", "него", "нее", "нет", "ни", "ними", "них", "но", "ну",
    "о", "об", "однако", "он", "она", "они", "оно", "от", "откуда", "отчего", "очень", "по",
    "под", "почему", "при", "про", "рассказывают", "с", "сам", "свои", "своих", "свой",
    "себе", "себя", "сказал", "сколько", "со", "так", "такая", "также", "такие", "такое",
    "такой", "там", "те", "тебя", "тем", "то", "того", "тоже", "той", "только", "том", "тот",
    "ту", "ты", "у", "уже", "чего", "чей", "чем", "через", "что", "чтобы", "чье", "чья",
    "эта", "эти", "это", "этого", "этой", "этом", "этот", "я"};
/* clang-format on */

static const struct language {
    const char *code;
    const char *const *words;
    size_t n;
} languages[] = {
#define LIST(code, list)                                                                       \
    {                                                                                          \
        code, list, sizeof list / sizeof *list                                                 \
    }
    LIST("en", words),    LIST("de", words_de), LIST("es", words_es), LIST("fr", words_fr),
    LIST("it", words_it), LIST("pt", words_pt), LIST("ru", words_ru),
#undef LIST
};
#define N_LANGUAGES (sizeof languages / sizeof *languages)

static bool has(const struct language *l, mn_str term)
{
    size_t lo = 0, hi = l->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = mn_str_cmp(mn_str_from(l->words[mid]), term);
        if (c == 0) return true;
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return false;
}

bool mn_mind__stop_word(mn_str term)
{
    return has(&languages[0], term);
}

bool mn_mind__stop_word_of(const char *code, mn_str term)
{
    for (size_t i = 0; i < N_LANGUAGES; i++)
        if (!strcmp(languages[i].code, code)) return has(&languages[i], term);
    return has(&languages[0], term);
}

bool mn_mind__stop_words_known(const char *code)
{
    for (size_t i = 0; i < N_LANGUAGES; i++)
        if (!strcmp(languages[i].code, code)) return true;
    return false;
}

const char *mn_mind__stop_word_language(const mn_bag *bag, size_t *ret_n)
{
    size_t best = 0, most = 0, ties = 0;
    for (size_t i = 0; i < N_LANGUAGES; i++) {
        size_t n = 0;
        for (size_t k = 0; k < bag->n; k++) n += has(&languages[i], bag->items[k].term);
        ties = n == most ? ties + 1 : n > most ? 0 : ties;
        if (n <= most) continue;
        most = n;
        best = i;
    }
    *ret_n = ties ? 0 : most;
    return most && !ties ? languages[best].code : NULL;
}
