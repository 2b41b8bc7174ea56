// The norm behind attention or the MLP, where a layer has one:
//   residual[row] += x[row] · weight / sqrt(mean(x[row]²) + eps) · scale
//
// One workgroup per row; its invocations stride over the row, first to sum squares.
//
// Comes after shared/step.wgsl, shared/sum.wgsl.

struct Params {
  chunks : u32,   // hidden_size / 8, rounded up: rows are padded with zeros
  columns : u32,  // hidden_size
  eps : f32,
  scale : f32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> x : array<vec4f>;                // [rows, chunks * 8]
@group(0) @binding(3) var<storage, read> weight : array<vec4f>;           // [chunks * 8]
@group(0) @binding(4) var<storage, read_write> residual : array<vec4f>;   // [rows, chunks * 8]

override workgroup_size = 64u;

@compute @workgroup_size(workgroup_size)
fn main(@builtin(workgroup_id) workgroup : vec3u,
        @builtin(local_invocation_index) lane : u32) {
  let quads = params.chunks * 2u;
  let origin = workgroup.x * quads;

  var sum = 0.0;
  for (var i = lane; i < quads; i += workgroup_size) {
    sum += dot(x[origin + i], x[origin + i]);
  }
  let scale = inverseSqrt(workgroup_sum(sum, lane) / f32(params.columns) + params.eps) * params.scale;

  for (var i = lane; i < quads; i += workgroup_size) {
    residual[origin + i] += x[origin + i] * scale * weight[i];
  }
}
