// Joins the partial results of attention.wgsl's splits:
//   out[row, head] = Σ_splits sums · exp(max − M) / Σ_splits sum · exp(max − M),  M = max over the splits
// A row that saw no key gives zeros.
//
// One workgroup per row and head. An invocation owns four columns of every `parts`-th split; what it found is joined
// in workgroup memory.
//
// Comes after shared/step.wgsl, shared/partials.wgsl.

struct Params {
  half : u32,
  heads : u32,
  out_stride : u32,  // vec4s in a row of out
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> partials : array<vec4f>;   // [split, row, head, head_dim / 4 + 1]
@group(0) @binding(3) var<storage, read_write> out : array<vec4f>;  // [rows, out_stride]

const LANES = 64u;
const MAX_SPLITS = 32u;
const LOADS = 4u; // that an invocation has under way at once
override head_dim = 32u;
override parts = LANES / (head_dim / 4u);

var<workgroup> highs : array<f32, MAX_SPLITS>;  // max of each split
var<workgroup> sums : array<f32, MAX_SPLITS>;   // sum of each
var<workgroup> values : array<vec4f, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let columns = head_dim / 4u;
  let column = lane % columns;
  let part = lane / columns;
  let row = workgroup.x;
  let head = workgroup.y;
  let splits = splits_of(params.half);

  var own = vec2f(MASKED, 0.0);
  if (lane < splits) { own = partials[partial_index(lane, row, head) + columns].xy; }
  if (lane < MAX_SPLITS) {
    highs[lane] = own.x;
    sums[lane] = own.y;
  }
  workgroupBarrier();
  var highest = MASKED;
  for (var split = 0u; split < MAX_SPLITS; split++) { highest = max(highest, highs[split]); }
  var sum = 0.0;
  for (var split = 0u; split < MAX_SPLITS; split++) { sum += sums[split] * exp(highs[split] - highest); }

  var value = vec4f();
  if (part < parts) {
    for (var first = part; first < splits; first += LOADS * parts) {
      for (var i = 0u; i < LOADS; i++) {
        let split = first + i * parts;
        let weight = select(0.0, exp(highs[min(split, MAX_SPLITS - 1u)] - highest), split < splits);
        value += partials[partial_index(min(split, splits - 1u), row, head) + column] * weight;
      }
    }
  }
  values[lane] = value;
  workgroupBarrier();
  if (part > 0u) { return; }
  for (var other = 1u; other < parts; other++) { value += values[other * columns + column]; }
  out[row * params.out_stride + head * columns + column] = select(vec4f(), value / sum, sum > 0.0);
}
