// What one head finds in each unit, from the softmaxes of its pages that even-scores.wgsl left behind:
//   out[unit, row] = (log Σ exp(score), greatest score) over the unit's tokens that the row sees
// A row that sees none of a unit gets MASKED twice.
//
// One invocation per unit and row; it goes through the unit's pages in order, so its result depends on them alone.
//
// Comes after shared/scoring.wgsl.

struct Params {
  head : u32,  // number of the head among those that are scored
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> units : array<ScoredUnit>;
@group(0) @binding(3) var<storage, read> softmaxes : array<vec2f>;             // [entry, row]: (max, sum)
@group(0) @binding(4) var<storage, read_write> unit_softmaxes : array<vec2f>;  // [head, unit, out_rows]: (log of sum, max)

override workgroup_size = 32u;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let row = workgroup.y * workgroup_size + lane;
  if (row >= scoring.row_count) { return; }
  let unit = units[workgroup.x];
  let end = unit.first + unit.count;

  var highest = MASKED;
  for (var entry = unit.first; entry < end; entry++) {
    highest = max(highest, softmaxes[entry * scoring.row_count + row].x);
  }
  var sum = 0.0;
  for (var entry = unit.first; entry < end; entry++) {
    let one = softmaxes[entry * scoring.row_count + row];
    sum += one.y * exp(one.x - highest);
  }
  var both = vec2f(MASKED);
  if (sum > 0.0) { both = vec2f(highest + log(sum), highest); }
  let to = (params.head * scoring.unit_count + workgroup.x) * scoring.out_rows + scoring.out_row + row;
  unit_softmaxes[to] = both;
}
