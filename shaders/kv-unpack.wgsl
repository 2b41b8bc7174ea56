// Pages of a round out of int8, the reverse of kv-pack.wgsl:
//   x = code · scale, with the scale of its token and head
//
// One invocation per four values of a page, no barriers; a workgroup row (y) per page.

struct Params {
  kv_heads : u32,
  matrix : u32, // which of the matrices in `packed` this is
}

struct Round {
  page_count : u32,
  tokens : u32,
  pages : array<u32>, // where in the pool, in the round's order
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read> round_pages : Round;
@group(0) @binding(2) var<storage, read> packed : array<u32>;                // [matrix]: codes [page, kv_head, 16, head_dim / 4], then scales [page, kv_head, 16]
@group(0) @binding(3) var<storage, read_write> kv_pages : array<vec2u>;      // [page, kv_head, 16, head_dim] in kv_format

override head_dim = 32u;
override kv_format = 0u; // 0: f32, 1: f16

const PAGE_TOKENS = 16u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3u) {
  let columns = head_dim / 4u;
  let page_rows = params.kv_heads * PAGE_TOKENS;
  if (id.x >= page_rows * columns) { return; }
  let rows = round_pages.page_count * page_rows;
  let row = id.y * page_rows + id.x / columns;
  let matrix_at = params.matrix * rows * (columns + 1u);

  let word = bitcast<i32>(packed[matrix_at + id.y * page_rows * columns + id.x]);
  let scale = bitcast<f32>(packed[matrix_at + rows * columns + row]);
  let codes = vec4i(extractBits(word, 0u, 8u), extractBits(word, 8u, 8u), extractBits(word, 16u, 8u), extractBits(word, 24u, 8u));
  put_values(round_pages.pages[id.y] * page_rows * columns + id.x, vec4f(codes) * scale);
}

// Four values; what f16 can't hold is cut to its range, so that pages never hold infinities.
fn put_values(i : u32, values : vec4f) {
  if (kv_format == 1u) {
    let cut = clamp(values, vec4f(-65504.0), vec4f(65504.0));
    kv_pages[i] = vec2u(pack2x16float(cut.xy), pack2x16float(cut.zw));
  } else {
    let bits = bitcast<vec4u>(values);
    kv_pages[i * 2u] = bits.xy;
    kv_pages[i * 2u + 1u] = bits.zw;
  }
}
