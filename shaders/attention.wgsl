// Attention over pages, one split of the page table at a time (FlashAttention's running softmax):
//   out[row, head] = Σ_keys softmax(rotate(q, position − base) · k · scale) v
// over the keys with position <= the row's and, in a layer with a window, not as far before it. A page belongs to
// one round; its keys are rotated by their place within the round, the queries here by the rest, once for each
// round they meet.
//
// One workgroup serves one KV head, a tile of queries (a query is a row and a head of the KV head's
// group, so K and V are read once for the whole group) and one split of the page table. Scores:
// one invocation per query and key of a tile. Values: an invocation owns four columns of the output
// for up to four queries. What a split found goes to `partials`; attention-join.wgsl joins the splits.
// With emits_mass, the softmax sums of every tile of keys go to `mass` for page-mass.wgsl.
//
// Comes after shared/step.wgsl, shared/pages.wgsl, shared/rope.wgsl, shared/partials.wgsl.

const NO_BASE = 0xffffffffu;
const VALUE_LOADS = 4u; // that an invocation has under way at once

struct Params {
  half : u32,        // 0: lower pages, 1: upper pages; + LOCAL: those of the half's local layers
  heads : u32,
  kv_heads : u32,
  group : u32,       // heads / kv_heads
  qkv_stride : u32,  // vec4s in a row of qkv
  scale : f32,
  emits_mass : u32,
  window : u32,      // the most positions that a row sees, its own included
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> pages : array<Page>;             // its page table
@group(0) @binding(3) var<storage, read> rope : array<vec2f>;             // cos and sin of [256 fine, then coarse][rotary_dim / 2]
@group(0) @binding(4) var<storage, read> qkv : array<vec4f>;              // [rows, qkv_stride], queries first, not rotated
@group(0) @binding(5) var<storage, read> k_pages : array<vec2u>;          // [page, kv_head, 16, head_dim] in kv_format
@group(0) @binding(6) var<storage, read> v_pages : array<vec2u>;          // likewise
@group(0) @binding(7) var<storage, read_write> partials : array<vec4f>;   // [split, row, head, head_dim / 4 + 1]: Σ weight·v, then (max, sum)
@group(0) @binding(8) var<storage, read_write> mass : array<vec2f>;       // [kv_head, row * group, key tile]: (max, sum)

override head_dim = 32u;
override tile_queries = 16u;
override tile_keys = 16u;       // divides PAGE_TOKENS
override workgroup_size = 256u; // at least tile_queries * tile_keys
// Where compilers are slow, loops end where a page does. Elsewhere their bounds are constants, so that they are
// unrolled and several loads are under way at once; keys behind the page's end have no weight.
override is_compact = false;

// Values: how many queries lie between those of an invocation, and how many it has.
override value_stride = workgroup_size / (head_dim / 4u);
override value_queries = (tile_queries + value_stride - 1u) / value_stride; // at most 4
// How many vec4s of the tile's keys an invocation loads.
override key_loads = (tile_keys * head_dim / 4u + workgroup_size - 1u) / workgroup_size;

var<workgroup> queries : array<vec4f, tile_queries * head_dim / 4>;
var<workgroup> keys : array<vec4f, tile_keys * (head_dim / 4 + 1)>; // one vec4 of padding a key: no bank conflicts
var<workgroup> scores : array<f32, tile_queries * tile_keys>;
var<workgroup> weights : array<f32, tile_queries * tile_keys>;
var<workgroup> decays : array<f32, tile_queries>;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let columns = head_dim / 4u;
  let kv_head = workgroup.z;
  let query_count = step.row_count * params.group;
  let first_query = workgroup.y * tile_queries;
  let span = tile_span(first_query, query_count);

  let page_count = pages_of(params.half);
  let split_pages = (page_count + splits_of(params.half) - 1u) / splits_of(params.half);
  let first_page = workgroup.x * split_pages;
  let end_page = min(first_page + split_pages, page_count);

