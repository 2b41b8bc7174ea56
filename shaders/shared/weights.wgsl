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

// The eight consecutive weights of a chunk.
fn weights_at(chunk : u32) -> Eight {
  if (weight_format == WEIGHT_F32) {
    return Eight(bitcast<vec4f>(weight[chunk * 2u]), bitcast<vec4f>(weight[chunk * 2u + 1u]));
  }
  if (weight_format >= WEIGHT_Q2) {
    let affine = affine_at(chunk);
    let quants = quants_at(chunk);
    return Eight((quants.low - affine.zero) * affine.scale + affine.offset,
                 (quants.high - affine.zero) * affine.scale + affine.offset);
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
fn quants_at(chunk : u32) -> Eight {
  if (weight_format == WEIGHT_Q8) {
    let quad = weight[chunk / 2u];
    let bits = select(quad.xy, quad.zw, chunk % 2u == 1u);
    return Eight(bytes_of(bits.x), bytes_of(bits.y));
  }
  if (weight_format == WEIGHT_Q2 || weight_format == WEIGHT_Q3) {
    let pairs = weight[chunk / 8u][(chunk / 2u) % 4u] >> (chunk % 2u * 16u);
    var high = 0u;
    if (weight_format == WEIGHT_Q3) { high = scales[chunk / 4u * 2u + 1u] >> (chunk % 4u * 8u); }
    return quants_of(pairs, high);
  }
  let nibbles = weight[chunk / 4u][chunk % 4u];
  var high = 0u;
  if (weight_format == WEIGHT_Q5) { high = scales[chunk / 4u * 2u + 1u] >> (chunk % 4u * 8u); }
  if (weight_format == WEIGHT_Q6) { high = scales[chunk / 4u * 3u + 1u + (chunk / 2u) % 2u] >> (chunk % 2u * 16u); }
  return quants_of(nibbles, high);
}

// The quants of a chunk of any format but Q8, given its low bits and its high bits, each from bit 0 on.
fn quants_of(low : u32, high : u32) -> Eight {
  let bytes = quant_bytes(low, high);
  let even = bytes_of(bytes.x);
  let odd = bytes_of(bytes.y);
  return Eight(vec4f(even.x, odd.x, even.y, odd.y), vec4f(even.z, odd.z, even.w, odd.w));
}

// The same as bytes, which are quicker to take apart: four of even columns, and four of odd ones.
fn quant_bytes(low : u32, high : u32) -> vec2u {
  let lows = vec2u(low, low >> 4u) & vec2u(0x0f0f0f0fu);
  if (weight_format == WEIGHT_IQ4) { return vec2u(iq4_levels(lows.x), iq4_levels(lows.y)); }
  if (weight_format == WEIGHT_Q5) { return lows | (bytes_of_bits(high) << vec2u(4u)); }
  if (weight_format == WEIGHT_Q6) { return lows | (bytes_of_pairs(high) << vec2u(4u)); }
  if (weight_format == WEIGHT_Q2) { return bytes_of_pairs(low); }
  if (weight_format == WEIGHT_Q3) { return bytes_of_pairs(low) | (bytes_of_bits(high) << vec2u(2u)); }
  return lows;
}

fn bytes_of(word : u32) -> vec4f {
  return vec4f(vec4u(word & 255u, (word >> 8u) & 255u, (word >> 16u) & 255u, word >> 24u));
}

// One bit for each column of a chunk: the product has bit 2 i of a word at 8 i + 4, and others never carry there.
fn bytes_of_bits(word : u32) -> vec2u {
  return (((vec2u(word, word >> 1u) & vec2u(0x55u)) * vec2u(0x410410u)) >> vec2u(4u)) & vec2u(0x01010101u);
}

// Two bits for each column of a chunk.
fn bytes_of_pairs(word : u32) -> vec2u {
  let fours = vec2u(word, word >> 2u) & vec2u(0x3333u);
  let twos = (fours | (fours << vec2u(8u))) & vec2u(0x00ff00ffu);
  return (twos | (twos << vec2u(4u))) & vec2u(0x0f0f0f0fu);
}

// ggml's kvalues_iq4nl, plus 128: four levels to a word.
const IQ4_LEVELS = vec4u(0x3f2d1801u, 0x766a5d4fu, 0xa6998d81u, 0xf1d9c5b5u);

// Of four indexes, a byte each.
fn iq4_levels(indexes : u32) -> u32 {
  return iq4_level(indexes & 15u) | (iq4_level((indexes >> 8u) & 15u) << 8u)
    | (iq4_level((indexes >> 16u) & 15u) << 16u) | (iq4_level(indexes >> 24u) << 24u);
}

fn iq4_level(index : u32) -> u32 {
  let low = select(IQ4_LEVELS.x, IQ4_LEVELS.y, index >= 4u);
  let high = select(IQ4_LEVELS.z, IQ4_LEVELS.w, index >= 12u);
  return (select(low, high, index >= 8u) >> (index % 4u * 8u)) & 255u;
}
