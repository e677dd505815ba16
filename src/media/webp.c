/* WebP by libwebp. Of an animation every frame is decoded once, so that what is kept is known to be whole. */
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

#include "media/media_int.h"

static void read_chunks(const WebPDemuxer *d, mn_pic *p)
{
    WebPChunkIterator it;
    if (WebPDemuxGetChunk(d, "EXIF", 1, &it)) {
        p->orientation =
            mn_exif__orientation((mn_str){(const char *)it.chunk.bytes, it.chunk.size});
        WebPDemuxReleaseChunkIterator(&it);
    }
    if (WebPDemuxGetChunk(d, "ICCP", 1, &it)) {
        mn_buf_add(&p->icc, it.chunk.bytes, it.chunk.size);
        WebPDemuxReleaseChunkIterator(&it);
    }
}

static mn_rc read_still(const WebPData *in, mn_pic *p, mn_err *e)
{
    if (!WebPDecodeRGBAInto(in->bytes, in->size, p->px, 4 * (size_t)p->w * (size_t)p->h,
                            4 * p->w))
        return mn_fail(e, MN_E_PARSE, "the WebP file is damaged");
    return MN_OK;
}

static mn_rc read_frames(const WebPData *in, mn_pic *p, int frames, mn_err *e)
{
    WebPAnimDecoderOptions o;
    int at = 0, stamp = 0;
    if (!WebPAnimDecoderOptionsInit(&o)) return mn_fail(e, MN_E_PARSE, "libwebp is another");
    o.color_mode = MODE_RGBA;
    o.use_threads = 0;
    WebPAnimDecoder *d = WebPAnimDecoderNew(in, &o);
    if (!d) return mn_fail(e, MN_E_PARSE, "the WebP file is damaged");
    for (uint8_t *px; WebPAnimDecoderHasMoreFrames(d) && WebPAnimDecoderGetNext(d, &px, &stamp);
         at++)
        if (at == 0) memcpy(p->px, px, 4 * (size_t)p->w * (size_t)p->h);
    WebPAnimDecoderDelete(d);
    return at == frames ? MN_OK : mn_fail(e, MN_E_PARSE, "the WebP file is damaged");
}

mn_rc mn_pic__webp(mn_str in, uint64_t wanted_px, mn_pic *p, mn_err *e)
{
    WebPData data = {(const uint8_t *)in.ptr, in.len};
    (void)wanted_px;
    WebPDemuxer *d = WebPDemux(&data);
    if (!d) return mn_fail(e, MN_E_PARSE, "the WebP file is damaged");
    uint64_t w = WebPDemuxGetI(d, WEBP_FF_CANVAS_WIDTH),
             h = WebPDemuxGetI(d, WEBP_FF_CANVAS_HEIGHT);
    uint64_t frames = WebPDemuxGetI(d, WEBP_FF_FRAME_COUNT);
    bool moves = WebPDemuxGetI(d, WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG;
    mn_rc rc = mn_pic__alloc(p, (int64_t)w, (int64_t)h, e);
    if (rc == MN_OK) read_chunks(d, p);
    WebPDemuxDelete(d);
    if (rc != MN_OK) return rc;
    if (!moves) return read_still(&data, p, e);
    if (frames > MN_PIC_FRAMES_MAX || w * h * frames > MN_PIC_MOVING_MAX)
        return mn_fail(e, MN_E_LIMIT, "the animation has too many frames or pixels");
    p->frames = (int)frames;
    return read_frames(&data, p, p->frames, e);
}

mn_rc mn_pic__write_webp(const mn_pic *p, int quality, mn_buf *ret, mn_err *e)
{
    uint8_t *out = NULL;
    size_t n = WebPEncodeRGBA(p->px, p->w, p->h, 4 * p->w, (float)quality, &out);
    mn_rc rc = n ? mn_buf_add(ret, out, n) : MN_E_NOMEM;
    WebPFree(out);
    return rc == MN_OK ? rc : mn_fail(e, rc, "the picture could not be written as WebP");
}
