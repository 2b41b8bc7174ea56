// Scores of the question's rows against each token, all heads as one (A³, arXiv 2511.17560):
//   scores[asked row, token] = Σ_kv_head rotate(Σ_{h in its group} q_h, position − base) · k · scale
// for the keys of the lower pages with position <= the row's. The prefix (round 0) is left out:
// its tokens, and what a row may not see, score MASKED. For relevance-join.wgsl, the maximum of
// each page's scores and Σ exp(score − maximum) go along.
//
// One invocation per asked row and page, no barriers: a query is turned once for the 16 keys of a
// page, which all invocations of the workgroup read together.

const PAGE_TOKENS = 16u;
const MASKED = -1e30;
const LOWER = 0u;
const PREFIX = 0u;

struct Params {
  kv_heads : u32,
  group : u32,       // heads / kv_heads
  qkv_stride : u32,  // vec4s in a row of qkv
  scale : f32,       // that of attention / sqrt(heads): 1 / sqrt(heads * head_dim)
}

struct Page {
  page : u32,         // where in the pool
  base : u32,         // position of its round's first token
  first : u32,        // local position, within the round, of the page's first token
  valid : u32,        // tokens in it
  round : u32,
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
@group(0) @binding(2) var<storage, read> pages : array<Page>;             // the lower page table
@group(0) @binding(3) var<storage, read> rope : array<vec2f>;             // cos and sin of [256 fine, then coarse][head_dim / 2]
@group(0) @binding(4) var<storage, read> qkv : array<vec4f>;              // [rows, qkv_stride], queries first, not rotated
@group(0) @binding(5) var<storage, read> k_pages : array<vec2u>;          // [page, kv_head, 16, head_dim] in kv_format
@group(0) @binding(6) var<storage, read_write> scores : array<vec4f>;     // [asked row, page, 16]
@group(0) @binding(7) var<storage, read_write> softmaxes : array<vec2f>;  // [page, asked row]: (max, sum)

override head_dim = 32u;
override kv_format = 0u; // 0: f32, 1: f16
override workgroup_size = 32u;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let asked = workgroup.y * workgroup_size + lane;
  if (asked >= step.asked_count) { return; }
  let row = step.row_count - step.asked_count + asked;
  let page = pages[workgroup.x];
  let visible = visible_tokens(page, step.rows[row].position);

  var dots : array<f32, PAGE_TOKENS>;
  if (visible > 0u) { dots = dots_with(page, row); }

  var highest = MASKED;
  for (var t = 0u; t < PAGE_TOKENS; t++) {
    dots[t] = select(MASKED, dots[t] * params.scale, t < visible);
    highest = max(highest, dots[t]);
  }
  var sum = 0.0;
  for (var t = 0u; t < visible; t++) { sum += exp(dots[t] - highest); }

  let page_count = step.page_counts[LOWER];
  let to = (asked * page_count + workgroup.x) * (PAGE_TOKENS / 4u);
  for (var i = 0u; i < PAGE_TOKENS / 4u; i++) {
    scores[to + i] = vec4f(dots[4u * i], dots[4u * i + 1u], dots[4u * i + 2u], dots[4u * i + 3u]);
  }
  softmaxes[workgroup.x * step.asked_count + asked] = vec2f(highest, sum);
}

// How many of a page's tokens a row at this position scores; they are its first.
fn visible_tokens(page : Page, position : u32) -> u32 {
  let first_position = page.base + page.first;
  if (page.round == PREFIX || first_position > position) { return 0u; }
  return min(page.valid, position - first_position + 1u);
}

// Products of a row's queries, turned to where the page's round sees them, with the page's 16 keys.
fn dots_with(page : Page, row : u32) -> array<f32, PAGE_TOKENS> {
  let columns = head_dim / 4u;
  let pairs = head_dim / 8u; // vec4s in half a head
  let offset = step.rows[row].position - page.base;
  var dots : array<f32, PAGE_TOKENS>;
  for (var i = 0u; i < pairs; i++) {
    var cosine : vec4f;
    var sine : vec4f;
    for (var c = 0u; c < 4u; c++) {
      let turn = rotation(offset, i * 4u + c);
      cosine[c] = turn.x;
      sine[c] = turn.y;
    }
    for (var kv_head = 0u; kv_head < params.kv_heads; kv_head++) {
      // Spelled out: in a loop, a `var` without a value keeps its last one instead of starting at zero, measured
      // in headless Chromium 156 on SwiftShader and known of Naga (https://github.com/gfx-rs/wgpu/issues/9489).
      var low = vec4f();
      var high = vec4f();
      let q_from = row * params.qkv_stride + kv_head * params.group * columns + i;
      for (var h = 0u; h < params.group; h++) {
        low += qkv[q_from + h * columns];
        high += qkv[q_from + h * columns + pairs];
      }
      let turned_low = low * cosine - high * sine;
      let turned_high = high * cosine + low * sine;
      let k_from = (page.page * params.kv_heads + kv_head) * PAGE_TOKENS * columns + i;
      for (var t = 0u; t < PAGE_TOKENS; t++) {
        let at = k_from + t * columns;
        dots[t] += dot(turned_low, key_at(at)) + dot(turned_high, key_at(at + pairs));
      }
    }
  }
  return dots;
}

// cos and sin of pair i at a position: the coarse rotation times the fine one.
fn rotation(position : u32, i : u32) -> vec2f {
  let fine = rope[(position % 256u) * (head_dim / 2u) + i];
  let coarse = rope[(256u + position / 256u) * (head_dim / 2u) + i];
  return vec2f(coarse.x * fine.x - coarse.y * fine.y, coarse.y * fine.x + coarse.x * fine.y);
}

fn key_at(i : u32) -> vec4f {
  if (kv_format == 1u) {
    let bits = k_pages[i];
    return vec4f(unpack2x16float(bits.x), unpack2x16float(bits.y));
  }
  return bitcast<vec4f>(vec4u(k_pages[i * 2u], k_pages[i * 2u + 1u]));
}
