// Scores of the question's rows against pages, by one head:
//   score[row, token] = rotate(q, ahead + place of the row) · k · scale
// over the tokens that stand at the row or before, and for each page and row its softmax: the greatest score and
// Σ exp(score − greatest). How far each unit stands before the question is part of its pages, so what a unit gets
// does not depend on others.
//
// One invocation per row and page, no barriers: a query is turned once for the 16 keys of a page, which all
// invocations of the workgroup read together.
//
// Comes after shared/scoring.wgsl, shared/pages.wgsl, shared/rope.wgsl.

struct Params {
  kv_heads : u32,      // in a page of k_pages
  kv_head : u32,
  qkv_stride : u32,    // vec4s in a row of qkv
  head_offset : u32,   // vec4s from there to the head's query
  last_position : u32, // the model's: a row is turned no farther
  of_index : u32,      // 0: the resident pages, 1: those of the index
  scale : f32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> entries : array<ScoredPage>;     // resident, then of the index
@group(0) @binding(3) var<storage, read> rope : array<vec2f>;             // cos and sin of [256 fine, then coarse][rotary_dim / 2]
@group(0) @binding(4) var<storage, read> qkv : array<vec4f>;              // [rows, qkv_stride], queries not rotated
@group(0) @binding(5) var<storage, read> k_pages : array<vec2u>;          // [page, kv_head, 16, head_dim] in kv_format
@group(0) @binding(6) var<storage, read_write> softmaxes : array<vec2f>;  // [entry, row]: (max, sum)

override head_dim = 32u;
override workgroup_size = 32u;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let row = workgroup.y * workgroup_size + lane;
  if (row >= scoring.row_count) { return; }
  let entry = workgroup.x + select(0u, scoring.resident_pages, params.of_index != 0u);
  let one = entries[entry];
  let distance = one.ahead + scoring.first_place + row;
  let visible = visible_tokens(one, distance);

  var dots : array<f32, PAGE_TOKENS>;
  if (visible > 0u) { dots = dots_with(one.page, scoring.first_row + row, min(distance, params.last_position)); }

  var highest = MASKED;
  for (var t = 0u; t < visible; t++) {
    dots[t] *= params.scale;
    highest = max(highest, dots[t]);
  }
  var sum = 0.0;
  for (var t = 0u; t < visible; t++) { sum += exp(dots[t] - highest); }
  softmaxes[entry * scoring.row_count + row] = vec2f(highest, sum);
}

// How many of a page's tokens a row sees that stands so far behind the unit's first one; they are the page's first.
fn visible_tokens(one : ScoredPage, distance : u32) -> u32 {
  if (one.first > distance) { return 0u; }
  return min(one.valid, distance - one.first + 1u);
}

// Products of a row's query, turned by `offset`, with the 16 keys of a page.
fn dots_with(page : u32, row : u32, offset : u32) -> array<f32, PAGE_TOKENS> {
  let columns = head_dim / 4u;
  let pairs = rotary_dim / 8u; // vec4s in half of the part that is turned
  let q_from = row * params.qkv_stride + params.head_offset;
  let k_from = (page * params.kv_heads + params.kv_head) * PAGE_TOKENS * columns;
  var dots : array<f32, PAGE_TOKENS>;
  for (var i = 0u; i < pairs; i++) {
    let turn = rotations(offset, i * 4u);
    let low = qkv[q_from + i];
    let high = qkv[q_from + i + pairs];
    let turned_low = low * turn.cosine - high * turn.sine;
    let turned_high = high * turn.cosine + low * turn.sine;
    for (var t = 0u; t < PAGE_TOKENS; t++) {
      let at = k_from + t * columns + i;
      dots[t] += dot(turned_low, key_at(at)) + dot(turned_high, key_at(at + pairs));
    }
  }
  for (var i = 2u * pairs; i < columns; i++) {
    let q = qkv[q_from + i];
    for (var t = 0u; t < PAGE_TOKENS; t++) { dots[t] += dot(q, key_at(k_from + t * columns + i)); }
  }
  return dots;
}

fn key_at(i : u32) -> vec4f {
  if (kv_format == KV_F16) { return from_f16(k_pages[i]); }
  return from_f32(k_pages[i * 2u], k_pages[i * 2u + 1u]);
}
