// Weights in any format, eight at a time. Reads these buffers of the kernel:
//   weight : array<vec4u>, [rows, chunks * 8] in weight_format
//   scales : array<u32>, [rows, chunks / 4, words of a group]; of the quantised formats alone
// Floats are read as the checkpoint has them. Quantised formats have groups of 32 columns; weights are
//   scale · (quant − zero) + offset
// The low bits of quants are in `weight`. A group's words in `scales` begin with f16 scales and offsets; the high
// bits of its quants follow.
//
//         low  high  words of a group                          zero
//   Q2      2        (scale, offset) of each 16 columns
//   Q3      2     1  (scale, scale) of each 16, high bits         4
//   Q4      4        (scale, offset)
//   IQ4     4        (scale, 0); bits are an index of a level   128
//   Q5      4     1  (scale, offset), high bits
//   Q6      4     2  (scale, scale) of each 16, high bits (2)    32
//   Q8      8        (scale, offset)

const WEIGHT_F32 = 0u;
const WEIGHT_F16 = 1u;
const WEIGHT_BF16 = 2u;
const WEIGHT_Q2 = 3u;
const WEIGHT_Q3 = 4u;
const WEIGHT_Q4 = 5u;
const WEIGHT_IQ4 = 6u;
const WEIGHT_Q5 = 7u;
const WEIGHT_Q6 = 8u;
const WEIGHT_Q8 = 9u;
override weight_format = WEIGHT_F32;

struct Eight { low : vec4f, high : vec4f }
struct EightQuants { low : vec4u, high : vec4u }

// The eight consecutive weights of a chunk.
fn weights_at(chunk : u32) -> Eight {
  if (weight_format == WEIGHT_F32) {
    return Eight(bitcast<vec4f>(weight[chunk * 2u]), bitcast<vec4f>(weight[chunk * 2u + 1u]));
  }
  if (weight_format >= WEIGHT_Q2) {
    let affine = affine_at(chunk);
    let quants = quants_at(chunk);
    return Eight((vec4f(quants.low) - affine.zero) * affine.scale + affine.offset,
                 (vec4f(quants.high) - affine.zero) * affine.scale + affine.offset);
  }
  let bits = weight[chunk];
  return Eight(four_of(bits.xy), four_of(bits.zw));
}

// Four sixteen-bit floats, the first in the low half of the first word.
fn four_of(bits : vec2u) -> vec4f {
  if (weight_format == WEIGHT_F16) {
    return vec4f(unpack2x16float(bits.x), unpack2x16float(bits.y));
  }
  return bitcast<vec4f>(vec4u(bits.x << 16u, bits.x & 0xffff0000u, bits.y << 16u, bits.y & 0xffff0000u));
}

struct Affine { scale : f32, zero : f32, offset : f32 }

// What makes weights of a chunk's quants.
fn affine_at(chunk : u32) -> Affine {
  let half = (chunk / 2u) % 2u;
  if (weight_format == WEIGHT_Q2) {
    let pair = unpack2x16float(scales[chunk / 2u]);
    return Affine(pair.x, 0.0, pair.y);
  }
  if (weight_format == WEIGHT_Q3) {
    return Affine(unpack2x16float(scales[chunk / 4u * 2u])[half], 4.0, 0.0);
  }
  if (weight_format == WEIGHT_Q6) {
    return Affine(unpack2x16float(scales[chunk / 4u * 3u])[half], 32.0, 0.0);
  }
  let pair = unpack2x16float(scales[chunk / 4u * select(1u, 2u, weight_format == WEIGHT_Q5)]);
  return Affine(pair.x, select(0.0, 128.0, weight_format == WEIGHT_IQ4), pair.y);
}

// The quants of a chunk.
fn quants_at(chunk : u32) -> EightQuants {
  if (weight_format == WEIGHT_Q8) {
    let quad = weight[chunk / 2u];
    let bits = select(quad.xy, quad.zw, chunk % 2u == 1u);
    return EightQuants((vec4u(bits.x) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u),
                       (vec4u(bits.y) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u));
  }
  if (weight_format == WEIGHT_Q2) { return pairs_at(chunk); }
  if (weight_format == WEIGHT_Q3) {
    return with_high_bits(pairs_at(chunk), single_bits(scales[chunk / 4u * 2u + 1u], chunk), 2u);
  }

  let bits = vec4u(weight[chunk / 4u][chunk % 4u]);
  let nibbles = EightQuants((bits >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u),
                            (bits >> vec4u(16u, 20u, 24u, 28u)) & vec4u(15u));
  if (weight_format == WEIGHT_IQ4) {
    return EightQuants(iq4_levels(nibbles.low), iq4_levels(nibbles.high));
  }
  if (weight_format == WEIGHT_Q5) {
    return with_high_bits(nibbles, single_bits(scales[chunk / 4u * 2u + 1u], chunk), 4u);
  }
  if (weight_format == WEIGHT_Q6) {
    let word = scales[chunk / 4u * 3u + 1u + (chunk / 2u) % 2u];
    return with_high_bits(nibbles, pairs_of(word, chunk), 4u);
  }
  return nibbles;
}

fn with_high_bits(low : EightQuants, high : EightQuants, shift : u32) -> EightQuants {
  return EightQuants(low.low | (high.low << vec4u(shift)), low.high | (high.high << vec4u(shift)));
}

// Of a word with one bit for each of 32 columns, those of a chunk.
fn single_bits(word : u32, chunk : u32) -> EightQuants {
  let bits = vec4u(word >> (chunk % 4u * 8u));
  return EightQuants((bits >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u), (bits >> vec4u(4u, 5u, 6u, 7u)) & vec4u(1u));
}

// Two bits for each column of a chunk, sixteen columns to a word.
fn pairs_at(chunk : u32) -> EightQuants {
  return pairs_of(weight[chunk / 8u][(chunk / 2u) % 4u], chunk);
}

fn pairs_of(word : u32, chunk : u32) -> EightQuants {
  let bits = vec4u(word >> (chunk % 2u * 16u));
  return EightQuants((bits >> vec4u(0u, 2u, 4u, 6u)) & vec4u(3u), (bits >> vec4u(8u, 10u, 12u, 14u)) & vec4u(3u));
}

// ggml's kvalues_iq4nl, plus 128: four levels to a word.
const IQ4_LEVELS = vec4u(0x3f2d1801u, 0x766a5d4fu, 0xa6998d81u, 0xf1d9c5b5u);

fn iq4_levels(index : vec4u) -> vec4u {
  return vec4u(iq4_level(index.x), iq4_level(index.y), iq4_level(index.z), iq4_level(index.w));
}

fn iq4_level(index : u32) -> u32 {
  var levels = IQ4_LEVELS;
  return (levels[index / 4u] >> (index % 4u * 8u)) & 255u;
}
