// Before a decode step: enters the page that takes the new token's K and V into the page table of its half, or
// adds a token to its entry if it is there already. One invocation per half.
//
// Comes after shared/step.wgsl.

struct Params {
  first : u32, // 0, or LOCAL: the tables of the halves' local layers
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read_write> lower_table : array<Page>;
@group(0) @binding(3) var<storage, read_write> upper_table : array<Page>;

@compute @workgroup_size(2)
fn main(@builtin(local_invocation_index) half : u32) {
  let page = step.appended[params.first + half];
  if (half == LOWER) { lower_table[page.index] = page.entry; } else { upper_table[page.index] = page.entry; }
}
