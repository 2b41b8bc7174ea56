// Attention mass by page, from what attention.wgsl left behind when it emits mass:
//   page_mass[head, page] = mean over the asked rows of Σ_tiles sum · exp(max − M) / L
// with M and L the row and head's softmax maximum and sum over all pages. Over all pages, system
// and own ones included, it sums to 1 for each head; pages of one round added up are the round's mass.
//
// One workgroup per page; its invocations stride over the heads.
//
// Comes after shared/step.wgsl, shared/partials.wgsl.

struct Params {
  half : u32,
  heads : u32,
  group : u32,           // heads / kv_heads
  tiles_per_page : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> partials : array<vec4f>;        // [split, row, head, head_dim / 4 + 1]
@group(0) @binding(3) var<storage, read> mass : array<vec2f>;            // [kv_head, row * group, key tile]: (max, sum)
@group(0) @binding(4) var<storage, read_write> page_mass : array<f32>;   // [head, page]

override head_dim = 32u;
override workgroup_size = 32u;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let page = workgroup.x;
  for (var head = lane; head < params.heads; head += workgroup_size) {
    var sum = 0.0;
    for (var row = step.row_count - step.asked_count; row < step.row_count; row++) {
      sum += share_of_page(row, head, page);
    }
    page_mass[head * pages_of(params.half) + page] = sum / f32(step.asked_count);
  }
}

// The softmax probability that falls on a page, for one row and head.
fn share_of_page(row : u32, head : u32, page : u32) -> f32 {
  var highest = MASKED;
  for (var split = 0u; split < splits_of(params.half); split++) {
    highest = max(highest, softmax_of(split, row, head).x);
  }
  var total = 0.0;
  for (var split = 0u; split < splits_of(params.half); split++) {
    let one = softmax_of(split, row, head);
    total += one.y * exp(one.x - highest);
  }
  let query = row * params.group + head % params.group;
  let query_count = step.row_count * params.group;
  let tiles = pages_of(params.half) * params.tiles_per_page;
  let first = ((head / params.group) * query_count + query) * tiles + page * params.tiles_per_page;
  var sum = 0.0;
  for (var tile = first; tile < first + params.tiles_per_page; tile++) {
    sum += mass[tile].y * exp(mass[tile].x - highest);
  }
  return select(0.0, sum / total, total > 0.0);
}

fn softmax_of(split : u32, row : u32, head : u32) -> vec2f {
  return partials[partial_index(split, row, head) + head_dim / 4u].xy;
}
