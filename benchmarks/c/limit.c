/* The limit: what a C program takes for the same work on the same FFmpeg libraries, with one thread.

     limit FILE STREAM WORK [option=value ...]

   STREAM is the container's index of the video stream. WORK is
     decode   every picture, nothing done with it;
     read     every picture with its vectors: the past ones painted on a field of 8x8 cells (two floats and a
              mask), the I-pictures converted to RGB;
     keys     the key pictures alone (skip_frame=nokey), converted to RGB.
   Options go to the decoder by FFmpeg's names, such as skip_loop_filter=all.

   Prints: pictures, vector records, cells painted, pictures converted, CPU seconds to open the file, CPU
   seconds to read it.

   PyAV's wheel brings FFmpeg's libraries without headers, so what is used of them is declared here: the first
   fields of some structures, as they stand in FFmpeg 8. Other versions are refused. */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { LIBAVUTIL = 60, LIBAVCODEC = 62, LIBAVFORMAT = 62 };         /* the major versions of FFmpeg 8 */
enum { VIDEO = 0, PICTURE_I = 1, SIDE_DATA_VECTORS = 8, PIXELS_RGB24 = 2, SCALE_BILINEAR = 2, SEARCH_CHILDREN = 1 };

typedef struct Parameters { int type, codec; } Parameters;
typedef struct Stream { const void *class; int index, id; Parameters *parameters; } Stream;
typedef struct Format {
    const void *class, *input, *output;
    void *private, *io;
    int flags;
    unsigned streams_count;
    Stream **streams;
} Format;
typedef struct Packet { void *buffer; int64_t pts, dts; uint8_t *data; int size, stream, flags; } Packet;
typedef struct Frame {
    uint8_t *data[8];
    int linesize[8];
    uint8_t **extended;
    int width, height, samples, format, picture_type;
} Frame;
typedef struct SideData { int type; uint8_t *data; size_t size; } SideData;
typedef struct Vector { /* AVMotionVector */
    int32_t source;
    uint8_t width, height;
    int16_t from_x, from_y, x, y; /* the block's centre, in the reference and here */
    uint64_t flags;
    int32_t motion_x, motion_y;
    uint16_t scale;
} Vector;
_Static_assert(sizeof(Vector) == 40, "a vector record has 40 bytes");

unsigned avutil_version(void), avcodec_version(void), avformat_version(void);
int avformat_open_input(Format **, const char *, const void *, void **);
int avformat_find_stream_info(Format *, void **);
void avformat_close_input(Format **);
int av_read_frame(Format *, Packet *);
const void *avcodec_find_decoder(int);
void *avcodec_alloc_context3(const void *);
int avcodec_parameters_to_context(void *, const Parameters *);
int avcodec_open2(void *, const void *, void **);
void avcodec_free_context(void **);
int avcodec_send_packet(void *, const Packet *), avcodec_receive_frame(void *, Frame *);
Packet *av_packet_alloc(void);
void av_packet_unref(Packet *);
Frame *av_frame_alloc(void);
void av_frame_unref(Frame *);
SideData *av_frame_get_side_data(const Frame *, int);
int av_opt_set(void *, const char *, const char *, int);
void av_log_set_level(int);
void *sws_getContext(int, int, int, int, int, int, int, void *, void *, const double *);
int sws_scale(void *, const uint8_t *const *, const int *, int, int, uint8_t *const *, const int *);

static struct {
    int rows, columns;
    float *x, *y;
    uint8_t *mask;
} field;
static struct {
    void *scaler;
    uint8_t *pixels;
} rgb;
static long pictures, records, cells_painted, converted;

static double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what, const char *name) {
    fprintf(stderr, "limit: %s %s\n", what, name);
    exit(2);
}

static void *room(size_t bytes) {
    void *made = malloc(bytes);
    if (!made) fail("no memory for", "a picture");
    return made;
}

