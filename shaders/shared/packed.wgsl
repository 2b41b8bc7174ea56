// A round's pages as int8, for kv-pack.wgsl and kv-unpack.wgsl. Reads `head_dim` of the kernel and
//   packed : array<u32>, [matrix]: codes [page, kv_head, PAGE_TOKENS, head_dim / 4], four to a word,
//     then scales [page, kv_head, PAGE_TOKENS, head_dim / group], f16, two to a word
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

// Values that share a scale: the largest power of two that divides head_dim, up to 32.
fn group_values() -> u32 {
  return min(32u, head_dim & (~head_dim + 1u));
}

// Words of codes in a page.
fn page_columns() -> u32 {
  return params.kv_heads * PAGE_TOKENS * head_dim / 4u;
}

// Words of codes whose two groups share a word of scales.
fn pair_columns() -> u32 {
  return group_values() / 2u;
}

// Where a word of codes is in `packed`; words are counted from the round's first page on.
fn codes_at(column : u32) -> u32 {
  let codes = round_pages.page_count * page_columns();
  return params.matrix * (codes + codes / pair_columns()) + column;
}

// Where the scales of a pair of groups are.
fn scales_at(pair : u32) -> u32 {
  return codes_at(round_pages.page_count * page_columns()) + pair;
}
