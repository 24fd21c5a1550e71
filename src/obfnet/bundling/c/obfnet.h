/* Obfuscate samples on a microcontroller: C99, no allocation, no library, integers only where it
 * matters. Made for obfnet_weights.h, which "obfnet export --precision c" writes.
 *
 * Fails closed: where a function returns OBFNET_FAILED, send nothing.
 * Not reentrant: all calls share the same static buffers.
 */
#ifndef OBFNET_H
#define OBFNET_H

#include <stdint.h>

#include "obfnet_weights.h"

#define OBFNET_FAILED (-1)

/* The code of a sample of OBFNET_SIZE bytes, below OBFNET_CODES. The value of a byte b is
 * OBFNET_LOW + OBFNET_STEP * b. Fails if there is no ObfNet of this number. */
int obfnet_code(unsigned net, const uint8_t *sample);

/* The stored sample that stands for a code, to be sent in place of the sample; its bytes mean what
 * those of a sample mean. Where OBFNET_EXEMPLARS is above 1, draw the exemplar from a true random
 * generator and from nothing else. 0 if one of the numbers is too large. */
const uint8_t *obfnet_row(unsigned net, unsigned code, unsigned exemplar);

/* Both at once for samples in float: writes x' and returns its code. Fails, and leaves x' as it
 * was, if the sample holds NaN or a value outside of [OBFNET_LOW, OBFNET_HIGH]. */
int obfnet_obfuscate(unsigned net, unsigned exemplar, const float *sample, float *obfuscated);

#endif