  // Scores: this invocation's query and key of the tile.
  let scores_one = lane < tile_queries * tile_keys;
  let query = first_query + lane / tile_keys;
  let key = lane % tile_keys;
  let tile_row = (lane / tile_keys) * tile_keys;
  let position = step.rows[min(query, query_count - 1u) / params.group].position;
  var running_max = MASKED;
  var running_sum = 0.0; // of this key's lane alone; joined at the end

  // Values: this invocation's columns, and the first of its queries.
  let column = lane % columns;
  let value_query = lane / columns;
  var sums : array<vec4f, 4>;

  var rotated_base = NO_BASE;
  for (var p = first_page; p < end_page; p++) {
    let page = pages[p];
    if (params.emits_mass != 0u && scores_one && key == 0u && query < query_count) {
      for (var start = 0u; start < PAGE_TOKENS; start += tile_keys) {
        mass[mass_index(kv_head, query, p, start, page_count, query_count)] = vec2f(MASKED, 0.0);
      }
    }
    if (page.base + page.first > span.last) { continue; }
    if (page.place + page.first + page.valid - 1u + params.window <= span.first) { continue; }
    if (page.base != rotated_base) {
      rotated_base = page.base;
      rotate_queries(first_query, query_count, kv_head, page.base, lane);
    }

    for (var start = 0u; start < select(PAGE_TOKENS, page.valid, is_compact); start += tile_keys) {
      let tile_from = ((page.page * params.kv_heads + kv_head) * PAGE_TOKENS + start) * columns;
      for (var n = 0u; n < key_loads; n++) {
        let i = min(lane + n * workgroup_size, tile_keys * columns - 1u);
        keys[i / columns * (columns + 1u) + i % columns] = key_at(tile_from + i);
      }
      workgroupBarrier();

      let local = page.first + start + key;
      let is_visible = start + key < page.valid && page.base + local <= position
        && position - (page.place + local) < params.window && query < query_count;
      if (scores_one) {
        let q_from = lane / tile_keys * columns;
        let k_from = key * (columns + 1u);
        var product = vec4f();
        for (var c = 0u; c < columns; c++) { product += queries[q_from + c] * keys[k_from + c]; }
        let score = (product.x + product.y + product.z + product.w) * params.scale;
        scores[lane] = select(MASKED, score, is_visible);
      }
      workgroupBarrier();

      if (scores_one) {
        var new_max = running_max;
        for (var k = 0u; k < tile_keys; k++) { new_max = max(new_max, scores[tile_row + k]); }
        let weight = select(0.0, exp(scores[lane] - new_max), is_visible);
        let decay = exp(running_max - new_max);
        weights[lane] = weight;
        running_sum = running_sum * decay + weight;
        running_max = new_max;
        if (key == 0u) { decays[lane / tile_keys] = decay; }
      }
      workgroupBarrier();

      for (var i = 0u; i < value_queries; i++) {
        let q = value_query + i * value_stride;
        if (q < tile_queries) { sums[i] *= decays[q]; }
      }
      if (value_query < min(value_stride, tile_queries)) {
        let last_key = max(page.valid, start + 1u) - start - 1u; // what lies behind it may be anything
        for (var k = 0u; k < select(tile_keys, min(tile_keys, last_key + 1u), is_compact); k += VALUE_LOADS) {
          var values : array<vec4f, VALUE_LOADS>;
          for (var v = 0u; v < VALUE_LOADS; v++) { values[v] = value_at(tile_from + min(k + v, last_key) * columns + column); }
          for (var i = 0u; i < value_queries; i++) {
            let q = min(value_query + i * value_stride, tile_queries - 1u); // sums of others are not looked at
            for (var v = 0u; v < VALUE_LOADS; v++) { sums[i] += weight_of(q, k + v) * values[v]; }
          }
        }
      }
      if (params.emits_mass != 0u && scores_one && key == 0u && query < query_count) {
        var tile_sum = 0.0;
        for (var k = 0u; k < tile_keys; k++) { tile_sum += weights[tile_row + k]; }
        mass[mass_index(kv_head, query, p, start, page_count, query_count)] = vec2f(running_max, tile_sum);
      }
    }
  }

