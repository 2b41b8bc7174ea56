// Matrix times vectors, for a few rows:
//   y[row, n] = epilogue( Σ_k norm(x[row])[k] · W[n, k] + bias[n] )
//
// A workgroup is several teams. A team serves four rows of W and `row_tile` rows of x, so that weights are read and
// unpacked once for all of these. Of quantised weights an invocation takes a group of 32 columns at a time, in all
// four rows: loads of 16 bytes. With q the quants of a row,
//   Σ_k x[k] · W[n, k] = scale · Σ q[k] x[k] + (offset − scale · zero) · Σ x[k]
// so that scales count once for a group. Of floats it takes a chunk of eight columns. The team's sums are joined by a
// tree.
//
// Comes after shared/step.wgsl, shared/linear.wgsl, shared/weights.wgsl, shared/groups.wgsl.

override workgroup_size = 64u;
override team_lanes = 32u; // invocations of a team: a power of two, at least row_tile
override row_tile = 1u;    // at most MAX_ROW_TILE
// Where compilers are slow, one kernel does for matrices with and without a norm, and a bound that the compiler does
// not know keeps a loop. Elsewhere `normalizes` says what params.normalizes is, so that no load waits behind a branch.
override is_compact = false;
override normalizes = false;

const MAX_ROW_TILE = 4u;

var<workgroup> partial_sums : array<vec4f, workgroup_size * row_tile>;
var<workgroup> partial_squares : array<f32, workgroup_size * row_tile>;

// A team's four rows of W times its rows of x.
struct Products {
  sums : array<vec4f, MAX_ROW_TILE>,
  squares : array<f32, MAX_ROW_TILE>, // Σ x²
}

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let first_row = workgroup.y * row_tile;
  let team_lane = lane % team_lanes;
  let first = (workgroup.x * (workgroup_size / team_lanes) + lane / team_lanes) * 4u;
  let rows = vec4u(weight_row(first), weight_row(first + 1u), weight_row(first + 2u), weight_row(first + 3u));

  var products : Products;
  if (has_groups()) { multiply_groups(&products, rows, first_row, team_lane); }
  else { multiply_chunks(&products, rows, first_row, team_lane); }

  for (var r = 0u; r < row_tile; r++) {
    partial_sums[r * workgroup_size + lane] = products.sums[r];
    if (has_norm()) { partial_squares[r * workgroup_size + lane] = products.squares[r]; }
  }
  workgroupBarrier();
  for (var stride = team_lanes / 2u; stride > 0u; stride /= 2u) {
    if (team_lane < stride) {
      for (var r = 0u; r < row_tile; r++) {
        let at = r * workgroup_size + lane;
        partial_sums[at] += partial_sums[at + stride];
        if (has_norm()) { partial_squares[at] += partial_squares[at + stride]; }
      }
    }
    workgroupBarrier();
  }
  if (team_lane >= row_tile) { return; }
  let at = team_lane * workgroup_size + lane - team_lane;
  var factor = 1.0;
  if (has_norm()) { factor = norm_scale(partial_squares[at]); }
  finish(first_row + team_lane, first, partial_sums[at] * factor);
}

fn has_norm() -> bool {
  return select(normalizes, params.normalizes != 0u, is_compact);
}

// Takes groups of 32 columns.
fn multiply_groups(products : ptr<function, Products>, rows : vec4u, first_row : u32, team_lane : u32) {
  let groups = params.chunks / 4u;
  let starts = rows * groups;
  for (var group = team_lane; group < groups; group += team_lanes) {
    let a = group_at(starts.x + group);
    let b = group_at(starts.y + group);
    let c = group_at(starts.z + group);
    let d = group_at(starts.w + group);
    var dots : Dots;
    if (is_compact) {
      for (var i = 0u; i < min(4u, params.chunks); i++) { add_group_chunk(products, &dots, first_row, group, i, a, b, c, d); }
    } else {
      add_group_chunk(products, &dots, first_row, group, 0u, a, b, c, d);
      add_group_chunk(products, &dots, first_row, group, 1u, a, b, c, d);
      add_group_chunk(products, &dots, first_row, group, 2u, a, b, c, d);
      add_group_chunk(products, &dots, first_row, group, 3u, a, b, c, d);
    }
    add_dots(products, &dots, a.affine_end, b.affine_end, c.affine_end, d.affine_end);
  }
}