static void paint(const Frame *frame, const SideData *side) {
    size_t cells;
    if (!field.mask) {
        field.rows = (frame->height + 7) / 8;
        field.columns = (frame->width + 7) / 8;
        cells = (size_t)field.rows * field.columns;
        field.x = room(cells * sizeof(float));
        field.y = room(cells * sizeof(float));
        field.mask = room(cells);
    }
    cells = (size_t)field.rows * field.columns;
    memset(field.x, 0, cells * sizeof(float));
    memset(field.y, 0, cells * sizeof(float));
    memset(field.mask, 0, cells);
    if (!side) return;
    const Vector *vector = (const Vector *)side->data, *end = vector + side->size / sizeof(Vector);
    records += end - vector;
    for (; vector < end; vector++) {
        if (vector->source >= 0) continue;
        float scale = 1.0f / vector->scale, x = vector->motion_x * scale, y = vector->motion_y * scale;
        int left = (vector->x - vector->width / 2) / 8, right = left + vector->width / 8;
        int top = (vector->y - vector->height / 2) / 8, bottom = top + vector->height / 8;
        if (right > field.columns) right = field.columns; /* vectors cover whole macroblocks */
        if (bottom > field.rows) bottom = field.rows;
        for (int row = top; row < bottom; row++)
            for (int column = left; column < right; column++) {
                size_t cell = (size_t)row * field.columns + column;
                field.x[cell] = x;
                field.y[cell] = y;
                cells_painted += !field.mask[cell];
                field.mask[cell] = 1;
            }
    }
}

static void convert(const Frame *frame) {
    int width = frame->width, height = frame->height, line = 3 * width;
    if (!rgb.scaler) {
        rgb.scaler = sws_getContext(width, height, frame->format, width, height, PIXELS_RGB24, SCALE_BILINEAR, 0, 0, 0);
        rgb.pixels = room((size_t)line * height + 64);
        if (!rgb.scaler) fail("no conversion to RGB for", "these pictures");
    }
    sws_scale(rgb.scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, height, &rgb.pixels, &line);
    converted++;
}

int main(int count, char **words) {
    if (count < 4) fail("usage:", "limit FILE STREAM decode|read|keys [option=value ...]");
    if (avutil_version() >> 16 != LIBAVUTIL || avcodec_version() >> 16 != LIBAVCODEC ||
        avformat_version() >> 16 != LIBAVFORMAT)
        fail("these libraries are not", "FFmpeg 8's");
    const char *path = words[1], *work = words[3];
    int reads = !strcmp(work, "read"), keys = !strcmp(work, "keys");
    if (!reads && !keys && strcmp(work, "decode")) fail("no such work:", work);
    av_log_set_level(16); /* errors only */

    double began = cpu();
    Format *format = NULL;
    if (avformat_open_input(&format, path, NULL, NULL) < 0 || avformat_find_stream_info(format, NULL) < 0)
        fail("cannot open", path);
    unsigned chosen = (unsigned)atoi(words[2]);
    if (chosen >= format->streams_count || format->streams[chosen]->parameters->type != VIDEO)
        fail("no such video stream:", words[2]);
    const Parameters *parameters = format->streams[chosen]->parameters;
    const void *decoder = avcodec_find_decoder(parameters->codec);
    void *context = avcodec_alloc_context3(decoder);
    if (!context || avcodec_parameters_to_context(context, parameters) < 0) fail("no decoder for", path);
    av_opt_set(context, "threads", "1", SEARCH_CHILDREN);
    if (reads) av_opt_set(context, "flags2", "+export_mvs", SEARCH_CHILDREN);
    if (keys) av_opt_set(context, "skip_frame", "nokey", SEARCH_CHILDREN);
    for (int i = 4; i < count; i++) {
        char *value = strchr(words[i], '=');
        if (!value) fail("not an option:", words[i]);
        *value++ = 0;
        if (av_opt_set(context, words[i], value, SEARCH_CHILDREN) < 0) fail("no such option:", words[i]);
    }
    if (avcodec_open2(context, decoder, NULL) < 0) fail("cannot decode", path);

    double opened = cpu();
    Packet *packet = av_packet_alloc();
    Frame *frame = av_frame_alloc();
    for (int more = 1; more;) {
        more = av_read_frame(format, packet) >= 0;
        if (!more)
            avcodec_send_packet(context, NULL);
        else if ((unsigned)packet->stream == chosen)
            avcodec_send_packet(context, packet);
        av_packet_unref(packet);
        while (avcodec_receive_frame(context, frame) >= 0) {
            pictures++;
            if (reads) paint(frame, av_frame_get_side_data(frame, SIDE_DATA_VECTORS));
            if (keys || (reads && frame->picture_type == PICTURE_I)) convert(frame);
            av_frame_unref(frame);
        }
    }
    double ended = cpu();
    avcodec_free_context(&context);
    avformat_close_input(&format);
    printf("%ld %ld %ld %ld %.6f %.6f\n", pictures, records, cells_painted, converted, opened - began, ended - opened);
    return 0;
}
