// A step's inputs, in one small buffer written by src/model/network/step.ts, and the entries of the page tables,
// written by src/memory/page-table.ts.

// The two halves of the layers; then their local layers, where those have pages of their own.
const LOWER = 0u;
const UPPER = 1u;
const LOCAL = 2u; // LOCAL + LOWER, LOCAL + UPPER

// A token to compute.
struct Row {
  token : u32,
  position : u32,        // in the chat
  local_position : u32,  // within its round
  slots : array<u32, 2>,       // by half: where its K and V go, page · 16 + place in the page
  local_slots : array<u32, 2>, // the same in local layers
}

// An entry of a page table: a page belongs to one round.
struct Page {
  page : u32,  // where in the pool
  base : u32,  // position of its round's first token, for RoPE
  place : u32, // the same for windows, which see no round nearer than it is: beyond the trained range, base may be nearer
  first : u32, // local position, within the round, of the page's first token
  valid : u32, // tokens in it
  round : u32,
}

// An entry that a decode step writes to a page table.
struct AppendedPage {
  index : u32, // in the page table
  entry : Page,
}

// The page tables of both halves.
struct Tables {
  page_counts : array<u32, 2>,       // entries
  splits : array<u32, 2>,            // workgroups that share one
  appended : array<AppendedPage, 2>, // decode steps: the page that is entered
}

// What local layers have of their own lies at both ends, and is not written where there are none.
struct Step {
  local_tables : Tables,
  row_count : u32,
  asked_count : u32,             // the last so many rows are those whose logits or mass are wanted
  tables : Tables,
  draw : u32,                    // number of the draw within the reply: with the seed, it fixes the noise
  rows : array<Row>,
}

@group(0) @binding(1) var<storage, read> step : Step;

// Entries of the page table of a half; + LOCAL: of its local layers.
fn pages_of(half : u32) -> u32 {
  if (half >= LOCAL) { return step.local_tables.page_counts[half - LOCAL]; }
  return step.tables.page_counts[half];
}

// Workgroups that share it.
fn splits_of(half : u32) -> u32 {
  if (half >= LOCAL) { return step.local_tables.splits[half - LOCAL]; }
  return step.tables.splits[half];
}
