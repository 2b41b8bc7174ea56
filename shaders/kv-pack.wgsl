// Pages of a round as int8, one scale for a group of at most 32 values of a token and head (symmetric, so that 0
// stays 0), as in llama.cpp's Q8_0:
//   scale = max|x| / 127, rounded to f16,  code = round(x · 127 / max|x|), ties to even
// A group of zeros, and a place behind the round's last token, gives scale 0 and codes 0.
//
// One invocation per pair of groups of a page, no barriers; a workgroup row (y) per page. Codes go
// four to a word. f32 division is not exact in WGSL, so the code that it suggests is checked against
// both of its neighbours' boundaries: 254 · x and (2 · code ± 1) · max|x| are compared in two halves of
// the mantissa each, which makes the products exact.
//
// Comes after shared/pages.wgsl, shared/packed.wgsl.

@group(0) @binding(2) var<storage, read> kv_pages : array<vec2u>; // [page, kv_head, 16, head_dim] in kv_format
@group(0) @binding(3) var<storage, read_write> packed : array<u32>;

override head_dim = 32u;

// Smaller values count as 0: halves of their mantissa would not be normal numbers.
const SMALLEST = 1e-30;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3u) {
  let first = id.x * pair_columns();
  if (first >= page_columns()) { return; }
  let scales = vec2f(
    packed_group(id.y, first),
    packed_group(id.y, first + pair_columns() / 2u),
  );
  packed[scales_at((id.y * page_columns() + first) / pair_columns())] = f16_word(scales);
}

// Packs the group that begins at this word of a page. Returns its scale.
fn packed_group(page : u32, first : u32) -> f32 {
  let columns = group_values() / 4u;
  let source = round_pages.pages[page] * page_columns() + first;
  let codes = codes_at(page * page_columns() + first);
  let token = page * PAGE_TOKENS + first * 4u / head_dim % PAGE_TOKENS;

  var largest = 0.0;
  if (token < round_pages.tokens) {
    for (var i = 0u; i < columns; i++) {
      let size = abs(values_at(source + i));
      largest = max(largest, max(max(size.x, size.y), max(size.z, size.w)));
    }
  }
  let is_zero = largest < SMALLEST;
  for (var i = 0u; i < columns; i++) {
    var word = 0u;
    if (!is_zero) { word = packed_codes(values_at(source + i), largest); }
    packed[codes + i] = word;
  }
  return select(largest / 127.0, 0.0, is_zero);
}

// Codes of four values, the first in the lowest byte.
fn packed_codes(values : vec4f, largest : f32) -> u32 {
  let guess = clamp(round(values * (127.0 / largest)), vec4f(-127.0), vec4f(127.0));
  // How far a value is from its code, in units of largest / 254: more than 1 means that another code is nearer.
  let value_high = upper_bits(values);
  let largest_high = upper_bits(vec4f(largest));
  let excess = (254.0 * value_high - 2.0 * guess * largest_high) +
    (254.0 * (values - value_high) - 2.0 * guess * (vec4f(largest) - largest_high));
  let is_odd = (vec4i(guess) & vec4i(1)) == vec4i(1);
  let step_up = (excess > vec4f(largest)) | ((excess == vec4f(largest)) & is_odd);
  let step_down = (excess < vec4f(-largest)) | ((excess == vec4f(-largest)) & is_odd);
  let codes = vec4i(guess) + select(vec4i(0), vec4i(1), step_up) - select(vec4i(0), vec4i(1), step_down);
  let bytes = vec4u(codes) & vec4u(0xff);
  return bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
}

// The values without the lower 12 bits of their mantissas.
fn upper_bits(values : vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(values) & vec4u(0xfffff000u));
}

fn values_at(i : u32) -> vec4f {
  if (kv_format == KV_F16) { return from_f16(kv_pages[i]); }
  return from_f32(kv_pages[i * 2u], kv_pages[i * 2u + 1u]);
}
