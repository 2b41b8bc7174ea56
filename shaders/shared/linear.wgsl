// The common part of matvec.wgsl and matmul.wgsl, which both compute:
//   y[row, n] = epilogue( Σ_k norm(x[row])[k] · W[n, k] + bias[n] )
//   norm(x)[k] = x[k] · norm_weight[k] / sqrt(mean(x²) + eps)
// The norm's division is left to the end: whoever walks over x sums x² on the way, so the norm costs no
// pass of its own.

const STORE = 0u;
const ADD = 1u;   // y += result: the residual stream
// W holds `outputs` gate rows, then as many up rows:
const GATED_SILU = 2u; // y = silu(gate) · up
const GATED_GELU = 3u; // y = gelu(gate) · up, by its tanh approximation

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
  result_scale : f32, // factor for results, with their bias; not when gated
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> x : array<vec4f>;           // [rows, chunks * 8]
@group(0) @binding(3) var<storage, read> norm_weight : array<vec4f>; // [chunks * 8]
@group(0) @binding(4) var<storage, read> weight : array<vec4u>;      // [outputs (twice when gated), chunks * 8] in weight_format
@group(0) @binding(5) var<storage, read> scales : array<u32>;        // [outputs (twice when gated), chunks / 4] pairs of f16: scale, offset
@group(0) @binding(6) var<storage, read> bias : array<f32>;          // [outputs]
@group(0) @binding(7) var<storage, read_write> y : array<f32>;       // [rows, y_stride]

// Rows of x and y.
fn row_count() -> u32 {
  return select(step.row_count, step.asked_count, params.asked_only != 0u);
}

fn is_gated() -> bool {
  return params.epilogue >= GATED_SILU;
}

// The row of W behind the n-th result: gate and up rows take turns when gated.
fn weight_row(n : u32) -> u32 {
  if (is_gated()) {
    return min(n / 2u, params.outputs - 1u) + (n % 2u) * params.outputs;
  }
  return min(n, params.outputs - 1u);
}

// Factor for the results of a row of x, given its Σ x².
fn norm_scale(squares : f32) -> f32 {
  if (params.normalizes == 0u) { return 1.0; }
  return inverseSqrt(squares / f32(params.columns) + params.eps);
}

// Writes results n to n + 3 of a row to y, n even; results outside y are dropped.
fn finish(row : u32, n : u32, results : vec4f) {
  if (row >= row_count()) { return; }
  let to = row * params.y_stride + params.first_output;
  if (is_gated()) {
    put(to, n / 2u, activation(results.x) * results.y);
    put(to, n / 2u + 1u, activation(results.z) * results.w);
  } else {
    for (var i = 0u; i < 4u; i++) { put(to, n + i, results[i]); }
  }
}

fn put(row_start : u32, n : u32, value : f32) {
  if (n >= params.outputs) { return; }
  var result = value;
  if (params.has_bias != 0u) { result += bias[params.first_output + n]; }
  if (!is_gated()) { result *= params.result_scale; }
  if (params.epilogue == ADD) { result += y[row_start + n]; }
  y[row_start + n] = result;
}

// silu(v) = v · sigmoid(v); gelu(v) ≈ v (1 + tanh(u)) / 2 = v · sigmoid(2 u), u = √(2/π) (v + 0.044715 v³).
fn activation(v : f32) -> f32 {
  var u = v;
  if (params.epilogue == GATED_GELU) { u = 1.5957691216057308 * (v + 0.044715 * v * v * v); }
  return v / (1.0 + exp(-u));
}
