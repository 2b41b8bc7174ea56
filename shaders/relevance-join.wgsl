// Relevance of each token to the question, from what relevance.wgsl left behind:
//   relevance[token] = Σ over the asked rows of exp(score − M) / L
// with M and L the row's softmax maximum and sum over all pages. The prefix, what no row sees and
// places of a page that hold no token are 0; all together are the number of rows that see anything.
// A question of several steps adds up: steps after its first add to what is there.
//
// One workgroup per 16 pages: for a tile of rows, an invocation first finds M and L of a row, then
// adds the tile to its four tokens, row after row: sums run in one order.
//
// Comes after shared/step.wgsl.

const VECS_PER_PAGE = 4u;
const MASKED = -1e30;

struct Params {
  adds : u32,  // 0: begins at zero, 1: adds to `relevance`
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> scores : array<vec4f>;           // [asked row, page, 16]
@group(0) @binding(3) var<storage, read> softmaxes : array<vec2f>;        // [page, asked row]: (max, sum)
@group(0) @binding(4) var<storage, read_write> relevance : array<vec4f>;  // [page, 16]

const LANES = 64u;
var<workgroup> highest : array<f32, LANES>;
var<workgroup> share : array<f32, LANES>; // 1 / L, or 0 for a row that sees nothing

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) invocation : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let vecs = pages_of(LOWER) * VECS_PER_PAGE;
  let is_token = invocation.x < vecs;
  var sum : vec4f;
  if (is_token && params.adds != 0u) { sum = relevance[invocation.x]; }

  for (var first = 0u; first < step.asked_count; first += LANES) {
    if (first + lane < step.asked_count) {
      let softmax = softmax_of(first + lane);
      highest[lane] = softmax.x;
      share[lane] = select(0.0, 1.0 / softmax.y, softmax.y > 0.0);
    }
    workgroupBarrier();
    if (is_token) {
      for (var r = 0u; r < min(LANES, step.asked_count - first); r++) {
        sum += exp(scores[(first + r) * vecs + invocation.x] - highest[r]) * share[r];
      }
    }
    workgroupBarrier();
  }
  if (is_token) { relevance[invocation.x] = sum; }
}

// A row's (max, sum) over all pages.
fn softmax_of(asked : u32) -> vec2f {
  let page_count = pages_of(LOWER);
  var row_highest = MASKED;
  for (var page = 0u; page < page_count; page++) {
    row_highest = max(row_highest, softmaxes[page * step.asked_count + asked].x);
  }
  var sum = 0.0;
  for (var page = 0u; page < page_count; page++) {
    let one = softmaxes[page * step.asked_count + asked];
    sum += one.y * exp(one.x - row_highest);
  }
  return vec2f(row_highest, sum);
}
