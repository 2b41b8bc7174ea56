// What attention.wgsl finds in each split of a page table, for attention-join.wgsl and page-mass.wgsl:
//   partials : array<vec4f>, [split, row, head, head_dim / 4 + 1]: Σ weight · v, then (max, sum)
// with max the highest score in the split and sum = Σ exp(score − max). Reads `head_dim` and
// `params.heads` of the kernel.

// The score of a key that a row must not see.
const MASKED = -1e30;

// Where a row and head's values of a split begin in `partials`; (max, sum) lie head_dim / 4 behind.
fn partial_index(split : u32, row : u32, head : u32) -> u32 {
  return ((split * step.row_count + row) * params.heads + head) * (head_dim / 4u + 1u);
}
