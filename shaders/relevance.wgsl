// Scores of the question's rows against each token, all heads as one (A³, arXiv 2511.17560):
//   scores[asked row, token] = Σ_kv_head rotate(Σ_{h in its group} q_h, position − base) · k · scale
// for the keys of the lower pages with position <= the row's. The prefix (round 0) is left out:
// its tokens, and what a row may not see, score MASKED. For relevance-join.wgsl, the maximum of
// each page's scores and Σ exp(score − maximum) go along.
//
// One invocation per asked row and page, no barriers: a query is turned once for the 16 keys of a
// page, which all invocations of the workgroup read together.
//
// Comes after shared/step.wgsl, shared/pages.wgsl, shared/rope.wgsl.

const MASKED = -1e30;
const PREFIX = 0u;

struct Params {
  kv_heads : u32,
  group : u32,       // heads / kv_heads
  qkv_stride : u32,  // vec4s in a row of qkv
  scale : f32,       // that of attention / sqrt(heads): 1 / sqrt(heads * head_dim)
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> pages : array<Page>;             // the lower page table
@group(0) @binding(3) var<storage, read> rope : array<vec2f>;             // cos and sin of [256 fine, then coarse][rotary_dim / 2]
@group(0) @binding(4) var<storage, read> qkv : array<vec4f>;              // [rows, qkv_stride], queries first, not rotated
@group(0) @binding(5) var<storage, read> k_pages : array<vec2u>;          // [page, kv_head, 16, head_dim] in kv_format
@group(0) @binding(6) var<storage, read_write> scores : array<vec4f>;     // [asked row, page, 16]
@group(0) @binding(7) var<storage, read_write> softmaxes : array<vec2f>;  // [page, asked row]: (max, sum)

override head_dim = 32u;
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

  let page_count = pages_of(LOWER);
  let to = (asked * page_count + workgroup.x) * (PAGE_TOKENS / 4u);
  for (var i = 0u; i < PAGE_TOKENS / 4u; i++) {
    scores[to + i] = vec4f(dots[4u * i], dots[4u * i + 1u], dots[4u * i + 2u], dots[4u * i + 3u]);
  }
  softmaxes[workgroup.x * step.asked_count + asked] = vec2f(highest, sum);
}

// How many of a page's tokens a row at this position scores; they are the page's first ones.
fn visible_tokens(page : Page, position : u32) -> u32 {
  let first_position = page.base + page.first;
  if (page.round == PREFIX || first_position > position) { return 0u; }
  return min(page.valid, position - first_position + 1u);
}

// Products of a row's queries, rotated to where the page's round sees them, with the page's 16 keys.
fn dots_with(page : Page, row : u32) -> array<f32, PAGE_TOKENS> {
  let columns = head_dim / 4u;
  let pairs = rotary_dim / 8u; // vec4s in half of the part that is turned
  let offset = step.rows[row].position - page.base;
  var dots : array<f32, PAGE_TOKENS>;
  for (var i = 0u; i < columns - pairs; i++) {
    let is_turned = i < pairs; // else one vec4 that is not
    var turn = Rotations(vec4f(1.0), vec4f());
    if (is_turned) { turn = rotations(offset, i * 4u); }
    for (var kv_head = 0u; kv_head < params.kv_heads; kv_head++) {
      // Spelled out: in a loop, a `var` without a value keeps its last one instead of starting at zero, measured
      // in headless Chromium 156 on SwiftShader and known of Naga (https://github.com/gfx-rs/wgpu/issues/9489).
      var low = vec4f();
      var high = vec4f();
      let q_from = row * params.qkv_stride + kv_head * params.group * columns + i;
      for (var h = 0u; h < params.group; h++) {
        if (is_turned) { low += qkv[q_from + h * columns]; }
        high += qkv[q_from + h * columns + pairs];
      }
      let turned_low = low * turn.cosine - high * turn.sine;
      let turned_high = high * turn.cosine + low * turn.sine;
      let k_from = (page.page * params.kv_heads + kv_head) * PAGE_TOKENS * columns + i;
      for (var t = 0u; t < PAGE_TOKENS; t++) {
        let at = k_from + t * columns;
        dots[t] += dot(turned_low, key_at(at)) + dot(turned_high, key_at(at + pairs));
      }
    }
  }
  return dots;
}

fn key_at(i : u32) -> vec4f {
  if (kv_format == KV_F16) { return from_f16(k_pages[i]); }
  return from_f32(k_pages[i * 2u], k_pages[i * 2u + 1u]);
}
