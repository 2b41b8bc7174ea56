// Before a decode step: enters the page that takes the new token's K and V into the page table of its half, or
// adds a token to its entry if it is there already. One invocation per half.
//
// Comes after shared/step.wgsl.

struct Params {
  is_local : u32, // 1: the tables of the halves' local layers
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read_write> lower_table : array<Page>;
@group(0) @binding(3) var<storage, read_write> upper_table : array<Page>;

@compute @workgroup_size(2)
fn main(@builtin(local_invocation_index) half : u32) {
  var page = step.tables.appended[half];
  if (params.is_local == 1u) { page = step.local_tables.appended[half]; }
  if (half == LOWER) { lower_table[page.index] = page.entry; } else { upper_table[page.index] = page.entry; }
}
