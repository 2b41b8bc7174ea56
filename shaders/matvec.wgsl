// Matrix times vectors, for a few rows:
//   y[row, n] = epilogue( Σ_k norm(x[row])[k] · W[n, k] + bias[n] )
//
// One workgroup serves four rows of W and `row_tile` rows of x, so that weights are read and unpacked
// once for all of these. Its invocations stride over k in chunks of eight; the first ones join their
// sums, a row of x each. One barrier in all: software adapters pay dearly for each.
//
// Comes after shared/step.wgsl, shared/linear.wgsl, shared/weights.wgsl.

override workgroup_size = 64u;
override row_tile = 1u; // at most MAX_ROW_TILE

const MAX_ROW_TILE = 4u;

var<workgroup> partial_sums : array<vec4f, workgroup_size * row_tile>;
var<workgroup> partial_squares : array<f32, workgroup_size * row_tile>;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let first_row = workgroup.y * row_tile;
  let last_row = row_count() - 1u;
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
      let at = (min(first_row + r, last_row) * params.chunks + chunk) * 2u;
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
  if (lane >= row_tile || row > last_row) { return; }

  var result = vec4f();
  var all_squares = 0.0;
  for (var i = lane * workgroup_size; i < (lane + 1u) * workgroup_size; i++) {
    result += partial_sums[i];
    all_squares += partial_squares[i];
  }
  finish(row, first, result * norm_scale(all_squares));
}
