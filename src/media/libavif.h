/* libavif, opened in a worker that was started for such a picture. */
#ifndef MN_MEDIA_LIBAVIF_H
#define MN_MEDIA_LIBAVIF_H

#include <avif/avif.h>

#include "base/late.h"

/* clang-format off */
#define MN_LIBAVIF(X) \
    X(avifDecoderCreate) X(avifDecoderDestroy) X(avifDecoderNextImage) \
    X(avifDecoderParse) X(avifDecoderSetIOMemory) X(avifImageYUVToRGB) \
    X(avifRGBImageSetDefaults) X(avifResultToString)
/* clang-format on */
MN_LATE_TABLE(mn_libavif, MN_LIBAVIF)

#define avifDecoderCreate       mn_libavif.avifDecoderCreate
#define avifDecoderDestroy      mn_libavif.avifDecoderDestroy
#define avifDecoderNextImage    mn_libavif.avifDecoderNextImage
#define avifDecoderParse        mn_libavif.avifDecoderParse
#define avifDecoderSetIOMemory  mn_libavif.avifDecoderSetIOMemory
#define avifImageYUVToRGB       mn_libavif.avifImageYUVToRGB
#define avifRGBImageSetDefaults mn_libavif.avifRGBImageSetDefaults
#define avifResultToString      mn_libavif.avifResultToString

#endif