// Adds chunk i of a group.
fn add_group_chunk(products : ptr<function, Products>, dots : ptr<function, Dots>, first_row : u32, group : u32, i : u32,
                   a : Group, b : Group, c : Group, d : Group) {
  add_chunk(products, dots, first_row, group * 4u + i,
            group_quants(a, i), group_quants(b, i), group_quants(c, i), group_quants(d, i));
  if (has_two_scales() && i == 1u) { add_dots(products, dots, a.affine, b.affine, c.affine, d.affine); }
}

// Takes chunks of eight columns.
fn multiply_chunks(products : ptr<function, Products>, rows : vec4u, first_row : u32, team_lane : u32) {
  let starts = rows * params.chunks;
  for (var chunk = team_lane; chunk < params.chunks; chunk += team_lanes) {
    var dots : Dots;
    add_chunk(products, &dots, first_row, chunk,
              even_odd(weights_at(starts.x + chunk)), even_odd(weights_at(starts.y + chunk)),
              even_odd(weights_at(starts.z + chunk)), even_odd(weights_at(starts.w + chunk)));
    let one = vec2f(1.0, 0.0);
    add_dots(products, &dots, one, one, one, one);
  }
}

// Sums of a few chunks, for each row of x.
struct Dots {
  even : array<vec4f, MAX_ROW_TILE>, // Σ quant · x of even columns, for each row of W
  odd : array<vec4f, MAX_ROW_TILE>,
  totals : array<f32, MAX_ROW_TILE>, // Σ x
}

// Adds a chunk of x times those of four rows of W.
fn add_chunk(products : ptr<function, Products>, dots : ptr<function, Dots>, first_row : u32, chunk : u32,
             a : EvenOdd, b : EvenOdd, c : EvenOdd, d : EvenOdd) {
  let last_row = row_count() - 1u;
  for (var r = 0u; r < row_tile; r++) {
    let at = (min(first_row + r, last_row) * params.chunks + chunk) * 2u;
    var low = x[at];
    var high = x[at + 1u];
    if (has_norm()) {
      (*products).squares[r] = product(low, low, product(high, high, (*products).squares[r]));
      low *= norm_weight[chunk * 2u];
      high *= norm_weight[chunk * 2u + 1u];
    }
    if (has_groups()) { (*dots).totals[r] += low.x + low.y + low.z + low.w + high.x + high.y + high.z + high.w; }
    let input = even_odd(Eight(low, high));
    let even = (*dots).even[r];
    let odd = (*dots).odd[r];
    (*dots).even[r] = vec4f(product(input.even, a.even, even.x), product(input.even, b.even, even.y),
                            product(input.even, c.even, even.z), product(input.even, d.even, even.w));
    (*dots).odd[r] = vec4f(product(input.odd, a.odd, odd.x), product(input.odd, b.odd, odd.y),
                           product(input.odd, c.odd, odd.z), product(input.odd, d.odd, odd.w));
  }
}

// before + a · b, in an order that makes four multiply-adds: a dot product would cost an addition more.
fn product(a : vec4f, b : vec4f, before : f32) -> f32 {
  return before + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

// Scales the sums of some chunks, adds them to the products and begins anew; with scale and offset of each row of W.
fn add_dots(products : ptr<function, Products>, dots : ptr<function, Dots>, a : vec2f, b : vec2f, c : vec2f, d : vec2f) {
  for (var r = 0u; r < row_tile; r++) {
    let both = (*dots).even[r] + (*dots).odd[r] / odd_factor();
    (*products).sums[r] += vec4f(a.x, b.x, c.x, d.x) * both + vec4f(a.y, b.y, c.y, d.y) * (*dots).totals[r];
  }
  *dots = Dots();
}
