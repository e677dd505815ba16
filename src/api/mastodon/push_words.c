/* What a push says: a title for each kind of notification, and the first words of what it is about. */
#include "api/mastodon/push.h"

#define BODY_CHARACTERS 140
#define NAME_BYTES      300
#define N_LANGUAGES     4

static const char *const languages[N_LANGUAGES] = {"en", "fr", "it", "es"};

/* %s is the name of whom it comes from. */
static const char *const titles[MN_NOTICE_KINDS][N_LANGUAGES] = {
    [MN_NOTICE_MENTION] = {"%s mentioned you", "%s vous a mentionné", "%s ti ha menzionato",
                           "%s te ha mencionado"},
    [MN_NOTICE_STATUS] = {"%s has posted", "%s a publié un message", "%s ha pubblicato un post",
                          "%s ha publicado algo"},
    [MN_NOTICE_REBLOG] = {"%s boosted your post", "%s a partagé votre message",
                          "%s ha condiviso il tuo post", "%s ha impulsado tu publicación"},
    [MN_NOTICE_FOLLOW] = {"%s follows you now", "%s vous suit désormais", "%s ora ti segue",
                          "%s te sigue ahora"},
    [MN_NOTICE_FOLLOW_REQUEST] = {"%s would like to follow you", "%s souhaite vous suivre",
                                  "%s vorrebbe seguirti", "%s quiere seguirte"},
    [MN_NOTICE_FAVOURITE] = {"%s liked your post", "%s a aimé votre message",
                             "A %s piace il tuo post", "A %s le gusta tu publicación"},
    [MN_NOTICE_POLL] = {"A poll has ended", "Un sondage est terminé", "Un sondaggio è finito",
                        "Ha terminado una encuesta"},
    [MN_NOTICE_UPDATE] = {"%s edited a post", "%s a modifié un message",
                          "%s ha modificato un post", "%s ha editado una publicación"},
    [MN_NOTICE_ADMIN_SIGN_UP] = {"%s has signed up", "%s s'est inscrit", "%s si è iscritto",
                                 "%s se ha registrado"},
    [MN_NOTICE_ADMIN_REPORT] = {"%s has sent a report", "%s a envoyé un signalement",
                                "%s ha inviato una segnalazione", "%s ha enviado un informe"},
    [MN_NOTICE_SEVERED] = {"You have lost some followers or follows",
                           "Vous avez perdu des abonnés ou des abonnements",
                           "Hai perso dei follower o dei seguiti",
                           "Has perdido seguidores o seguidos"},
    [MN_NOTICE_MODERATION_WARNING] = {"A moderator has sent you a warning",
                                      "Un modérateur vous a envoyé un avertissement",
                                      "Un moderatore ti ha inviato un avviso",
                                      "Un moderador te ha enviado un aviso"},
    [MN_NOTICE_QUOTE] = {"%s quoted your post", "%s a cité votre message",
                         "%s ha citato il tuo post", "%s ha citado tu publicación"},
    [MN_NOTICE_QUOTED_UPDATE] = {"%s edited a post that you quoted",
                                 "%s a modifié un message que vous avez cité",
                                 "%s ha modificato un post che hai citato",
                                 "%s ha editado una publicación que citaste"},
};

static size_t language_of(mn_str locale)
{
    for (size_t i = 0; i < N_LANGUAGES; i++)
        if (mn_str_starts(locale, languages[i]) &&
            (locale.len == 2 || locale.ptr[2] == '-' || locale.ptr[2] == '_'))
            return i;
    return 0;
}

/* The first characters, with an ellipsis when there are more; line breaks become blanks. */
static mn_str beginning(mn_str s, mn_arena *ar)
{
    size_t at = 0, n = 0;
    uint32_t cp;
    while (at < s.len && n < BODY_CHARACTERS) {
        size_t k = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        if (k == 0) break;
        at += k;
        n++;
    }
    mn_str cut = at < s.len ? mn_str_fmt(ar, "%.*s\xE2\x80\xA6", (int)at, s.ptr)
                            : mn_str_dup(ar, s.ptr ? s : MN_STR(""));
    char *p = cut.ptr ? mn_arena_strndup(ar, cut.ptr, cut.len) : NULL;
    for (size_t i = 0; p && i < cut.len; i++)
        if (p[i] == '\n' || p[i] == '\r' || p[i] == '\t') p[i] = ' ';
    return (mn_str){p, p ? cut.len : 0};
}

mn_push_words mn_push_words_of(mn_notice_kind kind, mn_str locale, mn_str from_name,
                               mn_str text, mn_arena *ar)
{
    const char *t = titles[kind][language_of(locale)];
    const char *at = t ? strstr(t, "%s") : NULL;
    mn_str name = mn_utf8_cut(from_name, NAME_BYTES);
    mn_push_words w = {.body = beginning(text, ar)};
    if (at) w.title = mn_str_fmt(ar, "%.*s%.*s%s", (int)(at - t), t, MN_STR_FMT(name), at + 2);
    else w.title = mn_str_from(t ? t : "");
    return w;
}
