// Pages of a round out of int8, the reverse of kv-pack.wgsl:
//   x = code · scale, with the scale of its group
//
// One invocation per four values of a page, no barriers; a workgroup row (y) per page.
//
// Comes after shared/pages.wgsl, shared/packed.wgsl.

@group(0) @binding(2) var<storage, read> packed : array<u32>;
@group(0) @binding(3) var<storage, read_write> kv_pages : array<vec2u>; // [page, kv_head, 16, head_dim] in kv_format

override head_dim = 32u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3u) {
  if (id.x >= page_columns()) { return; }
  let column = id.y * page_columns() + id.x;

  let word = bitcast<i32>(packed[codes_at(column)]);
  let scales = unpack2x16float(packed[scales_at(column / pair_columns())]);
  let is_second = column % pair_columns() >= pair_columns() / 2u;
  let scale = select(scales.x, scales.y, is_second);
  let codes = vec4i(extractBits(word, 0u, 8u), extractBits(word, 8u, 8u), extractBits(word, 16u, 8u), extractBits(word, 24u, 8u));
  put_values(round_pages.pages[id.y] * page_columns() + id.x, vec4f(codes) * scale);
}

fn put_values(i : u32, values : vec4f) {
  if (kv_format == KV_F16) {
    kv_pages[i] = vec2u(f16_word(values.xy), f16_word(values.zw));
  } else {
    let bits = bitcast<vec4u>(values);
    kv_pages[i * 2u] = bits.xy;
    kv_pages[i * 2u + 1u] = bits.zw;
  }
}
