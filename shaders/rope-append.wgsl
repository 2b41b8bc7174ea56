// What happens to q, k and v between their projection and attention:
//   q = norm(q), in place, not rotated: attention rotates it for each round it meets
//   k = rotate(norm(k), local position) and v go to the row's slot in the pages
// The norms (per head, RMS) are there where the layer has them. Rotation pairs element i with i + rotary_dim / 2;
// the elements behind are paired likewise, and not turned.
//
// One workgroup per row and head; heads count query heads first, then key heads. Without norms the
// query heads have nothing to do and are not launched (first_head = heads). An invocation takes two
// neighbouring pairs, so that it owns whole words of the pages in either format.
//
// Comes after shared/step.wgsl, shared/pages.wgsl, shared/rope.wgsl, shared/sum.wgsl.

struct Params {
  heads : u32,
  kv_heads : u32,
  first_head : u32,
  qkv_stride : u32,  // values in a row of qkv: [heads | kv_heads | kv_heads] * head_dim, padded
  normalizes : u32,
  eps : f32,
  half : u32,        // 0: lower pages, 1: upper pages; + LOCAL: those of the half's local layers
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> rope : array<vec2f>;           // cos and sin of [256 fine, then coarse][rotary_dim / 2]
@group(0) @binding(3) var<storage, read> q_norm : array<f32>;           // [head_dim]
@group(0) @binding(4) var<storage, read> k_norm : array<f32>;           // [head_dim]
@group(0) @binding(5) var<storage, read_write> qkv : array<f32>;        // [rows, qkv_stride]
@group(0) @binding(6) var<storage, read_write> k_pages : array<u32>;    // [page, kv_head, 16, head_dim] in kv_format
@group(0) @binding(7) var<storage, read_write> v_pages : array<u32>;    // likewise

override head_dim = 32u;
override workgroup_size = 64u;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let row = workgroup.x;
  let head = workgroup.y + params.first_head;
  let is_query = head < params.heads;
  let origin = row * params.qkv_stride + head * head_dim;

  var scale = 1.0;
  if (params.normalizes != 0u) { scale = norm_scale(origin, lane); }

  for (var i = lane * 2u; i < head_dim / 2u; i += workgroup_size * 2u) {
    let is_turned = i < rotary_dim / 2u;
    let first = select(rotary_dim / 2u + i, i, is_turned);
    let second = first + select(head_dim - rotary_dim, rotary_dim, is_turned) / 2u;
    var low = vec2f(qkv[origin + first], qkv[origin + first + 1u]) * scale;
    var high = vec2f(qkv[origin + second], qkv[origin + second + 1u]) * scale;
    if (is_query) {
      qkv[origin + first] = low.x * q_norm[first];
      qkv[origin + first + 1u] = low.y * q_norm[first + 1u];
      qkv[origin + second] = high.x * q_norm[second];
      qkv[origin + second + 1u] = high.y * q_norm[second + 1u];
      continue;
    }
    if (params.normalizes != 0u) {
      low *= vec2f(k_norm[first], k_norm[first + 1u]);
      high *= vec2f(k_norm[second], k_norm[second + 1u]);
    }
    var cosine = vec2f(1.0);
    var sine = vec2f(0.0);
    if (is_turned) {
      let one = rotation(step.rows[row].local_position, i);
      let next = rotation(step.rows[row].local_position, i + 1u);
      cosine = vec2f(one.x, next.x);
      sine = vec2f(one.y, next.y);
    }
    var slot = step.rows[row].slots[params.half % LOCAL];
    if (params.half >= LOCAL) { slot = step.rows[row].local_slots[params.half - LOCAL]; }
    let kv_head = head - params.heads;
    let to = (slot / PAGE_TOKENS * params.kv_heads + kv_head) * PAGE_TOKENS * head_dim + slot % PAGE_TOKENS * head_dim;
    let v_from = origin + params.kv_heads * head_dim;
    put_key(to + first, low * cosine - high * sine);
    put_key(to + second, high * cosine + low * sine);
    put_value(to + first, vec2f(qkv[v_from + first], qkv[v_from + first + 1u]));
    put_value(to + second, vec2f(qkv[v_from + second], qkv[v_from + second + 1u]));
  }
}

// 1 / rms of the head that starts at `origin`, the same in every invocation.
fn norm_scale(origin : u32, lane : u32) -> f32 {
  var squares = 0.0;
  for (var i = lane; i < head_dim; i += workgroup_size) {
    squares += qkv[origin + i] * qkv[origin + i];
  }
  return inverseSqrt(workgroup_sum(squares, lane) / f32(head_dim) + params.eps);
}

fn put_key(at : u32, pair : vec2f) {
  if (kv_format == KV_F16) {
    k_pages[at / 2u] = f16_word(pair);
  } else {
    k_pages[at] = bitcast<u32>(pair.x);
    k_pages[at + 1u] = bitcast<u32>(pair.y);
  }
}

fn put_value(at : u32, pair : vec2f) {
  if (kv_format == KV_F16) {
    v_pages[at / 2u] = f16_word(pair);
  } else {
    v_pages[at] = bitcast<u32>(pair.x);
    v_pages[at + 1u] = bitcast<u32>(pair.y);
  }
}
