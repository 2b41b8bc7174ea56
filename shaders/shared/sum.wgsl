// A sum over the workgroup. Reads `workgroup_size` of the kernel, a power of two.

var<workgroup> partial_sums : array<f32, workgroup_size>;

// The sum of `value` over the workgroup, the same in every invocation. A tree in workgroup memory,
// which a second call would overwrite before all have read the first one's result.
fn workgroup_sum(value : f32, lane : u32) -> f32 {
  partial_sums[lane] = value;
  workgroupBarrier();
  for (var stride = workgroup_size / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) { partial_sums[lane] += partial_sums[lane + stride]; }
    workgroupBarrier();
  }
  return partial_sums[0];
}
