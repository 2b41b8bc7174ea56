// Matrix times many rows: what matvec.wgsl computes, tiled for prefill.
//   y[row, n] = epilogue( Σ_k norm(x[row])[k] · W[n, k] + bias[n] )
//
// One workgroup of 8 × 16 invocations makes a tile of 32 rows × 64 results, each invocation 4 × 4 of
// them in registers. Slices of 16 columns of x and W go through workgroup memory, column by column.
//
// Comes after shared/step.wgsl, shared/linear.wgsl, shared/weights.wgsl.

const TILE_ROWS = 32u;
const TILE_RESULTS = 64u;
const TILE_COLUMNS = 16u;

var<workgroup> x_tile : array<f32, TILE_COLUMNS * TILE_ROWS>;
var<workgroup> w_tile : array<f32, TILE_COLUMNS * TILE_RESULTS>;
var<workgroup> squares_tile : array<f32, 128>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let first_row = workgroup.y * TILE_ROWS;
  let first_result = workgroup.x * TILE_RESULTS;

  // What this invocation loads into the tiles: four columns of one row of x, eight of one row of W.
  let x_lane_row = lane / 4u;
  let x_from = min(first_row + x_lane_row, row_count() - 1u) * params.chunks * 2u;
  let w_lane_row = lane / 2u;
  let w_from = weight_row(first_result + w_lane_row) * params.chunks;

  // The results that it computes.
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
  finish(first_row + row, first_result + result, r0 * norm_scale(squares_of(row)));
  finish(first_row + row + 1u, first_result + result, r1 * norm_scale(squares_of(row + 1u)));
  finish(first_row + row + 2u, first_result + result, r2 * norm_scale(squares_of(row + 2u)));
  finish(first_row + row + 3u, first_result + result, r3 * norm_scale(squares_of(row + 3u)));
}

// Σ x² of a row of the tile.
fn squares_of(tile_row : u32) -> f32 {
  let at = tile_row * 4u;
  return squares_tile[at] + squares_tile[at + 1u] + squares_tile[at + 2u] + squares_tile[at + 3u];
}
