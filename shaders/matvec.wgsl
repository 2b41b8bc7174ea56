// Matrix times vectors, for a few rows: y[row, n] = epilogue( Σ_k norm(x[row])[k] · W[n, k] + bias[n] )
//
// norm(x)[k] = x[k] · norm_weight[k] / sqrt(mean(x²) + eps). The division is left to the end: an
// invocation that walks over x sums x² on the way, so the norm costs no pass of its own.
// One workgroup serves four rows of W and `row_tile` rows of x, so that weights are read and unpacked
// once for all of these. Its invocations stride over k in chunks of eight; the first ones join their
// sums, a row of x each. One barrier in all: software adapters pay dearly for each.

const STORE = 0u;
const ADD = 1u;   // y += result: the residual stream
const GATED = 2u; // W holds `outputs` gate rows, then as many up rows: y = silu(gate) · up

struct Params {
  chunks : u32,     // columns / 8, rounded up: rows of x and W are padded with zeros
  columns : u32,
  outputs : u32,    // results in a row of y
  y_stride : u32,
  normalizes : u32,
  eps : f32,
  has_bias : u32,
  epilogue : u32,
  first_output : u32, // where the results of this part of a matrix begin in a row of y
  asked_only : u32,   // whether x holds the asked rows alone rather than all rows
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
@group(0) @binding(2) var<storage, read> x : array<vec4f>;           // [rows, chunks * 8]
@group(0) @binding(3) var<storage, read> norm_weight : array<vec4f>; // [chunks * 8]
@group(0) @binding(4) var<storage, read> weight : array<vec4u>;      // [outputs (twice when gated), chunks * 8] in weight_format
@group(0) @binding(5) var<storage, read> scales : array<u32>;        // [outputs (twice when gated), chunks / 4] pairs of f16: scale, offset
@group(0) @binding(6) var<storage, read> bias : array<f32>;          // [outputs]
@group(0) @binding(7) var<storage, read_write> y : array<f32>;       // [rows, y_stride]

override weight_format = 0u; // 0: f32, 1: f16, 2: bf16, 3: 4 bit, 4: 8 bit
override workgroup_size = 64u;
override row_tile = 1u; // at most MAX_ROW_TILE

const MAX_ROW_TILE = 4u;

var<workgroup> partial_sums : array<vec4f, workgroup_size * row_tile>;
var<workgroup> partial_squares : array<f32, workgroup_size * row_tile>;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let row_count = select(step.row_count, step.asked_count, params.asked_only != 0u);
  let first_row = workgroup.y * row_tile;
  let first = workgroup.x * 4u;
  let weights = vec4u(weight_row(first), weight_row(first + 1u), weight_row(first + 2u), weight_row(first + 3u)) * params.chunks;

  var sums = array<vec4f, MAX_ROW_TILE>();
  var squares = array<f32, MAX_ROW_TILE>();
  for (var chunk = lane; chunk < params.chunks; chunk += workgroup_size) {
    let w0 = weights_at(weights.x + chunk);
    let w1 = weights_at(weights.y + chunk);
    let w2 = weights_at(weights.z + chunk);
    let w3 = weights_at(weights.w + chunk);
    for (var r = 0u; r < row_tile; r++) {
      let at = (min(first_row + r, row_count - 1u) * params.chunks + chunk) * 2u;
      var low = x[at];
      var high = x[at + 1u];
      if (params.normalizes != 0u) {
        squares[r] += dot(low, low) + dot(high, high);
        low *= norm_weight[chunk * 2u];
        high *= norm_weight[chunk * 2u + 1u];
      }
      sums[r] += vec4f(dot(low, w0.low) + dot(high, w0.high), dot(low, w1.low) + dot(high, w1.high),
                       dot(low, w2.low) + dot(high, w2.high), dot(low, w3.low) + dot(high, w3.high));
    }
  }

  for (var r = 0u; r < row_tile; r++) {
    partial_sums[r * workgroup_size + lane] = sums[r];
    partial_squares[r * workgroup_size + lane] = squares[r];
  }
  workgroupBarrier();
  let row = first_row + lane;
  if (lane >= row_tile || row >= row_count) { return; }

  var result = vec4f();
  var all_squares = 0.0;
  for (var i = lane * workgroup_size; i < (lane + 1u) * workgroup_size; i++) {
    result += partial_sums[i];
    all_squares += partial_squares[i];
  }
  if (params.normalizes != 0u) {
    result *= inverseSqrt(all_squares / f32(params.columns) + params.eps);
  }
  let to = row * params.y_stride + params.first_output;
  if (params.epilogue == GATED) {
    put(to, first / 2u, silu(result.x) * result.y);
    put(to, first / 2u + 1u, silu(result.z) * result.w);
  } else {
    for (var i = 0u; i < 4u; i++) { put(to, first + i, result[i]); }
  }
}

// The row of W behind the n-th result: gate and up rows take turns when gated.
fn weight_row(n : u32) -> u32 {
  if (params.epilogue == GATED) {
    return min(n / 2u, params.outputs - 1u) + (n % 2u) * params.outputs;
  }
  return min(n, params.outputs - 1u);
}

fn put(row_start : u32, n : u32, value : f32) {
  if (n >= params.outputs) { return; }
  var result = value;
  if (params.has_bias != 0u) { result += bias[params.first_output + n]; }
  if (params.epilogue == ADD) { result += y[row_start + n]; }
  y[row_start + n] = result;
}

fn silu(v : f32) -> f32 {
  return v / (1.0 + exp(-v));
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
