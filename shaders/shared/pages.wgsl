// The layout of keys and values in the pages of the pool: [page, kv_head, PAGE_TOKENS, head_dim] in kv_format.

const PAGE_TOKENS = 16u;

const KV_F32 = 0u;
const KV_F16 = 1u;
override kv_format = KV_F32;

// Four values from two words of f16 pages.
fn from_f16(words : vec2u) -> vec4f {
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}

// Four values from four words of f32 pages.
fn from_f32(low : vec2u, high : vec2u) -> vec4f {
  return bitcast<vec4f>(vec4u(low, high));
}

// Two f16 in a word; values beyond f16's range are clamped, so that pages never hold infinities.
fn f16_word(pair : vec2f) -> u32 {
  return pack2x16float(clamp(pair, vec2f(-65504.0), vec2f(65504.0)));
}
