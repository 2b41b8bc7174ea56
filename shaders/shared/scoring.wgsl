// What even-scores.wgsl and even-scores-join.wgsl score in a step, written by src/engine/run/scoring.ts.

// The score of a key that a row must not see, and what stands for a sum of none.
const MASKED = -1e30;

struct Scoring {
  first_row : u32,      // of the step: the first row that is scored
  row_count : u32,
  first_place : u32,    // place of that row within the question's own round
  resident_pages : u32, // pages in the layer's own buffer; those of the index come behind
  unit_count : u32,
  out_row : u32,        // where the first row goes among those of all steps
  out_rows : u32,       // rows of all steps
}

// A page of a unit: a round that stands `ahead` tokens before the question.
struct ScoredPage {
  page : u32,  // where in its buffer
  ahead : u32, // from the unit's first token to the first of the question's own round
  first : u32, // local position, within the unit, of the page's first token
  valid : u32, // tokens in it
}

// The pages of a unit, which lie side by side.
struct ScoredUnit {
  first : u32,
  count : u32,
}

@group(0) @binding(1) var<storage, read> scoring : Scoring;
