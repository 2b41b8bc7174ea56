// Embedding: x[row, :] = table[token(row), :]
//
// One workgroup per row; its invocations stride over the row in chunks of eight values.
// A row whose token is SAMPLED takes the token that the sampler drew last, so a decode step
// can be submitted before the CPU knows what it continues.
// A table too large for one binding comes in parts, one dispatch each: rows whose token lies in
// another part are left alone.

const SAMPLED = 0xffffffffu;

struct Params {
  chunks : u32,       // hidden_size / 8, rounded up: rows of the table and of x are padded with zeros
  vocab_size : u32,
  first_token : u32,  // of the part
  token_count : u32,
}

struct Row { token : u32, position : u32, local_position : u32, slots : array<u32, 2> }
struct Step {
  row_count : u32, asked_count : u32, page_counts : array<u32, 2>, splits : array<u32, 2>,
  draw : u32, seed : u32, temperature : f32, top_k : u32, top_p : f32, min_p : f32, repetition_penalty : f32,
  appended : array<array<u32, 6>, 2>,
  rows : array<Row>,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read> step : Step;
@group(0) @binding(2) var<storage, read> sampled : array<u32>;      // [1]
@group(0) @binding(3) var<storage, read> weight : array<vec4u>;     // [token_count, chunks * 8] in weight_format
@group(0) @binding(4) var<storage, read> scales : array<u32>;       // [token_count, chunks / 4] pairs of f16: scale, offset
@group(0) @binding(5) var<storage, read_write> x : array<vec4f>;    // [rows, chunks * 8]

override weight_format = 0u; // 0: f32, 1: f16, 2: bf16, 3: 4 bit, 4: 8 bit
override workgroup_size = 64u;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let row = workgroup.x;
  let asked = step.rows[row].token;
  let token = min(select(asked, sampled[0], asked == SAMPLED), params.vocab_size - 1u);
  if (token < params.first_token || token - params.first_token >= params.token_count) { return; }
  let table_row = (token - params.first_token) * params.chunks;
  for (var chunk = lane; chunk < params.chunks; chunk += workgroup_size) {
    let values = weights_at(table_row + chunk);
    let to = (row * params.chunks + chunk) * 2u;
    x[to] = values.low;
    x[to + 1u] = values.high;
  }
}

struct Eight { low : vec4f, high : vec4f }

// Eight consecutive weights. Sixteen-bit formats are read as the checkpoint has them; of the others,
// 32 columns share a scale and an offset: weight = scale · quant + offset.
fn weights_at(chunk : u32) -> Eight {
  if (weight_format == 0u) {
    return Eight(bitcast<vec4f>(weight[chunk * 2u]), bitcast<vec4f>(weight[chunk * 2u + 1u]));
  }
  if (weight_format >= 3u) {
    let affine = unpack2x16float(scales[chunk / 4u]);
    var low : vec4u;
    var high : vec4u;
    if (weight_format == 3u) {
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
  if (weight_format == 1u) {
    return vec4f(unpack2x16float(bits.x), unpack2x16float(bits.y));
  }
  return bitcast<vec4f>(vec4u(bits.x << 16u, bits.x & 0xffff0000u, bits.y << 16u, bits.y & 0xffff0000u));
}
