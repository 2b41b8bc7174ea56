// Matrix times many rows: what matvec.wgsl computes, tiled for prefill.
// y[row, n] = epilogue( Σ_k norm(x[row])[k] · W[n, k] + bias[n] )
//
// One workgroup of 8 × 16 invocations makes a tile of 32 rows × 64 results, each invocation 4 × 4 of
// them in registers. Slices of 16 columns of x and W go through workgroup memory, column by column.
// The norm's division is left to the end, as in matvec.wgsl.

const STORE = 0u;
const ADD = 1u;   // y += result: the residual stream
const GATED = 2u; // W holds `outputs` gate rows, then as many up rows: y = silu(gate) · up

const TILE_ROWS = 32u;
const TILE_RESULTS = 64u;
const TILE_COLUMNS = 16u;

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

var<workgroup> x_tile : array<f32, TILE_COLUMNS * TILE_ROWS>;
var<workgroup> w_tile : array<f32, TILE_COLUMNS * TILE_RESULTS>;
var<workgroup> squares_tile : array<f32, 128>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let row_count = select(step.row_count, step.asked_count, params.asked_only != 0u);
  let first_row = workgroup.y * TILE_ROWS;
  let first_result = workgroup.x * TILE_RESULTS;

  // What this invocation brings into the tiles: four columns of one row of x, eight of one row of W.
  let x_lane_row = lane / 4u;
  let x_from = min(first_row + x_lane_row, row_count - 1u) * params.chunks * 2u;
  let w_lane_row = lane / 2u;
  let w_from = weight_row(first_result + w_lane_row) * params.chunks;

  // What it computes.
  let row = (lane / 16u) * 4u;
  let result = (lane % 16u) * 4u;
  var r0 = vec4f();
  var r1 = vec4f();
  var r2 = vec4f();
  var r3 = vec4f();
  var squares = 0.0;

  for (var chunk = 0u; chunk < params.chunks; chunk += 2u) {
    let x_quad = lane % 4u;
    var four = vec4f();
    if (chunk + x_quad / 2u < params.chunks) {
      four = x[x_from + chunk * 2u + x_quad];
      if (params.normalizes != 0u) {
        squares += dot(four, four);
        four *= norm_weight[chunk * 2u + x_quad];
      }
    }
    for (var i = 0u; i < 4u; i++) {
      x_tile[(x_quad * 4u + i) * TILE_ROWS + x_lane_row] = four[i];
    }

    let w_half = lane % 2u;
    var eight = Eight();
    if (chunk + w_half < params.chunks) { eight = weights_at(w_from + chunk + w_half); }
    for (var i = 0u; i < 4u; i++) {
      w_tile[(w_half * 8u + i) * TILE_RESULTS + w_lane_row] = eight.low[i];
      w_tile[(w_half * 8u + 4u + i) * TILE_RESULTS + w_lane_row] = eight.high[i];
    }
    workgroupBarrier();

    for (var k = 0u; k < TILE_COLUMNS; k++) {
      let a = k * TILE_ROWS + row;
      let b = k * TILE_RESULTS + result;
      let w = vec4f(w_tile[b], w_tile[b + 1u], w_tile[b + 2u], w_tile[b + 3u]);
      r0 += x_tile[a] * w;
      r1 += x_tile[a + 1u] * w;
      r2 += x_tile[a + 2u] * w;
      r3 += x_tile[a + 3u] * w;
    }
    workgroupBarrier();
  }

  squares_tile[lane] = squares;
  workgroupBarrier();
  finish(first_row + row, first_result + result, r0 * scale_of(row), row_count);
  finish(first_row + row + 1u, first_result + result, r1 * scale_of(row + 1u), row_count);
  finish(first_row + row + 2u, first_result + result, r2 * scale_of(row + 2u), row_count);
  finish(first_row + row + 3u, first_result + result, r3 * scale_of(row + 3u), row_count);
}

// What the norm divides a row of the tile by.
fn scale_of(tile_row : u32) -> f32 {
  if (params.normalizes == 0u) { return 1.0; }
  let at = tile_row * 4u;
  let squares = squares_tile[at] + squares_tile[at + 1u] + squares_tile[at + 2u] + squares_tile[at + 3u];
  return inverseSqrt(squares / f32(params.columns) + params.eps);
}

fn finish(row : u32, n : u32, four : vec4f, row_count : u32) {
  if (row >= row_count) { return; }
  let to = row * params.y_stride + params.first_output;
  if (params.epilogue == GATED) {
    put(to, n / 2u, silu(four.x) * four.y);
    put(to, n / 2u + 1u, silu(four.z) * four.w);
  } else {
    for (var i = 0u; i < 4u; i++) { put(to, n + i, four[i]); }
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