  workgroupBarrier();
  if (scores_one) { weights[lane] = running_sum; }
  workgroupBarrier();
  if (scores_one && key == 0u && query < query_count) {
    var sum = 0.0;
    for (var k = 0u; k < tile_keys; k++) { sum += weights[tile_row + k]; }
    partials[partial_of_query(workgroup.x, query, kv_head) + columns] = vec4f(running_max, sum, 0.0, 0.0);
  }
  if (value_query < value_stride) {
    for (var i = 0u; i < value_queries; i++) {
      let q = value_query + i * value_stride;
      if (q < tile_queries && first_query + q < query_count) {
        partials[partial_of_query(workgroup.x, first_query + q, kv_head) + column] = sums[i];
      }
    }
  }
}

// The weight of key k of the tile for a query of it.
fn weight_of(query : u32, k : u32) -> f32 {
  if (tile_keys % VALUE_LOADS == 0u) { return weights[query * tile_keys + k]; }
  return select(0.0, weights[query * tile_keys + min(k, tile_keys - 1u)], k < tile_keys);
}

struct Span { first : u32, last : u32 }

// The lowest and the highest position among the rows of a tile of queries: pages outside can be skipped.
fn tile_span(first_query : u32, query_count : u32) -> Span {
  var span = Span(0xffffffffu, 0u);
  let end_row = (min(first_query + tile_queries, query_count) - 1u) / params.group;
  for (var row = first_query / params.group; row <= end_row; row++) {
    span.first = min(span.first, step.rows[row].position);
    span.last = max(span.last, step.rows[row].position);
  }
  return span;
}

// Fills `queries` with the tile's queries, rotated to where a round with this base sees them.
fn rotate_queries(first_query : u32, query_count : u32, kv_head : u32, base : u32, lane : u32) {
  let columns = head_dim / 4u;
  let pairs = rotary_dim / 8u; // vec4s in half of the part that is turned
  let parts = columns - pairs; // a pair, or a vec4 that is not turned
  for (var i = lane; i < tile_queries * parts; i += workgroup_size) {
    let query = min(first_query + i / parts, query_count - 1u);
    let part = i % parts;
    let row = query / params.group;
    let origin = row * params.qkv_stride + (kv_head * params.group + query % params.group) * columns + part;
    let to = i / parts * columns + part;
    let high = qkv[origin + pairs];
    if (part >= pairs) {
      queries[to + pairs] = high;
      continue;
    }
    let low = qkv[origin];
    let position = step.rows[row].position;
    let offset = select(0u, position - base, position > base);
    let turn = rotations(offset, part * 4u);
    queries[to] = low * turn.cosine - high * turn.sine;
    queries[to + pairs] = high * turn.cosine + low * turn.sine;
  }
}

fn key_at(i : u32) -> vec4f {
  if (kv_format == KV_F16) { return from_f16(k_pages[i]); }
  return from_f32(k_pages[i * 2u], k_pages[i * 2u + 1u]);
}

fn value_at(i : u32) -> vec4f {
  if (kv_format == KV_F16) { return from_f16(v_pages[i]); }
  return from_f32(v_pages[i * 2u], v_pages[i * 2u + 1u]);
}

fn partial_of_query(split : u32, query : u32, kv_head : u32) -> u32 {
  return partial_index(split, query / params.group, kv_head * params.group + query % params.group);
}

fn mass_index(kv_head : u32, query : u32, page : u32, start : u32, page_count : u32, query_count : u32) -> u32 {
  let tiles = PAGE_TOKENS / tile_keys;
  return ((kv_head * query_count + query) * page_count + page) * tiles + start / tile_keys;
}
