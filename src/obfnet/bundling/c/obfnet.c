/* Runs the int8 encoders of obfnet_weights.h; see obfnet.h. */

#define OBFNET_WEIGHTS
#include "obfnet.h"

#include <stddef.h>

/* Layers write in turns; a sample given in float is turned to bytes in the second. */
static uint8_t buffers[2][OBFNET_BUFFER];

/* The weighted sum that output channel o has at one place. */
static int32_t sum_at(const obfnet_layer *layer, const uint8_t *from, size_t o, size_t row,
                      size_t column)
{
    const size_t shared = layer->outputs / (layer->channels / layer->depth);
    const int8_t *weight =
        layer->weights + o * layer->depth * layer->kernel_height * layer->kernel_width;
    const uint8_t *plane = from + o / shared * layer->depth * layer->height * layer->width;
    int32_t sum = layer->bias[o];
    size_t c, i, j;

    for (c = 0; c < layer->depth; c++) {
        for (i = 0; i < layer->kernel_height; i++) {
            /* Above and left of the sample these wrap around to something large. */
            const size_t y = row * layer->stride_down + i - layer->top;
            for (j = 0; j < layer->kernel_width; j++) {
                const size_t x = column * layer->stride_right + j - layer->left;
                const int inside = y < layer->height && x < layer->width;
                const int32_t value = inside ? plane[y * layer->width + x] : layer->padding;
                sum += value * *weight++;
            }
        }
        plane += (size_t)layer->height * layer->width;
    }
    return sum;
}

/* The sum in units of the output: times factor, divided by two to the shift, rounded. */
static int32_t scaled(const obfnet_layer *layer, size_t o, int32_t sum)
{
    const int64_t half = (int64_t)1 << (layer->shifts[o] - 1);
    const int64_t product = (int64_t)sum * layer->factors[o];

    if (product < 0)
        return -(int32_t)((half - product) >> layer->shifts[o]);
    return (int32_t)((product + half) >> layer->shifts[o]);
}

static uint8_t pooled(const obfnet_layer *layer, const uint8_t *plane, size_t row, size_t column)
{
    const uint32_t cells = (uint32_t)layer->kernel_height * layer->kernel_width;
    uint32_t sum = 0;
    uint8_t most = 0;
    size_t i, j;

    for (i = 0; i < layer->kernel_height; i++) {
        for (j = 0; j < layer->kernel_width; j++) {
            const size_t y = row * layer->stride_down + i;
            const uint8_t value = plane[y * layer->width + column * layer->stride_right + j];
            sum += value;
            most = value > most ? value : most;
        }
    }
    return layer->kind == OBFNET_AVERAGE ? (uint8_t)((sum + cells / 2) / cells) : most;
}

static void apply(const obfnet_layer *layer, const uint8_t *from, uint8_t *to)
{
    size_t o, row, column;

    for (o = 0; o < layer->outputs; o++) {
        for (row = 0; row < layer->rows; row++) {
            for (column = 0; column < layer->columns; column++) {
                if (layer->kind == OBFNET_PRODUCT) {
                    const int32_t value = scaled(layer, o, sum_at(layer, from, o, row, column));
                    *to++ = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
                } else {
                    const uint8_t *plane = from + o * layer->height * layer->width;
                    *to++ = pooled(layer, plane, row, column);
                }
            }
        }
    }
}

int obfnet_code(unsigned net, const uint8_t *sample)
{
    const obfnet_layer *layer, *last;
    const uint8_t *from = sample;
    int32_t most = INT32_MIN;
    int code = OBFNET_FAILED;
    size_t turn = 0, o;

    if (net >= OBFNET_NETS)
        return OBFNET_FAILED;
    last = obfnet_nets[net].layers + obfnet_nets[net].count - 1;
    for (layer = obfnet_nets[net].layers; layer != last; layer++) {
        apply(layer, from, buffers[turn]);
        from = buffers[turn];
        turn = 1 - turn;
    }
    for (o = 0; o < last->outputs; o++) {
        const int32_t score = scaled(last, o, sum_at(last, from, o, 0, 0));
        if (score > most) {
            most = score;
            code = (int)o;
        }
    }
    return code;
}

const uint8_t *obfnet_row(unsigned net, unsigned code, unsigned exemplar)
{
    if (net >= OBFNET_NETS || code >= OBFNET_CODES || exemplar >= OBFNET_EXEMPLARS)
        return 0;
    return obfnet_nets[net].rows +
           ((size_t)code * OBFNET_EXEMPLARS + exemplar) * OBFNET_SIZE;
}

int obfnet_obfuscate(unsigned net, unsigned exemplar, const float *sample, float *obfuscated)
{
    const uint8_t *row;
    int code;
    size_t i;

    for (i = 0; i < OBFNET_SIZE; i++) {
        /* Written so that NaN, which compares to nothing, fails as well. */
        if (!(sample[i] >= OBFNET_LOW && sample[i] <= OBFNET_HIGH))
            return OBFNET_FAILED;
        buffers[1][i] = (uint8_t)((sample[i] - OBFNET_LOW) * OBFNET_STEPS + 0.5f);
    }
    code = obfnet_code(net, buffers[1]);
    row = code < 0 ? 0 : obfnet_row(net, (unsigned)code, exemplar);
    if (row == 0)
        return OBFNET_FAILED;
    for (i = 0; i < OBFNET_SIZE; i++)
        obfuscated[i] = OBFNET_LOW + OBFNET_STEP * (float)row[i];
    return code;
}
