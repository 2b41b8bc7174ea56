// Before a decode step: the page that takes the new token's K and V enters the page table of its
// half, or, if it is there already, has one token more. One invocation per half.

struct Page { page : u32, base : u32, first : u32, valid : u32, round : u32 }

struct Row { token : u32, position : u32, local_position : u32, slots : array<u32, 2> }
struct Step {
  row_count : u32, asked_count : u32, page_counts : array<u32, 2>, splits : array<u32, 2>,
  draw : u32, seed : u32, temperature : f32, top_k : u32, top_p : f32, min_p : f32, repetition_penalty : f32,
  appended : array<array<u32, 6>, 2>, // by half: index in the page table, then the entry
  rows : array<Row>,
}

@group(0) @binding(1) var<storage, read> step : Step;
@group(0) @binding(2) var<storage, read_write> lower_table : array<Page>;
@group(0) @binding(3) var<storage, read_write> upper_table : array<Page>;

@compute @workgroup_size(2)
fn main(@builtin(local_invocation_index) half : u32) {
  let entry = step.appended[half];
  let page = Page(entry[1], entry[2], entry[3], entry[4], entry[5]);
  if (half == 0u) { lower_table[entry[0]] = page; } else { upper_table[entry[0]] = page; }
}
