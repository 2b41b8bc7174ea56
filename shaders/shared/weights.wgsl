// Weights in any format, eight at a time. Reads these buffers of the kernel:
//   weight : array<vec4u>, [rows, chunks * 8] in weight_format
//   scales : array<u32>, [rows, chunks / 4] pairs of f16: scale, offset; of the 4 and 8 bit formats alone
// Sixteen-bit formats are read as the checkpoint has them; in the 4 and 8 bit formats,
// 32 columns share a scale and an offset: weight = scale · quant + offset.

const WEIGHT_F32 = 0u;
const WEIGHT_F16 = 1u;
const WEIGHT_BF16 = 2u;
const WEIGHT_Q4 = 3u;
const WEIGHT_Q8 = 4u;
override weight_format = WEIGHT_F32;

struct Eight { low : vec4f, high : vec4f }

// The eight consecutive weights of a chunk.
fn weights_at(chunk : u32) -> Eight {
  if (weight_format == WEIGHT_F32) {
    return Eight(bitcast<vec4f>(weight[chunk * 2u]), bitcast<vec4f>(weight[chunk * 2u + 1u]));
  }
  if (weight_format == WEIGHT_Q4 || weight_format == WEIGHT_Q8) {
    let affine = unpack2x16float(scales[chunk / 4u]);
    var low : vec4u;
    var high : vec4u;
    if (weight_format == WEIGHT_Q4) {
      let bits = vec4u(weight[chunk / 4u][chunk % 4u]);
      low = (bits >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u);
      high = (bits >> vec4u(16u, 20u, 24u, 28u)) & vec4u(15u);
    } else {
      let quad = weight[chunk / 2u];
      let bits = select(quad.xy, quad.zw, chunk % 2u == 1u);
      low = (vec4u(bits.x) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
      high = (vec4u(bits.y) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
    }
    return Eight(vec4f(low) * affine.x + affine.y, vec4f(high) * affine.x + affine.y);
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
