// A round's pages as int8, for kv-pack.wgsl and kv-unpack.wgsl. Reads `head_dim` of the kernel and
//   packed : array<u32>, [matrix]: codes [page, kv_head, PAGE_TOKENS, head_dim / 4], four to a word,
//     then scales [page, kv_head, PAGE_TOKENS]
// Pages are counted within the round here.

struct Params {
  kv_heads : u32,
  matrix : u32, // which of the matrices in `packed` this is
}

struct RoundPages {
  page_count : u32,
  tokens : u32,
  pages : array<u32>, // where in the pool, in the round's order
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read> round_pages : RoundPages;

// Rows of head_dim values in a page: one per KV head and token.
fn page_rows() -> u32 {
  return params.kv_heads * PAGE_TOKENS;
}

// Where the codes of a row begin in `packed`; rows are counted from the round's first page on.
fn codes_at(row : u32) -> u32 {
  let words = round_pages.page_count * page_rows() * (head_dim / 4u + 1u);
  return params.matrix * words + row * (head_dim / 4u);
}

// Where a row's scale is in `packed`.
fn scale_at(row : u32) -> u32 {
  return codes_at(round_pages.page_count * page_rows()) + row;
}
