/* What a file is, by its first bytes. */
#include "media/media_int.h"

static const mn_media_type types[] = {
    {MN_KIND_IMAGE, "image/jpeg", "jpg"},  {MN_KIND_IMAGE, "image/png", "png"},
    {MN_KIND_IMAGE, "image/gif", "gif"},   {MN_KIND_IMAGE, "image/webp", "webp"},
    {MN_KIND_IMAGE, "image/avif", "avif"}, {MN_KIND_VIDEO, "video/mp4", "mp4"},
    {MN_KIND_VIDEO, "video/webm", "webm"}, {MN_KIND_VIDEO, "video/quicktime", "mov"},
    {MN_KIND_AUDIO, "audio/mp4", "m4a"},   {MN_KIND_AUDIO, "audio/mpeg", "mp3"},
    {MN_KIND_AUDIO, "audio/ogg", "ogg"},   {MN_KIND_AUDIO, "audio/flac", "flac"},
    {MN_KIND_AUDIO, "audio/wav", "wav"},   {MN_KIND_NONE, NULL, NULL},
};

const mn_media_type *mn_media_types(void)
{
    return types;
}

const mn_media_type *mn_media_type_of(mn_str mime)
{
    for (const mn_media_type *t = types; t->mime; t++)
        if (mn_str_eqz(mime, t->mime)) return t;
    return NULL;
}

/* ISO base media: the major brand, and for AVIF the compatible ones. */
static const char *iso_brand(mn_str s)
{
    const char *brand = s.ptr + 8;
    const uint8_t *u = (const uint8_t *)s.ptr;
    size_t box = (size_t)u[0] << 24 | (size_t)u[1] << 16 | (size_t)u[2] << 8 | u[3];
    if (box > s.len) box = s.len;
    for (size_t at = 8; at + 4 <= box && at < 256; at += 4)
        if (at != 12 && (!memcmp(s.ptr + at, "avif", 4) || !memcmp(s.ptr + at, "avis", 4)))
            return "image/avif";
    if (!memcmp(brand, "qt  ", 4)) return "video/quicktime";
    if (!memcmp(brand, "M4A ", 4) || !memcmp(brand, "M4B ", 4)) return "audio/mp4";
    if (!memcmp(brand, "heic", 4) || !memcmp(brand, "heix", 4) || !memcmp(brand, "mif1", 4) ||
        !memcmp(brand, "msf1", 4) || !memcmp(brand, "hevc", 4) || !memcmp(brand, "heim", 4))
        return NULL; /* HEIF pictures: no decoder here */
    return "video/mp4";
}

/* A frame header of MPEG audio, layer III. */
static bool is_mp3_frame(const uint8_t *u)
{
    return u[0] == 0xff && (u[1] & 0xe6) == 0xe2 && (u[2] & 0xf0) != 0xf0 &&
           (u[2] & 0x0c) != 0x0c;
}

static const char *mime_of(mn_str s)
{
    const uint8_t *u = (const uint8_t *)s.ptr;
    if (s.len < 12) return NULL;
    if (!memcmp(u, "\xff\xd8\xff", 3)) return "image/jpeg";
    if (!memcmp(u, "\x89PNG\r\n\x1a\n", 8)) return "image/png";
    if (!memcmp(u, "GIF87a", 6) || !memcmp(u, "GIF89a", 6)) return "image/gif";
    if (!memcmp(u, "RIFF", 4) && !memcmp(u + 8, "WEBP", 4)) return "image/webp";
    if (!memcmp(u, "RIFF", 4) && !memcmp(u + 8, "WAVE", 4)) return "audio/wav";
    if (!memcmp(u + 4, "ftyp", 4)) return iso_brand(s);
    if (!memcmp(u, "\x1a\x45\xdf\xa3",
                4)) /* Matroska has other document types, which browsers don't play */
        return memmem(u, s.len < 64 ? s.len : 64, "webm", 4) ? "video/webm" : NULL;
    if (!memcmp(u, "OggS", 4)) return "audio/ogg";
    if (!memcmp(u, "fLaC", 4)) return "audio/flac";
    if (!memcmp(u, "ID3", 3) || is_mp3_frame(u)) return "audio/mpeg";
    return NULL;
}

const mn_media_type *mn_media_sniff(mn_str bytes)
{
    const char *mime = mime_of(bytes);
    return mime ? mn_media_type_of(mn_str_from(mime)) : NULL;
}
