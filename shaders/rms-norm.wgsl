// The last rows of a step, normalised for the head: y[i] = x[r] · weight / sqrt(mean(x[r]²) + eps)
// with r the i-th of the asked rows, the last asked_count of the step.
//
// One workgroup per row. Each invocation strides over the row summing squares, then a tree
// reduction in workgroup memory joins the partial sums.

struct Params {
  chunks : u32,   // hidden_size / 8, rounded up: rows are padded with zeros
  columns : u32,  // hidden_size
  eps : f32,
}

struct Row { token : u32, position : u32, local_position : u32, slots : array<u32, 2> }
struct Step {
  row_count : u32, asked_count : u32, page_counts : array<u32, 2>, splits : array<u32, 2>,
  draw : u32, seed : u32, temperature : f32, top_k : u32, top_p : f32, min_p : f32, repetition_penalty : f32,
  appended : array<array<u32, 6>, 2>,
  rows : array<Row>,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read> step : Step;
@group(0) @binding(2) var<storage, read> x : array<vec4f>;          // [rows, chunks * 8]
@group(0) @binding(3) var<storage, read> weight : array<vec4f>;     // [chunks * 8]
@group(0) @binding(4) var<storage, read_write> y : array<vec4f>;    // [asked rows, chunks * 8]

override workgroup_size = 64u;

var<workgroup> partial_sums : array<f32, workgroup_size>;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let quads = params.chunks * 2u;
  let origin = (step.row_count - step.asked_count + workgroup.x) * quads;
  let to = workgroup.x * quads;

  var sum = 0.0;
  for (var i = lane; i < quads; i += workgroup_size) {
    sum += dot(x[origin + i], x[origin + i]);
  }
  let scale = inverseSqrt(reduce_sum(sum, lane) / f32(params.columns) + params.eps);

  for (var i = lane; i < quads; i += workgroup_size) {
    y[to + i] = x[origin + i] * scale * weight[i];
  }
}

// The sum of `value` over the workgroup, the same in every invocation.
fn reduce_sum(value : f32, lane : u32) -> f32 {
  partial_sums[lane] = value;
  workgroupBarrier();
  for (var stride = workgroup_size / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) {
      partial_sums[lane] += partial_sums[lane + stride];
    }
    workgroupBarrier();
  }
  return partial_sums[0];
}
