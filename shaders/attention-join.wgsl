// Joins the partial results of attention.wgsl's splits:
//   out[row, head] = Σ_splits sums · exp(max − M) / Σ_splits sum · exp(max − M),  M = max over the splits
// A row that saw no key gives zeros.
//
// One workgroup per row and head; an invocation owns four columns.
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

override head_dim = 32u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) column : u32) {
  let columns = head_dim / 4u;
  if (column >= columns) { return; }
  let row = workgroup.x;
  let head = workgroup.y;
  let splits = step.splits[params.half];

  var highest = MASKED;
  for (var split = 0u; split < splits; split++) {
    highest = max(highest, partials[partial_index(split, row, head) + columns].x);
  }
  var sum = 0.0;
  var value = vec4f();
  for (var split = 0u; split < splits; split++) {
    let origin = partial_index(split, row, head);
    let share = exp(partials[origin + columns].x - highest);
    sum += partials[origin + columns].y * share;
    value += partials[origin + column] * share;
  }
  out[row * params.out_stride + head * columns + column] = select(vec4f(), value / sum, sum > 0.0);
}
